#include "crypto-offload/avx2/supported.h"

namespace electra::crypto::avx2 {

bool supported() noexcept { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

}  // namespace electra::crypto::avx2
