#include "bench/verify/peers.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <array>

#include "meter-proto/base/assert.h"

namespace electra::bench {
namespace {

constexpr std::size_t kChunk = 16;  // 10 µs of hashing, 0.7 ms of verification

class Verifying : public ChunkedContestant {
 public:
  explicit Verifying(const Workload& workload) : ChunkedContestant(workload, kChunk) {}

 protected:
  std::string_view problem(std::size_t first, std::size_t i) const final {
    return verdict_problem(first + i, accepted_[i]);
  }

  std::array<bool, kChunk> accepted_{};
};

class SodiumVerify final : public Verifying {
 public:
  using Verifying::Verifying;

 protected:
  void work(std::size_t first) override {
    for (std::size_t i = 0; i < kChunk; ++i) {
      const Message& message = workload().messages()[first + i];
      const auto& bytes = message.signed_bytes;
      accepted_[i] = crypto_sign_verify_detached(message.signature.data(), bytes.data(), bytes.size(),
                                                 workload().public_key(workload().facts(first + i).key).data()) == 0;
    }
  }
};

class Signing : public ChunkedContestant {
 public:
  explicit Signing(const Workload& workload) : ChunkedContestant(workload, kChunk) {}

 protected:
  std::string_view problem(std::size_t first, std::size_t i) const final {
    return signature_problem(first + i, signatures_[i]);
  }

  std::array<Bytes64, kChunk> signatures_{};
};

class SodiumSign final : public Signing {
 public:
  using Signing::Signing;

 protected:
  void work(std::size_t first) override {
    for (std::size_t i = 0; i < kChunk; ++i) {
      const Message& message = workload().messages()[first + i];
      const auto& bytes = message.signed_bytes;
      crypto_sign_detached(signatures_[i].data(), nullptr, bytes.data(), bytes.size(),
                           workload().secret_key(workload().facts(first + i).key).secret_key().data());
    }
  }
};

// Hashes R ‖ A ‖ signing bytes in one piece, which these libraries like best.
class Hashing : public ChunkedContestant {
 public:
  explicit Hashing(const Workload& workload)
      : ChunkedContestant(workload, kChunk), inputs_(workload.messages().size()) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const Message& message = workload.messages()[i];
      const Bytes32& key = workload.public_key(workload.facts(i).key);
      auto to = std::ranges::copy_n(message.signature.begin(), 32, inputs_[i].begin()).out;
      to = std::ranges::copy(key, to).out;
      std::ranges::copy(message.signed_bytes, to);
    }
  }

 protected:
  std::string_view problem(std::size_t first, std::size_t i) const final {
    return digest_problem(first + i, digests_[i]);
  }

  std::vector<std::array<std::uint8_t, 64 + kSignedBytes>> inputs_;
  std::array<Bytes64, kChunk> digests_{};
};

class SodiumSha512 final : public Hashing {
 public:
  using Hashing::Hashing;

 protected:
  void work(std::size_t first) override {
    for (std::size_t i = 0; i < kChunk; ++i) {
      const auto& bytes = inputs_[first + i];
      crypto_hash_sha512(digests_[i].data(), bytes.data(), bytes.size());
    }
  }
};

struct FreeKey {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
struct FreeDigest {
  void operator()(EVP_MD* digest) const noexcept { EVP_MD_free(digest); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using OpensslKey = std::unique_ptr<EVP_PKEY, FreeKey>;
using OpensslContext = std::unique_ptr<EVP_MD_CTX, FreeContext>;

class OpensslVerify final : public Verifying {
 public:
  explicit OpensslVerify(const Workload& workload) : Verifying(workload), context_(EVP_MD_CTX_new()) {
    for (std::uint32_t i = 0; i < workload.keys(); ++i) {
      keys_.emplace_back(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, workload.public_key(i).data(), 32));
      ELECTRA_ASSERT(keys_.back() != nullptr);
    }
  }

 protected:
  void work(std::size_t first) override {
    for (std::size_t i = 0; i < kChunk; ++i) {
      const Message& message = workload().messages()[first + i];
      const auto& bytes = message.signed_bytes;
      EVP_MD_CTX_reset(context_.get());
      accepted_[i] = EVP_DigestVerifyInit(context_.get(), nullptr, nullptr, nullptr,
                                          keys_[workload().facts(first + i).key].get()) == 1 &&
                     EVP_DigestVerify(context_.get(), message.signature.data(), 64, bytes.data(), bytes.size()) == 1;
    }
  }

 private:
  OpensslContext context_;
  std::vector<OpensslKey> keys_;
};

class OpensslSign final : public Signing {
 public:
  explicit OpensslSign(const Workload& workload) : Signing(workload), context_(EVP_MD_CTX_new()) {
    for (std::uint32_t i = 0; i < workload.keys(); ++i) {
      keys_.emplace_back(
          EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, workload.secret_key(i).secret_key().data(), 32));
      ELECTRA_ASSERT(keys_.back() != nullptr);
    }
  }

 protected:
  void work(std::size_t first) override {
    for (std::size_t i = 0; i < kChunk; ++i) {
      const Message& message = workload().messages()[first + i];
      const auto& bytes = message.signed_bytes;
      std::size_t size = signatures_[i].size();
      EVP_MD_CTX_reset(context_.get());
      if (EVP_DigestSignInit(context_.get(), nullptr, nullptr, nullptr, keys_[workload().facts(first + i).key].get()) !=
              1 ||
          EVP_DigestSign(context_.get(), signatures_[i].data(), &size, bytes.data(), bytes.size()) != 1) {
        signatures_[i] = {};
      }
    }
  }

 private:
  OpensslContext context_;
  std::vector<OpensslKey> keys_;
};

class OpensslSha512 final : public Hashing {
 public:
  explicit OpensslSha512(const Workload& workload)
      : Hashing(workload), digest_(EVP_MD_fetch(nullptr, "SHA512", nullptr)), context_(EVP_MD_CTX_new()) {
    ELECTRA_ASSERT(digest_ != nullptr);
  }

 protected:
  void work(std::size_t first) override {
    for (std::size_t i = 0; i < kChunk; ++i) {
      const auto& bytes = inputs_[first + i];
      EVP_DigestInit_ex2(context_.get(), digest_.get(), nullptr);
      EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
      EVP_DigestFinal_ex(context_.get(), digests_[i].data(), nullptr);
    }
  }

 private:
  std::unique_ptr<EVP_MD, FreeDigest> digest_;
  OpensslContext context_;
};

}  // namespace

std::unique_ptr<Contestant> sodium_verify(const Workload& workload) { return std::make_unique<SodiumVerify>(workload); }
std::unique_ptr<Contestant> sodium_sign(const Workload& workload) { return std::make_unique<SodiumSign>(workload); }
std::unique_ptr<Contestant> sodium_sha512(const Workload& workload) { return std::make_unique<SodiumSha512>(workload); }
std::unique_ptr<Contestant> openssl_verify(const Workload& workload) {
  return std::make_unique<OpensslVerify>(workload);
}
std::unique_ptr<Contestant> openssl_sign(const Workload& workload) { return std::make_unique<OpensslSign>(workload); }
std::unique_ptr<Contestant> openssl_sha512(const Workload& workload) {
  return std::make_unique<OpensslSha512>(workload);
}

}  // namespace electra::bench
