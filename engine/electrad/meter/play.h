// Plays meters against a gateway with `clock: real`: readings stamped with the present second, for as long as wanted.
//
// The data runs `speed` times as fast as the clock and begins again at its end; a register shows the energy that the data
// holds up to now on top of what it showed before, so that plays can follow one another. Every meter sends once a round;
// a round waits for all answers. Sequences go on from each meter's highest.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <map>
#include <string>

#include "engine/electrad/meter/fleet.h"
#include "engine/electrad/meter/gateway_link.h"
#include "engine/electrad/meter/latency.h"
#include "engine/electrad/meter/progress.h"

namespace electra::player {

struct PlayOptions {
  LinkOptions link;
  std::filesystem::path data;
  std::string seed;
  std::uint32_t count = 0;
  std::chrono::milliseconds interval{1'000};  // between rounds; at least 1 s, the resolution of a reading's stamp
  double speed = 1;                           // data seconds a second
  std::uint64_t rounds = 0;                   // 0 = until stopped
  bool udp = false;                           // readings go by datagram, to the same address
};

struct PlayReport {
  std::uint64_t rounds = 0;
  std::uint64_t sent = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t repeated = 0;
  std::uint64_t reconnects = 0;
  std::uint64_t sent_again = 0;  // by datagram: messages whose answer did not come in time
  std::map<std::string, std::uint64_t> refused;
  LatencyHistogram latency;
  double seconds = 0;
};

inline constexpr std::chrono::milliseconds kPlayIntervalMin{1'000};

[[nodiscard]] std::expected<PlayReport, std::string> run_play(const PlayOptions& options, ProgressSink& progress);

// Wh of every series from the data's begin to `data_ms`, whole intervals and the share of the one that is running, over
// as many repetitions of the data as it takes.
class Meters {
 public:
  explicit Meters(const DataSet& data);

  // Moves to `data_ms` milliseconds after the data's begin; never back.
  void advance_to(std::uint64_t data_ms);

  [[nodiscard]] std::uint64_t wh(std::uint32_t series) const noexcept;

 private:
  const DataSet* data_;
  std::uint64_t interval_ms_;
  std::uint64_t whole_intervals_ = 0;
  std::uint64_t rest_ms_ = 0;
  std::vector<std::uint64_t> cumulative_;  // up to whole_intervals_
};

}  // namespace electra::player
