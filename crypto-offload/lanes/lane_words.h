// Values of 8 lanes as they lie in memory, between the stages of verification: hash, reduction, recoding, comb.
//
// One lane is one signature. Word k of all lanes is one vector register, so a stage loads and stores whole registers and
// nobody transposes. Plain memory, so that code without AVX-512 can make and read it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace electra::crypto {

// 8 little-endian integers of 64 · kWords bits: word[k][lane] has bits 64 k … 64 k + 63 of the lane's value, which are
// bytes 8 k … 8 k + 7 of its encoding.
template <int kWords>
struct alignas(64) LaneWords {
  std::uint64_t word[kWords][8];
};

// 32 bytes from each of the first `count` pointers (1 to 8), any alignment; the other lanes become 0.
[[gnu::always_inline]] inline void load_scalars(const std::uint8_t* const* encodings, std::size_t count,
                                                LaneWords<4>* out) noexcept {
  for (std::size_t lane = 0; lane < 8; ++lane) {
    std::uint64_t words[4] = {};
    if (lane < count) __builtin_memcpy(words, encodings[lane], sizeof words);
    for (int k = 0; k < 4; ++k) out->word[k][lane] = words[k];
  }
}

}  // namespace electra::crypto
