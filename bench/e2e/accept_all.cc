#include "bench/e2e/accept_all.h"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "meter-proto/base/assert.h"
#include "meter-proto/signing.h"
#if defined(__x86_64__)
#include "crypto-offload/avx512/sha512.h"
#include "crypto-offload/avx512/supported.h"
#endif

namespace electra::bench {
namespace {

constexpr std::size_t kSignatureBytes = 64;
constexpr std::size_t kTogether = 64;
constexpr std::uint32_t kPartSize = 512;  // some 40 µs of hashes

void sodium_id(const crypto::VerifyItem& item, Bytes64& digest) {
  std::array<std::uint8_t, proto::kSigningPrefixBytes> prefix;
  proto::signing_bytes(*item.tag, item.sequence, {}, prefix);
  crypto_hash_sha512_state state;
  crypto_hash_sha512_init(&state);
  crypto_hash_sha512_update(&state, item.signature.data(), 32);
  crypto_hash_sha512_update(&state, item.public_key, 32);
  crypto_hash_sha512_update(&state, prefix.data(), prefix.size());
  crypto_hash_sha512_update(&state, item.payload.data(), item.payload.size());
  crypto_hash_sha512_final(&state, digest.data());
}

void hash_all(std::span<const crypto::VerifyItem> items, std::span<Bytes64> digests) {
#if defined(__x86_64__)
  static const bool lanes = crypto::avx512::supported();
  if (lanes) {
    std::array<crypto::Sha512Item, kTogether> parts;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const crypto::VerifyItem& item = items[i];
      parts[i] = {.r = item.signature.data(),
                  .key = item.public_key,
                  .tag = item.tag->data(),
                  .sequence = item.sequence,
                  .payload = item.payload.data(),
                  .payload_bytes = static_cast<std::uint32_t>(item.payload.size())};
    }
    return crypto::avx512::sha512_many(parts.data(), items.size(), digests.data());
  }
#endif
  for (std::size_t i = 0; i < items.size(); ++i) sodium_id(items[i], digests[i]);
}

class AcceptAll final : public crypto::Verifier {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "accept-all"; }
  [[nodiscard]] std::uint32_t part_size() const noexcept override { return kPartSize; }
  [[nodiscard]] bool check_key(const Bytes32&) const override { return true; }

  void verify(std::span<const crypto::VerifyItem> items, std::span<crypto::VerifyOutcome> outcomes) const override {
    ELECTRA_ASSERT_EQ(items.size(), outcomes.size());
    std::array<Bytes64, kTogether> digests;
    for (std::size_t from = 0; from < items.size(); from += kTogether) {
      const std::size_t count = std::min(kTogether, items.size() - from);
      const auto some = items.subspan(from, count);
      // Others than ours are not sent here; a signature of another length would have no R to hash.
      for (const crypto::VerifyItem& item : some) ELECTRA_ASSERT_EQ(item.signature.size(), kSignatureBytes);
      hash_all(some, std::span(digests).first(count));
      for (std::size_t i = 0; i < count; ++i) {
        std::copy_n(digests[i].begin(), sizeof(Bytes32), outcomes[from + i].message_id.begin());
        outcomes[from + i].valid = true;
      }
    }
  }
  void verify_raw(std::span<const crypto::RawVerifyItem>, std::span<crypto::VerifyOutcome>) const override {
    ELECTRA_ASSERT(false);  // no gateway asks for it
  }
};

}  // namespace

std::unique_ptr<crypto::Verifier> accept_all_verifier() { return std::make_unique<AcceptAll>(); }

}  // namespace electra::bench
