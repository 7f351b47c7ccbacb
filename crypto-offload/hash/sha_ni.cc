// Two messages interleaved, each in x86's SHA extension. Compiled with -msha -msse4.1: see backend.h.
#include "crypto-offload/hash/backend.h"
#include "crypto-offload/hash/padding.h"
#include "meter-proto/base/sha256_ni_rounds.h"

namespace electra::crypto {
namespace {

template <int kStreams>
struct Streams {
  using Rounds = ShaNiRounds<kStreams>;
  using State = typename Rounds::State;

  static void start(State& state, const std::uint32_t* midstate) noexcept {
    for (int i = 0; i < kStreams; ++i) Rounds::set_words(state, i, midstate);
  }

  template <typename Job>
  static void finish(const State& state, const Job* jobs) noexcept {
    for (int i = 0; i < kStreams; ++i) {
      const auto words = Rounds::words_of(state, i);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(jobs[i].out), Rounds::swap_bytes(words.low));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(jobs[i].out + 16), Rounds::swap_bytes(words.high));
    }
  }

  static void hash(const std::uint32_t* midstate, const HashJob* jobs) noexcept {
    const std::uint32_t bytes = jobs[0].bytes;
    Tail tails[kStreams];
    const std::uint8_t* blocks[kStreams];
    for (int i = 0; i < kStreams; ++i) {
      fill_tail(tails[i], jobs[i].in, bytes);
      blocks[i] = jobs[i].in;
    }
    State state;
    start(state, midstate);
    for (std::uint32_t block = 0; block < bytes / kBlockBytes; ++block) {
      Rounds::compress(state, blocks);
      for (int i = 0; i < kStreams; ++i) blocks[i] += kBlockBytes;
    }
    for (std::uint32_t block = 0; block < tails[0].blocks; ++block) {
      for (int i = 0; i < kStreams; ++i) blocks[i] = tails[i].bytes + block * kBlockBytes;
      Rounds::compress(state, blocks);
    }
    finish(state, jobs);
  }

  static void hash_node(const std::uint32_t* midstate, const NodeJob* jobs) noexcept {
    const std::uint8_t* blocks[kStreams];
    for (int i = 0; i < kStreams; ++i) blocks[i] = jobs[i].in;
    State state;
    start(state, midstate);
    Rounds::compress(state, blocks);
    Rounds::compress_scheduled(state, kNodePadding.scheduled);
    finish(state, jobs);
  }
};

void hash_group(const std::uint32_t* midstate, const HashJob* jobs, std::uint32_t count) noexcept {
  count == 2 ? Streams<2>::hash(midstate, jobs) : Streams<1>::hash(midstate, jobs);
}
void node_group(const std::uint32_t* midstate, const NodeJob* jobs, std::uint32_t count) noexcept {
  count == 2 ? Streams<2>::hash_node(midstate, jobs) : Streams<1>::hash_node(midstate, jobs);
}

}  // namespace

const HashBackend kShaNiHash = {"sha-ni", 2, &hash_group, &node_group};

}  // namespace electra::crypto
