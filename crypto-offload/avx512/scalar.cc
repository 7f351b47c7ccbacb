// Limbs of 52 bits for the multiplier of AVX-512 IFMA, words of 64 bits for everything else. Compiled for AVX-512 F, BW,
// DQ, VL and IFMA: calls no inline function of a shared header, because the linker could keep this file's copy of it.
#include "crypto-offload/avx512/scalar.h"

#include <immintrin.h>

#include "crypto-offload/lanes/curve.h"

namespace electra::crypto::avx512 {
namespace {

using Word = __m512i;

constexpr int kLimbBits = 52;  // not the 51 of lanes/curve.h
constexpr std::uint64_t kLimbMask = (std::uint64_t{1} << kLimbBits) - 1;

// c = L − 2^252.
constexpr unsigned __int128 kC = static_cast<unsigned __int128>(kOrder[1]) << 64 | kOrder[0];
constexpr std::uint64_t limb_of_c(int low_bit) { return static_cast<std::uint64_t>(kC >> low_bit) & kLimbMask; }

// c, 2^8 · c and L in limbs.
constexpr std::uint64_t kCLimbs[3] = {limb_of_c(0), limb_of_c(52), limb_of_c(104)};
constexpr std::uint64_t k256CLimbs[3] = {limb_of_c(0) << 8 & kLimbMask, limb_of_c(44), limb_of_c(96)};
constexpr std::uint64_t kOrderLimbs[5] = {kCLimbs[0], kCLimbs[1], kCLimbs[2], 0, std::uint64_t{1} << 44};

[[gnu::always_inline]] inline Word all(std::uint64_t x) noexcept {
  return _mm512_set1_epi64(static_cast<long long>(x));
}
[[gnu::always_inline]] inline Word add(Word x, Word y) noexcept { return _mm512_add_epi64(x, y); }
[[gnu::always_inline]] inline Word sub(Word x, Word y) noexcept { return _mm512_sub_epi64(x, y); }
[[gnu::always_inline]] inline Word both(Word x, Word y) noexcept { return _mm512_and_si512(x, y); }

// product[i + j] and product[i + j + 1] grow by the halves of x[i] · y[j]. Limbs of x and y below 2^52; each of the
// product grows by less than 2 · min(kX, kY) · 2^52.
template <int kX, int kY, int kProduct>
[[gnu::always_inline]] inline void add_product(Word* product, const Word* x, const std::uint64_t* y) noexcept {
  for (int i = 0; i < kX; ++i) {
    for (int j = 0; j < kY; ++j) {
      const Word factor = all(y[j]);
      product[i + j] = _mm512_madd52lo_epu64(product[i + j], x[i], factor);
      if (i + j + 1 < kProduct) product[i + j + 1] = _mm512_madd52hi_epu64(product[i + j + 1], x[i], factor);
    }
  }
}

// Limbs 0 to kLimbs − 2 to [0, 2^52), what is beyond goes to the last. Signed limbs of absolute value below 2^62.
template <int kLimbs>
[[gnu::always_inline]] inline void carry(Word* limbs) noexcept {
  for (int i = 0; i + 1 < kLimbs; ++i) {
    limbs[i + 1] = add(limbs[i + 1], _mm512_srai_epi64(limbs[i], kLimbBits));
    limbs[i] = both(limbs[i], all(kLimbMask));
  }
}

// 4 words to 5 limbs, or 8 to 10.
template <int kWords>
[[gnu::always_inline]] inline void to_limbs(const LaneWords<kWords>& values, Word* limbs) noexcept {
  Word words[kWords];
  for (int k = 0; k < kWords; ++k) words[k] = _mm512_load_si512(values.word[k]);
  for (int i = 0; i < kWords * 5 / 4; ++i) {
    const int word = i * kLimbBits / 64;
    const unsigned low_bit = static_cast<unsigned>(i * kLimbBits % 64);
    Word limb = _mm512_srli_epi64(words[word], low_bit);
    if (low_bit > 64 - kLimbBits && word + 1 < kWords) {
      limb = _mm512_or_si512(limb, _mm512_slli_epi64(words[word + 1], 64 - low_bit));
    }
    limbs[i] = both(limb, all(kLimbMask));
  }
}

// 5 limbs below 2^52, together below 2^256, to 4 words.
[[gnu::always_inline]] inline void from_limbs(const Word* limbs, LaneWords<4>* out) noexcept {
  for (int k = 0; k < 4; ++k) {
    const Word low = _mm512_srli_epi64(limbs[k], static_cast<unsigned>(12 * k));
    const Word high = _mm512_slli_epi64(limbs[k + 1], static_cast<unsigned>(52 - 12 * k));
    _mm512_store_si512(out->word[k], _mm512_or_si512(low, high));
  }
}

[[gnu::always_inline]] inline void load_words(const LaneWords<4>& from, Word* words) noexcept {
  for (int k = 0; k < 4; ++k) words[k] = _mm512_load_si512(from.word[k]);
}

// 2^260 = −2^8 c and 2^252 = −c modulo L:
//   value = high · 2^260 + low; 2^8 c · high = high' · 2^260 + low'; so value = low − low' + 2^8 c · high'.
// With 2^8 L added that lies in (0, 2^262), and the bits from 252 on are folded once more. Takes 10 limbs below 2^52,
// together below 2^512.
[[gnu::always_inline]] inline void reduce_limbs(const Word* x, LaneWords<4>* out) noexcept {
  Word first[8];
  for (Word& limb : first) limb = _mm512_setzero_si512();
  add_product<5, 3, 8>(first, x + 5, k256CLimbs);
  carry<8>(first);
  Word r[5];
  for (int i = 0; i < 5; ++i) r[i] = sub(x[i], first[i]);
  for (int i = 0; i < 3; ++i) r[i] = add(r[i], all(k256CLimbs[i]));
  r[4] = add(r[4], all(std::uint64_t{1} << kLimbBits));  // 2^260
  add_product<3, 3, 5>(r, first + 5, k256CLimbs);
  carry<5>(r);

  const Word top = _mm512_srli_epi64(r[4], 44);  // below 2^10
  r[4] = both(r[4], all((std::uint64_t{1} << 44) - 1));
  Word folded[4];
  for (Word& limb : folded) limb = _mm512_setzero_si512();
  add_product<1, 3, 4>(folded, &top, kCLimbs);
  for (int i = 0; i < 4; ++i) r[i] = sub(r[i], folded[i]);
  carry<5>(r);
  // In (−2^135, 2^252): below L, but perhaps negative.
  const __mmask8 negative = _mm512_movepi64_mask(r[4]);
  for (int i = 0; i < 5; ++i) r[i] = _mm512_mask_add_epi64(r[i], negative, r[i], all(kOrderLimbs[i]));
  carry<5>(r);
  from_limbs(r, out);
}

// x + L where `lanes` is set, modulo 2^256.
[[gnu::always_inline]] inline void add_order(Word* x, __mmask8 lanes) noexcept {
  const Word zero = _mm512_setzero_si512();
  __mmask8 carried = 0;
  for (int k = 0; k < 4; ++k) {
    const Word addend = _mm512_maskz_mov_epi64(lanes, all(kOrder[k]));
    const Word sum = add(x[k], addend);
    __mmask8 carries = _mm512_cmplt_epu64_mask(sum, addend);
    x[k] = _mm512_mask_add_epi64(sum, carried, sum, all(1));
    carries = static_cast<__mmask8>(carries | _mm512_mask_cmpeq_epu64_mask(carried, x[k], zero));
    carried = carries;
  }
}

// In each word, the 8 × 8 bits whose row i is byte i: bit r of byte i to bit i of byte r (Hacker's Delight, 7-3).
[[gnu::always_inline]] inline Word transpose_bits(Word x) noexcept {
  const auto exchange = [&x]<unsigned kShift>(std::uint64_t mask) __attribute__((always_inline)) {
    const Word difference = both(_mm512_xor_si512(x, _mm512_srli_epi64(x, kShift)), all(mask));
    x = _mm512_xor_si512(x, _mm512_xor_si512(difference, _mm512_slli_epi64(difference, kShift)));
  };
  exchange.template operator()<7>(0x00aa00aa00aa00aa);
  exchange.template operator()<14>(0x0000cccc0000cccc);
  exchange.template operator()<28>(0x00000000f0f0f0f0);
  return x;
}

constexpr std::uint32_t kSignWords = kCombBitsMax / 64;
constexpr long long kSecond = 0x0808080808080808;  // from the first to the second half of 16 bytes

// u of comb_shape.h.
[[gnu::always_inline]] inline void signs_of(const LaneWords<4>& scalars, std::uint32_t bits, Word* u) noexcept {
  Word h[4];
  load_words(scalars, h);
  add_order(h, _mm512_testn_epi64_mask(h[0], all(1)));
  for (int k = 0; k < 3; ++k) u[k] = _mm512_or_si512(_mm512_srli_epi64(h[k], 1), _mm512_slli_epi64(h[k + 1], 63));
  u[3] = _mm512_srli_epi64(h[3], 1);
  u[4] = _mm512_setzero_si512();
  const std::uint32_t top = bits - 1;
  u[top / 64] = _mm512_or_si512(u[top / 64], all(std::uint64_t{1} << top % 64));
}

// The digits of a row, from its bits: tooth i of table j is bit j · teeth + i. The shape comes by value: a reference would
// be read again after each byte written.
[[gnu::always_inline]] inline void write_row(Word row, CombShape shape, std::uint32_t digit, CombDigits* out) noexcept {
  const std::uint64_t half = std::uint64_t{1} << (shape.teeth - 1);
  const Word top = all(half), below = all(half - 1);
  for (std::uint32_t table = 0; table < shape.tables; ++table) {
    const __mmask8 negative = _mm512_testn_epi64_mask(row, top);
    const Word turned = _mm512_mask_xor_epi64(row, negative, row, below);
    const Word entry = add(both(turned, below), all(table * half));
    _mm_store_si128(reinterpret_cast<__m128i*>(out->entry[digit + table]), _mm512_cvtepi64_epi16(entry));
    out->negative[digit + table] = negative;
    row = _mm512_srl_epi64(row, _mm_cvtsi32_si128(static_cast<int>(shape.teeth)));
  }
}

// Rows first to first + 7 out of their bytes: byte k of u, of kSignWords words, is column k.
[[gnu::always_inline]] inline void recode_8_rows(const Word* u, CombShape shape, std::uint32_t first,
                                                 CombDigits* out) noexcept {
  Word bytes[kSignWords];
  for (std::uint32_t k = 0; k < kSignWords; ++k) bytes[k] = transpose_bits(u[k]);
  const Word mask = all(0xff);
  for (std::uint32_t r = 0; r < 8; ++r) {
    Word row = _mm512_setzero_si512();
    for (std::uint32_t k = 0; k < kSignWords; ++k) {
      row = _mm512_or_si512(row, _mm512_slli_epi64(both(bytes[k], mask), 8 * k));
      bytes[k] = _mm512_srli_epi64(bytes[k], 8);
    }
    write_row(row, shape, (first + r) * shape.tables, out);
  }
}

// 8 · kGroups rows: bytes q, q + kGroups, q + 2 kGroups … of u are the columns of rows 8 q to 8 q + 7.
template <std::uint32_t kGroups>
void recode_groups_of_8_rows(const Word* u, CombShape shape, CombDigits* out) noexcept {
  static_assert(kGroups == 1 || kGroups == 2 || kGroups == 4 || kGroups == 8);
  constexpr std::uint32_t kPiece = 8 / kGroups;  // bytes of a word that belong to a group
  // By kGroups: which byte of a word goes where, so that those of a group are together.
  constexpr std::uint64_t kOrders[9] = {0, 0x0706050403020100, 0x0705030106040200, 0, 0x0703060205010400, 0, 0,
                                        0, 0x0706050403020100};
  const Word order =
      _mm512_or_si512(all(kOrders[kGroups]), _mm512_set_epi64(kSecond, 0, kSecond, 0, kSecond, 0, kSecond, 0));
  Word sorted[kSignWords];  // piece q of each word belongs to group q
  for (std::uint32_t k = 0; k < kSignWords; ++k) sorted[k] = _mm512_shuffle_epi8(u[k], order);
  const Word mask = all(~std::uint64_t{0} >> (64 - 8 * kPiece));
  for (std::uint32_t q = 0; q < kGroups; ++q) {
    Word columns[kSignWords];
    for (Word& word : columns) word = _mm512_setzero_si512();
    for (std::uint32_t k = 0; k < kSignWords; ++k) {
      const Word piece = both(_mm512_srli_epi64(sorted[k], 8 * kPiece * q), mask);
      Word& word = columns[k * kPiece / 8];
      word = _mm512_or_si512(word, _mm512_slli_epi64(piece, 8 * (k * kPiece % 8)));
    }
    recode_8_rows(columns, shape, 8 * q, out);
  }
}

// Any number of rows: bit by bit.
void recode_any_rows(const Word* u, CombShape shape, CombDigits* out) noexcept {
  const Word one = all(1);
  const std::uint32_t columns = shape.teeth * shape.tables;
  for (std::uint32_t r = 0; r < shape.rows; ++r) {
    Word row = _mm512_setzero_si512();
    for (std::uint32_t at = columns; at-- > 0;) {
      const std::uint32_t position = at * shape.rows + r;
      const Word shifted = _mm512_srl_epi64(u[position / 64], _mm_cvtsi32_si128(static_cast<int>(position % 64)));
      row = _mm512_ternarylogic_epi64(add(row, row), shifted, one, 0xf8);  // first | (second & third)
    }
    write_row(row, shape, r * shape.tables, out);
  }
}

}  // namespace

void reduce(const LaneWords<8>& values, LaneWords<4>* out) noexcept {
  Word x[10];
  to_limbs(values, x);
  reduce_limbs(x, out);
}

// (2^256 − 1)² + 2^256 − 1 < 2^512: any values may be multiplied and added.
void multiply_add(const LaneWords<4>& a, const LaneWords<4>& b, const LaneWords<4>& c, LaneWords<4>* out) noexcept {
  Word x[5], y[5], sum[10];
  to_limbs(a, x);
  to_limbs(b, y);
  to_limbs(c, sum);
  for (int i = 5; i < 10; ++i) sum[i] = _mm512_setzero_si512();
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 5; ++j) {
      sum[i + j] = _mm512_madd52lo_epu64(sum[i + j], x[i], y[j]);
      sum[i + j + 1] = _mm512_madd52hi_epu64(sum[i + j + 1], x[i], y[j]);
    }
  }
  carry<10>(sum);
  reduce_limbs(sum, out);
}

std::uint8_t below_order(const LaneWords<4>& values) noexcept {
  Word x[4];
  load_words(values, x);
  __mmask8 below = 0;
  for (int k = 0; k < 4; ++k) {
    const __mmask8 equal = _mm512_mask_cmpeq_epu64_mask(below, x[k], all(kOrder[k]));
    below = static_cast<__mmask8>(_mm512_cmplt_epu64_mask(x[k], all(kOrder[k])) | equal);
  }
  return below;
}

void sign_bits(const LaneWords<4>& scalars, LaneWords<4>* out) noexcept {
  Word u[kSignWords];
  signs_of(scalars, 256, u);
  for (int k = 0; k < 4; ++k) _mm512_store_si512(out->word[k], u[k]);
}

void recode(const LaneWords<4>& scalars, const CombShape& shape, CombDigits* out) noexcept {
  require_valid(shape);
  const std::uint32_t bits = shape.teeth * shape.rows * shape.tables;
  Word u[kSignWords];
  signs_of(scalars, bits, u);
  switch (shape.rows) {
    case 8:  return recode_groups_of_8_rows<1>(u, shape, out);
    case 16: return recode_groups_of_8_rows<2>(u, shape, out);
    case 32: return recode_groups_of_8_rows<4>(u, shape, out);
    case 64: return recode_groups_of_8_rows<8>(u, shape, out);
    default: return recode_any_rows(u, shape, out);
  }
}

}  // namespace electra::crypto::avx512
