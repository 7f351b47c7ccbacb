// Loops over the functions of a backend's field.h and of lanes/point.h that lanes_bench.cc measures. Compiled for the
// backend's instructions: run none before its supported() has answered.
#pragma once

namespace electra::crypto::lane_loops {

struct Loop {
  const char* name;
  int calls;  // of the function, in one run: each for all lanes
  void (*run)();
};

// "chain" feeds each result to the next call; "parallel" has eight operands that do not wait for each other. The loops
// keep their operands between runs. One thread.
struct Loops {
  int lanes;
  const Loop* loops;
  int count;
};
extern const Loops kAvx512Loops;
extern const Loops kAvx2Loops;

}  // namespace electra::crypto::lane_loops
