// The field and point arithmetic of the vector backends: nanoseconds of one call, which is one signature's worth in each
// lane. An item is a lane.
#include <benchmark/benchmark.h>

#include <string>

#include "bench/micro/lane_loops.h"
#include "crypto-offload/avx2/supported.h"
#include "crypto-offload/avx512/supported.h"

namespace {

using electra::crypto::lane_loops::Loop;
using electra::crypto::lane_loops::Loops;

void run(benchmark::State& state, const Loops& loops, const Loop& loop, bool (*supported)()) {
  if (!supported()) {
    state.SkipWithError("this CPU lacks the instructions");
    return;
  }
  for (auto _ : state) loop.run();
  const auto calls = static_cast<double>(state.iterations()) * loop.calls;
  state.SetItemsProcessed(state.iterations() * loop.calls * loops.lanes);
  state.counters["s/call"] = benchmark::Counter(calls, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void add_loops(const std::string& backend, const Loops& loops, bool (*supported)()) {
  for (int i = 0; i < loops.count; ++i) {
    const Loop& loop = loops.loops[i];
    benchmark::RegisterBenchmark(
        (backend + "/" + loop.name).c_str(),
        [&loops, &loop, supported](benchmark::State& state) { run(state, loops, loop, supported); });
  }
}

const int kRegistered = [] {
  using namespace electra::crypto;
  add_loops("avx512", lane_loops::kAvx512Loops, [] { return avx512::supported(); });
  add_loops("avx2", lane_loops::kAvx2Loops, [] { return avx2::supported(); });
  return 0;
}();

}  // namespace
