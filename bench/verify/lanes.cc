#include "bench/verify/lanes.h"

#include <array>
#include <vector>

#include "crypto-offload/avx512/sha512.h"
#include "crypto-offload/avx512/supported.h"
#include "crypto-offload/batch_signer.h"

namespace electra::bench {
namespace {

constexpr std::size_t kChunk = 256;

class LaneSha512 final : public ChunkedContestant {
 public:
  explicit LaneSha512(const Workload& workload) : ChunkedContestant(workload, kChunk) {
    for (std::size_t i = 0; i < workload.messages().size(); ++i) {
      const Message& message = workload.messages()[i];
      items_.push_back({.r = message.signature.data(),
                        .key = workload.public_key(workload.facts(i).key).data(),
                        .tag = workload.tag().data(),
                        .sequence = Workload::sequence(i),
                        .payload = message.payload().data(),
                        .payload_bytes = static_cast<std::uint32_t>(message.payload().size())});
    }
  }

 protected:
  void work(std::size_t first) override { crypto::avx512::sha512_many(items_.data() + first, kChunk, digests_.data()); }
  std::string_view problem(std::size_t first, std::size_t i) const override {
    return digest_problem(first + i, digests_[i]);
  }

 private:
  std::vector<crypto::Sha512Item> items_;
  std::array<Bytes64, kChunk> digests_{};
};

class LaneSign final : public ChunkedContestant {
 public:
  explicit LaneSign(const Workload& workload) : ChunkedContestant(workload, kChunk) {
    for (std::size_t i = 0; i < workload.messages().size(); ++i) {
      items_.push_back({.key = &workload.secret_key(workload.facts(i).key),
                        .tag = &workload.tag(),
                        .sequence = Workload::sequence(i),
                        .payload = workload.messages()[i].payload()});
    }
  }

 protected:
  void work(std::size_t first) override { crypto::sign_many(std::span(items_).subspan(first, kChunk), signatures_); }
  std::string_view problem(std::size_t first, std::size_t i) const override {
    return signature_problem(first + i, signatures_[i]);
  }

 private:
  std::vector<crypto::SignItem> items_;
  std::array<Bytes64, kChunk> signatures_{};
};

}  // namespace

std::unique_ptr<Contestant> lane_sign(const Workload& workload) {
  if (!crypto::avx512::supported()) return nullptr;
  return std::make_unique<LaneSign>(workload);
}

std::unique_ptr<Contestant> lane_sha512(const Workload& workload) {
  if (!crypto::avx512::supported()) return nullptr;
  return std::make_unique<LaneSha512>(workload);
}

}  // namespace electra::bench
