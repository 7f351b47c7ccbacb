// The time that the orderer writes into records: strictly increasing, and never a surprise.
//
// In replay it is what ticks say. In real time it is the system clock, checked against the monotonic one: a step of more
// than an hour is not followed (an operator has to restart the gateway after looking at the clock); meanwhile `unsure` is
// true and time runs on the monotonic clock but stops a second short of the next timer, so that no cycle closes: a second
// is room for a thousand million batches.
#pragma once

#include <algorithm>
#include <cstdint>

namespace electra::pipeline {

class OrderClock {
 public:
  static constexpr std::uint64_t kStepMaxNs = 3'600'000'000'000;  // an hour
  static constexpr std::uint64_t kUnsureMarginNs = 1'000'000'000;
  static constexpr std::uint64_t kTickMaxNs = 400ULL * 86400 * 1'000'000'000;  // of one tick

  // `last_ns`: time of the last record, or of genesis.
  OrderClock(bool replay, std::uint64_t last_ns) noexcept : replay_(replay), last_ns_(last_ns), replay_ns_(last_ns) {}

  // False: further than kTickMaxNs ahead. An earlier time than now is no error and moves nothing.
  [[nodiscard]] bool tick(std::uint64_t time_ns) noexcept {
    if (time_ns > replay_ns_ && time_ns - replay_ns_ > kTickMaxNs) return false;
    replay_ns_ = std::max(replay_ns_, time_ns);
    return true;
  }

  // The present moment; both arguments are the clocks' readings in ns and are ignored in replay.
  [[nodiscard]] std::uint64_t now(std::uint64_t system_ns, std::uint64_t monotonic_ns) noexcept {
    if (replay_) return std::max(replay_ns_, last_ns_);
    if (!anchored_) {
      anchored_ = true;
      offset_ns_ = static_cast<std::int64_t>(system_ns - monotonic_ns);
    }
    const auto expected = static_cast<std::uint64_t>(static_cast<std::int64_t>(monotonic_ns) + offset_ns_);
    const std::uint64_t step = system_ns > expected ? system_ns - expected : expected - system_ns;
    unsure_ = step > kStepMaxNs;
    if (unsure_) return expected;
    offset_ns_ = static_cast<std::int64_t>(system_ns - monotonic_ns);  // follows slow corrections
    return system_ns;
  }

  // The time of the next record, given `now` and the state's next timer.
  [[nodiscard]] std::uint64_t take(std::uint64_t now_ns, std::uint64_t next_timer_ns) noexcept {
    if (unsure_) now_ns = std::min(now_ns, next_timer_ns - std::min(next_timer_ns, kUnsureMarginNs));
    last_ns_ = std::max(now_ns, last_ns_ + 1);
    return last_ns_;
  }

  [[nodiscard]] std::uint64_t last() const noexcept { return last_ns_; }
  [[nodiscard]] bool unsure() const noexcept { return unsure_; }

 private:
  const bool replay_;
  bool anchored_ = false;
  bool unsure_ = false;
  std::int64_t offset_ns_ = 0;  // system - monotonic
  std::uint64_t last_ns_;
  std::uint64_t replay_ns_;
};

}  // namespace electra::pipeline
