// What a verifier has to show before it is given out: that it follows the rule where implementations are known to differ.
//
// One good signature, and one whose R is off by a point of order 8: with the cofactor, as later releases of libsodium
// multiply by it, both are good; Electra's rule (verifier.h) takes the first only. The signatures are made with libsodium's
// arithmetic, whatever the verifier is. About 0.3 ms.
#pragma once

#include <expected>
#include <string>

#include "crypto-offload/verifier.h"

namespace electra::crypto {

// The error says which verifier it is and what it did.
[[nodiscard]] std::expected<void, std::string> self_check(const Verifier& verifier);

}  // namespace electra::crypto
