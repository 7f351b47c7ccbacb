// The prices of the intervals that were settled lately: what a correction needs.
//
// A ring over the correction horizon, at most 1344 intervals (14 days of quarter-hours), so that the work for one
// correction is bounded. Prices are kept as rationals: consumers' total over consumption, producers' over generation.
#pragma once

#include <vector>

#include "engine/state/leaf_reader.h"
#include "engine/state/leaf_writer.h"
#include "engine/state/touched_set.h"
#include "engine/state/types.h"

namespace electra::state {

inline constexpr std::uint64_t kCorrectionIntervalsMax = 1344;

struct SettledInterval {
  std::uint64_t interval_plus_1 = 0;  // 0 = empty
  std::uint64_t consumption_wh = 0;
  std::uint64_t generation_wh = 0;
  std::uint64_t consumers_pay = 0;
  std::uint64_t producers_get = 0;
  std::int64_t unaccounted_wh = 0;  // as settled; 0 unless grid_known
  std::uint64_t corrected_in = 0;   // Wh booked by corrections since
  std::uint64_t corrected_out = 0;
  bool grid_settled = false;  // the grid meter's interval was known at settlement
  bool grid_known = false;    // or has become known since

  static constexpr std::size_t kLeafBytes = 8 * 8 + 2;
};

class IntervalHistory {
 public:
  IntervalHistory(const Params& params, const Limits& limits)
      : ring_(places(params, limits)), touched_(static_cast<std::uint32_t>(ring_.size())) {}

  [[nodiscard]] static std::size_t places(const Params& params, const Limits& limits) noexcept {
    const std::uint64_t intervals = limits.correction_horizon_s / params.interval_s + 1;
    return intervals < kCorrectionIntervalsMax ? intervals : kCorrectionIntervalsMax;
  }

  // Null if it was never settled or is no longer kept.
  [[nodiscard]] const SettledInterval* find(std::uint64_t interval) const noexcept {
    const SettledInterval& place = ring_[interval % ring_.size()];
    return place.interval_plus_1 == interval + 1 ? &place : nullptr;
  }

  // One that find() finds, to be changed.
  [[nodiscard]] SettledInterval& change(std::uint64_t interval) noexcept {
    SettledInterval& place = ring_[interval % ring_.size()];
    ELECTRA_ASSERT_EQ(place.interval_plus_1, interval + 1);
    touched_.mark(static_cast<std::uint32_t>(interval % ring_.size()));
    return place;
  }

  // Intervals come in ascending order, without gaps, from 0 on.
  void add(const SettledInterval& settled) noexcept {
    end_ = settled.interval_plus_1;
    const std::size_t place = (settled.interval_plus_1 - 1) % ring_.size();
    touched_.mark(static_cast<std::uint32_t>(place));
    ring_[place] = settled;
  }

  // Intervals [first_kept(), end()) are there.
  [[nodiscard]] std::uint64_t end() const noexcept { return end_; }
  [[nodiscard]] std::uint64_t first_kept() const noexcept { return end_ < ring_.size() ? 0 : end_ - ring_.size(); }

  // A leaf is a place that was ever used.
  [[nodiscard]] std::uint32_t leaf_count() const noexcept {
    return static_cast<std::uint32_t>(end_ < ring_.size() ? end_ : ring_.size());
  }
  void append_leaf(std::uint32_t index, LeafWriter& out) const {
    const SettledInterval& s = ring_[index];
    out.integers(s.interval_plus_1, s.consumption_wh, s.generation_wh, s.consumers_pay, s.producers_get,
                 s.unaccounted_wh, s.corrected_in, s.corrected_out, s.grid_settled, s.grid_known);
  }
  // Restoring (restorer.h): of an empty history, every leaf, and where it ends. at() of a place that has a leaf.
  [[nodiscard]] LeafCheck load_leaf(std::uint32_t index, ByteSpan bytes) {
    SettledInterval& s = ring_[index];
    LeafReader reader(bytes);
    reader.integers(s.interval_plus_1, s.consumption_wh, s.generation_wh, s.consumers_pay, s.producers_get,
                    s.unaccounted_wh, s.corrected_in, s.corrected_out, s.grid_settled, s.grid_known);
    if (!reader.good()) return wrong_leaf("grid_settled or grid_known is not 0 or 1");
    if (s.grid_settled && !s.grid_known) return wrong_leaf("grid_settled without grid_known");
    if (!s.grid_settled && s.unaccounted_wh != 0)
      return wrong_field("unaccounted_wh", s.unaccounted_wh, "0 without grid_settled");
    return {};
  }
  void restore_end(std::uint64_t end) noexcept { end_ = end; }
  [[nodiscard]] std::size_t places() const noexcept { return ring_.size(); }
  [[nodiscard]] const SettledInterval& at(std::uint32_t index) const noexcept { return ring_[index]; }
  [[nodiscard]] const TouchedSet& touched() const noexcept { return touched_; }
  [[nodiscard]] TouchedSet& touched() noexcept { return touched_; }
  void clear_touched() noexcept { touched_.clear(); }

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return ring_.size() * sizeof(SettledInterval) + TouchedSet::memory_bytes(touched_.capacity());
  }

 private:
  std::vector<SettledInterval> ring_;
  std::uint64_t end_ = 0;
  TouchedSet touched_;
};

}  // namespace electra::state
