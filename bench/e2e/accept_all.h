// A verifier that computes message ids as every backend does and calls each signature of 64 bytes good.
//
// It exists here only: no gateway of the product can be told to use it. What it measures is the engine without the
// arithmetic of signatures.
#pragma once

#include <memory>

#include "crypto-offload/verifier.h"

namespace electra::bench {

// Eight lanes where the processor has them, libsodium's SHA-512 elsewhere.
[[nodiscard]] std::unique_ptr<crypto::Verifier> accept_all_verifier();

}  // namespace electra::bench
