// The 8-lane field and point arithmetic: nanoseconds of one call, which is eight signatures' worth. An item is a lane.
#include <benchmark/benchmark.h>

#include <string>

#include "bench/micro/avx512_loops.h"
#include "crypto-offload/avx512/supported.h"

namespace {

using electra::crypto::avx512_loops::Loop;

constexpr int kLanes = 8;

void run(benchmark::State& state, const Loop& loop) {
  if (!electra::crypto::avx512::supported()) {
    state.SkipWithError("this CPU has no AVX-512 IFMA");
    return;
  }
  for (auto _ : state) loop.run();
  const auto calls = static_cast<double>(state.iterations()) * loop.calls;
  state.SetItemsProcessed(state.iterations() * loop.calls * kLanes);
  state.counters["s/call"] = benchmark::Counter(calls, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

const int kRegistered = [] {
  for (int i = 0; i < electra::crypto::avx512_loops::kLoopCount; ++i) {
    const Loop& loop = electra::crypto::avx512_loops::kLoops[i];
    benchmark::RegisterBenchmark((std::string("avx512/") + loop.name).c_str(),
                                 [&loop](benchmark::State& state) { run(state, loop); });
  }
  return 0;
}();

}  // namespace
