// clang-format off: the field comes first
#include "crypto-offload/avx2/field.h"
#include "bench/micro/lane_loops_body.h"
// clang-format on

namespace electra::crypto::lane_loops {

constinit const Loops kAvx2Loops = {avx2::kLanes, avx2::kLoops, sizeof avx2::kLoops / sizeof avx2::kLoops[0]};

}  // namespace electra::crypto::lane_loops
