// What lies between two readings of one meter: pure arithmetic on cumulative registers.
//
// Registers only rise, except that a register may roll over at its modulus. What else runs backwards is a rollback, what
// rises faster than the meter can is implausible; neither is ever billed. Wh throughout.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "meter-proto/base/checked.h"
#include "meter-proto/strict/payload.h"

namespace electra::state {

// No meter gives or takes more than this in an interval and direction: 1 GWh.
inline constexpr std::uint64_t kWhPerIntervalMax = 1'000'000'000;

// A gap is credited with the energy of at most so many intervals (30 years of quarter-hours).
inline constexpr std::uint64_t kGapIntervalsMax = std::uint64_t{1} << 20;

// The bound of one chain: kWhPerIntervalMax, or less where prices and the number of meters would let a cycle's money or
// that of the longest gap leave 62 bits.
[[nodiscard]] constexpr std::uint64_t wh_per_interval_bound(std::uint64_t retail_price, std::uint64_t meters_max,
                                                            std::uint64_t intervals_per_cycle) {
  const u128 factor =
      u128{std::max<std::uint64_t>(retail_price, 1)} * std::max(meters_max * intervals_per_cycle, kGapIntervalsMax);
  const u128 bound = (u128{1} << 62) / factor;
  return bound < kWhPerIntervalMax ? static_cast<std::uint64_t>(bound) : kWhPerIntervalMax;
}

// Cumulative, by phase (entry 0 is L1); 0 where the meter has no such phase.
struct Registers {
  std::array<std::uint64_t, strict::kPhasesMax> in{};
  std::array<std::uint64_t, strict::kPhasesMax> out{};
  bool operator==(const Registers&) const = default;
};

enum class DeltaKind : std::uint8_t { measured, rollback, implausible };

// Energy over all phases between two readings; zero unless `measured`.
struct Delta {
  DeltaKind kind = DeltaKind::measured;
  std::uint64_t wh_in = 0;
  std::uint64_t wh_out = 0;
};

struct RegisterRules {
  std::uint64_t modulus = 0;                              // Wh at which a register rolls over; 0 = never
  std::uint64_t wh_per_interval_max = kWhPerIntervalMax;  // per direction, over all phases
  bool own_limit = false;                                 // the limit is this meter's own, not the chain's
};

namespace detail {

// False: the value ran backwards and it is no plausible rollover. Otherwise `sum` grows by the rise.
[[nodiscard]] inline bool add_rise(std::uint64_t before, std::uint64_t after, std::uint64_t modulus,
                                   u128 rollover_wh_max, u128& sum) noexcept {
  if (after >= before) {
    sum += after - before;
    return true;
  }
  if (modulus == 0) return false;
  const u128 rise = u128{modulus} - before + after;
  sum += rise;
  return rise <= rollover_wh_max;
}

}  // namespace detail

// `intervals` >= 1: how many intervals have passed between the two.
[[nodiscard]] inline Delta delta_between(const Registers& before, const Registers& after, const RegisterRules& rules,
                                         std::uint64_t intervals) noexcept {
  const u128 wh_max = u128{rules.wh_per_interval_max} * std::min(intervals, kGapIntervalsMax);
  // Without a limit of the meter's own a rise by more than half a turn is taken for a fall.
  const u128 rollover_wh_max = rules.own_limit ? wh_max : std::min<u128>(wh_max, rules.modulus / 2);
  u128 in = 0;
  u128 out = 0;
  bool forward = true;
  for (std::size_t phase = 0; phase < strict::kPhasesMax; ++phase) {
    forward &= detail::add_rise(before.in[phase], after.in[phase], rules.modulus, rollover_wh_max, in);
    forward &= detail::add_rise(before.out[phase], after.out[phase], rules.modulus, rollover_wh_max, out);
  }
  if (!forward) return {DeltaKind::rollback, 0, 0};
  if (in > wh_max || out > wh_max) return {DeltaKind::implausible, 0, 0};
  return {DeltaKind::measured, static_cast<std::uint64_t>(in), static_cast<std::uint64_t>(out)};
}

// The part-th of `parts` even integer parts of `total`: they sum to it exactly and differ by at most 1. Rounds down the
// running sum. part < parts.
[[nodiscard]] constexpr std::uint64_t first_parts(std::uint64_t total, std::uint64_t part, std::uint64_t parts) {
  return static_cast<std::uint64_t>(u128{total} * part / parts);
}
[[nodiscard]] constexpr std::uint64_t even_part(std::uint64_t total, std::uint64_t part, std::uint64_t parts) {
  return first_parts(total, part + 1, parts) - first_parts(total, part, parts);
}

}  // namespace electra::state
