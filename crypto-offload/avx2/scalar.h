// Scalars of 8 signatures for machines without AVX-512: hashes reduced modulo L, the check S < L, and the digits for signed
// combs. The same functions as in avx512/scalar.h, but for those of signing.
//
// Nothing here branches on a scalar or reads memory at an address that depends on one. Everything needs supported().
// Nanoseconds for 8 lanes together, one core of a Zen 5 machine, g++ 12: reduce 185, below_order 11, recode 155 to 220 for
// shapes of up to 32 rows, 300 for 64.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto-offload/lanes/comb_digits.h"
#include "crypto-offload/lanes/lane_words.h"
#include "crypto-offload/tables/comb_shape.h"

namespace electra::crypto::avx2 {

// Any 512-bit value to the one below L that is congruent to it.
void reduce(const LaneWords<8>& values, LaneWords<4>* out) noexcept;

// Bit `lane` is set where the lane's value is below L. Any values.
[[nodiscard]] std::uint8_t below_order(const LaneWords<4>& values) noexcept;

// Writes the first shape.digits() digits. Scalars below L are represented; for any other value every entry is inside its
// table all the same, but the digits stand for something else: such a signature fails for its S.
void recode(const LaneWords<4>& scalars, const CombShape& shape, CombDigits* out) noexcept;

}  // namespace electra::crypto::avx2
