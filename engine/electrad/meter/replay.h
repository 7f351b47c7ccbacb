// Replays the measured data in lock step against a gateway with `clock: replay`.
//
// At every interval boundary: a tick moves the chain's time there, every meter and the grid connection send the reading
// of that instant, and the next tick waits for all answers. While the gateway verifies, the next boundary's readings are
// signed. The order of sending, crashes on either side and resends change nothing in the result: a reading's bytes follow
// from data, key and chain alone. A run that was broken off continues with the lowest boundary that some meter misses.
// At the end the totals are the gateway's; the player's own sums over the data are compared with them.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/electrad/meter/fleet.h"
#include "engine/electrad/meter/gateway_link.h"
#include "engine/electrad/meter/latency.h"
#include "engine/electrad/meter/progress.h"

namespace electra::player {

struct ReplayOptions {
  LinkOptions link;
  std::filesystem::path data;
  std::string seed;                                   // phrase of the development keys
  std::uint32_t count = 0;                            // meters; 0 = every series once
  std::optional<std::uint32_t> days;                  // the first ones only; else all
  std::optional<std::uint64_t> shuffle;               // order in which meters send, from this seed
  double speed = 0;                                   // simulated seconds a second; 0 = as fast as possible
  std::optional<std::filesystem::path> acknowledged;  // appended: "slot sequence result batch message-id" a line
};

// What the gateway says at the end. Energy in Wh, money in uelectra.
struct ChainTotals {
  std::uint64_t cycles = 0;
  std::uint64_t intervals = 0;
  EnergySums energy;
  std::uint64_t consumers_pay = 0;
  std::uint64_t producers_get = 0;
  std::int64_t grid_gets = 0;
  std::uint64_t debt = 0;
  std::int64_t unaccounted_wh = 0;
};

struct ReplayReport {
  bool complete = false;  // false: stopped before the end; totals and digests are then empty
  std::string chain_id;
  std::int64_t start_s = 0;
  std::int64_t end_s = 0;
  std::uint64_t interval_s = 0;
  std::uint64_t intervals = 0;     // of the whole replay
  std::uint64_t meters = 0;        // with the grid connection
  std::uint64_t resumed_at = 0;    // boundary that this run began with
  std::uint64_t answered = 0;      // boundaries that the whole chain has when this run ends
  std::uint64_t sent = 0;          // readings of this run, each counted once
  std::uint64_t acknowledged = 0;  // receipts with result ok
  std::uint64_t repeated = 0;      // of all answers: the gateway had the message before
  std::uint64_t reconnects = 0;
  std::map<std::string, std::uint64_t> refused;  // answers other than ok, by name of the result
  LatencyHistogram latency;                      // sending to receipt
  double seconds = 0;                // of this run, from the first tick to the last cycle's close or to the stop
  std::uint64_t chain_messages = 0;  // executed by the chain since genesis
  std::uint64_t retail_price = 0;
  std::uint64_t feed_in_price = 0;
  ChainTotals totals;
  EnergySums data_sums;                  // the player's own
  std::string state_digest;              // hex
  std::string state_root;                // hex; as the header of a block that ends now has it
  std::string settlement_digest;         // hex
  std::vector<std::string> differences;  // between chain and data, a sentence each; empty = equal
};

// The error is one or more lines for people. A report with `differences` or `refused` is a failure too.
[[nodiscard]] std::expected<ReplayReport, std::string> run_replay(const ReplayOptions& options, ProgressSink& progress);

// What the chain's totals must be, as sentences about what is not. `expected_cycles` and `expected_intervals` count from
// genesis.
[[nodiscard]] std::vector<std::string> compare_totals(const ReplayReport& report, std::uint64_t expected_cycles,
                                                      std::uint64_t expected_intervals);

}  // namespace electra::player
