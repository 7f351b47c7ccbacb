// 16 lanes in a 512-bit register, two registers at a time. Rotation and three-way logic are one instruction each, and a
// masked load reads the end of a message without touching what lies behind it. Compiled with -mavx512f -mavx512bw: see
// backend.h.
#include <immintrin.h>

#include "crypto-offload/hash/backend.h"
#include "crypto-offload/hash/lanes.h"

namespace electra::crypto {
namespace {

struct Avx512 {
  using Word = __m512i;
  static constexpr int kLanes = 16;

  [[gnu::always_inline]] static Word swap_bytes(Word words) noexcept {
    const __m128i order = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
    return _mm512_shuffle_epi8(words, _mm512_broadcast_i32x4(order));
  }
  [[gnu::always_inline]] static Word add(Word x, Word y) noexcept { return _mm512_add_epi32(x, y); }
  [[gnu::always_inline]] static Word all(std::uint32_t x) noexcept { return _mm512_set1_epi32(static_cast<int>(x)); }
  template <int kBits>
  [[gnu::always_inline]] static Word rotate(Word x) noexcept {
    return _mm512_ror_epi32(x, kBits);
  }
  template <int kBits>
  [[gnu::always_inline]] static Word shift(Word x) noexcept {
    return _mm512_srli_epi32(x, kBits);
  }
  // The last argument of ternarylogic is the truth table.
  [[gnu::always_inline]] static Word xor3(Word x, Word y, Word z) noexcept {
    return _mm512_ternarylogic_epi32(x, y, z, 0x96);
  }
  [[gnu::always_inline]] static Word choose(Word x, Word y, Word z) noexcept {
    return _mm512_ternarylogic_epi32(x, y, z, 0xca);
  }
  [[gnu::always_inline]] static Word majority(Word x, Word y, Word z) noexcept {
    return _mm512_ternarylogic_epi32(x, y, z, 0xe8);
  }

  // rows[i] is the block of lane i as it lies in memory; w[t] becomes word t of all lanes.
  static void transpose(Word* w, Word* rows) noexcept {
    Word pairs[16];
    for (int i = 0; i < 16; i += 2) {
      const Word x = swap_bytes(rows[i]), y = swap_bytes(rows[i + 1]);
      pairs[i] = _mm512_unpacklo_epi32(x, y);
      pairs[i + 1] = _mm512_unpackhi_epi32(x, y);
    }
    // quads[4 * i + j]: words j, j + 4, j + 8, j + 12 of lanes 4 * i to 4 * i + 3.
    Word quads[16];
    for (int i = 0; i < 16; i += 4) {
      quads[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
      quads[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
      quads[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
      quads[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    for (int j = 0; j < 4; ++j) {
      const Word low01 = _mm512_shuffle_i32x4(quads[j], quads[4 + j], 0x88);
      const Word high01 = _mm512_shuffle_i32x4(quads[j], quads[4 + j], 0xdd);
      const Word low23 = _mm512_shuffle_i32x4(quads[8 + j], quads[12 + j], 0x88);
      const Word high23 = _mm512_shuffle_i32x4(quads[8 + j], quads[12 + j], 0xdd);
      w[j] = _mm512_shuffle_i32x4(low01, low23, 0x88);
      w[j + 4] = _mm512_shuffle_i32x4(high01, high23, 0x88);
      w[j + 8] = _mm512_shuffle_i32x4(low01, low23, 0xdd);
      w[j + 12] = _mm512_shuffle_i32x4(high01, high23, 0xdd);
    }
  }

  static void load_blocks(Word* w, const std::uint8_t* const* in, std::size_t offset) noexcept {
    Word rows[16];
    for (int i = 0; i < 16; ++i) rows[i] = _mm512_loadu_si512(in[i] + offset);
    transpose(w, rows);
  }

  // The blocks with the padding: what is left of the message, with the padding laid over it.
  template <int>
  class Tails {
   public:
    Tails(const std::uint8_t* const* in, std::uint32_t bytes) noexcept
        : in_(in), offset_(bytes / kBlockBytes * kBlockBytes), mask_((__mmask64{1} << bytes % kBlockBytes) - 1) {
      std::memset(padding_.bytes, 0, bytes % kBlockBytes);
      fill_padding(padding_, bytes);
    }
    [[nodiscard]] std::uint32_t blocks() const noexcept { return padding_.blocks; }
    void load(Word* w, int set, std::uint32_t block) const noexcept {
      const Word padding = _mm512_load_si512(padding_.bytes + block * kBlockBytes);
      const __mmask64 mask = block == 0 ? mask_ : 0;
      Word rows[16];
      for (int i = 0; i < 16; ++i) {
        rows[i] = _mm512_or_si512(_mm512_maskz_loadu_epi8(mask, in_[set * 16 + i] + offset_), padding);
      }
      transpose(w, rows);
    }

   private:
    const std::uint8_t* const* in_;
    std::size_t offset_;
    __mmask64 mask_;
    Tail padding_;
  };

  static void store_digests(const Word* state, std::uint8_t* const* out, std::uint32_t count) noexcept {
    Word pairs[8];
    for (int i = 0; i < 8; i += 2) {
      const Word x = swap_bytes(state[i]), y = swap_bytes(state[i + 1]);
      pairs[i] = _mm512_unpacklo_epi32(x, y);
      pairs[i + 1] = _mm512_unpackhi_epi32(x, y);
    }
    // halves[h][j]: half h of the digests of lanes j, j + 4, j + 8, j + 12.
    Word halves[2][4];
    for (int h = 0; h < 2; ++h) {
      const Word* p = pairs + 4 * h;
      halves[h][0] = _mm512_unpacklo_epi64(p[0], p[2]);
      halves[h][1] = _mm512_unpackhi_epi64(p[0], p[2]);
      halves[h][2] = _mm512_unpacklo_epi64(p[1], p[3]);
      halves[h][3] = _mm512_unpackhi_epi64(p[1], p[3]);
    }
    alignas(64) std::uint8_t digests[16][32];
    for (int j = 0; j < 4; ++j) {
      const Word low = _mm512_shuffle_i32x4(halves[0][j], halves[1][j], 0x44);  // first halves of 2 lanes, then second
      const Word high = _mm512_shuffle_i32x4(halves[0][j], halves[1][j], 0xee);
      const Word a = _mm512_shuffle_i32x4(low, low, 0xd8);
      const Word b = _mm512_shuffle_i32x4(high, high, 0xd8);
      const __m256i parts[4] = {_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1), _mm512_castsi512_si256(b),
                                _mm512_extracti64x4_epi64(b, 1)};
      for (int i = 0; i < 4; ++i) {
        _mm256_store_si256(reinterpret_cast<__m256i*>(digests[j + 4 * i]), parts[i]);
      }
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out[i]),
                          _mm256_load_si256(reinterpret_cast<const __m256i*>(digests[i])));
    }
  }
};

}  // namespace

const HashBackend kAvx512Hash = {"avx512", Groups<Avx512>::kLanes, &Groups<Avx512>::hash, &Groups<Avx512>::nodes};

}  // namespace electra::crypto
