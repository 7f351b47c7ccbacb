// clang-format off: the field comes first
#include "crypto-offload/avx512/field.h"
#include "bench/micro/lane_loops_body.h"
// clang-format on

namespace electra::crypto::lane_loops {

constinit const Loops kAvx512Loops = {avx512::kLanes, avx512::kLoops, sizeof avx512::kLoops / sizeof avx512::kLoops[0]};

}  // namespace electra::crypto::lane_loops
