#include "tests/crypto-offload/big_field.h"

#include <array>

namespace electra::crypto::big_field {
namespace {

using Wide = unsigned __int128;
using Words8 = std::array<std::uint64_t, 8>;

// 2^256 = 38 modulo p.
Integer reduce_words(const Words8& words) {
  Integer out;
  Wide carry = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    carry += Wide{words[i]} + Wide{38} * words[i + 4];
    out.limb[i] = static_cast<std::uint64_t>(carry);
    carry >>= 64;
  }
  while (carry != 0) {
    carry *= 38;
    for (std::size_t i = 0; i < 4; ++i) {
      carry += out.limb[i];
      out.limb[i] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
  }
  while (!reference::less(out, reference::prime())) out = reference::sub(out, reference::prime());
  return out;
}

}  // namespace

Integer reduce(const Integer& a) { return reduce_words({a.limb[0], a.limb[1], a.limb[2], a.limb[3], 0, 0, 0, 0}); }

Integer add(const Integer& a, const Integer& b) { return reduce(reference::add(reduce(a), reduce(b))); }

Integer subtract(const Integer& a, const Integer& b) {
  return big_field::add(a, reference::sub(reference::prime(), reduce(b)));
}

Integer multiply(const Integer& a, const Integer& b) {
  Words8 words{};
  for (std::size_t i = 0; i < 4; ++i) {
    Wide carry = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      carry += Wide{a.limb[i]} * b.limb[j] + words[i + j];
      words[i + j] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
    words[i + 4] = static_cast<std::uint64_t>(carry);
  }
  return reduce_words(words);
}

Integer power(const Integer& a, const Integer& exponent) {
  Integer out = reference::integer(1);
  for (std::size_t bit = 256; bit-- > 0;) {
    out = multiply(out, out);
    if ((exponent.limb[bit / 64] >> (bit % 64) & 1) != 0) out = multiply(out, a);
  }
  return out;
}

Integer invert(const Integer& a) { return power(a, reference::sub(reference::prime(), reference::integer(2))); }

Integer from_limbs(const std::int64_t (&limb)[5]) {
  const Integer radix = reference::integer(std::uint64_t{1} << 51);
  Integer out;
  for (int k = 4; k >= 0; --k) {
    out = big_field::multiply(out, radix);
    const auto amount = static_cast<std::uint64_t>(limb[k] < 0 ? -limb[k] : limb[k]);
    out = limb[k] < 0 ? subtract(out, reference::integer(amount)) : big_field::add(out, reference::integer(amount));
  }
  return out;
}

FiveLimbs to_limbs(const Integer& a) {
  FiveLimbs out{};
  for (std::size_t k = 0; k < 5; ++k) {
    const std::size_t word = 51 * k / 64, shift = 51 * k % 64;
    Wide window = a.limb[word];
    if (word < 3) window |= Wide{a.limb[word + 1]} << 64;
    out.limb[k] = static_cast<std::int64_t>(window >> shift) & ((std::int64_t{1} << 51) - 1);
  }
  return out;
}

Integer random(std::mt19937_64& generator) {
  Integer out;
  for (std::uint64_t& limb : out.limb) limb = generator();
  return out;
}

}  // namespace electra::crypto::big_field
