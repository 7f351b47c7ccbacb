// 8 lanes in a 256-bit register, two registers at a time, for machines with neither AVX-512 nor the SHA extension.
// Compiled with -mavx2: see backend.h.
#include <immintrin.h>

#include "crypto-offload/hash/backend.h"
#include "crypto-offload/hash/lanes.h"

namespace electra::crypto {
namespace {

struct Avx2 {
  using Word = __m256i;
  static constexpr int kLanes = 8;

  [[gnu::always_inline]] static Word add(Word x, Word y) noexcept { return _mm256_add_epi32(x, y); }
  [[gnu::always_inline]] static Word all(std::uint32_t x) noexcept { return _mm256_set1_epi32(static_cast<int>(x)); }
  template <int kBits>
  [[gnu::always_inline]] static Word rotate(Word x) noexcept {
    return _mm256_or_si256(_mm256_srli_epi32(x, kBits), _mm256_slli_epi32(x, 32 - kBits));
  }
  template <int kBits>
  [[gnu::always_inline]] static Word shift(Word x) noexcept {
    return _mm256_srli_epi32(x, kBits);
  }
  [[gnu::always_inline]] static Word xor3(Word x, Word y, Word z) noexcept {
    return _mm256_xor_si256(_mm256_xor_si256(x, y), z);
  }
  [[gnu::always_inline]] static Word choose(Word x, Word y, Word z) noexcept {
    return _mm256_xor_si256(z, _mm256_and_si256(x, _mm256_xor_si256(y, z)));
  }
  [[gnu::always_inline]] static Word majority(Word x, Word y, Word z) noexcept {
    return _mm256_or_si256(_mm256_and_si256(x, y), _mm256_and_si256(z, _mm256_or_si256(x, y)));
  }

  [[gnu::always_inline]] static Word swap_bytes(Word words) noexcept {
    return _mm256_shuffle_epi8(
        words, _mm256_broadcastsi128_si256(_mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12)));
  }
  // to[j] becomes word j of all rows, where from[i] is row i. The same both ways.
  [[gnu::always_inline]] static void transpose(Word* to, const Word* from) noexcept {
    // quads[4 * i + j]: words j and j + 4 of rows 4 * i to 4 * i + 3.
    Word quads[8];
    for (int i = 0; i < 8; i += 4) {
      const Word low01 = _mm256_unpacklo_epi32(from[i], from[i + 1]);
      const Word high01 = _mm256_unpackhi_epi32(from[i], from[i + 1]);
      const Word low23 = _mm256_unpacklo_epi32(from[i + 2], from[i + 3]);
      const Word high23 = _mm256_unpackhi_epi32(from[i + 2], from[i + 3]);
      quads[i] = _mm256_unpacklo_epi64(low01, low23);
      quads[i + 1] = _mm256_unpackhi_epi64(low01, low23);
      quads[i + 2] = _mm256_unpacklo_epi64(high01, high23);
      quads[i + 3] = _mm256_unpackhi_epi64(high01, high23);
    }
    for (int j = 0; j < 4; ++j) {
      to[j] = _mm256_permute2x128_si256(quads[j], quads[4 + j], 0x20);
      to[j + 4] = _mm256_permute2x128_si256(quads[j], quads[4 + j], 0x31);
    }
  }

  static void load_blocks(Word* w, const std::uint8_t* const* in, std::size_t offset) noexcept {
    for (int half = 0; half < 2; ++half) {
      Word rows[8];
      for (int i = 0; i < 8; ++i) {
        rows[i] = swap_bytes(_mm256_loadu_si256(reinterpret_cast<const Word*>(in[i] + offset + 32 * half)));
      }
      transpose(w + 8 * half, rows);
    }
  }

  // The blocks with the padding: copied, because there is no load that stops at any byte.
  template <int kSets>
  class Tails {
   public:
    Tails(const std::uint8_t* const* in, std::uint32_t bytes) noexcept {
      for (int i = 0; i < kSets * kLanes; ++i) {
        fill_tail(tails_[i], in[i], bytes);
        in_[i] = tails_[i].bytes;
      }
    }
    [[nodiscard]] std::uint32_t blocks() const noexcept { return tails_[0].blocks; }
    void load(Word* w, int set, std::uint32_t block) const noexcept {
      load_blocks(w, in_ + set * kLanes, std::size_t{block} * kBlockBytes);
    }

   private:
    Tail tails_[kSets * kLanes];
    const std::uint8_t* in_[kSets * kLanes];
  };

  static void store_digests(const Word* state, std::uint8_t* const* out, std::uint32_t count) noexcept {
    Word digests[8];
    transpose(digests, state);
    for (std::uint32_t i = 0; i < count; ++i) {
      _mm256_storeu_si256(reinterpret_cast<Word*>(out[i]), swap_bytes(digests[i]));
    }
  }
};

}  // namespace

const HashBackend kAvx2Hash = {"avx2", Groups<Avx2>::kLanes, &Groups<Avx2>::hash, &Groups<Avx2>::nodes};

}  // namespace electra::crypto
