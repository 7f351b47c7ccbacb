#include "tests/crypto-offload/reference_ed25519.h"

#include <sodium.h>

#include <algorithm>

namespace electra::crypto::reference {
namespace {

using Wide = unsigned __int128;
using Product = std::array<std::uint64_t, 8>;

Product multiply_full(const Integer& a, const Integer& b) {
  Product out{};
  for (std::size_t i = 0; i < 4; ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const Wide sum = Wide{a.limb[i]} * b.limb[j] + out[i + j] + carry;
      out[i + j] = static_cast<std::uint64_t>(sum);
      carry = static_cast<std::uint64_t>(sum >> 64);
    }
    out[i + 4] = carry;
  }
  return out;
}

bool bit(const Integer& value, std::size_t at) { return (value.limb[at / 64] >> (at % 64) & 1) != 0; }

// Long division, one bit at a time; only for moduli below 2^255.
Integer remainder(const Product& value, const Integer& modulus) {
  Integer rest;
  for (std::size_t at = 512; at-- > 0;) {
    rest = add(rest, rest);
    rest.limb[0] |= value[at / 64] >> (at % 64) & 1;
    if (!less(rest, modulus)) rest = sub(rest, modulus);
  }
  return rest;
}

// ---- the field of integers modulo p; every value is kept below p

Integer field_add(const Integer& a, const Integer& b) {
  const Integer sum = add(a, b);
  return less(sum, prime()) ? sum : sub(sum, prime());
}

Integer field_sub(const Integer& a, const Integer& b) { return field_add(a, sub(prime(), b)); }

// Takes the high half in with 2^256 = 38 modulo p, twice.
Integer field_mul(const Integer& a, const Integer& b) {
  const Product product = multiply_full(a, b);
  Integer low;
  Wide carry = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    carry += Wide{product[i + 4]} * 38 + product[i];
    low.limb[i] = static_cast<std::uint64_t>(carry);
    carry >>= 64;
  }
  carry *= 38;
  while (carry != 0) {
    for (std::size_t i = 0; i < 4; ++i) {
      carry += low.limb[i];
      low.limb[i] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
    carry *= 38;
  }
  while (!less(low, prime())) low = sub(low, prime());
  return low;
}

Integer field_pow(const Integer& a, const Integer& exponent) {
  Integer result = integer(1);
  for (std::size_t at = 256; at-- > 0;) {
    result = field_mul(result, result);
    if (bit(exponent, at)) result = field_mul(result, a);
  }
  return result;
}

Integer field_inverse(const Integer& a) { return field_pow(a, sub(prime(), integer(2))); }
Integer field_negate(const Integer& a) { return field_sub(Integer{}, a); }

Integer shift_right(Integer value, unsigned bits) {
  for (; bits > 0; --bits) {
    for (std::size_t i = 0; i < 4; ++i) {
      value.limb[i] = value.limb[i] >> 1 | (i < 3 ? value.limb[i + 1] << 63 : 0);
    }
  }
  return value;
}

// d = −121665/121666
const Integer& curve_d() {
  static const Integer d = field_mul(field_negate(integer(121665)), field_inverse(integer(121666)));
  return d;
}

Point from_affine(const Integer& x, const Integer& y) { return {x, y, integer(1), field_mul(x, y)}; }

// The x with the wanted sign on the curve at y, or none (RFC 8032, 5.1.3 steps 2 to 4, with the sign of 0 ignored).
std::optional<Integer> recover_x(const Integer& y, bool odd) {
  const Integer one = integer(1);
  const Integer y2 = field_mul(y, y);
  const Integer u = field_sub(y2, one);
  const Integer v = field_add(field_mul(curve_d(), y2), one);
  const Integer v3 = field_mul(field_mul(v, v), v);
  const Integer v7 = field_mul(field_mul(v3, v3), v);
  Integer x = field_mul(field_mul(u, v3), field_pow(field_mul(u, v7), shift_right(sub(prime(), integer(5)), 3)));
  const Integer vx2 = field_mul(v, field_mul(x, x));
  if (vx2 != u) {
    if (vx2 != field_negate(u)) return std::nullopt;
    x = field_mul(x, field_pow(integer(2), shift_right(sub(prime(), one), 2)));
  }
  if (bit(x, 0) != odd) x = field_negate(x);
  return x;
}

Bytes32 without_sign(Bytes32 bytes) {
  bytes[31] &= 0x7f;
  return bytes;
}
bool sign_of(const Bytes32& bytes) { return (bytes[31] & 0x80) != 0; }

bool is_small_order(const Point& p) { return equal(multiply(integer(8), p), identity()); }

Integer challenge(const Bytes32& r, const Bytes32& public_key, ByteSpan message) {
  crypto_hash_sha512_state state;
  Bytes64 hash;
  crypto_hash_sha512_init(&state);
  crypto_hash_sha512_update(&state, r.data(), r.size());
  crypto_hash_sha512_update(&state, public_key.data(), public_key.size());
  crypto_hash_sha512_update(&state, message.data(), message.size());
  crypto_hash_sha512_final(&state, hash.data());
  return reduce(hash);
}

}  // namespace

Integer integer(std::uint64_t value) { return Integer{{value, 0, 0, 0}}; }

Integer power_of_two(std::size_t exponent) {
  Integer value;
  value.limb.at(exponent / 64) = std::uint64_t{1} << (exponent % 64);
  return value;
}

Integer load(ByteSpan bytes32) {
  Integer value;
  for (std::size_t i = 0; i < 32; ++i) value.limb[i / 8] |= std::uint64_t{bytes32[i]} << (8 * (i % 8));
  return value;
}

Bytes32 store(const Integer& value) {
  Bytes32 bytes;
  for (std::size_t i = 0; i < 32; ++i) bytes[i] = static_cast<std::uint8_t>(value.limb[i / 8] >> (8 * (i % 8)));
  return bytes;
}

bool less(const Integer& a, const Integer& b) {
  return std::lexicographical_compare(a.limb.rbegin(), a.limb.rend(), b.limb.rbegin(), b.limb.rend());
}

Integer add(const Integer& a, const Integer& b) {
  Integer sum;
  Wide carry = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    carry += Wide{a.limb[i]} + b.limb[i];
    sum.limb[i] = static_cast<std::uint64_t>(carry);
    carry >>= 64;
  }
  return sum;
}

Integer sub(const Integer& a, const Integer& b) {
  Integer inverted;
  for (std::size_t i = 0; i < 4; ++i) inverted.limb[i] = ~b.limb[i];
  return add(add(a, inverted), integer(1));
}

const Integer& prime() {
  static const Integer p = sub(Integer{{0, 0, 0, std::uint64_t{1} << 63}}, integer(19));
  return p;
}

const Integer& group_order() {
  // 2^252 + 27742317777372353535851937790883648493
  static const Integer order{{0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0, std::uint64_t{1} << 60}};
  return order;
}

Integer multiply_add(const Integer& a, const Integer& b, const Integer& c) {
  const Integer product = remainder(multiply_full(a, b), group_order());
  const Integer addend = remainder(multiply_full(c, integer(1)), group_order());
  return add_mod(product, addend);
}

Integer add_mod(const Integer& a, const Integer& b) {
  const Integer sum = add(a, b);
  return less(sum, group_order()) ? sum : sub(sum, group_order());
}

Integer negate_mod(const Integer& a) { return a == Integer{} ? a : sub(group_order(), a); }

Integer power_of_two_mod(std::size_t exponent) {
  static const auto powers = [] {
    std::array<Integer, 512> out{integer(1)};
    for (std::size_t i = 1; i < out.size(); ++i) out[i] = add_mod(out[i - 1], out[i - 1]);
    return out;
  }();
  return powers.at(exponent);
}

Integer reduce(const Bytes64& hash) {
  Product value{};
  for (std::size_t i = 0; i < 64; ++i) value[i / 8] |= std::uint64_t{hash[i]} << (8 * (i % 8));
  return remainder(value, group_order());
}

Point identity() { return from_affine(Integer{}, integer(1)); }

const Point& base() {
  // y = 4/5, x even
  static const Point b = [] {
    const Integer y = field_mul(integer(4), field_inverse(integer(5)));
    return from_affine(recover_x(y, false).value(), y);
  }();
  return b;
}

Point add(const Point& p, const Point& q) {
  const Integer a = field_mul(field_sub(p.y, p.x), field_sub(q.y, q.x));
  const Integer b = field_mul(field_add(p.y, p.x), field_add(q.y, q.x));
  const Integer c = field_mul(field_mul(field_add(p.t, p.t), curve_d()), q.t);
  const Integer d = field_mul(field_add(p.z, p.z), q.z);
  const Integer e = field_sub(b, a);
  const Integer f = field_sub(d, c);
  const Integer g = field_add(d, c);
  const Integer h = field_add(b, a);
  return {field_mul(e, f), field_mul(g, h), field_mul(f, g), field_mul(e, h)};
}

Point negate(const Point& p) { return {field_negate(p.x), p.y, p.z, field_negate(p.t)}; }

Point multiply(const Integer& scalar, const Point& p) {
  Point sum = identity();
  std::size_t bits = 256;
  while (bits > 0 && !bit(scalar, bits - 1)) --bits;
  for (std::size_t at = bits; at-- > 0;) {
    sum = add(sum, sum);
    if (bit(scalar, at)) sum = add(sum, p);
  }
  return sum;
}

bool equal(const Point& p, const Point& q) {
  return field_mul(p.x, q.z) == field_mul(q.x, p.z) && field_mul(p.y, q.z) == field_mul(q.y, p.z);
}

Bytes32 encode(const Point& p) {
  const Integer inverse = field_inverse(p.z);
  Bytes32 bytes = store(field_mul(p.y, inverse));
  if (bit(field_mul(p.x, inverse), 0)) bytes[31] |= 0x80;
  return bytes;
}

std::optional<Point> decode_leniently(const Bytes32& bytes) {
  Integer y = load(without_sign(bytes));
  if (!less(y, prime())) y = sub(y, prime());
  const auto x = recover_x(y, sign_of(bytes));
  if (!x) return std::nullopt;
  return from_affine(*x, y);
}

std::array<Point, 8> torsion() {
  // [L]P is of order 8 for one point in two; the first that is found generates the others.
  Point generator = identity();
  for (std::uint64_t y = 2; equal(multiply(integer(4), generator), identity()); ++y) {
    if (const auto point = decode_leniently(store(integer(y)))) generator = multiply(group_order(), *point);
  }
  std::array<Point, 8> points;
  for (std::size_t i = 0; i < 8; ++i) points[i] = multiply(integer(i), generator);
  return points;
}

std::vector<Bytes32> small_order_encodings() {
  // Only a y below 19 has a second form, y + p, that fits 255 bits.
  std::vector<Bytes32> found;
  for (const Point& point : torsion()) {
    const Integer y = load(without_sign(encode(point)));
    for (const Integer& form : {y, add(y, prime())}) {
      for (const int sign : {0x00, 0x80}) {
        Bytes32 bytes = store(form);
        if (sign_of(bytes)) continue;
        bytes[31] = static_cast<std::uint8_t>(bytes[31] | sign);
        if (std::ranges::find(found, bytes) == found.end()) found.push_back(bytes);
      }
    }
  }
  return found;
}

std::string_view name(KeyRule rule) {
  switch (rule) {
    case KeyRule::registered:       return "registered";
    case KeyRule::not_canonical:    return "not canonical";
    case KeyRule::not_on_curve:     return "not on the curve";
    case KeyRule::small_order:      return "of small order";
    case KeyRule::outside_subgroup: return "outside the subgroup of order L";
  }
  return "?";
}

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::accepted:           return "accepted";
    case Verdict::key_not_registered: return "the key is not registered";
    case Verdict::not_64_bytes:       return "not 64 bytes";
    case Verdict::s_not_below_order:  return "S is not below L";
    case Verdict::r_of_small_order:   return "R encodes a point of small order";
    case Verdict::equation_fails:     return "the equation fails";
  }
  return "?";
}

KeyRule registration(const Bytes32& public_key) {
  if (!less(load(without_sign(public_key)), prime())) return KeyRule::not_canonical;
  const auto a = decode_leniently(public_key);
  if (!a) return KeyRule::not_on_curve;
  if (a->x == Integer{} && sign_of(public_key)) return KeyRule::not_canonical;
  if (is_small_order(*a)) return KeyRule::small_order;
  if (!equal(multiply(group_order(), *a), identity())) return KeyRule::outside_subgroup;
  return KeyRule::registered;
}

Verdict verification(const Bytes32& public_key, ByteSpan signature, ByteSpan message) {
  if (registration(public_key) != KeyRule::registered) return Verdict::key_not_registered;
  if (signature.size() != 64) return Verdict::not_64_bytes;
  const Bytes32 r = *array_of<32>(signature.first(32));
  const Integer s = load(signature.subspan(32));
  if (!less(s, group_order())) return Verdict::s_not_below_order;
  const auto r_point = decode_leniently(r);
  if (r_point && is_small_order(*r_point)) return Verdict::r_of_small_order;

  const Integer h = challenge(r, public_key, message);
  const Point a = *decode_leniently(public_key);
  const Point expected = add(multiply(s, base()), negate(multiply(h, a)));
  return encode(expected) == r ? Verdict::accepted : Verdict::equation_fails;
}

KnownKey known_key(const Integer& secret) { return {secret, encode(multiply(secret, base()))}; }

Bytes64 sign_with(const KnownKey& key, const Integer& nonce, const Bytes32& r, ByteSpan message) {
  const Integer h = challenge(r, key.public_key, message);
  const Bytes32 s = store(multiply_add(h, key.secret, nonce));
  Bytes64 signature;
  std::ranges::copy(r, signature.begin());
  std::ranges::copy(s, signature.begin() + 32);
  return signature;
}

}  // namespace electra::crypto::reference
