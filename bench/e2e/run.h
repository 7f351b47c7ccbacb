// One run: a gateway in this process on a fresh directory, and one client thread that keeps it busy over TCP.
//
// Closed loop: every sender has at most `outstanding` messages without a receipt. The latency of a message is from the
// moment its bytes were queued to the socket to its receipt, which follows the durable write.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/e2e/scenario.h"
#include "crypto-offload/verifier.h"

namespace electra::bench {

struct RunOptions {
  std::filesystem::path directory;  // emptied; the journal goes there
  std::uint32_t connections = 8;
  std::uint32_t outstanding = 16;  // per sender, 1..64
  std::uint32_t verify_threads = 0;
  std::string verifier = "auto";  // the backend
};

struct RunResult {
  double seconds = 0;
  double per_second = 0;  // signed, durable, acknowledged messages
  double batch_mean = 0;
  std::uint64_t batch_max = 0;
  double p50_us = 0;
  double p99_us = 0;
  double p999_us = 0;
  double max_us = 0;
  // CPU microseconds a message
  double decode_us = 0;
  double verify_us = 0;
  double execute_us = 0;
  double process_us = 0;       // the whole process, the load's client included
  double client_us = 0;        // of it the client thread
  double journal_wait_us = 0;  // wall time of a durable write, mean over batches
  std::uint64_t journal_bytes = 0;
  crypto::TableStatus tables;  // of the gateway's verifier, at last
  double bytes_ratio = 0;      // journal bytes over the messages' own bytes
};

[[nodiscard]] std::expected<RunResult, std::string> run_once(const Scenario& scenario, const RunOptions& options);

}  // namespace electra::bench
