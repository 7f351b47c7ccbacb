// Words of 64 bits: one lane after the other where numbers are multiplied or carried, four at once where bits are dealt
// out. Compiled for AVX2: calls no inline function of a shared header, because the linker could keep this file's copy.
#include "crypto-offload/avx2/scalar.h"

#include <immintrin.h>

#include "crypto-offload/lanes/curve.h"

namespace electra::crypto::avx2 {
namespace {

using Wide = unsigned __int128;
using Word = __m256i;

constexpr std::size_t kGroup = 8;
constexpr std::size_t kHalves = 2;  // of a group: vectors of four lanes

// L = 2^252 + c, where c are the lower two words of kOrder.
constexpr std::uint64_t kTwiceOrder[4] = {kOrder[0] << 1, kOrder[1] << 1 | kOrder[0] >> 63, kOrder[1] >> 63,
                                          kOrder[3] << 1};
static_assert(kOrder[2] == 0 && kOrder[3] == std::uint64_t{1} << 60);

// --- One lane ---------------------------------------------------------------------------------------------------------

// a + b and a − b modulo 2^256; the difference also gives 1 if a < b. a may be where the result goes.
[[gnu::always_inline]] inline void add(const std::uint64_t* a, const std::uint64_t* b, std::uint64_t* out) noexcept {
  std::uint64_t carry = 0;
  for (int k = 0; k < 4; ++k) {
    const Wide sum = Wide{a[k]} + b[k] + carry;
    out[k] = static_cast<std::uint64_t>(sum);
    carry = static_cast<std::uint64_t>(sum >> 64);
  }
}
[[gnu::always_inline]] inline std::uint64_t subtract(const std::uint64_t* a, const std::uint64_t* b,
                                                     std::uint64_t* out) noexcept {
  std::uint64_t borrow = 0;
  for (int k = 0; k < 4; ++k) {
    const Wide difference = Wide{a[k]} - b[k] - borrow;
    out[k] = static_cast<std::uint64_t>(difference);
    borrow = static_cast<std::uint64_t>(difference >> 64) & 1;
  }
  return borrow;
}

// a − b if that is not negative, else a.
[[gnu::always_inline]] inline void subtract_if_it_fits(std::uint64_t* a, const std::uint64_t* b) noexcept {
  std::uint64_t difference[4];
  const std::uint64_t keep = 0 - subtract(a, b, difference);
  for (int k = 0; k < 4; ++k) a[k] = (a[k] & keep) | (difference[k] & ~keep);
}

// x = low + 2^252 · high, and out = c · high. Words: kWords of x, kHigh that high needs, kHigh + 2 of out. x loses `high`.
template <int kWords, int kHigh>
[[gnu::always_inline]] inline void take_above_252(std::uint64_t* x, std::uint64_t* out) noexcept {
  std::uint64_t high[kHigh];
  for (int i = 0; i < kHigh; ++i) high[i] = x[i + 3] >> 60 | (i + 4 < kWords ? x[i + 4] << 4 : 0);
  x[3] &= (std::uint64_t{1} << 60) - 1;
  for (int i = 0; i < kHigh + 2; ++i) out[i] = 0;
  for (int j = 0; j < 2; ++j) {
    std::uint64_t carry = 0;
    for (int i = 0; i < kHigh; ++i) {
      const Wide sum = Wide{high[i]} * kOrder[j] + out[i + j] + carry;
      out[i + j] = static_cast<std::uint64_t>(sum);
      carry = static_cast<std::uint64_t>(sum >> 64);
    }
    out[kHigh + j] = carry;
  }
}

// 2^252 = −c modulo L, so x = low − c · high; and c · high is taken apart in the same way, until nothing is above: its bits
// are 385, 258 and 131. So x = low0 − low1 + low2 − low3, each below 2^252 and the last below 2^131. With 2 L added that
// lies in (0, 4 L).
[[gnu::always_inline]] inline void reduce_lane(std::uint64_t (&x)[8], std::uint64_t (&out)[4]) noexcept {
  std::uint64_t x1[7], x2[5], x3[4] = {};
  take_above_252<8, 5>(x, x1);
  take_above_252<7, 3>(x1, x2);
  take_above_252<5, 1>(x2, x3);
  add(x, kTwiceOrder, out);
  add(out, x2, out);
  (void)subtract(out, x1, out);
  (void)subtract(out, x3, out);
  subtract_if_it_fits(out, kTwiceOrder);
  subtract_if_it_fits(out, kOrder);
}

// --- Digits -----------------------------------------------------------------------------------------------------------

constexpr std::uint32_t kSignWords = kCombBitsMax / 64;

// u of comb_shape.h, and a word more of zeros.
struct alignas(64) Signs {
  std::uint64_t word[kSignWords + 1][kGroup];
};
[[gnu::always_inline]] inline void make_signs(const LaneWords<4>& scalars, std::uint32_t bits, Signs& out) noexcept {
  for (std::size_t lane = 0; lane < kGroup; ++lane) {
    const std::uint64_t even = (scalars.word[0][lane] & 1) - 1;
    std::uint64_t h[4], added[4];
    for (int k = 0; k < 4; ++k) {
      h[k] = scalars.word[k][lane];
      added[k] = kOrder[k] & even;
    }
    add(h, added, h);
    for (int k = 0; k < 3; ++k) out.word[k][lane] = h[k] >> 1 | h[k + 1] << 63;
    out.word[3][lane] = h[3] >> 1;
    out.word[4][lane] = out.word[5][lane] = 0;
    out.word[(bits - 1) / 64][lane] |= std::uint64_t{1} << (bits - 1) % 64;
  }
}

[[gnu::always_inline]] inline Word all(std::uint64_t x) noexcept {
  return _mm256_set1_epi64x(static_cast<long long>(x));
}
[[gnu::always_inline]] inline Word shift_right(Word x, std::uint32_t bits) noexcept {
  return _mm256_srl_epi64(x, _mm_cvtsi32_si128(static_cast<int>(bits)));
}
[[gnu::always_inline]] inline Word shift_left(Word x, std::uint32_t bits) noexcept {
  return _mm256_sll_epi64(x, _mm_cvtsi32_si128(static_cast<int>(bits)));
}

// In each word, the 8 × 8 bits whose row i is byte i: bit r of byte i to bit i of byte r (Hacker's Delight, 7-3).
[[gnu::always_inline]] inline Word transpose_bits(Word x) noexcept {
  const auto exchange = [&x]<int kShift>(std::uint64_t mask) __attribute__((always_inline)) {
    const Word difference = _mm256_and_si256(_mm256_xor_si256(x, _mm256_srli_epi64(x, kShift)), all(mask));
    x = _mm256_xor_si256(x, _mm256_xor_si256(difference, _mm256_slli_epi64(difference, kShift)));
  };
  exchange.template operator()<7>(0x00aa00aa00aa00aa);
  exchange.template operator()<14>(0x0000cccc0000cccc);
  exchange.template operator()<28>(0x00000000f0f0f0f0);
  return x;
}

// rows[r] gets row first + r of the signs of four lanes, where bit c of a row is bit c · rows + row of u. Rows behind the
// shape's last get anything.
[[gnu::always_inline]] inline void take_8_rows(const Word* u, CombShape shape, std::uint32_t first,
                                               Word* rows) noexcept {
  const std::uint32_t columns = shape.teeth * shape.tables;
  for (int r = 0; r < 8; ++r) rows[r] = _mm256_setzero_si256();
  for (std::uint32_t column = 0; column < columns; column += 8) {
    const std::uint32_t taken = columns - column < 8 ? columns - column : 8;
    Word block = _mm256_setzero_si256();
    for (std::uint32_t i = 0; i < taken; ++i) {
      const std::uint32_t position = (column + i) * shape.rows + first;
      const Word* word = u + position / 64;
      Word bits = shift_right(word[0], position % 64);
      if (position % 64 > 56) bits = _mm256_or_si256(bits, shift_left(word[1], 64 - position % 64));
      block = _mm256_or_si256(block, shift_left(_mm256_and_si256(bits, all(0xff)), 8 * i));
    }
    block = transpose_bits(block);
    for (int r = 0; r < 8; ++r) {
      rows[r] = _mm256_or_si256(rows[r], shift_left(_mm256_and_si256(block, all(0xff)), column));
      block = _mm256_srli_epi64(block, 8);
    }
  }
}

// Eight words below 2^16 as they lie in CombDigits.
[[gnu::always_inline]] inline __m128i narrow(Word low, Word high) noexcept {
  const Word pairs = _mm256_packus_epi32(low, high);  // words 0, 1, 4, 5, then 2, 3, 6, 7, 32 bits each
  const Word packed = _mm256_packus_epi32(pairs, pairs);
  return _mm_unpacklo_epi32(_mm256_castsi256_si128(packed), _mm256_extracti128_si256(packed, 1));
}

// The digits of a row, from its bits: tooth i of table j is bit j · teeth + i.
[[gnu::always_inline]] inline void write_row(Word low, Word high, CombShape shape, std::uint32_t digit,
                                             CombDigits* out) noexcept {
  const std::uint64_t half = std::uint64_t{1} << (shape.teeth - 1);
  const Word top = all(half), below = all(half - 1);
  Word rows[kHalves] = {low, high};
  for (std::uint32_t table = 0; table < shape.tables; ++table) {
    Word entries[kHalves];
    int negative[kHalves];
    for (std::size_t i = 0; i < kHalves; ++i) {
      const Word is_positive = _mm256_cmpeq_epi64(_mm256_and_si256(rows[i], top), top);
      const Word turned = _mm256_xor_si256(rows[i], _mm256_andnot_si256(is_positive, below));
      entries[i] = _mm256_add_epi64(_mm256_and_si256(turned, below), all(table * half));
      negative[i] = _mm256_movemask_pd(_mm256_castsi256_pd(is_positive)) ^ 0xf;
      rows[i] = shift_right(rows[i], shape.teeth);
    }
    _mm_store_si128(reinterpret_cast<__m128i*>(out->entry[digit + table]), narrow(entries[0], entries[1]));
    out->negative[digit + table] = static_cast<std::uint8_t>(negative[0] | negative[1] << 4);
  }
}

}  // namespace

void reduce(const LaneWords<8>& values, LaneWords<4>* out) noexcept {
  for (std::size_t lane = 0; lane < kGroup; ++lane) {
    std::uint64_t x[8], reduced[4];
    for (int k = 0; k < 8; ++k) x[k] = values.word[k][lane];
    reduce_lane(x, reduced);
    for (int k = 0; k < 4; ++k) out->word[k][lane] = reduced[k];
  }
}

std::uint8_t below_order(const LaneWords<4>& values) noexcept {
  std::uint64_t below = 0;
  for (std::size_t lane = 0; lane < kGroup; ++lane) {
    std::uint64_t x[4], difference[4];
    for (int k = 0; k < 4; ++k) x[k] = values.word[k][lane];
    below |= subtract(x, kOrder, difference) << lane;
  }
  return static_cast<std::uint8_t>(below);
}

void recode(const LaneWords<4>& scalars, const CombShape& shape, CombDigits* out) noexcept {
  require_valid(shape);
  const CombShape by_value = shape;  // `out` could overlap it, for all that the compiler knows
  Signs signs;
  make_signs(scalars, by_value.teeth * by_value.rows * by_value.tables, signs);
  Word u[kHalves][kSignWords + 1];
  for (std::size_t i = 0; i < kHalves; ++i) {
    for (std::uint32_t k = 0; k <= kSignWords; ++k) {
      u[i][k] = _mm256_load_si256(reinterpret_cast<const __m256i*>(signs.word[k] + 4 * i));
    }
  }
  for (std::uint32_t first = 0; first < by_value.rows; first += 8) {
    Word rows[kHalves][8];
    for (std::size_t i = 0; i < kHalves; ++i) take_8_rows(u[i], by_value, first, rows[i]);
    for (std::uint32_t r = 0; r < 8 && first + r < by_value.rows; ++r) {
      write_row(rows[0][r], rows[1][r], by_value, (first + r) * by_value.tables, out);
    }
  }
}

}  // namespace electra::crypto::avx2
