// Parts of crypto-offload that work on 8 messages side by side and are no backend of the verifier: signing and SHA-512.
#pragma once

#include <memory>

#include "bench/verify/contestant.h"

namespace electra::bench {

// Null: not on this machine. In batches of 256.
[[nodiscard]] std::unique_ptr<Contestant> lane_sign(const Workload& workload);
[[nodiscard]] std::unique_ptr<Contestant> lane_sha512(const Workload& workload);

}  // namespace electra::bench
