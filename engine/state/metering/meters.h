// Meters and the readings that wait for their cycle to close.
//
// A reading stamped t belongs to the boundary at or after t; of the readings of one boundary the latest instant is kept.
// On arrival only what needs no other reading is judged (phases, range, time, duplicates); what the registers mean is
// judged by the closing of the cycle, over the kept readings in the order of their boundaries, so the order of arrival
// within an open cycle decides nothing. Readings are kept in a ring per meter, one place a boundary.
#pragma once

#include <span>
#include <vector>

#include "engine/state/calendar.h"
#include "engine/state/leaf_reader.h"
#include "engine/state/leaf_writer.h"
#include "engine/state/machine.h"
#include "engine/state/metering/registers.h"
#include "engine/state/prefetch.h"

namespace electra::state {

inline constexpr std::uint64_t kReadingRingMax = 128;

struct alignas(64) KeptReading {
  std::uint64_t boundary_plus_1 = 0;  // 0 = empty
  std::uint64_t time_s = 0;
  Registers registers;
};
static_assert(sizeof(KeptReading) == 64, "one cache line");

// What taking a reading asks for lies in the first cache line.
struct alignas(64) Meter {
  Slot slot = 0;
  std::uint32_t phases = 0;  // bit set
  RegisterRules rules;
  // The newest reading taken: in the ring or the base.
  std::uint64_t newest_time_s = 0;
  std::uint64_t newest_boundary = 0;
  // The newest register that is part of a settled interval (or the first one ever).
  bool has_base = false;
  std::uint64_t base_boundary = 0;
  std::uint64_t base_time_s = 0;
  Registers base;
  // Settled.
  std::uint64_t consumed_wh = 0;
  std::uint64_t generated_wh = 0;
  std::uint64_t paid = 0;
  std::uint64_t received = 0;
  std::uint64_t intervals_missing = 0;
  std::uint64_t intervals_estimated = 0;
  std::uint64_t intervals_faulty = 0;
  std::uint64_t billed_cycle = 0;  // id of the cycle that lines() belong to; 0 = none yet
  Bytes32 bill_hash{};
  Bytes32 correction_hash{};
};

// What the machine knows about now.
struct ReadingContext {
  std::uint64_t time_s = 0;               // of the batch, rounded down
  std::uint64_t first_open_boundary = 0;  // boundaries below belong to cycles that are closed
  std::uint32_t future_tolerance_s = 0;
  std::uint32_t correction_horizon_s = 0;
};

class Meters {
 public:
  Meters(const Params& params, const Calendar& calendar, std::uint32_t meters_max);

  // Places in a meter's ring: what can lie between the oldest unclassified and the newest allowed boundary.
  [[nodiscard]] static std::uint64_t ring_places(const Params& params) noexcept;

  [[nodiscard]] std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(meters_.size()); }
  [[nodiscard]] const Meter& at(std::uint32_t meter) const noexcept { return meters_[meter]; }
  // The only way to a meter that may be changed.
  [[nodiscard]] Meter& change(std::uint32_t meter) noexcept {
    touched_.mark(meter);
    return meters_[meter];
  }

  std::uint32_t add(Slot slot, std::uint32_t phases, const RegisterRules& rules);

  // Has fetched what a reading stamped `time_s` will ask for soon. The meter exists; any time will do.
  void prefetch(std::uint32_t meter, std::uint64_t time_s) const noexcept;

  // The checks that every reading passes, in order of precedence; fills `kept` if ok.
  [[nodiscard]] Result check(const Meter& meter, const strict::Reading& reading, const ReadingContext& context,
                             KeptReading& kept) const noexcept;
  // A checked reading of an open boundary: ok, duplicate_reading, conflicting_reading or superseded_reading. The caller
  // guarantees that the boundary is less than ring_places() after the oldest unclassified one.
  [[nodiscard]] Result keep(std::uint32_t meter, const KeptReading& reading) noexcept;

  // The reading kept for this boundary, or null.
  [[nodiscard]] const KeptReading* kept(std::uint32_t meter, std::uint64_t boundary) const noexcept {
    const KeptReading& place = ring_[meter * ring_places_ + boundary % ring_places_];
    return place.boundary_plus_1 == boundary + 1 ? &place : nullptr;
  }
  // `meter` is one that change() gave.
  static void set_base(Meter& meter, const KeptReading& reading) noexcept;
  [[nodiscard]] const Registers& newest_registers(std::uint32_t meter) const noexcept;
  [[nodiscard]] std::uint64_t places() const noexcept { return ring_places_; }

  // One line an interval of the cycle that was or is being billed.
  [[nodiscard]] std::span<const BillLine> lines(std::uint32_t meter) const noexcept {
    return {lines_.data() + meter * line_count_, line_count_};
  }
  [[nodiscard]] std::span<BillLine> change_lines(std::uint32_t meter) noexcept {
    lines_touched_.mark(meter);
    return {lines_.data() + meter * line_count_, line_count_};
  }

  // Three tables of leaves, one a meter each. A ring's leaf holds all its places, those of classified boundaries too.
  void append_leaf(std::uint32_t meter, LeafWriter& out) const;
  void append_readings_leaf(std::uint32_t meter, LeafWriter& out) const;
  void append_lines_leaf(std::uint32_t meter, LeafWriter& out) const;
  // Restoring (restorer.h): of empty tables, first this, then every leaf. The newest registers that a meter's leaf shows
  // follow from its other leaves: they are given back to be compared.
  void begin_restore(std::uint32_t count);
  [[nodiscard]] LeafCheck load_leaf(std::uint32_t meter, ByteSpan bytes, Registers& newest);
  [[nodiscard]] LeafCheck load_readings_leaf(std::uint32_t meter, ByteSpan bytes);
  [[nodiscard]] LeafCheck load_lines_leaf(std::uint32_t meter, ByteSpan bytes);
  // All places of a meter's ring.
  [[nodiscard]] std::span<const KeptReading> ring(std::uint32_t meter) const noexcept {
    return {ring_.data() + meter * ring_places_, ring_places_};
  }
  [[nodiscard]] std::size_t readings_leaf_bytes() const noexcept { return ring_places_ * sizeof(KeptReading); }
  [[nodiscard]] const TouchedSet& touched() const noexcept { return touched_; }
  [[nodiscard]] const TouchedSet& readings_touched() const noexcept { return readings_touched_; }
  [[nodiscard]] const TouchedSet& lines_touched() const noexcept { return lines_touched_; }
  [[nodiscard]] TouchedSet& touched() noexcept { return touched_; }
  [[nodiscard]] TouchedSet& readings_touched() noexcept { return readings_touched_; }
  [[nodiscard]] TouchedSet& lines_touched() noexcept { return lines_touched_; }
  void clear_touched() noexcept;
  [[nodiscard]] static std::size_t memory_bytes(const Params& params, std::uint32_t meters_max) noexcept;

 private:
  Calendar calendar_;
  std::size_t ring_places_;
  std::size_t line_count_;
  std::vector<Meter> meters_;
  std::vector<KeptReading> ring_;
  std::vector<BillLine> lines_;
  TouchedSet touched_;
  TouchedSet readings_touched_;
  TouchedSet lines_touched_;
};

}  // namespace electra::state
