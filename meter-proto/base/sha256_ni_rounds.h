// The rounds of SHA-256 in the instructions of x86's SHA extension, for one message or for several at once.
//
// Every instruction waits four cycles for the one before it, so a second message costs little: kStreams of them run
// interleaved. Only for files that are compiled with -msha -msse4.1; everything has internal linkage, so that nothing of
// it is ever taken for code that runs everywhere.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <utility>

#include "meter-proto/base/sha256_compress.h"

namespace electra {
namespace {

template <int kStreams>
struct ShaNiRounds {
  // The eight variables as the instructions want them: A B E F and C D G H, from the highest word to the lowest.
  struct State {
    __m128i abef[kStreams];
    __m128i cdgh[kStreams];
  };

  [[gnu::always_inline]] static __m128i load(const void* from) noexcept {
    return _mm_loadu_si128(static_cast<const __m128i*>(from));
  }
  // Big-endian words to words of this machine, and back.
  [[gnu::always_inline]] static __m128i swap_bytes(__m128i words) noexcept {
    return _mm_shuffle_epi8(words, _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
  }

  [[gnu::always_inline]] static void set_words(State& state, int stream, const std::uint32_t* words) noexcept {
    const __m128i cdab = _mm_shuffle_epi32(load(words), 0xb1);
    const __m128i efgh = _mm_shuffle_epi32(load(words + 4), 0x1b);
    state.abef[stream] = _mm_alignr_epi8(cdab, efgh, 8);
    state.cdgh[stream] = _mm_blend_epi16(efgh, cdab, 0xf0);
  }
  struct Words {
    __m128i low;   // words 0 to 3
    __m128i high;  // words 4 to 7
  };
  [[gnu::always_inline]] static Words words_of(const State& state, int stream) noexcept {
    const __m128i feba = _mm_shuffle_epi32(state.abef[stream], 0x1b);
    const __m128i dchg = _mm_shuffle_epi32(state.cdgh[stream], 0xb1);
    return {_mm_blend_epi16(feba, dchg, 0xf0), _mm_alignr_epi8(dchg, feba, 8)};
  }

  // Rounds 4 * kStep to 4 * kStep + 3 of one stream; `scheduled` is K + W of the four.
  [[gnu::always_inline]] static void four_rounds(__m128i& abef, __m128i& cdgh, __m128i scheduled) noexcept {
    cdgh = _mm_sha256rnds2_epu32(cdgh, abef, scheduled);
    abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(scheduled, 0x0e));
  }
  // w holds 16 words of the schedule; the four at kStep mod 4 are used and then replaced by those 16 further on.
  template <int kStep>
  [[gnu::always_inline]] static void step(__m128i& abef, __m128i& cdgh, __m128i* w) noexcept {
    four_rounds(abef, cdgh, _mm_add_epi32(w[kStep & 3], load(kSha256RoundConstants + 4 * kStep)));
    if constexpr (kStep < 12) {
      const __m128i w4 = w[(kStep + 1) & 3], w8 = w[(kStep + 2) & 3], w12 = w[(kStep + 3) & 3];
      const __m128i partial = _mm_add_epi32(_mm_sha256msg1_epu32(w[kStep & 3], w4), _mm_alignr_epi8(w12, w8, 4));
      w[kStep & 3] = _mm_sha256msg2_epu32(partial, w12);
    }
  }

  // One block of every stream.
  [[gnu::always_inline]] static void compress(State& state, const std::uint8_t* const* blocks) noexcept {
    State s = state;
    __m128i w[kStreams][4];
    for (int stream = 0; stream < kStreams; ++stream) {
      for (int i = 0; i < 4; ++i) w[stream][i] = swap_bytes(load(blocks[stream] + 16 * i));
    }
    const auto all =
        [&]<int kStep, int... kStream>(std::integer_sequence<int, kStream...>)
            __attribute__((always_inline)) { (step<kStep>(s.abef[kStream], s.cdgh[kStream], w[kStream]), ...); };
    [&]<int... kStep>(std::integer_sequence<int, kStep...>) __attribute__((always_inline)) {
      (all.template operator()<kStep>(std::make_integer_sequence<int, kStreams>()), ...);
    }(std::make_integer_sequence<int, 16>());
    add_into(state, s);
  }

  // As compress, for a block whose K[t] + W[t] are known.
  [[gnu::always_inline]] static void compress_scheduled(State& state, const std::uint32_t* scheduled) noexcept {
    State s = state;
    for (int t = 0; t < 64; t += 4) {
      for (int stream = 0; stream < kStreams; ++stream) {
        four_rounds(s.abef[stream], s.cdgh[stream], load(scheduled + t));
      }
    }
    add_into(state, s);
  }

  [[gnu::always_inline]] static void add_into(State& state, const State& s) noexcept {
    for (int stream = 0; stream < kStreams; ++stream) {
      state.abef[stream] = _mm_add_epi32(state.abef[stream], s.abef[stream]);
      state.cdgh[stream] = _mm_add_epi32(state.cdgh[stream], s.cdgh[stream]);
    }
  }
};

}  // namespace
}  // namespace electra
