// The predicate of crypto-offload/README.md, evaluated literally: what every backend must answer.
//
// Written from the formulas of RFC 8032 section 5.1 with plain slow integers, sharing no code with the backends but the
// library's SHA-512 (which the RFC's own vectors check). It answers with the reason, so that a test can demand the
// verdict for the stated cause. A verification takes about 0.3 ms. For tests only: nothing here is constant time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "meter-proto/base/bytes.h"

namespace electra::crypto::reference {

// An integer below 2^256, least significant limb first.
struct Integer {
  std::array<std::uint64_t, 4> limb{};
  friend bool operator==(const Integer&, const Integer&) = default;
};

[[nodiscard]] Integer integer(std::uint64_t value);
[[nodiscard]] Integer power_of_two(std::size_t exponent);  // below 256
[[nodiscard]] Integer load(ByteSpan bytes32);
[[nodiscard]] Bytes32 store(const Integer& value);
[[nodiscard]] bool less(const Integer& a, const Integer& b);
[[nodiscard]] Integer add(const Integer& a, const Integer& b);  // modulo 2^256
[[nodiscard]] Integer sub(const Integer& a, const Integer& b);  // modulo 2^256

[[nodiscard]] const Integer& prime();        // p = 2^255 − 19
[[nodiscard]] const Integer& group_order();  // L

// (a · b + c) mod L; and a 64-byte hash mod L. Any operands.
[[nodiscard]] Integer multiply_add(const Integer& a, const Integer& b, const Integer& c);
[[nodiscard]] Integer reduce(const Bytes64& hash);
// Modulo L, of operands below L; and 2^exponent mod L, the exponent below 512.
[[nodiscard]] Integer add_mod(const Integer& a, const Integer& b);
[[nodiscard]] Integer negate_mod(const Integer& a);
[[nodiscard]] Integer power_of_two_mod(std::size_t exponent);

// A point of edwards25519 in extended coordinates (RFC 8032, 5.1.4).
struct Point {
  Integer x, y, z, t;
};

[[nodiscard]] Point identity();
[[nodiscard]] const Point& base();
[[nodiscard]] Point add(const Point& p, const Point& q);
[[nodiscard]] Point negate(const Point& p);
[[nodiscard]] Point multiply(const Integer& scalar, const Point& p);
[[nodiscard]] bool equal(const Point& p, const Point& q);
[[nodiscard]] Bytes32 encode(const Point& p);

// The point that the bytes name when y ≥ p is taken modulo p and a sign on x = 0 is ignored; none if there is no x.
[[nodiscard]] std::optional<Point> decode_leniently(const Bytes32& bytes);

// The 8 points whose order divides 8: multiples 0 … 7 of one of order 8.
[[nodiscard]] std::array<Point, 8> torsion();

// Every 32-byte string that decode_leniently takes for one of those points.
[[nodiscard]] std::vector<Bytes32> small_order_encodings();

enum class KeyRule { registered, not_canonical, not_on_curve, small_order, outside_subgroup };
enum class Verdict { accepted, key_not_registered, not_64_bytes, s_not_below_order, r_of_small_order, equation_fails };

[[nodiscard]] std::string_view name(KeyRule rule);
[[nodiscard]] std::string_view name(Verdict verdict);

[[nodiscard]] KeyRule registration(const Bytes32& public_key);
[[nodiscard]] Verdict verification(const Bytes32& public_key, ByteSpan signature, ByteSpan message);

// A key whose secret scalar is known, and a signature under it whose R may be any bytes: S = nonce + h · secret. It
// satisfies [S]B − [h]A = [nonce]B.
struct KnownKey {
  Integer secret;
  Bytes32 public_key;
};
[[nodiscard]] KnownKey known_key(const Integer& secret);
[[nodiscard]] Bytes64 sign_with(const KnownKey& key, const Integer& nonce, const Bytes32& r, ByteSpan message);

}  // namespace electra::crypto::reference
