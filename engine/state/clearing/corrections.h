// Energy that becomes known after its interval was settled: a gap that a later reading closes, or a late reading.
//
// Each settled interval's part is booked at that interval's own prices between the holder and the grid; nobody else's
// bill moves. Parts of intervals that are no longer kept are booked in one line at the grid's prices. The grid connection's
// own corrections move only `unaccounted`. Totals stay the sums of everything that was booked.
#pragma once

#include "engine/state/clearing/cashier.h"
#include "engine/state/clearing/interval_history.h"
#include "engine/state/digest_writer.h"
#include "engine/state/metering/meters.h"

namespace electra::state {

// An energy that lies evenly over `intervals` intervals from `first_interval` on, of which the first `settled` ones have
// been settled. 1 <= settled <= intervals.
struct SpreadEnergy {
  std::uint64_t first_interval = 0;
  std::uint64_t intervals = 1;
  std::uint64_t settled = 1;
  std::uint64_t wh_in = 0;
  std::uint64_t wh_out = 0;
};

class Corrections {
 public:
  Corrections(const Params& params, const Directory& directory, Ledger& ledger, Cashier& cashier,
              IntervalHistory& history, Totals& totals)
      : retail_price_(params.retail_price),
        feed_in_price_(params.feed_in_price),
        directory_(directory),
        ledger_(ledger),
        cashier_(cashier),
        history_(history),
        totals_(totals) {}

  // Books the settled parts. Returns how many lines that took (at most kCorrectionIntervalsMax + 1).
  std::uint64_t book(Slot gateway, Meter& meter, const SpreadEnergy& energy);

 private:
  // `settled` null: the interval is no longer kept.
  void book_line(Slot gateway, SettledInterval* settled, std::uint64_t wh_in, std::uint64_t wh_out, BillLine& sum,
                 DigestWriter& hash);
  void book_grid_line(Slot gateway, SettledInterval& settled, std::uint64_t wh_in, std::uint64_t wh_out);
  // Moves energy between the grid connection and `unaccounted`: what the grid gave and no meter saw, or the reverse.
  void add_unaccounted(Slot gateway, std::int64_t wh);

  std::uint64_t retail_price_;
  std::uint64_t feed_in_price_;
  const Directory& directory_;
  Ledger& ledger_;
  Cashier& cashier_;
  IntervalHistory& history_;
  Totals& totals_;
};

}  // namespace electra::state
