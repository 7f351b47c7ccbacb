// Scalars of 8 signatures side by side: hashes reduced modulo L, the check S < L, and the digits for signed combs.
//
// L = 2^252 + 27742317777372353535851937790883648493 is the order of the base point (RFC 8032, 5.1). Nothing here branches
// on a scalar or reads memory at an address that depends on one, so signing may use it. Everything needs supported().
// Nanoseconds for 8 lanes together, one core of a Zen 5 machine, g++ 12: reduce 19, below_order 3, recode 45 to 52 for
// shapes of 8 rows, 63 to 130 for 16, 32 and 64, about 230 for any other number, where it goes bit by bit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto-offload/lanes/comb_digits.h"
#include "crypto-offload/lanes/lane_words.h"
#include "crypto-offload/tables/comb_shape.h"

namespace electra::crypto::avx512 {

// Any 512-bit value to the one below L that is congruent to it.
void reduce(const LaneWords<8>& values, LaneWords<4>* out) noexcept;

// a · b + c modulo L. Any values.
void multiply_add(const LaneWords<4>& a, const LaneWords<4>& b, const LaneWords<4>& c, LaneWords<4>* out) noexcept;

// Bit `lane` is set where the lane's value is below L. Any values.
[[nodiscard]] std::uint8_t below_order(const LaneWords<4>& values) noexcept;

// Writes the first shape.digits() digits. Scalars below L are represented; for any other value every entry is inside its
// table all the same, but the digits stand for something else: such a signature fails for its S.
void recode(const LaneWords<4>& scalars, const CombShape& shape, CombDigits* out) noexcept;

// u of comb_shape.h for a comb of 256 bits, for callers with a shape of their own. Scalars below L.
void sign_bits(const LaneWords<4>& scalars, LaneWords<4>* out) noexcept;

}  // namespace electra::crypto::avx512
