// Closes cycles: registers to energy, energy to money, money to accounts.
//
// A cycle is closed when time reaches its end plus the grace; from then on a reading of it is late. Settling it is a
// cursor that walks all holders in the order of serial numbers, several times: classify (what each interval's energy was),
// floors and counting (largest remainder), post (lines, bill hash, movements). The cursor is part of the state and may stop
// after any visit; a visit is one meter and one interval. What a cycle costs whom does not depend on where it stopped.
#pragma once

#include <vector>

#include "engine/state/clearing/corrections.h"
#include "engine/state/clearing/largest_remainder.h"
#include "engine/state/clearing/pool_price.h"

namespace electra::state {

inline constexpr std::uint64_t kCyclesKept = 1024;

struct CycleSums {
  std::uint64_t whin = 0;
  std::uint64_t whout = 0;
  std::uint64_t moneyin = 0;
  std::uint64_t moneyout = 0;
};

class Settlement {
 public:
  Settlement(const Genesis& genesis, const Calendar& calendar, const Directory& directory, Ledger& ledger,
             Meters& meters);

  void set_gateway(Slot gateway) noexcept { gateway_ = gateway; }

  // The time of a new batch: cycles that are due by it are closed.
  void set_time(std::uint64_t time_ns) noexcept { closed_ = calendar_.due_cycles(time_ns); }
  // Settles what is closed, about `visits_max` visits' worth (at least one step if there is work).
  void run(std::int64_t visits_max);
  [[nodiscard]] bool work_left() const noexcept { return phase_ != Phase::idle || settled_ < closed_; }
  [[nodiscard]] std::uint64_t next_due_ns() const noexcept { return calendar_.due_time_ns(closed_); }

  [[nodiscard]] std::uint64_t first_open_boundary() const noexcept { return calendar_.first_boundary_after(closed_); }
  // Readings of lower boundaries are in the meters' base registers; of this and later ones in their rings.
  [[nodiscard]] std::uint64_t first_unclassified_boundary() const noexcept {
    return calendar_.first_boundary_after(classified());
  }
  // Settles, whatever it costs, until every closed cycle has its prices. Only for what cannot wait.
  void finish_classifying();

  // A reading of a closed boundary: ok (it is the meter's first), late_reading, late_without_effect, duplicate_reading
  // or conflicting_reading.
  [[nodiscard]] Result book_late(std::uint32_t meter, const KeptReading& reading);

  // A holder was inserted into the serial order at this position.
  void holder_added(std::size_t position) noexcept {
    if (phase_ != Phase::idle && position < position_) ++position_;
  }

  [[nodiscard]] std::uint64_t settled_cycles() const noexcept { return settled_; }
  [[nodiscard]] std::uint64_t closed_cycles() const noexcept { return closed_; }
  [[nodiscard]] Totals totals() const noexcept;
  [[nodiscard]] const Cashier& cashier() const noexcept { return cashier_; }
  [[nodiscard]] const IntervalHistory& history() const noexcept { return history_; }
  [[nodiscard]] IntervalHistory& history() noexcept { return history_; }
  // Of a final cycle that is still kept.
  [[nodiscard]] const CycleSums& sums(std::uint64_t cycle) const noexcept { return cycles_[cycle % kCyclesKept]; }

  // The table of cycles: a leaf is a place that was ever used.
  [[nodiscard]] std::uint32_t cycle_leaf_count() const noexcept {
    return static_cast<std::uint32_t>(std::min(settled_, kCyclesKept));
  }
  void append_cycle_leaf(std::uint32_t index, LeafWriter& out) const;
  [[nodiscard]] const TouchedSet& cycles_touched() const noexcept { return cycles_touched_; }
  [[nodiscard]] TouchedSet& cycles_touched() noexcept { return cycles_touched_; }
  // Everything else: totals, the cursor and, while it is under way, its work.
  void append_leaf(LeafWriter& out) const;
  // Restoring (restorer.h), in settlement_restore.cc: of a new settlement, every leaf, then what they say together, when
  // directory, ledger and meters are restored. Everything that the cursor has computed is computed again.
  [[nodiscard]] LeafCheck load_cycle_leaf(std::uint32_t index, ByteSpan bytes);
  [[nodiscard]] LeafCheck load_leaf(LeafReader& from);
  [[nodiscard]] LeafCheck check_restored(std::uint64_t time_ns) const;
  // In this order: this one for every leaf of the table of intervals, then, when the bill lines are checked, the next.
  // `wh_max`: what all meters together can make in an interval.
  [[nodiscard]] LeafCheck check_restored_interval(std::uint32_t index, std::uint64_t wh_max) const;
  [[nodiscard]] LeafCheck check_restored_work() const;
  // Whether the cursor has classified the meter of the holder at this place of the serial order for the cycle under way.
  [[nodiscard]] bool is_classified(std::size_t place) const noexcept {
    return phase_ > Phase::classify || (phase_ == Phase::classify && place < position_);
  }
  [[nodiscard]] bool is_idle() const noexcept { return phase_ == Phase::idle; }
  // Of append_leaf() in its longest phase, with four bytes more for what the machine writes before it.
  [[nodiscard]] std::size_t leaf_bytes_max() const noexcept {
    return 4 + kLeafBytesIdle + kLeafBytesCursor + work_.size() * kLeafBytesInterval +
           counters_.size() * sizeof counters_[0];
  }
  void clear_touched() noexcept;
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  static constexpr std::size_t kLeafBytesIdle = 12 * 8 + 3 * 8 + 1;
  static constexpr std::size_t kLeafBytesCursor = 8 + 4;
  static constexpr std::size_t kLeafBytesInterval = 3 * 8 + 1 + 5 * 8 + 2 * 6 * 8;

  enum class Phase : std::uint8_t { idle, classify, floors, count, post };

  struct IntervalWork {
    std::uint64_t wh_in = 0;  // of the community
    std::uint64_t wh_out = 0;
    bool grid_known = false;
    std::int64_t unaccounted_wh = 0;
    PoolTotals pool;
    LargestRemainder consumers;
    LargestRemainder producers;
    bool operator==(const IntervalWork&) const = default;
  };

  [[nodiscard]] std::uint64_t classified() const noexcept { return settled_ + (phase_ > Phase::classify ? 1 : 0); }
  // Meters that are billed by the cursor among the first `places` of the serial order.
  [[nodiscard]] std::vector<std::uint32_t> members(std::size_t places) const;
  [[nodiscard]] LeafCheck check_cursor(BillLine& posted) const;
  [[nodiscard]] LeafCheck count_again(std::vector<IntervalWork>& work,
                                      std::vector<LargestRemainder::Counters>& counters,
                                      const std::vector<std::uint32_t>& visited,
                                      const std::vector<std::uint32_t>& all) const;
  [[nodiscard]] std::uint64_t first_interval() const noexcept { return settled_ * calendar_.intervals_per_cycle(); }

  void advance();  // one pass, or as much of it as visits_left_ allows
  void visit(const Holder& holder);
  void begin_pass(Phase phase);
  void end_pass();

  void classify(std::uint32_t number);
  void absorb(Meter& meter, const KeptReading& reading, std::span<BillLine> lines);
  void price();
  // From the sums of the i-th interval of the cycle to its prices.
  void set_price(IntervalWork& interval, std::size_t i) const;
  void post(const Holder& holder);
  void finish();
  void close_bill(Meter& meter, std::span<const BillLine> lines);
  [[nodiscard]] LargestRemainder::Counters& counters(std::size_t interval, bool producers) noexcept {
    return counters_[2 * interval + (producers ? 1 : 0)];
  }

  Params params_;
  Calendar calendar_;
  const Directory& directory_;
  Ledger& ledger_;
  Meters& meters_;
  Slot gateway_ = 0;
  Totals totals_;
  Cashier cashier_;
  IntervalHistory history_;
  Corrections corrections_;

  std::uint64_t closed_ = 0;   // cycles [0, closed_) are closed
  std::uint64_t settled_ = 0;  // cycles [0, settled_) are final; settled_ is what the cursor works on unless idle
  Phase phase_ = Phase::idle;
  std::size_t position_ = 0;  // in the serial order
  unsigned byte_ = 0;         // that is being counted
  std::int64_t visits_left_ = 0;
  std::vector<IntervalWork> work_;                    // one an interval of the cycle
  std::vector<LargestRemainder::Counters> counters_;  // two an interval: consumers, producers
  std::vector<CycleSums> cycles_;                     // of cycle c at c % kCyclesKept
  TouchedSet cycles_touched_;
};

}  // namespace electra::state
