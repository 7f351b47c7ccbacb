// Arithmetic modulo p = 2^255 − 19 in four lanes at once, with AVX2 and FMA: one lane is one element. The field that the
// algorithms of lanes/ are written over, under the same names as every backend's: it defines ELECTRA_LANES, which is its
// namespace, and kLanes.
//
// AVX2 multiplies integers of 32 bits only, but doubles of 53. So an element is five limbs of 51 bits, least significant
// first, each limb a vector of four doubles that are integers; a limb may be negative. The product of two limbs comes in
// two halves (Emmart, Zheng, Weems, "Faster modular exponentiation using double precision floating point arithmetic on
// the GPU", ARITH 2018): a · b + 1.5 · 2^103 is rounded to a multiple of 2^51, and the multiplier with one rounding then gives
// what was rounded away. The bits of both sums, taken as integers, are the halves plus a constant, so columns are added
// up as integers, and the constants are taken off before. Nothing is ever lost, whatever the rounding mode of the thread.
//
// How large a limb may be is the contract of every function, written beside it, and checked on every call when
// ELECTRA_CHECK_LIMB_RANGES is defined (the tests do). Two bounds for the limbs x of a Field, both of |x|, exclusive:
//   carried   2^50 + 2^16    what `carry` gives, and with it every function that returns a Field, if nothing else is said
//   factor    2^51           what a multiplier takes: a product of two limbs has to be below 2^102
// and two for those of a Wide, integers that are not negative:
//   product   2^61 − 2^15    a product that was not carried, and twice one of carried factors; at least 2^50
//   wide      2^62           a sum or difference of two such: what `carry` takes
// A formula adds and subtracts products before it carries them, so that a sum costs no carry of its own.
//
// Nothing here branches or reads memory by a value. Everything has internal linkage and is compiled for instructions that
// not every machine has: include this only in files that run after the CPU was asked, and that include nothing with inline
// functions which other files could share.
#pragma once

#ifdef ELECTRA_LANES
#error "one backend in a translation unit"
#endif
#define ELECTRA_LANES avx2

#ifdef __FAST_MATH__
#error "the rounding of every operation counts"
#endif

#include <immintrin.h>

#include <cstdint>

#include "crypto-offload/lanes/curve.h"

namespace electra::crypto::avx2 {
namespace {

using Lanes = __m256i;      // 64 bits of each of four lanes
using Limb = __m256d;       // an integer in each of four lanes
using Mask = std::uint8_t;  // bit i stands for lane i; a function that gives a mask leaves the bits beyond kLanes 0

constexpr int kLanes = 4;
constexpr Mask kAllLanes = 0xf;

constexpr std::int64_t kCarriedBound = (std::int64_t{1} << 50) + (1 << 16);
constexpr std::int64_t kFactorBound = std::int64_t{1} << 51;
constexpr std::int64_t kProductBound = (std::int64_t{1} << 61) - (1 << 15);
constexpr std::int64_t kWideBound = std::int64_t{1} << 62;

// Σ limb[k] · 2^(51k), |limb[k]| below the factor bound.
struct Field {
  Limb limb[kLimbs];
};

// An element that waits for its carry, Σ (limb[k] − kOffset) · 2^(51k): limbs from 0 to below the wide bound. The offset
// makes those of `carry` lie about 0.
constexpr std::uint64_t kOffset = std::uint64_t{1} << 50;
struct Wide {
  Lanes limb[kLimbs];
};

// 32 bytes of each lane, as four little-endian words.
struct Words {
  Lanes word[4];
};

#ifdef ELECTRA_CHECK_LIMB_RANGES
// Given by whoever asks for the check: least ≤ limb < bound. `limbs` are five vectors.
void check_limbs(const char* function, const std::int64_t (*limbs)[kLanes], std::int64_t least, std::int64_t bound);
void check_limbs(const char* function, const double (*limbs)[kLanes], std::int64_t least, std::int64_t bound);

[[gnu::always_inline]] inline void expect_within(const char* function, const Lanes* limbs, std::int64_t least,
                                                 std::int64_t bound) {
  alignas(32) std::int64_t stored[kLimbs][kLanes];
  for (int k = 0; k < kLimbs; ++k) _mm256_store_si256(reinterpret_cast<__m256i*>(stored[k]), limbs[k]);
  check_limbs(function, stored, least, bound);
}
[[gnu::always_inline]] inline void expect_within(const char* function, const Limb* limbs, std::int64_t least,
                                                 std::int64_t bound) {
  alignas(32) double stored[kLimbs][kLanes];
  for (int k = 0; k < kLimbs; ++k) _mm256_store_pd(stored[k], limbs[k]);
  check_limbs(function, stored, least, bound);
}
#else
[[gnu::always_inline]] inline void expect_within(const char*, const Lanes*, std::int64_t, std::int64_t) {}
[[gnu::always_inline]] inline void expect_within(const char*, const Limb*, std::int64_t, std::int64_t) {}
#endif
[[gnu::always_inline]] inline void expect_below(const char* function, const Limb* limbs, std::int64_t bound) {
  expect_within(function, limbs, 1 - bound, bound);
}
[[gnu::always_inline]] inline void expect_product(const char* function, const Lanes* limbs) {
  expect_within(function, limbs, static_cast<std::int64_t>(kOffset), kProductBound);
}

[[gnu::always_inline]] inline Lanes all(std::uint64_t x) { return _mm256_set1_epi64x(static_cast<long long>(x)); }
[[gnu::always_inline]] inline Limb same(double x) { return _mm256_set1_pd(x); }

// A word of each lane, in order, at an address that the size of Lanes divides.
[[gnu::always_inline]] inline Lanes load(const std::uint64_t* words) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(words));
}
[[gnu::always_inline]] inline void store(std::uint64_t* words, Lanes lanes) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(words), lanes);
}

// x + y and x · y of each lane, modulo 2^64.
[[gnu::always_inline]] inline Lanes add_words(Lanes x, Lanes y) { return _mm256_add_epi64(x, y); }
[[gnu::always_inline]] inline Lanes multiply_words(Lanes x, Lanes y) {
  const Lanes crossed =
      _mm256_add_epi64(_mm256_mul_epu32(_mm256_srli_epi64(x, 32), y), _mm256_mul_epu32(x, _mm256_srli_epi64(y, 32)));
  return _mm256_add_epi64(_mm256_mul_epu32(x, y), _mm256_slli_epi64(crossed, 32));
}

// The lanes that are not in the mask.
[[gnu::always_inline]] inline Mask complement(Mask mask) { return static_cast<Mask>(~mask & kAllLanes); }

// All bits of the lanes in the mask; and the mask of the lanes whose top bit is set.
[[gnu::always_inline]] inline Lanes expand(Mask mask) {
  const Lanes bit = _mm256_setr_epi64x(1, 2, 4, 8);
  return _mm256_cmpeq_epi64(_mm256_and_si256(all(std::uint64_t{mask}), bit), bit);
}
[[gnu::always_inline]] inline Mask top_bits(Lanes x) {
  return static_cast<Mask>(_mm256_movemask_pd(_mm256_castsi256_pd(x)));
}

// --- Doubles and integers ---------------------------------------------------------------------------------------------

// In [2^52, 2^53) a double is an integer n and its bits are kUnitBits + n − 2^52; in [2^103, 2^104) it is n · 2^51.
constexpr double kUnit = 0x1p52;
constexpr std::uint64_t kUnitBits = __builtin_bit_cast(std::uint64_t, kUnit);
constexpr double kMiddle = 0x1.8p52;  // with room for 2^51 on either side
constexpr std::uint64_t kMiddleBits = __builtin_bit_cast(std::uint64_t, kMiddle);
constexpr double kHighMiddle = 0x1.8p103;  // with room for 2^102
constexpr std::uint64_t kHighMiddleBits = __builtin_bit_cast(std::uint64_t, kHighMiddle);

// Limb k of 2^shift · p.
constexpr std::uint64_t limb_of_p(int k, int shift) { return (kLimbMask - (k == 0 ? 18 : 0)) << shift; }

// Integers from 0 to below 2^52, less `offset`.
[[gnu::always_inline]] inline Limb to_double(Lanes x, std::uint64_t offset = 0) {
  return _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(x, all(kUnitBits))),
                       same(kUnit + static_cast<double>(offset)));
}

// The same element in all lanes. Limbs as given.
[[gnu::always_inline]] inline Field all(const std::uint64_t (&limbs)[kLimbs]) {
  Field out;
  for (int k = 0; k < kLimbs; ++k) out.limb[k] = same(static_cast<double>(limbs[k]));
  return out;
}

// The number n in all lanes.
[[gnu::always_inline]] inline Field small(std::uint32_t n) { return all({n, 0, 0, 0, 0}); }
[[gnu::always_inline]] inline Field zero() { return small(0); }
[[gnu::always_inline]] inline Field one() { return small(1); }

// --- Carrying, sums and differences -----------------------------------------------------------------------------------

// The same element with limbs below the carried bound. Takes limbs < 2^62; what leaves a limb is then < 2^11, and
// 19 · 2^11 < 2^16 comes back to limb 0. The other 51 bits lie in [−2^50, 2^50) without their offset.
[[gnu::always_inline]] inline Field carry(const Wide& a) {
  expect_within("carry", a.limb, 0, kWideBound);
  Lanes up[kLimbs];
  for (int k = 0; k < kLimbs; ++k) up[k] = _mm256_srli_epi64(a.limb[k], kLimbBits);
  Field out;
  for (int k = 0; k < kLimbs; ++k) {
    const Lanes low = _mm256_or_si256(_mm256_and_si256(a.limb[k], all(kLimbMask)), all(kUnitBits));
    const Lanes from_below = k == 0 ? _mm256_mul_epu32(up[4], all(std::uint64_t{19})) : up[k - 1];
    const Limb sum = _mm256_castsi256_pd(_mm256_add_epi64(low, from_below));
    out.limb[k] = _mm256_sub_pd(sum, same(kUnit + static_cast<double>(kOffset)));
  }
  expect_below("carry: result", out.limb, kCarriedBound);
  return out;
}

// Takes |limbs| < 2^51, gives limbs < 2^53: 2p is added, the limbs of which are 2^52 − 38 and four times 2^52 − 2.
[[gnu::always_inline]] inline Wide widen(const Field& a) {
  expect_below("widen", a.limb, kFactorBound);
  Wide out;
  for (int k = 0; k < kLimbs; ++k) {
    const Lanes bits = _mm256_castpd_si256(_mm256_add_pd(a.limb[k], same(kMiddle)));
    out.limb[k] = _mm256_add_epi64(bits, all(limb_of_p(k, 1) + kOffset - kMiddleBits));
  }
  return out;
}

// a + b, not carried. Takes products (limbs from 2^50 to below 2^61 − 2^15), gives limbs < 2^62.
[[gnu::always_inline]] inline Wide add_wide(const Wide& a, const Wide& b) {
  expect_product("add_wide: a", a.limb);
  expect_product("add_wide: b", b.limb);
  Wide out;
  for (int k = 0; k < kLimbs; ++k) {
    out.limb[k] = _mm256_add_epi64(a.limb[k], _mm256_sub_epi64(b.limb[k], all(kOffset)));
  }
  return out;
}

// a − b, not carried. Takes products (limbs < 2^61 − 2^15), gives limbs < 2^62: 2^10 · p is added, the limbs of which are
// 2^61 − 19 · 2^10 and four times 2^61 − 2^10.
[[gnu::always_inline]] inline Wide subtract_wide(const Wide& a, const Wide& b) {
  expect_product("subtract_wide: a", a.limb);
  expect_product("subtract_wide: b", b.limb);
  Wide out;
  for (int k = 0; k < kLimbs; ++k) {
    const Lanes bias = all(limb_of_p(k, 10) + kOffset);
    out.limb[k] = _mm256_add_epi64(a.limb[k], _mm256_sub_epi64(bias, b.limb[k]));
  }
  return out;
}

// 2a, not carried. Takes limbs < 2^60 − 2^14, which every product of carried factors keeps; gives a product.
[[gnu::always_inline]] inline Wide twice_wide(const Wide& a) {
  const Wide out = add_wide(a, a);
  expect_product("twice_wide: result", out.limb);
  return out;
}

// Take |limbs| < 2^51, give carried limbs.
[[gnu::always_inline]] inline Field add(const Field& a, const Field& b) { return carry(add_wide(widen(a), widen(b))); }
[[gnu::always_inline]] inline Field subtract(const Field& a, const Field& b) {
  return carry(subtract_wide(widen(a), widen(b)));
}
[[gnu::always_inline]] inline Field negate(const Field& a) { return subtract(zero(), a); }

// −a in the lanes of the mask, a in the others. Takes |limbs| < 2^51 and keeps |limbs|.
[[gnu::always_inline]] inline Field negate_where(Mask mask, const Field& a) {
  expect_below("negate_where", a.limb, kFactorBound);
  const Limb sign = _mm256_castsi256_pd(_mm256_slli_epi64(expand(mask), 63));
  Field out;
  for (int k = 0; k < kLimbs; ++k) out.limb[k] = _mm256_xor_pd(a.limb[k], sign);
  return out;
}

// b in the lanes of the mask, a in the others. Any limbs.
[[gnu::always_inline]] inline Field select(Mask mask, const Field& a, const Field& b) {
  const Limb chosen = _mm256_castsi256_pd(expand(mask));
  Field out;
  for (int k = 0; k < kLimbs; ++k) out.limb[k] = _mm256_blendv_pd(a.limb[k], b.limb[k], chosen);
  return out;
}

// --- Products ---------------------------------------------------------------------------------------------------------

// Ten columns of 51 bits. Column k is the sum of products of limbs i + j = k, each of which gives its low half to k and
// its high half to k + 1; it starts at what the bits of the sums have too much.
struct Columns {
  Lanes column[2 * kLimbs];
};

// How many of the limb products i + j = k there are.
constexpr std::uint64_t products_in(int k) {
  return k < 0 || k > 8 ? 0 : static_cast<std::uint64_t>(k < kLimbs ? k + 1 : 9 - k);
}

// Of so many low and high halves.
constexpr std::uint64_t excess(std::uint64_t low, std::uint64_t high) {
  return low * kMiddleBits + high * kHighMiddleBits;
}

// columns += a · b of limbs i and j. |a · b| < 2^102; |low half| < 2^51, |high half| ≤ |a · b| / 2^51 + 1.
[[gnu::always_inline]] inline void multiply_limbs(Columns& columns, int low_column, Limb a, Limb b) {
  Lanes& low = columns.column[low_column];
  Lanes& high = columns.column[low_column + 1];
  const Limb rounded = _mm256_fmadd_pd(a, b, same(kHighMiddle));
  const Limb rest = _mm256_fmadd_pd(a, b, _mm256_sub_pd(same(kHighMiddle + kMiddle), rounded));
  low = _mm256_add_epi64(low, _mm256_castpd_si256(rest));
  high = _mm256_add_epi64(high, _mm256_castpd_si256(rounded));
  asm("" : "+x"(low), "+x"(high));  // else g++ makes all products first and has no registers for them
}

// What a column of the result starts at beside the excess: makes it positive, and is 0 modulo p but for the offset.
constexpr std::uint64_t bias(int k) { return k < kLimbs ? limb_of_p(k, 8) + kOffset : 0; }

// Ten columns to five limbs: columns 5 to 9 return 19-fold, as 2^255 = 19 modulo p. With factors < 2^51 column 5 is the
// largest, 4 low and 5 high halves, below 18 · 2^50 in amount, and limb 0 differs from 2^59 by less than
// (2 + 19 · 18) · 2^50 < 2^58.5. With carried factors a high half is < 2^49.1 and limb 0 < 2^60 − 2^14.
[[gnu::always_inline]] inline Wide fold(const Columns& columns) {
  Wide out;
  for (int k = 0; k < kLimbs; ++k) {
    const Lanes high = columns.column[k + kLimbs];
    const Lanes three = _mm256_add_epi64(high, _mm256_slli_epi64(high, 1));
    out.limb[k] = _mm256_add_epi64(_mm256_add_epi64(columns.column[k], three), _mm256_slli_epi64(high, 4));
  }
  expect_product("fold: result", out.limb);
  return out;
}

// a · b, not carried. Takes |limbs| < 2^51, gives limbs from 2^58 to below 2^60.
[[gnu::always_inline]] inline Wide multiply_wide(const Field& a, const Field& b) {
  expect_below("multiply: a", a.limb, kFactorBound);
  expect_below("multiply: b", b.limb, kFactorBound);
  Columns columns;
  for (int k = 0; k < 2 * kLimbs; ++k) columns.column[k] = all(bias(k) - excess(products_in(k), products_in(k - 1)));
#pragma GCC unroll 5
  for (int i = 0; i < kLimbs; ++i) {
#pragma GCC unroll 5
    for (int j = 0; j < kLimbs; ++j) multiply_limbs(columns, i + j, a.limb[i], b.limb[j]);
  }
  return fold(columns);
}

// a², not carried: 15 products for 25, those of different limbs doubled after they were summed. Ranges as above.
[[gnu::always_inline]] inline Wide square_wide(const Field& a) {
  expect_below("square", a.limb, kFactorBound);
  Columns columns;
  for (int k = 0; k < 2 * kLimbs; ++k) {
    // A square gives one product to each even column. What the others come to is doubled, and what half the rest.
    const std::uint64_t low_squares = k % 2 == 0 ? 1 : 0, high_squares = 1 - low_squares;
    const std::uint64_t before = (bias(k) - excess(low_squares, high_squares)) / 2;
    const std::uint64_t low = products_in(k) / 2, high = products_in(k - 1) / 2;
    columns.column[k] = all(before - excess(low, high));
  }
#pragma GCC unroll 5
  for (int i = 0; i < kLimbs; ++i) {
#pragma GCC unroll 5
    for (int j = i + 1; j < kLimbs; ++j) multiply_limbs(columns, i + j, a.limb[i], a.limb[j]);
    for (int k = 2 * i; k < 2 * i + 2; ++k) columns.column[k] = _mm256_add_epi64(columns.column[k], columns.column[k]);
    multiply_limbs(columns, 2 * i, a.limb[i], a.limb[i]);
  }
  return fold(columns);
}

// Take |limbs| < 2^51, give carried limbs.
[[gnu::always_inline]] inline Field multiply(const Field& a, const Field& b) { return carry(multiply_wide(a, b)); }
[[gnu::always_inline]] inline Field square(const Field& a) { return carry(square_wide(a)); }

}  // namespace
}  // namespace electra::crypto::avx2

#include "crypto-offload/avx2/field_bytes.h"
#include "crypto-offload/lanes/powers.h"
