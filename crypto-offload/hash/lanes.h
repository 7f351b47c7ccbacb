// SHA-256 of several messages side by side, one in each 32-bit lane of a vector, whatever the vector is.
//
// A backend gives a type V with the vector's primitives (avx512.cc and avx2.cc), and gets both functions of backend.h.
// Two vectors run interleaved when there are jobs for both, because one alone waits for its own results. Lanes without a
// job repeat the first one, and their digest is not stored. Everything has internal linkage: see backend.h.
#pragma once

#include <cstdint>
#include <utility>

#include "crypto-offload/hash/backend.h"
#include "crypto-offload/hash/padding.h"

namespace electra::crypto {
namespace {

template <typename V, int kSets>
struct Lanes {
  using Word = typename V::Word;
  static constexpr std::uint32_t kLanes = V::kLanes * kSets;
  static constexpr auto kEachSet = std::make_integer_sequence<int, kSets>();

  struct State {
    Word words[kSets][8];
  };
  struct Schedule {
    Word words[kSets][16];  // W[t..t+16), W[t + i] at i
  };

  // Round t of FIPS 180-4, 6.2.2, step 3, where t mod 8 is kT: instead of moving the eight variables, their names move.
  template <int kT>
  [[gnu::always_inline]] static void round(Word* s, Word scheduled) noexcept {
    const Word a = s[(8 - kT) & 7], b = s[(9 - kT) & 7], c = s[(10 - kT) & 7], d = s[(11 - kT) & 7];
    const Word e = s[(12 - kT) & 7], f = s[(13 - kT) & 7], g = s[(14 - kT) & 7], h = s[(15 - kT) & 7];
    const Word sigma1 = V::xor3(V::template rotate<6>(e), V::template rotate<11>(e), V::template rotate<25>(e));
    const Word sigma0 = V::xor3(V::template rotate<2>(a), V::template rotate<13>(a), V::template rotate<22>(a));
    const Word t1 = V::add(V::add(V::add(h, scheduled), V::choose(e, f, g)), sigma1);
    s[(11 - kT) & 7] = V::add(d, t1);
    s[(15 - kT) & 7] = V::add(V::add(V::majority(a, b, c), sigma0), t1);
  }

  // W[t + 16] from W[t..t+16), for t mod 16 = kT, in the place of W[t].
  template <int kT>
  [[gnu::always_inline]] static void extend(Word* w) noexcept {
    const Word w1 = w[(kT + 1) & 15], w14 = w[(kT + 14) & 15];
    const Word sigma0 = V::xor3(V::template rotate<7>(w1), V::template rotate<18>(w1), V::template shift<3>(w1));
    const Word sigma1 = V::xor3(V::template rotate<17>(w14), V::template rotate<19>(w14), V::template shift<10>(w14));
    w[kT] = V::add(V::add(w[kT], sigma0), V::add(w[(kT + 9) & 15], sigma1));
  }

  template <bool kExtend, int... kT>
  [[gnu::always_inline]] static void sixteen_rounds(State& state, Schedule& schedule, const std::uint32_t* constants,
                                                    std::integer_sequence<int, kT...>) noexcept {
    const auto step = [&]<int kAt, int... kSet>(std::integer_sequence<int, kSet...>) __attribute__((always_inline)) {
      (round<kAt>(state.words[kSet], V::add(schedule.words[kSet][kAt], V::all(constants[kAt]))), ...);
      if constexpr (kExtend) (extend<kAt>(schedule.words[kSet]), ...);
    };
    (step.template operator()<kT>(kEachSet), ...);
  }

  [[gnu::always_inline]] static void add_into(State& state, const State& before) noexcept {
    for (int set = 0; set < kSets; ++set) {
      for (int i = 0; i < 8; ++i) state.words[set][i] = V::add(state.words[set][i], before.words[set][i]);
    }
  }

  static void compress(State& state, Schedule& schedule) noexcept {
    constexpr auto kSixteen = std::make_integer_sequence<int, 16>();
    State s = state;
    for (int t = 0; t < 48; t += 16) sixteen_rounds<true>(s, schedule, kSha256RoundConstants + t, kSixteen);
    sixteen_rounds<false>(s, schedule, kSha256RoundConstants + 48, kSixteen);
    add_into(state, s);
  }

  // As compress, with K[t] + W[t] the same in all lanes and known.
  static void compress_scheduled(State& state, const std::uint32_t* scheduled) noexcept {
    State s = state;
    for (int t = 0; t < 64; t += 8) {
      [&]<int... kT>(std::integer_sequence<int, kT...>) __attribute__((always_inline)) {
        const auto step =
            [&]<int kAt, int... kSet>(std::integer_sequence<int, kSet...>)
                __attribute__((always_inline)) { (round<kAt>(s.words[kSet], V::all(scheduled[t + kAt])), ...); };
        (step.template operator()<kT>(kEachSet), ...);
      }(std::make_integer_sequence<int, 8>());
    }
    add_into(state, s);
  }

  static void start(State& state, const std::uint32_t* midstate) noexcept {
    for (int set = 0; set < kSets; ++set) {
      for (int i = 0; i < 8; ++i) state.words[set][i] = V::all(midstate[i]);
    }
  }

  template <typename Job>
  static void finish(const State& state, const Job* jobs, std::uint32_t count) noexcept {
    std::uint8_t* out[kLanes];
    for (std::uint32_t i = 0; i < count; ++i) out[i] = jobs[i].out;
    for (int set = 0; set < kSets; ++set) {
      const std::uint32_t first = static_cast<std::uint32_t>(set) * V::kLanes;
      if (first < count)
        V::store_digests(state.words[set], out + first, count - first < V::kLanes ? count - first : V::kLanes);
    }
  }

  template <typename Job>
  static void inputs_of(const std::uint8_t** in, const Job* jobs, std::uint32_t count) noexcept {
    for (std::uint32_t i = 0; i < kLanes; ++i) in[i] = jobs[i < count ? i : 0].in;
  }

  static void hash(const std::uint32_t* midstate, const HashJob* jobs, std::uint32_t count) noexcept {
    const std::uint8_t* in[kLanes];
    inputs_of(in, jobs, count);
    const std::uint32_t bytes = jobs[0].bytes;
    State state;
    start(state, midstate);
    Schedule schedule;
    for (std::uint32_t block = 0; block < bytes / kBlockBytes; ++block) {
      for (int set = 0; set < kSets; ++set) {
        V::load_blocks(schedule.words[set], in + set * int{V::kLanes}, std::size_t{block} * kBlockBytes);
      }
      compress(state, schedule);
    }
    typename V::template Tails<kSets> tails(in, bytes);
    for (std::uint32_t block = 0; block < tails.blocks(); ++block) {
      for (int set = 0; set < kSets; ++set) tails.load(schedule.words[set], set, block);
      compress(state, schedule);
    }
    finish(state, jobs, count);
  }

  static void nodes(const std::uint32_t* midstate, const NodeJob* jobs, std::uint32_t count) noexcept {
    const std::uint8_t* in[kLanes];
    inputs_of(in, jobs, count);
    State state;
    start(state, midstate);
    Schedule schedule;
    for (int set = 0; set < kSets; ++set) V::load_blocks(schedule.words[set], in + set * int{V::kLanes}, 0);
    compress(state, schedule);
    compress_scheduled(state, kNodePadding.scheduled);
    finish(state, jobs, count);
  }
};

template <typename V>
struct Groups {
  static constexpr std::uint32_t kLanes = 2 * V::kLanes;

  static void hash(const std::uint32_t* midstate, const HashJob* jobs, std::uint32_t count) noexcept {
    count <= V::kLanes ? Lanes<V, 1>::hash(midstate, jobs, count) : Lanes<V, 2>::hash(midstate, jobs, count);
  }
  static void nodes(const std::uint32_t* midstate, const NodeJob* jobs, std::uint32_t count) noexcept {
    count <= V::kLanes ? Lanes<V, 1>::nodes(midstate, jobs, count) : Lanes<V, 2>::nodes(midstate, jobs, count);
  }
};

}  // namespace
}  // namespace electra::crypto
