// The other half of field.h, which includes it at its end: elements as bytes and in memory, their canonical form, and
// comparisons. The rules of field.h hold here too.
#pragma once

#ifndef ELECTRA_LANES
#error "include field.h"
#endif

#include "crypto-offload/avx2/field.h"
#include "crypto-offload/avx2/transpose.h"

namespace electra::crypto::avx2 {
namespace {

// --- Bytes, canonical form, comparisons -------------------------------------------------------------------------------

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
