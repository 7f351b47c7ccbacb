// Where an instant lies among the metering intervals and cycles of a chain.
//
// Boundaries are numbered from genesis: boundary b is the instant genesis + b * interval_s, and interval i reaches from
// boundary i to boundary i + 1. Cycle index c (its id is c + 1) has the intervals c*n .. c*n + n - 1. Time zones do not
// exist here: intervals are in UTC.
#pragma once

#include <cstdint>

#include "engine/state/types.h"

namespace electra::state {

inline constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

class Calendar {
 public:
  Calendar(const Params& params, std::uint64_t genesis_s) noexcept
      : genesis_s_(genesis_s),
        interval_s_(params.interval_s),
        cycle_s_(params.cycle_s),
        grace_s_(params.grace_s),
        intervals_per_cycle_(params.cycle_s / params.interval_s) {}

  [[nodiscard]] std::uint64_t genesis_s() const noexcept { return genesis_s_; }
  [[nodiscard]] std::uint64_t intervals_per_cycle() const noexcept { return intervals_per_cycle_; }

  // The boundary at or after time_s >= genesis_s(): the one that a reading of this instant belongs to.
  [[nodiscard]] std::uint64_t boundary_of(std::uint64_t time_s) const noexcept {
    return (time_s - genesis_s_ + interval_s_ - 1) / interval_s_;
  }

  // How many cycles are due for settlement (their end and grace have passed): the cycles 0 .. count - 1.
  [[nodiscard]] std::uint64_t due_cycles(std::uint64_t time_ns) const noexcept {
    const std::uint64_t time_s = time_ns / kNanosecondsPerSecond;
    const std::uint64_t start = genesis_s_ + grace_s_;
    return time_s < start ? 0 : (time_s - start) / cycle_s_;
  }
  [[nodiscard]] std::uint64_t due_time_ns(std::uint64_t cycle) const noexcept {
    return (cycle_end_s(cycle) + grace_s_) * kNanosecondsPerSecond;
  }

  [[nodiscard]] std::uint64_t cycle_at(std::uint64_t time_ns) const noexcept {
    return (time_ns / kNanosecondsPerSecond - genesis_s_) / cycle_s_;
  }
  [[nodiscard]] std::uint64_t cycle_begin_s(std::uint64_t cycle) const noexcept {
    return genesis_s_ + cycle * cycle_s_;
  }
  // Exclusive: the first second of the next cycle.
  [[nodiscard]] std::uint64_t cycle_end_s(std::uint64_t cycle) const noexcept { return cycle_begin_s(cycle + 1); }

  // The first boundary whose register is not yet part of the first `cycles` cycles. Boundary 0 opens cycle 0 and belongs
  // to it; every other boundary belongs to the cycle that it ends an interval of.
  [[nodiscard]] std::uint64_t first_boundary_after(std::uint64_t cycles) const noexcept {
    return cycles == 0 ? 0 : cycles * intervals_per_cycle_ + 1;
  }

 private:
  std::uint64_t genesis_s_;
  std::uint64_t interval_s_;
  std::uint64_t cycle_s_;
  std::uint64_t grace_s_;
  std::uint64_t intervals_per_cycle_;
};

}  // namespace electra::state
