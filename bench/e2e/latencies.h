// The latency of every message of a run, four bytes each, and what is told of them.
//
// A stamp holds first when its message was (or, in an open loop, should have been) sent, then how long its receipt took,
// both in units of 100 ns; the highest bit tells which. The clock of 31 bits wraps after 214 s: a latency must be shorter.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace electra::bench {

class Latencies {
 public:
  static constexpr std::uint64_t kUnitNs = 100;

  // Of messages 0 … count - 1.
  explicit Latencies(std::uint64_t count) : stamps_(count) {}

  // A monotonic instant.
  void sent(std::uint64_t message, std::uint64_t at_ns) noexcept {
    stamps_[message] = static_cast<std::uint32_t>(at_ns / kUnitNs) & kClock;
  }
  // False: it was answered before.
  [[nodiscard]] bool answered(std::uint64_t message, std::uint64_t at_ns) noexcept {
    std::uint32_t& stamp = stamps_[message];
    if ((stamp & kAnswered) != 0) return false;
    stamp = ((static_cast<std::uint32_t>(at_ns / kUnitNs) - stamp) & kClock) | kAnswered;
    return true;
  }
  [[nodiscard]] bool is_answered(std::uint64_t message) const noexcept { return (stamps_[message] & kAnswered) != 0; }

  // Those of the answered ones, ascending, in units.
  [[nodiscard]] std::vector<std::uint32_t> sorted() const;

 private:
  static constexpr std::uint32_t kAnswered = 1U << 31;
  static constexpr std::uint32_t kClock = kAnswered - 1;
  std::vector<std::uint32_t> stamps_;
};

// The nearest rank: the smallest value that at least `share` (above 0, at most 1) of all values do not exceed. In µs.
// 0 without values.
[[nodiscard]] double percentile_us(std::span<const std::uint32_t> sorted, double share);

struct Percentiles {
  double p50_us = 0;
  double p90_us = 0;
  double p99_us = 0;
  double p999_us = 0;
  double p9999_us = 0;
  double max_us = 0;
};
[[nodiscard]] Percentiles percentiles(std::span<const std::uint32_t> sorted);

// Points of the curve for plots: share of messages and latency in µs, from the median to the worst.
struct CurvePoint {
  double share = 0;
  double us = 0;
};
[[nodiscard]] std::vector<CurvePoint> latency_curve(std::span<const std::uint32_t> sorted);

}  // namespace electra::bench
