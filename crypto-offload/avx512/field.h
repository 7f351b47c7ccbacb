// Arithmetic modulo p = 2^255 − 19 in eight lanes at once, with AVX-512 IFMA: one lane is one element. The field that the
// algorithms of lanes/ are written over, as each backend has one under the same names: it defines ELECTRA_LANES, which is
// its namespace, and kLanes.
//
// An element is five limbs of 51 bits, least significant first, each limb a vector of eight lanes. Limbs may be larger
// than 51 bits; how much larger is the contract of every function, written beside it, and checked on every call when
// ELECTRA_CHECK_LIMB_RANGES is defined (the tests do). Four bounds are enough, each an exclusive one for a limb:
//   carried   2^51 + 2^16    what `carry` gives, and with it every function that returns a Field, if nothing else is said
//   factor    2^52           what a multiplier takes: the instruction reads 52 bits of a limb and ignores the rest
//   product   2^61 − 2^15    a product that was not carried, and twice one of carried factors
//   wide      2^62           a sum or difference of two such: what `carry` takes
// A formula adds and subtracts products before it carries them, so that a sum costs no carry of its own.
//
// Nothing here branches or reads memory by a value. Everything has internal linkage and is compiled for instructions
// that not every machine has: include this only in files that run after the CPU was asked, and that include nothing with
// inline functions which other files could share. The instructions needed are AVX-512 F, DQ and IFMA.
#pragma once

#ifdef ELECTRA_LANES
#error "one backend in a translation unit"
#endif
#define ELECTRA_LANES avx512

#include <immintrin.h>

#include <cstdint>

#include "crypto-offload/avx512/transpose.h"
#include "crypto-offload/lanes/curve.h"

namespace electra::crypto::avx512 {
namespace {

using Lanes = __m512i;  // 64 bits of each of eight lanes
using Mask = __mmask8;  // bit i stands for lane i; a function that gives a mask leaves the bits beyond kLanes 0

constexpr int kLanes = 8;
constexpr Mask kAllLanes = 0xff;

constexpr std::uint64_t kCarriedBound = (std::uint64_t{1} << 51) + (1 << 16);
constexpr std::uint64_t kFactorBound = std::uint64_t{1} << 52;
constexpr std::uint64_t kProductBound = (std::uint64_t{1} << 61) - (1 << 15);
constexpr std::uint64_t kWideBound = std::uint64_t{1} << 62;

// An element whose limbs are below the factor bound.
struct Field {
  Lanes limb[kLimbs];
};

// An element that waits for its carry: limbs below the wide bound. No multiplier takes it.
struct Wide {
  Lanes limb[kLimbs];
};

// 32 bytes of each lane, as four little-endian words.
struct Words {
  Lanes word[4];
};

#ifdef ELECTRA_CHECK_LIMB_RANGES
// Given by whoever asks for the check. `limbs` are five vectors.
void check_limbs(const char* function, const std::uint64_t (*limbs)[kLanes], std::uint64_t bound);

[[gnu::always_inline]] inline void expect_below(const char* function, const Lanes* limbs, std::uint64_t bound) {
  alignas(64) std::uint64_t stored[kLimbs][kLanes];
  for (int k = 0; k < kLimbs; ++k) _mm512_store_si512(stored[k], limbs[k]);
  check_limbs(function, stored, bound);
}
#else
[[gnu::always_inline]] inline void expect_below(const char*, const Lanes*, std::uint64_t) {}
#endif

[[gnu::always_inline]] inline Lanes all(std::uint64_t x) { return _mm512_set1_epi64(static_cast<long long>(x)); }

// A word of each lane, in order, at an address that the size of Lanes divides.
[[gnu::always_inline]] inline Lanes load(const std::uint64_t* words) { return _mm512_load_si512(words); }
[[gnu::always_inline]] inline void store(std::uint64_t* words, Lanes lanes) { _mm512_store_si512(words, lanes); }

// x + y and x · y of each lane, modulo 2^64.
[[gnu::always_inline]] inline Lanes add_words(Lanes x, Lanes y) { return _mm512_add_epi64(x, y); }
[[gnu::always_inline]] inline Lanes multiply_words(Lanes x, Lanes y) { return _mm512_mullo_epi64(x, y); }

// The lanes that are not in the mask.
[[gnu::always_inline]] inline Mask complement(Mask mask) { return static_cast<Mask>(~mask & kAllLanes); }

// The same element in all lanes. Limbs as given.
[[gnu::always_inline]] inline Field all(const std::uint64_t (&limbs)[kLimbs]) {
  return {{all(limbs[0]), all(limbs[1]), all(limbs[2]), all(limbs[3]), all(limbs[4])}};
}

// The number n in all lanes.
[[gnu::always_inline]] inline Field small(std::uint32_t n) { return {{all(n), all(0), all(0), all(0), all(0)}}; }
[[gnu::always_inline]] inline Field zero() { return small(0); }
[[gnu::always_inline]] inline Field one() { return small(1); }

// --- Carrying, sums and differences -----------------------------------------------------------------------------------

// The same element with limbs below the carried bound. Takes limbs < 2^62; what leaves a limb is then < 2^11, and
// 19 · 2^11 < 2^16 comes back to limb 0.
[[gnu::always_inline]] inline Field carry(const Wide& a) {
  expect_below("carry", a.limb, kWideBound);
  const Lanes mask = all(kLimbMask);
  Lanes up[kLimbs];
  for (int k = 0; k < kLimbs; ++k) up[k] = _mm512_srli_epi64(a.limb[k], kLimbBits);
#ifdef ELECTRA_CANARY
  // A fault planted for scripts/canary: lane 5 loses the carry into a limb whose low 20 bits are ones, which spoils about
  // one signature in two thousand.
  const Mask lost = _mm512_mask_cmpeq_epi64_mask(1 << 5, _mm512_and_si512(a.limb[3], all(0xfffff)), all(0xfffff));
  up[2] = _mm512_mask_mov_epi64(up[2], lost, all(0));
#endif
  Field out;
  out.limb[0] = _mm512_madd52lo_epu64(_mm512_and_si512(a.limb[0], mask), up[4], all(19));
  for (int k = 1; k < kLimbs; ++k) out.limb[k] = _mm512_add_epi64(_mm512_and_si512(a.limb[k], mask), up[k - 1]);
  expect_below("carry: result", out.limb, kCarriedBound);
  return out;
}

// Takes limbs < 2^52.
[[gnu::always_inline]] inline Wide widen(const Field& a) {
  expect_below("widen", a.limb, kFactorBound);
  return {{a.limb[0], a.limb[1], a.limb[2], a.limb[3], a.limb[4]}};
}

// a + b, not carried. Takes products (limbs < 2^61 − 2^15), gives limbs < 2^62.
[[gnu::always_inline]] inline Wide add_wide(const Wide& a, const Wide& b) {
  expect_below("add_wide: a", a.limb, kProductBound);
  expect_below("add_wide: b", b.limb, kProductBound);
  Wide out;
  for (int k = 0; k < kLimbs; ++k) out.limb[k] = _mm512_add_epi64(a.limb[k], b.limb[k]);
  return out;
}

// a − b, not carried. Takes products (limbs < 2^61 − 2^15), gives limbs < 2^62: 2^10 · p is added, the limbs of which are
// 2^61 − 19 · 2^10 and four times 2^61 − 2^10.
[[gnu::always_inline]] inline Wide subtract_wide(const Wide& a, const Wide& b) {
  expect_below("subtract_wide: a", a.limb, kProductBound);
  expect_below("subtract_wide: b", b.limb, kProductBound);
  Wide out;
  for (int k = 0; k < kLimbs; ++k) {
    const Lanes bias = all((kLimbMask - (k == 0 ? 18 : 0)) << 10);
    out.limb[k] = _mm512_add_epi64(a.limb[k], _mm512_sub_epi64(bias, b.limb[k]));
  }
  return out;
}

// 2a, not carried. Takes limbs < 2^60 − 2^14, which every product of carried factors keeps; gives a product.
[[gnu::always_inline]] inline Wide twice_wide(const Wide& a) {
  Wide out;
  for (int k = 0; k < kLimbs; ++k) out.limb[k] = _mm512_add_epi64(a.limb[k], a.limb[k]);
  expect_below("twice_wide: result", out.limb, kProductBound);
  return out;
}

// Take limbs < 2^52, give carried limbs.
[[gnu::always_inline]] inline Field add(const Field& a, const Field& b) { return carry(add_wide(widen(a), widen(b))); }
[[gnu::always_inline]] inline Field subtract(const Field& a, const Field& b) {
  return carry(subtract_wide(widen(a), widen(b)));
}
[[gnu::always_inline]] inline Field negate(const Field& a) { return subtract(zero(), a); }

// −a in the lanes of the mask, a in the others, without a carry: takes carried limbs, gives limbs < 2^52, because in 2p
// they are 2^52 − 38 and four times 2^52 − 2.
[[gnu::always_inline]] inline Field negate_where(Mask mask, const Field& a) {
  expect_below("negate_where", a.limb, kCarriedBound);
  Field out;
  for (int k = 0; k < kLimbs; ++k) {
    const Lanes twice_p = all(2 * (kLimbMask - (k == 0 ? 18 : 0)));
    out.limb[k] = _mm512_mask_sub_epi64(a.limb[k], mask, twice_p, a.limb[k]);
  }
  expect_below("negate_where: result", out.limb, kFactorBound);
  return out;
}

// b in the lanes of the mask, a in the others. Any limbs.
[[gnu::always_inline]] inline Field select(Mask mask, const Field& a, const Field& b) {
  Field out;
  for (int k = 0; k < kLimbs; ++k) out.limb[k] = _mm512_mask_blend_epi64(mask, a.limb[k], b.limb[k]);
  return out;
}

// --- Products ---------------------------------------------------------------------------------------------------------

// Ten columns of 51 bits to five limbs. A column is low[k] + 2 · high[k − 1]: the high half of a product of limbs starts
// at bit 52, which is twice the next column. Columns 5 to 9 return 19-fold, as 2^255 = 19 modulo p. With factors < 2^52
// column 5 is the largest, 4 low and 5 high halves; limb 0 is then < (1 + 19 · 14) · 2^52 < 2^60.1. With carried
// factors a high half is < 2^50.1, and limb 0 < (1 + 19 · 6.6) · 2^52 < 2^59.
[[gnu::always_inline]] inline Wide fold(const Lanes (&low)[9], const Lanes (&high)[9]) {
  Lanes nineteen = all(19);
  asm("" : "+v"(nineteen));  // else g++ makes five slower instructions of each multiplication: 9.4 ns for 7.4
  Wide out;
  for (int k = 0; k < kLimbs; ++k) {
    Lanes upper = _mm512_add_epi64(high[k + 4], high[k + 4]);
    if (k < 4) upper = _mm512_add_epi64(upper, low[k + 5]);
    Lanes lower = low[k];
    if (k > 0) lower = _mm512_add_epi64(lower, _mm512_add_epi64(high[k - 1], high[k - 1]));
    out.limb[k] = _mm512_add_epi64(lower, _mm512_mullo_epi64(upper, nineteen));
  }
  expect_below("fold: result", out.limb, kProductBound);
  return out;
}

// a · b, not carried. Takes limbs < 2^52, gives limbs < 2^60.1; < 2^59 if both were carried, < 2^59.5 if one was.
[[gnu::always_inline]] inline Wide multiply_wide(const Field& a, const Field& b) {
  expect_below("multiply: a", a.limb, kFactorBound);
  expect_below("multiply: b", b.limb, kFactorBound);
  Lanes low[9], high[9];
  for (int k = 0; k < 9; ++k) low[k] = high[k] = all(0);
  for (int i = 0; i < kLimbs; ++i) {
    for (int j = 0; j < kLimbs; ++j) {
      low[i + j] = _mm512_madd52lo_epu64(low[i + j], a.limb[i], b.limb[j]);
      high[i + j] = _mm512_madd52hi_epu64(high[i + j], a.limb[i], b.limb[j]);
    }
  }
  return fold(low, high);
}

// a², not carried: 15 products for 25, those of different limbs doubled after they were summed. Ranges as above.
[[gnu::always_inline]] inline Wide square_wide(const Field& a) {
  expect_below("square", a.limb, kFactorBound);
  Lanes low[9], high[9];
  for (int k = 0; k < 9; ++k) low[k] = high[k] = all(0);
  for (int i = 0; i < kLimbs; ++i) {
    for (int j = i + 1; j < kLimbs; ++j) {
      low[i + j] = _mm512_madd52lo_epu64(low[i + j], a.limb[i], a.limb[j]);
      high[i + j] = _mm512_madd52hi_epu64(high[i + j], a.limb[i], a.limb[j]);
    }
  }
  for (int k = 1; k < 8; ++k) {
    low[k] = _mm512_add_epi64(low[k], low[k]);
    high[k] = _mm512_add_epi64(high[k], high[k]);
  }
  for (int i = 0; i < kLimbs; ++i) {
    low[2 * i] = _mm512_madd52lo_epu64(low[2 * i], a.limb[i], a.limb[i]);
    high[2 * i] = _mm512_madd52hi_epu64(high[2 * i], a.limb[i], a.limb[i]);
  }
  return fold(low, high);
}

// Take limbs < 2^52, give carried limbs.
[[gnu::always_inline]] inline Field multiply(const Field& a, const Field& b) { return carry(multiply_wide(a, b)); }
[[gnu::always_inline]] inline Field square(const Field& a) { return carry(square_wide(a)); }

// --- Bytes, canonical form, comparisons -------------------------------------------------------------------------------

// 32 bytes of each lane to words; in[i] is lane i and needs no alignment.
[[gnu::always_inline]] inline Words load_words(const std::uint8_t* const* in) {
  Lanes pairs[4];  // pairs[i]: words 0 to 3 of lane i, then of lane i + 4
  for (int i = 0; i < 4; ++i) {
    const __m256i first = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in[i]));
    const __m256i second = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in[i + 4]));
    pairs[i] = _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
  }
  const Lanes low01 = _mm512_unpacklo_epi64(pairs[0], pairs[1]), high01 = _mm512_unpackhi_epi64(pairs[0], pairs[1]);
  const Lanes low23 = _mm512_unpacklo_epi64(pairs[2], pairs[3]), high23 = _mm512_unpackhi_epi64(pairs[2], pairs[3]);
  const Lanes first = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
  const Lanes last = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
  return {{_mm512_permutex2var_epi64(low01, first, low23), _mm512_permutex2var_epi64(high01, first, high23),
           _mm512_permutex2var_epi64(low01, last, low23), _mm512_permutex2var_epi64(high01, last, high23)}};
}

// The opposite: out[i] takes the 32 bytes of lane i.
[[gnu::always_inline]] inline void store_words(std::uint8_t* const* out, const Words& words) {
  const Lanes* w = words.word;
  const Lanes low01 = _mm512_unpacklo_epi64(w[0], w[1]), high01 = _mm512_unpackhi_epi64(w[0], w[1]);
  const Lanes low23 = _mm512_unpacklo_epi64(w[2], w[3]), high23 = _mm512_unpackhi_epi64(w[2], w[3]);
  const Lanes first = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
  const Lanes last = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
  const Lanes pairs[4] = {
      _mm512_permutex2var_epi64(low01, first, low23), _mm512_permutex2var_epi64(high01, first, high23),
      _mm512_permutex2var_epi64(low01, last, low23), _mm512_permutex2var_epi64(high01, last, high23)};
  for (int i = 0; i < 4; ++i) {  // pairs[i]: lane i, then lane i + 4
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out[i]), _mm512_castsi512_si256(pairs[i]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out[i + 4]), _mm512_extracti64x4_epi64(pairs[i], 1));
  }
}

// The element that the low 255 bits name, canonical or not; bit 255 is ignored. Gives limbs < 2^51.
[[gnu::always_inline]] inline Field from_words(const Words& words) {
  const Lanes* w = words.word;
  const Lanes mask = all(kLimbMask);
  constexpr int kOrThenAnd = 0xa8;  // (x | y) & z
  return {{_mm512_and_si512(w[0], mask),
           _mm512_ternarylogic_epi64(_mm512_srli_epi64(w[0], 51), _mm512_slli_epi64(w[1], 13), mask, kOrThenAnd),
           _mm512_ternarylogic_epi64(_mm512_srli_epi64(w[1], 38), _mm512_slli_epi64(w[2], 26), mask, kOrThenAnd),
           _mm512_ternarylogic_epi64(_mm512_srli_epi64(w[2], 25), _mm512_slli_epi64(w[3], 39), mask, kOrThenAnd),
           _mm512_and_si512(_mm512_srli_epi64(w[3], 12), mask)}};
}

// The one representation below p, limbs < 2^51. Takes carried limbs, whose value is below 2p: so it is ≥ p exactly if
// adding 19 reaches bit 255.
[[gnu::always_inline]] inline Field canonical(const Field& a) {
  expect_below("canonical", a.limb, kCarriedBound);
  const Lanes mask = all(kLimbMask);
  Lanes up = all(19);
  for (int k = 0; k < kLimbs; ++k) up = _mm512_srli_epi64(_mm512_add_epi64(a.limb[k], up), kLimbBits);
  up = _mm512_madd52lo_epu64(all(0), up, all(19));
  Field out;
  for (int k = 0; k < kLimbs; ++k) {
    const Lanes sum = _mm512_add_epi64(a.limb[k], up);
    out.limb[k] = _mm512_and_si512(sum, mask);
    up = _mm512_srli_epi64(sum, kLimbBits);
  }
  expect_below("canonical: result", out.limb, kLimbMask + 1);
  return out;
}

// The canonical 32 bytes, with bit 255 clear. Takes carried limbs.
[[gnu::always_inline]] inline Words encode(const Field& a) {
  const Field c = canonical(a);
  const Lanes* l = c.limb;
  return {{_mm512_or_si512(l[0], _mm512_slli_epi64(l[1], 51)),
           _mm512_or_si512(_mm512_srli_epi64(l[1], 13), _mm512_slli_epi64(l[2], 38)),
           _mm512_or_si512(_mm512_srli_epi64(l[2], 26), _mm512_slli_epi64(l[3], 25)),
           _mm512_or_si512(_mm512_srli_epi64(l[3], 39), _mm512_slli_epi64(l[4], 12))}};
}

// The lanes whose 32 bytes are the same.
[[gnu::always_inline]] inline Mask equal_words(const Words& a, const Words& b) {
  Lanes different = _mm512_xor_si512(a.word[0], b.word[0]);
  for (int k = 1; k < 4; ++k) different = _mm512_or_si512(different, _mm512_xor_si512(a.word[k], b.word[k]));
  return _mm512_testn_epi64_mask(different, different);
}

// The lanes with a = 0, modulo p. Takes carried limbs.
[[gnu::always_inline]] inline Mask is_zero(const Field& a) {
  const Field c = canonical(a);
  const Lanes any = _mm512_or_si512(_mm512_or_si512(_mm512_or_si512(c.limb[0], c.limb[1]), c.limb[2]),
                                    _mm512_or_si512(c.limb[3], c.limb[4]));
  return _mm512_testn_epi64_mask(any, any);
}
// The lanes with a = b modulo p. Takes limbs < 2^52.
[[gnu::always_inline]] inline Mask is_equal(const Field& a, const Field& b) { return is_zero(subtract(a, b)); }

// The lanes whose element is odd in its canonical form: the sign of RFC 8032. Takes carried limbs.
[[gnu::always_inline]] inline Mask is_odd(const Field& a) {
  return _mm512_test_epi64_mask(canonical(a).limb[0], all(1));
}

// The lanes whose bit 255 is set; and the same bytes with it set, besides, in the lanes of the mask.
[[gnu::always_inline]] inline Mask sign_of(const Words& words) { return _mm512_movepi64_mask(words.word[3]); }
[[gnu::always_inline]] inline Words set_sign(Words words, Mask mask) {
  words.word[3] = _mm512_mask_or_epi64(words.word[3], mask, words.word[3], all(std::uint64_t{1} << 63));
  return words;
}

// The lanes whose low 255 bits are a number below p.
[[gnu::always_inline]] inline Mask is_canonical_y(const Words& words) {
  const Lanes top = _mm512_or_si512(words.word[3], all(std::uint64_t{1} << 63));
  const Lanes ones = _mm512_and_si512(_mm512_and_si512(words.word[1], words.word[2]), top);
  return complement(_mm512_cmpeq_epi64_mask(ones, all(~std::uint64_t{0})) &
                    _mm512_cmpge_epu64_mask(words.word[0], all(std::uint64_t{0} - 19)));
}

// --- Elements in memory, lane by lane ---------------------------------------------------------------------------------

// The words that kFields elements of a lane take in memory: their limbs one after the other, then words that are 0, to
// whole cache lines.
template <int kFields>
constexpr int kFieldsWords = (kFields * kLimbs + 7) / 8 * 8;

// out[n] gets element n of each lane, out of the memory of the lane: from[i], 64-byte aligned. The words behind the limbs
// are not used. Limbs as store_own_fields took them: for memory that nobody else writes, of no form but the backend's own.
template <int kFields>
[[gnu::always_inline]] inline void load_own_fields(const std::uint64_t* const* from, Field (&out)[kFields]) {
  Lanes rows[8], words[kFieldsWords<kFields>];
  for (int line = 0; line < kFieldsWords<kFields>; line += 8) {
    for (int i = 0; i < kLanes; ++i) rows[i] = _mm512_load_si512(from[i] + line);
    transpose(rows, words + line);
  }
  for (int n = 0; n < kFields; ++n) {
    for (int k = 0; k < kLimbs; ++k) out[n].limb[k] = words[n * kLimbs + k];
  }
}

// The opposite. Any limbs.
template <int kFields>
[[gnu::always_inline]] inline void store_own_fields(std::uint64_t* const* to, const Field (&fields)[kFields]) {
  Lanes words[kFieldsWords<kFields>], rows[8];
  for (int k = 0; k < kFieldsWords<kFields>; ++k) {
    words[k] = k < kFields * kLimbs ? fields[k / kLimbs].limb[k % kLimbs] : all(0);
  }
  for (int line = 0; line < kFieldsWords<kFields>; line += 8) {
    transpose(words + line, rows);
    for (int i = 0; i < kLanes; ++i) _mm512_store_si512(to[i] + line, rows[i]);
  }
}

// The same in the form of tables (tables/table_format.h). Every limb is taken modulo 2^51: whatever memory holds, the limbs
// are < 2^51.
template <int kFields>
[[gnu::always_inline]] inline void load_fields(const std::uint64_t* const* from, Field (&out)[kFields]) {
  load_own_fields(from, out);
  for (Field& field : out) {
    for (Lanes& limb : field.limb) limb = _mm512_and_si512(limb, all(kLimbMask));
  }
}

// The opposite. Takes limbs < 2^51.
template <int kFields>
[[gnu::always_inline]] inline void store_fields(std::uint64_t* const* to, const Field (&fields)[kFields]) {
  for (const Field& field : fields) expect_below("store_fields", field.limb, kLimbMask + 1);
  store_own_fields(to, fields);
}

// Limb k as the word that stands for it in a table. Takes limbs < 2^51.
[[gnu::always_inline]] inline Lanes word_of(const Field& a, int k) { return a.limb[k]; }

}  // namespace
}  // namespace electra::crypto::avx512

#include "crypto-offload/lanes/powers.h"
