// Words of four messages, keys or table entries, as they lie in memory, to one vector for each word, and back. Internal
// linkage: include it only in files that run after the CPU was asked.
#pragma once

#include <immintrin.h>

namespace electra::crypto::avx2 {
namespace {

// Four rows of four words to four vectors: out[k] gets word k of each row. Its own inverse.
[[gnu::always_inline]] inline void transpose(const __m256i* rows, __m256i* out) noexcept {
  const __m256i low01 = _mm256_unpacklo_epi64(rows[0], rows[1]), high01 = _mm256_unpackhi_epi64(rows[0], rows[1]);
  const __m256i low23 = _mm256_unpacklo_epi64(rows[2], rows[3]), high23 = _mm256_unpackhi_epi64(rows[2], rows[3]);
  out[0] = _mm256_permute2x128_si256(low01, low23, 0x20);
  out[1] = _mm256_permute2x128_si256(high01, high23, 0x20);
  out[2] = _mm256_permute2x128_si256(low01, low23, 0x31);
  out[3] = _mm256_permute2x128_si256(high01, high23, 0x31);
}

}  // namespace
}  // namespace electra::crypto::avx2
