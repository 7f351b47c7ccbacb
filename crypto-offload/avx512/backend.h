// The vector backend with 8 lanes, AVX-512 IFMA.
#pragma once

#include "crypto-offload/lanes/backend.h"

namespace electra::crypto::avx512 {

// Data, so that naming it runs no code of the file. Its functions may be called where supported() (supported.h).
extern const LaneBackend kBackend;

}  // namespace electra::crypto::avx512
