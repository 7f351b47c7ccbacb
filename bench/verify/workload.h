// What the benchmark of verification verifies: signed messages of many keys, in random order of the keys.
//
// Every message is another one and has its own signature, so that neither a table nor a result is at hand because it was
// just used. They lie one after the other as they would in a receive buffer. One in 64 carries a signature with one bit
// turned: a contestant that accepts it, or refuses another, is wrong. Immutable after it was made; items are views into
// it. Costs 15 µs a key, and a message what the batch signer takes.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "crypto-offload/batch_signer.h"
#include "crypto-offload/verifier.h"
#include "meter-proto/base/bytes.h"

namespace electra::bench {

inline constexpr std::size_t kSignedBytes = 200;  // tag 16, sequence 8, payload 176
inline constexpr std::size_t kPayloadOffset = 24;

// Key i is the same in every run, and stays where it is.
struct KeyRing {
  std::deque<Bytes32> public_keys;
  std::deque<crypto::ExpandedKey> secret_keys;

  // At least so many.
  void grow(std::uint32_t count);
};

// What comes over a line.
struct Message {
  Bytes64 signature;
  std::array<std::uint8_t, kSignedBytes> signed_bytes;

  [[nodiscard]] ByteSpan payload() const noexcept { return ByteSpan(signed_bytes).subspan(kPayloadOffset); }
};

// What is known about a message beforehand.
struct Facts {
  static constexpr std::uint16_t kNoBit = 512;

  std::uint32_t key = 0;              // index
  std::uint16_t turned_bit = kNoBit;  // of the signature, on its way
  Bytes64 digest;                     // SHA-512 of R ‖ A ‖ signing bytes, as they came

  [[nodiscard]] bool valid() const noexcept { return turned_bit == kNoBit; }
};

class Workload {
 public:
  // `messages`: a multiple of 256, so that every batch size divides it. The ring is grown; it outlives this.
  Workload(KeyRing& ring, std::uint32_t keys, std::uint32_t messages);
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;

  [[nodiscard]] std::uint32_t keys() const noexcept { return keys_; }
  [[nodiscard]] const Bytes32& public_key(std::uint32_t key) const noexcept { return ring_.public_keys[key]; }
  [[nodiscard]] const crypto::ExpandedKey& secret_key(std::uint32_t key) const noexcept {
    return ring_.secret_keys[key];
  }

  [[nodiscard]] std::span<const Message> messages() const noexcept { return messages_; }
  [[nodiscard]] const Facts& facts(std::size_t message) const noexcept { return facts_[message]; }
  // The signature as it was before a bit was turned.
  [[nodiscard]] Bytes64 signature_as_signed(std::size_t message) const noexcept;
  [[nodiscard]] static std::uint64_t sequence(std::size_t message) noexcept { return message + 1; }
  [[nodiscard]] const Bytes16& tag() const noexcept { return tag_; }

  // The messages as a verifier takes them. Numbered: key i has number i + 1; else 0, a key without a table.
  [[nodiscard]] std::vector<crypto::VerifyItem> items(bool numbered) const;

 private:
  void sign_all();
  void hash(std::size_t message);

  const KeyRing& ring_;
  std::uint32_t keys_;
  Bytes16 tag_;
  std::vector<Message> messages_;
  std::vector<Facts> facts_;
};

}  // namespace electra::bench
