// Arithmetic modulo p = 2^255 − 19 with plain 256-bit integers, for comparison with vector code. Slow and obvious; every
// result is below p.
#pragma once

#include <cstdint>
#include <random>

#include "tests/crypto-offload/reference_ed25519.h"

namespace electra::crypto::big_field {

using reference::Integer;

[[nodiscard]] Integer reduce(const Integer& a);  // a mod p, any a
[[nodiscard]] Integer add(const Integer& a, const Integer& b);
[[nodiscard]] Integer subtract(const Integer& a, const Integer& b);
[[nodiscard]] Integer multiply(const Integer& a, const Integer& b);
[[nodiscard]] Integer power(const Integer& a, const Integer& exponent);
[[nodiscard]] Integer invert(const Integer& a);

// Σ limb[k] · 2^(51k) mod p, whatever the limbs.
[[nodiscard]] Integer from_limbs(const std::int64_t (&limb)[5]);

// The 255 low bits of `a` as limbs below 2^51.
struct FiveLimbs {
  std::int64_t limb[5];
};
[[nodiscard]] FiveLimbs to_limbs(const Integer& a);

// Uniform below 2^256.
[[nodiscard]] Integer random(std::mt19937_64& generator);

}  // namespace electra::crypto::big_field
