#include "crypto-offload/avx512/supported.h"

namespace electra::crypto::avx512 {

bool supported() noexcept {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512ifma");
}

}  // namespace electra::crypto::avx512
