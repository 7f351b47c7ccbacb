// One run: a fresh chain in a gateway process of its own, the load, an orderly stop, and the proof that nothing is wrong.
//
// Both yardsticks are measured right before. Afterwards the offline audit reads everything that was written (signatures,
// hashes, state roots, books) and all balances are compared with the model's: a run that fails either has no result.
#pragma once

#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/e2e/gateway_process.h"
#include "bench/e2e/latencies.h"
#include "bench/e2e/loader.h"
#include "bench/e2e/progress_line.h"
#include "bench/e2e/scenario.h"
#include "bench/e2e/yardsticks.h"

namespace electra::bench {

// What all runs of a session share.
struct Bench {
  std::filesystem::path directory;  // emptied before each run and removed after it
  std::string verifier = "auto";
  std::uint32_t verify_threads = 0;
  std::uint64_t slice_ns = 300'000'000;  // of each yardstick
  std::unique_ptr<VerifyYardstick> verify;
  std::unique_ptr<DiskYardstick> disk;
  ProgressLine progress;
};

struct RunPlan {
  LoadOptions load;
  double rate_v = 0;   // open loop at so many V of this run; 0: load.rate
  double seconds = 0;  // open loop: so long, as far as there are messages; 0: load.messages
  bool accept_all = false;
  std::uint64_t flush_delay_us = 0;
  std::uint32_t refusals_max = 64;
  std::uint32_t table_kib = 0;
  std::optional<std::uint64_t> snapshot_every;  // bytes of the journal; 0: none; nothing: as the product does
  std::uint64_t snapshots_min = 0;              // sealed during the load; fewer are no result
  bool udp = false;                             // the load travels by datagrams; what is lost is sent again
  std::uint64_t kill_after = 0;                 // kill -9 after so many answers, start again, go on; 0: no
  std::uint32_t slow_clients = 0;               // of each kind beside the load (slow_clients.h)
  bool operator==(const RunPlan&) const = default;
};

// What a restart consists of.
struct RestartParts {
  double gone_ms = 0;       // from the kill until the process is no more
  double listening_ms = 0;  // until its successor listens
  double connected_ms = 0;  // until all connections said hello
  double answered_ms = 0;   // until the first new acknowledgement
};

struct RunResult {
  double verify_per_second = 0;  // V of libsodium, right before
  double disk_us = 0;            // D, right before

  double seconds = 0;
  std::uint64_t accepted = 0;  // signed, durable, acknowledged with result ok
  std::uint64_t refused = 0;   // forged ones
  double per_second = 0;       // accepted
  Percentiles latency;
  std::vector<CurvePoint> curve;
  double rate = 0;            // open loop: what was offered, messages a second
  double loader_late_us = 0;  // open loop: the latest write behind its instant by the loader's own fault

  bool udp = false;
  std::uint64_t resent = 0;  // messages, because they or their receipts were lost or late

  ServeReport gateway;  // of the process that was measured
  std::uint32_t tables = 0;
  std::uint32_t table_bytes = 0;
  double process_cpu_us = 0;  // of the gateway's process a message
  double loader_cpu_us = 0;
  std::uint64_t rss_bytes = 0;
  std::uint64_t rss_peak_bytes = 0;
  std::uint64_t disk_bytes = 0;  // by the kernel's count, for whatever
  double bytes_ratio = 0;        // records over the messages' own bytes
  double restart_ms = 0;         // with kill_after: from the kill to the first new acknowledgement
  RestartParts restart;
  std::uint64_t slow_messages = 0;  // of slow clients, executed during the load
  std::uint64_t slow_connects = 0;
};

[[nodiscard]] std::expected<RunResult, std::string> run_once(Bench& bench, const Scenario& scenario,
                                                             const RunPlan& plan);

}  // namespace electra::bench
