// SHA-256 of one stream with x86's SHA extension. Compiled with -msha -msse4.1; called after cpu_has_sha_ni() only.
#include "meter-proto/base/sha256_ni_rounds.h"

namespace electra {

void sha256_compress_sha_ni(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count) noexcept {
  using Rounds = ShaNiRounds<1>;
  Rounds::State s;
  Rounds::set_words(s, 0, state);
  for (; count > 0; --count, blocks += 64) Rounds::compress(s, &blocks);
  const Rounds::Words words = Rounds::words_of(s, 0);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state), words.low);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state + 4), words.high);
}

}  // namespace electra
