// Messages with good and with damaged signatures, made cheaply and with a verdict that is known by construction.
//
// A Forge knows the secret scalars of its signers and keeps a stock of nonces r with R = [r]B, so that a signature is one
// hash and one S = r + h·a: about 1.5 µs where libsodium signs in 15. Nonces serve many messages, which would betray the
// secrets if they were any. Every damage refuses the signature for a reason that its kind names, with S, R and h
// consistent where that is possible: what is one bit away from good is easily refused, what satisfies some wrong
// equation is not. For tests and the fuzzer; nothing here depends on the code under test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto-offload/verifier.h"
#include "meter-proto/base/bytes.h"

namespace electra::crypto {

// One message, its signature, and what every verifier has to answer.
struct Case {
  std::string_view what = "good";
  Bytes32 key{};
  std::uint32_t key_number = 0;
  std::vector<std::uint8_t> signature;
  Bytes16 tag{};
  std::uint64_t sequence = 0;
  std::vector<std::uint8_t> payload;
  bool valid = false;
  Bytes32 message_id{};

  // A view of this case, which must stay where it is.
  [[nodiscard]] VerifyItem item() const;
  [[nodiscard]] std::vector<std::uint8_t> message() const;  // the signing bytes
};

// libsodium's verdict; the hash of a signature of 64 bytes, all zero for another length.
[[nodiscard]] bool libsodium_accepts(const Case& c);
[[nodiscard]] Bytes32 libsodium_id(const Case& c);

// Sets the expected verdict and id to libsodium's. The key has to be one that can be registered.
void judge(Case& c);

// What it is, and key, signature and message in hex: enough to make it again.
[[nodiscard]] std::string text_of(const Case& c);

// What is wrong with a signature. `choice` of an Order says which one of the many.
enum class Damage : std::uint8_t {
  none,
  signature_bit,    // one of 512 flipped
  message_bit,      // one of tag, sequence or payload flipped
  s_plus_order,     // S + kL, k = 1 … 15: the equation holds
  s_boundary,       // S of a list: 0, 1, L − 1, L, 2^252, 2^k …
  s_negated,        // L − S
  s_near,           // S ± 2^k mod L
  h_near,           // S = r + (h ± 2^k)·a
  r_negated,        // −R, hashed: only the sign bit of the recomputed point differs
  r_plus_torsion,   // R + one of the 7 points of small order, hashed: holds with the cofactor
  r_small_order,    // one of the 14 encodings, hashed; S = h·a, or S = 0, or S = r + h·a
  r_not_canonical,  // y ≥ p, hashed; S = r + h·a
  another_message,  // the good signature of the next sequence
  another_key,      // signed by another signer
  arbitrary,        // bytes drawn from the choice; all zero or all ones
  other_length,     // 0 … 63 or 65 … 130 bytes
};
inline constexpr std::size_t kDamages = static_cast<std::size_t>(Damage::other_length) + 1;

struct Order {
  Damage damage = Damage::none;
  std::size_t signer = 0;
  std::size_t nonce = 0;
  std::uint64_t choice = 0;
  std::uint64_t sequence = 0;
  ByteSpan payload;
};

class Forge {
 public:
  // The first signers have scalars at which combs are delicate (1, 2, 8, L − 1, 2^251, …), the others random ones; the
  // same of the nonces. Signer i has the key number i + 1. The same seed gives the same forge.
  Forge(std::size_t signers, std::size_t nonces, std::uint64_t seed);

  [[nodiscard]] std::size_t signers() const { return signers_.size(); }
  [[nodiscard]] std::size_t nonces() const { return nonces_.size(); }
  [[nodiscard]] std::span<const Bytes32> keys() const { return keys_; }

  // Indices are taken modulo what there is. Verdict and id of the case are set, the verdict by construction.
  [[nodiscard]] Case make(const Order& order) const;

  // Good under the order's key if [h]A is computed with the table of signer `stale` instead of the key's own. Its verdict
  // is `false`.
  [[nodiscard]] Case make_for_stale_table(const Order& order, std::size_t stale) const;

  // Puts another nonce in the place of one. 20 µs.
  void renew_nonce(std::size_t nonce, std::uint64_t seed);

 private:
  struct Pair {
    Bytes32 scalar;
    Bytes32 point;  // [scalar]B
  };
  void damage(const Order& order, Case& c) const;

  std::vector<Bytes32> keys_;
  std::vector<Pair> signers_;
  std::vector<Pair> nonces_;
};

// A stream of numbers that is the same everywhere (SplitMix64).
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed) {}
  [[nodiscard]] std::uint64_t next();
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  void fill(MutableByteSpan out);

 private:
  std::uint64_t state_;
};

// The points whose order divides 8, multiples 0 … 7 of one of order 8, and all 32-byte strings that name one of them.
[[nodiscard]] const std::array<Bytes32, 8>& torsion_points();
[[nodiscard]] const std::vector<Bytes32>& small_order_strings();

}  // namespace electra::crypto
