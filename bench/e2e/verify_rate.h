// What one core verifies by the verifier's interface, and nothing else: what a gateway on one core could reach at most.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "crypto-offload/verifier.h"

namespace electra::bench {

struct VerifyRate {
  std::string backend;
  crypto::TableStatus tables;
  double per_second = 0;
};

// Of messages of `keys` senders in random order, 60 bytes of payload, in batches of 256, after the verifier has learned
// the keys. By CPU time, about a second of it. The error: no such backend, or a refused message.
[[nodiscard]] std::expected<VerifyRate, std::string> measure_verify_rate(const std::string& backend,
                                                                         std::uint32_t keys);

}  // namespace electra::bench
