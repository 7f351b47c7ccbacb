// The vector backend with 4 lanes, AVX2 and FMA.
#pragma once

#include "crypto-offload/lanes/backend.h"

namespace electra::crypto::avx2 {

// Data, so that naming it runs no code of the file. Its functions may be called where supported() (supported.h).
extern const LaneBackend kBackend;

}  // namespace electra::crypto::avx2
