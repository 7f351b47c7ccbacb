// Arithmetic modulo p = 2^255 − 19 in four lanes at once, with AVX2 and FMA: one lane is one element. The field that the
// algorithms of lanes/ are written over, under the same names as every backend's: it defines ELECTRA_LANES, which is its
// namespace, and kLanes.
//
// AVX2 multiplies integers of 32 bits only, but doubles of 53. So an element is five limbs of 51 bits, least significant
// first, each limb a vector of four doubles that are integers; a limb may be negative. The product of two limbs comes in
// two halves (Emmart, Zheng, Weems, "Faster modular exponentiation using double precision floating point arithmetic on
// the GPU", 2018): a · b + 1.5 · 2^103 is rounded to a multiple of 2^51, and the multiplier with one rounding then gives
// what was rounded away. The bits of both sums, taken as integers, are the halves plus a constant, so columns are added
// up as integers, and the constants are taken off before. Nothing is ever lost, whatever the rounding mode of the thread;
// no operand is below 1 but 0, infinite or not a number.
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

// --- Bytes, canonical form, comparisons -------------------------------------------------------------------------------

// Four rows of four words to four vectors: out[k] gets word k of each row. Its own inverse.
[[gnu::always_inline]] inline void transpose(const Lanes* rows, Lanes* out) {
  const Lanes low01 = _mm256_unpacklo_epi64(rows[0], rows[1]), high01 = _mm256_unpackhi_epi64(rows[0], rows[1]);
  const Lanes low23 = _mm256_unpacklo_epi64(rows[2], rows[3]), high23 = _mm256_unpackhi_epi64(rows[2], rows[3]);
  out[0] = _mm256_permute2x128_si256(low01, low23, 0x20);
  out[1] = _mm256_permute2x128_si256(high01, high23, 0x20);
  out[2] = _mm256_permute2x128_si256(low01, low23, 0x31);
  out[3] = _mm256_permute2x128_si256(high01, high23, 0x31);
}

// 32 bytes of each lane to words; in[i] is lane i and needs no alignment.
[[gnu::always_inline]] inline Words load_words(const std::uint8_t* const* in) {
  Lanes rows[kLanes];
  for (int i = 0; i < kLanes; ++i) rows[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in[i]));
  Words out;
  transpose(rows, out.word);
  return out;
}

// The opposite: out[i] takes the 32 bytes of lane i.
[[gnu::always_inline]] inline void store_words(std::uint8_t* const* out, const Words& words) {
  Lanes rows[kLanes];
  transpose(words.word, rows);
  for (int i = 0; i < kLanes; ++i) _mm256_storeu_si256(reinterpret_cast<__m256i*>(out[i]), rows[i]);
}

// The element that the low 255 bits name, canonical or not; bit 255 is ignored. Gives limbs from 0 to below 2^51.
[[gnu::always_inline]] inline Field from_words(const Words& words) {
  const Lanes* w = words.word;
  const auto limb = [](Lanes x) { return to_double(_mm256_and_si256(x, all(kLimbMask))); };
  return {{limb(w[0]), limb(_mm256_or_si256(_mm256_srli_epi64(w[0], 51), _mm256_slli_epi64(w[1], 13))),
           limb(_mm256_or_si256(_mm256_srli_epi64(w[1], 38), _mm256_slli_epi64(w[2], 26))),
           limb(_mm256_or_si256(_mm256_srli_epi64(w[2], 25), _mm256_slli_epi64(w[3], 39))),
           limb(_mm256_srli_epi64(w[3], 12))}};
}

// The one representation below p, as integers. Takes |limbs| < 2^51.
//
// After a carry the value is below 2p, so that it is ≥ p exactly if adding 19 reaches bit 255.
struct Canonical {
  Lanes limb[kLimbs];
};
[[gnu::always_inline]] inline Canonical reduce_fully(const Field& a) {
  const Lanes mask = all(kLimbMask), nineteen = all(std::uint64_t{19});
  const Wide wide = widen(a);
  Canonical out;
  Lanes up[kLimbs];
  for (int k = 0; k < kLimbs; ++k) {
    out.limb[k] = _mm256_sub_epi64(wide.limb[k], all(kOffset));
    up[k] = _mm256_srli_epi64(out.limb[k], kLimbBits);
  }
  for (int k = 0; k < kLimbs; ++k) {
    const Lanes from_below = k == 0 ? _mm256_mul_epu32(up[4], nineteen) : up[k - 1];
    out.limb[k] = _mm256_add_epi64(_mm256_and_si256(out.limb[k], mask), from_below);
  }
  Lanes carried = nineteen;
  for (int k = 0; k < kLimbs; ++k) carried = _mm256_srli_epi64(_mm256_add_epi64(out.limb[k], carried), kLimbBits);
  carried = _mm256_mul_epu32(carried, nineteen);
  for (int k = 0; k < kLimbs; ++k) {
    const Lanes sum = _mm256_add_epi64(out.limb[k], carried);
    out.limb[k] = _mm256_and_si256(sum, mask);
    carried = _mm256_srli_epi64(sum, kLimbBits);
  }
  return out;
}

// The same, limbs from 0 to below 2^51.
[[gnu::always_inline]] inline Field canonical(const Field& a) {
  const Canonical reduced = reduce_fully(a);
  Field out;
  for (int k = 0; k < kLimbs; ++k) out.limb[k] = to_double(reduced.limb[k]);
  expect_within("canonical: result", out.limb, 0, std::int64_t{1} << kLimbBits);
  return out;
}

// The canonical 32 bytes, with bit 255 clear. Takes |limbs| < 2^51.
[[gnu::always_inline]] inline Words encode(const Field& a) {
  const Canonical c = reduce_fully(a);
  const Lanes* l = c.limb;
  return {{_mm256_or_si256(l[0], _mm256_slli_epi64(l[1], 51)),
           _mm256_or_si256(_mm256_srli_epi64(l[1], 13), _mm256_slli_epi64(l[2], 38)),
           _mm256_or_si256(_mm256_srli_epi64(l[2], 26), _mm256_slli_epi64(l[3], 25)),
           _mm256_or_si256(_mm256_srli_epi64(l[3], 39), _mm256_slli_epi64(l[4], 12))}};
}

// The lanes in which all bits are 0.
[[gnu::always_inline]] inline Mask no_bits(Lanes x) { return top_bits(_mm256_cmpeq_epi64(x, _mm256_setzero_si256())); }

// The lanes whose 32 bytes are the same.
[[gnu::always_inline]] inline Mask equal_words(const Words& a, const Words& b) {
  Lanes different = _mm256_xor_si256(a.word[0], b.word[0]);
  for (int k = 1; k < 4; ++k) different = _mm256_or_si256(different, _mm256_xor_si256(a.word[k], b.word[k]));
  return no_bits(different);
}

// The lanes with a = 0, and with a = b, modulo p. Take |limbs| < 2^51.
[[gnu::always_inline]] inline Mask is_zero(const Field& a) {
  const Canonical c = reduce_fully(a);
  Lanes any = c.limb[0];
  for (int k = 1; k < kLimbs; ++k) any = _mm256_or_si256(any, c.limb[k]);
  return no_bits(any);
}
[[gnu::always_inline]] inline Mask is_equal(const Field& a, const Field& b) { return is_zero(subtract(a, b)); }

// The lanes whose element is odd in its canonical form: the sign of RFC 8032. Takes |limbs| < 2^51.
[[gnu::always_inline]] inline Mask is_odd(const Field& a) {
  return top_bits(_mm256_slli_epi64(reduce_fully(a).limb[0], 63));
}

// The lanes whose bit 255 is set; and the same bytes with it set, besides, in the lanes of the mask.
[[gnu::always_inline]] inline Mask sign_of(const Words& words) { return top_bits(words.word[3]); }
[[gnu::always_inline]] inline Words set_sign(Words words, Mask mask) {
  words.word[3] = _mm256_or_si256(words.word[3], _mm256_slli_epi64(expand(mask), 63));
  return words;
}

// The lanes whose low 255 bits are a number below p.
[[gnu::always_inline]] inline Mask is_canonical_y(const Words& words) {
  const Lanes top = _mm256_or_si256(words.word[3], all(std::uint64_t{1} << 63));
  const Lanes ones = _mm256_and_si256(_mm256_and_si256(words.word[1], words.word[2]), top);
  // Unsigned word[0] > 2^64 − 20: the comparison is a signed one.
  const Lanes turned = _mm256_xor_si256(words.word[0], all(std::uint64_t{1} << 63));
  const Lanes at_least = _mm256_cmpgt_epi64(turned, all((std::uint64_t{0} - 20) ^ std::uint64_t{1} << 63));
  return complement(top_bits(_mm256_and_si256(_mm256_cmpeq_epi64(ones, all(~std::uint64_t{0})), at_least)));
}

// --- Elements in memory, lane by lane ---------------------------------------------------------------------------------

// The words that kFields elements of a lane take in memory: their limbs one after the other, then words that are 0, to
// whole cache lines.
template <int kFields>
constexpr int kFieldsWords = (kFields * kLimbs + 7) / 8 * 8;

// words[k] gets word k of each lane; and the opposite. Addresses that 64 divides.
template <int kWords>
[[gnu::always_inline]] inline void load_rows(const std::uint64_t* const* from, Lanes (&words)[kWords]) {
  for (int k = 0; k < kWords; k += 2) {
    const auto pair = [&](int i) { return _mm_load_si128(reinterpret_cast<const __m128i*>(from[i] + k)); };
    const Lanes even = _mm256_inserti128_si256(_mm256_castsi128_si256(pair(0)), pair(2), 1);
    const Lanes odd = _mm256_inserti128_si256(_mm256_castsi128_si256(pair(1)), pair(3), 1);
    words[k] = _mm256_unpacklo_epi64(even, odd);
    words[k + 1] = _mm256_unpackhi_epi64(even, odd);
  }
}
template <int kWords>
[[gnu::always_inline]] inline void store_rows(std::uint64_t* const* to, const Lanes (&words)[kWords]) {
  Lanes rows[kLanes];
  for (int k = 0; k < kWords; k += kLanes) {
    transpose(words + k, rows);
    for (int i = 0; i < kLanes; ++i) store(to[i] + k, rows[i]);
  }
}

// out[n] gets element n of each lane, out of the memory of the lane: from[i], 64-byte aligned. The words behind the limbs
// are not used. Limbs as store_own_fields took them: for memory that nobody else writes, of no form but the backend's own.
template <int kFields>
[[gnu::always_inline]] inline void load_own_fields(const std::uint64_t* const* from, Field (&out)[kFields]) {
  Lanes words[kFieldsWords<kFields>];
  load_rows(from, words);
  for (int n = 0; n < kFields; ++n) {
    for (int k = 0; k < kLimbs; ++k) out[n].limb[k] = _mm256_castsi256_pd(words[n * kLimbs + k]);
  }
}

// The opposite. Any limbs.
template <int kFields>
[[gnu::always_inline]] inline void store_own_fields(std::uint64_t* const* to, const Field (&fields)[kFields]) {
  Lanes words[kFieldsWords<kFields>];
  for (int k = 0; k < kFieldsWords<kFields>; ++k) {
    words[k] = k < kFields * kLimbs ? _mm256_castpd_si256(fields[k / kLimbs].limb[k % kLimbs]) : all(std::uint64_t{0});
  }
  store_rows(to, words);
}

// The same in the form of tables (tables/table_format.h). Every limb is taken modulo 2^51: whatever memory holds, the limbs
// are from 0 to below 2^51.
template <int kFields>
[[gnu::always_inline]] inline void load_fields(const std::uint64_t* const* from, Field (&out)[kFields]) {
  Lanes words[kFieldsWords<kFields>];
  load_rows(from, words);
  for (int n = 0; n < kFields; ++n) {
    for (int k = 0; k < kLimbs; ++k) {
      out[n].limb[k] = to_double(_mm256_and_si256(words[n * kLimbs + k], all(kLimbMask)));
    }
  }
}

// Limb k as the word that stands for it in a table. Takes limbs from 0 to below 2^51.
[[gnu::always_inline]] inline Lanes word_of(const Field& a, int k) {
  return _mm256_xor_si256(_mm256_castpd_si256(_mm256_add_pd(a.limb[k], same(kUnit))), all(kUnitBits));
}

// The opposite of load_fields. Takes limbs from 0 to below 2^51.
template <int kFields>
[[gnu::always_inline]] inline void store_fields(std::uint64_t* const* to, const Field (&fields)[kFields]) {
  Lanes words[kFieldsWords<kFields>];
  for (const Field& field : fields) expect_within("store_fields", field.limb, 0, std::int64_t{1} << kLimbBits);
  for (int k = 0; k < kFieldsWords<kFields>; ++k) {
    words[k] = k < kFields * kLimbs ? word_of(fields[k / kLimbs], k % kLimbs) : all(std::uint64_t{0});
  }
  store_rows(to, words);
}

}  // namespace
}  // namespace electra::crypto::avx2

#include "crypto-offload/lanes/powers.h"
