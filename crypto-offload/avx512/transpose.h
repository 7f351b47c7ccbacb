// Words of eight messages, keys or table entries, as they lie in memory, to one vector for each word, and back. Internal
// linkage: include it only in files that run after the CPU was asked.
#pragma once

#include <immintrin.h>

namespace electra::crypto::avx512 {
namespace {

// Eight rows of eight words to eight vectors: out[k] gets word k of each row. Its own inverse.
[[gnu::always_inline]] inline void transpose(const __m512i* rows, __m512i* out) noexcept {
  __m512i pairs[8];
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = _mm512_unpacklo_epi64(rows[i], rows[i + 1]);      // words 0, 2, 4, 6 of two rows
    pairs[i + 1] = _mm512_unpackhi_epi64(rows[i], rows[i + 1]);  // words 1, 3, 5, 7
  }
  for (int odd = 0; odd < 2; ++odd) {
    const __m512i low04 = _mm512_shuffle_i64x2(pairs[odd], pairs[odd + 2], 0x88);  // words 0 and 4 of rows 0 to 3
    const __m512i low26 = _mm512_shuffle_i64x2(pairs[odd], pairs[odd + 2], 0xdd);  // words 2 and 6
    const __m512i high04 = _mm512_shuffle_i64x2(pairs[odd + 4], pairs[odd + 6], 0x88);
    const __m512i high26 = _mm512_shuffle_i64x2(pairs[odd + 4], pairs[odd + 6], 0xdd);
    out[odd] = _mm512_shuffle_i64x2(low04, high04, 0x88);
    out[odd + 4] = _mm512_shuffle_i64x2(low04, high04, 0xdd);
    out[odd + 2] = _mm512_shuffle_i64x2(low26, high26, 0x88);
    out[odd + 6] = _mm512_shuffle_i64x2(low26, high26, 0xdd);
  }
}

}  // namespace
}  // namespace electra::crypto::avx512
