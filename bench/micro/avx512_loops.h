// Loops over the functions of crypto-offload/avx512 that avx512_bench.cc measures. Compiled for AVX-512 IFMA: call none
// before avx512::supported() has answered.
#pragma once

namespace electra::crypto::avx512_loops {

struct Loop {
  const char* name;
  int calls;  // of the function, in one run: each for eight lanes
  void (*run)();
};

// "chain" feeds each result to the next call; "parallel" has eight operands that do not wait for each other. The loops
// keep their operands between runs. One thread.
extern const Loop kLoops[];
extern const int kLoopCount;

}  // namespace electra::crypto::avx512_loops
