// Signing of many tagged messages at once: for load generators and simulated meters.
//
// Not for the keys of real meters and gateways, which sign with a Signer: here no signature is verified before it leaves,
// so that a fault in the machine while it signs could give a key away. What is kept is the rest: signatures are those of
// RFC 8032, deterministic and byte for byte libsodium's, in time that does not depend on keys or nonces, and secrets are
// wiped. A group of 8 messages costs as much as one; groups are interleaved and share an inversion, so that 64 messages
// and more are best. Cost on a Zen 5 core: 0.7 µs a signature in a batch of 256, 1.1 µs in one of 8; libsodium's 14 µs
// where there is no AVX-512 IFMA.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "crypto-offload/signer.h"
#include "meter-proto/base/bytes.h"

namespace electra::crypto {

// A private key, expanded as RFC 8032, 5.1.5 says. It owns its secrets and wipes them.
class ExpandedKey {
 public:
  // The seed is the private key. The caller wipes its copy. About 15 µs.
  explicit ExpandedKey(const Bytes32& seed);
  ~ExpandedKey();
  ExpandedKey(const ExpandedKey&) = delete;
  ExpandedKey& operator=(const ExpandedKey&) = delete;

  [[nodiscard]] const Bytes32& public_key() const noexcept { return public_key_; }

  // Secrets, for those who sign with it: the clamped scalar a, the prefix of the nonce's hash, and libsodium's form of
  // the key, seed ‖ public key.
  [[nodiscard]] const Bytes32& scalar() const noexcept { return scalar_; }
  [[nodiscard]] const Bytes32& prefix() const noexcept { return prefix_; }
  [[nodiscard]] const Bytes64& secret_key() const noexcept { return secret_key_; }

 private:
  Bytes32 scalar_{};
  Bytes32 prefix_{};
  Bytes32 public_key_{};
  Bytes64 secret_key_{};
};

// A message to sign: tag ‖ sequence (8 bytes, little endian) ‖ payload.
struct SignItem {
  const ExpandedKey* key = nullptr;  // never null
  const Bytes16* tag = nullptr;      // proto::signing_tag of the kind and the chain; never null
  std::uint64_t sequence = 0;
  ByteSpan payload;  // at most kSignedPayloadBytesMax
};

// The signature R ‖ S of items[i] to signatures[i]. The spans have the same length, any, and the signatures overlap no
// part of an item. Thread-safe. Allocates nothing. The first call spends about 1 ms more, on a table that it checks.
void sign_many(std::span<const SignItem> items, std::span<Bytes64> signatures);

// The same by libsodium, one by one: what sign_many does on other machines, and its oracle.
void sign_each(std::span<const SignItem> items, std::span<Bytes64> signatures);

// Messages under one tag that are collected, signed together and read out again. Owns copies of the payloads; keys stay
// until sign() has returned. Its memory is used again and again. One thread.
class SignBatch {
 public:
  // Empties it.
  void begin(const Bytes16& tag) noexcept;

  // Takes a message of at most kSignedPayloadBytesMax.
  void add(const ExpandedKey& key, std::uint64_t sequence, ByteSpan payload);

  void sign();

  // By order of adding. Signatures: after sign(). Views are good until the next add() or begin().
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  [[nodiscard]] std::uint64_t sequence(std::size_t index) const noexcept { return items_[index].sequence; }
  [[nodiscard]] ByteSpan payload(std::size_t index) const noexcept;
  [[nodiscard]] const Bytes64& signature(std::size_t index) const noexcept { return signatures_[index]; }

 private:
  Bytes16 tag_{};
  std::vector<SignItem> items_;  // where tag and payload lie is set by sign()
  std::vector<std::uint8_t> payloads_;
  std::vector<std::size_t> ends_;  // of each in payloads_
  std::vector<Bytes64> signatures_;
};

// Who signs in sign_many: "avx512" or "sodium".
[[nodiscard]] std::string_view batch_signer_name() noexcept;

}  // namespace electra::crypto
