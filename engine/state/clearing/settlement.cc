#include "engine/state/clearing/settlement.h"

namespace electra::state {

Settlement::Settlement(const Genesis& genesis, const Calendar& calendar, const Directory& directory, Ledger& ledger,
                       Meters& meters)
    : params_(genesis.params),
      calendar_(calendar),
      directory_(directory),
      ledger_(ledger),
      meters_(meters),
      cashier_(directory, ledger),
      history_(genesis.params, genesis.limits),
      corrections_(genesis.params, directory, ledger, cashier_, history_, totals_),
      work_(calendar.intervals_per_cycle()),
      counters_(2 * calendar.intervals_per_cycle()),
      cycles_(kCyclesKept),
      cycles_touched_(kCyclesKept) {}

// --- the cursor ---------------------------------------------------------------------------------------------------------

void Settlement::run(std::int64_t visits_max) {
  visits_left_ = std::max<std::int64_t>(visits_max, 1);
  while (work_left() && visits_left_ > 0) advance();
}

void Settlement::finish_classifying() {
  while (classified() < closed_) {
    visits_left_ = INT64_MAX;
    advance();
  }
}

void Settlement::advance() {
  if (phase_ == Phase::idle) begin_pass(Phase::classify);
  const std::span<const Slot> order = directory_.in_serial_order();
  for (; position_ < order.size(); ++position_) {
    if (visits_left_ <= 0) return;
    visit(directory_.at(order[position_]));
  }
  end_pass();
}

void Settlement::begin_pass(Phase phase) {
  if (phase == Phase::classify) std::ranges::fill(work_, IntervalWork{});
  if (phase == Phase::count) std::ranges::fill(counters_, LargestRemainder::Counters{});
  phase_ = phase;
  position_ = 0;
}

void Settlement::end_pass() {
  switch (phase_) {
    case Phase::idle:     return;
    case Phase::classify: price(); return begin_pass(Phase::floors);
    case Phase::floors:   {
      unsigned passes = 0;
      for (IntervalWork& interval : work_) {
        interval.consumers.end_floors();
        interval.producers.end_floors();
        passes = std::max({passes, interval.consumers.counting_passes(), interval.producers.counting_passes()});
      }
      if (passes == 0) return begin_pass(Phase::post);
      byte_ = passes - 1;
      return begin_pass(Phase::count);
    }
    case Phase::count:
      for (std::size_t i = 0; i < work_.size(); ++i) {
        work_[i].consumers.end_pass(byte_, counters(i, false));
        work_[i].producers.end_pass(byte_, counters(i, true));
      }
      if (byte_ == 0) return begin_pass(Phase::post);
      --byte_;
      return begin_pass(Phase::count);
    case Phase::post: return finish();
  }
}

void Settlement::visit(const Holder& holder) {
  --visits_left_;
  if (holder.meter == kNoMeter) return;
  visits_left_ -= static_cast<std::int64_t>(work_.size()) - 1;
  if (phase_ == Phase::classify) return classify(holder.meter);
  const Meter& meter = meters_.at(holder.meter);
  if (meter.slot == gateway_ || meter.billed_cycle != settled_ + 1) return;
  if (phase_ == Phase::post) return post(holder);
  const std::span<const BillLine> lines = meters_.lines(holder.meter);
  for (std::size_t i = 0; i < work_.size(); ++i) {
    IntervalWork& interval = work_[i];
    if (phase_ == Phase::floors) {
      interval.consumers.add_floor(lines[i].wh_in);
      interval.producers.add_floor(lines[i].wh_out);
    } else {
      interval.consumers.count(lines[i].wh_in, byte_, counters(i, false));
      interval.producers.count(lines[i].wh_out, byte_, counters(i, true));
    }
  }
}

// --- registers to energy ------------------------------------------------------------------------------------------------

void Settlement::classify(std::uint32_t number) {
  Meter& meter = meters_.change(number);
  const std::span<BillLine> lines = meters_.change_lines(number);
  std::ranges::fill(lines, BillLine{});
  const std::uint64_t last_boundary = first_interval() + work_.size();
  for (std::uint64_t boundary = calendar_.first_boundary_after(settled_); boundary <= last_boundary; ++boundary)
    if (const KeptReading* reading = meters_.kept(number, boundary)) absorb(meter, *reading, lines);
  if (!meter.has_base) return;

  meter.intervals_missing += last_boundary - std::max(meter.base_boundary, first_interval());
  meter.billed_cycle = settled_ + 1;
  if (meter.slot == gateway_) return;
  for (std::size_t i = 0; i < work_.size(); ++i) {
    work_[i].wh_in += lines[i].wh_in;
    work_[i].wh_out += lines[i].wh_out;
  }
}

void Settlement::absorb(Meter& meter, const KeptReading& reading, std::span<BillLine> lines) {
  if (!meter.has_base) return meters_.set_base(meter, reading);
  const std::uint64_t from = meter.base_boundary;
  const std::uint64_t to = reading.boundary_plus_1 - 1;
  ELECTRA_ASSERT_LT(from, to);
  const std::uint64_t first = first_interval();
  const std::uint64_t intervals = to - from;
  const std::uint64_t settled = from < first ? first - from : 0;
  const Delta delta = delta_between(meter.base, reading.registers, meter.rules, intervals);
  meters_.set_base(meter, reading);
  // The settled part of a gap was counted as missing; now each interval of it is faulty or estimated.
  meter.intervals_missing -= std::min(settled, meter.intervals_missing);
  if (delta.kind != DeltaKind::measured) {
    meter.intervals_faulty += intervals;
    return;
  }
  if (intervals > 1) meter.intervals_estimated += intervals;
  for (std::uint64_t part = settled; part < intervals; ++part) {
    const std::size_t i = static_cast<std::size_t>(from + part - first);
    lines[i].wh_in = even_part(delta.wh_in, part, intervals);
    lines[i].wh_out = even_part(delta.wh_out, part, intervals);
    if (meter.slot == gateway_) work_[i].grid_known = true;
  }
  if (settled != 0)
    visits_left_ -= static_cast<std::int64_t>(
        corrections_.book(gateway_, meter, {from, intervals, settled, delta.wh_in, delta.wh_out}));
}

Result Settlement::book_late(std::uint32_t number, const KeptReading& reading) {
  finish_classifying();
  const Meter& before = meters_.at(number);
  if (before.has_base) {
    if (reading.time_s == before.base_time_s)
      return reading.registers == before.base ? Result::duplicate_reading : Result::conflicting_reading;
    if (reading.time_s < before.base_time_s) return Result::late_without_effect;
  }
  Meter& meter = meters_.change(number);
  if (!meter.has_base) {
    meters_.set_base(meter, reading);
    return Result::ok;
  }

  // A later instant of the base's own boundary adds to the interval that ends there.
  const std::uint64_t to = reading.boundary_plus_1 - 1;
  const bool same_boundary = to == meter.base_boundary;
  const std::uint64_t from = same_boundary ? to - 1 : meter.base_boundary;
  const std::uint64_t intervals = to - from;
  const Delta delta = delta_between(meter.base, reading.registers, meter.rules, intervals);
  meters_.set_base(meter, reading);
  if (!same_boundary) meter.intervals_missing -= std::min(intervals, meter.intervals_missing);
  if (delta.kind != DeltaKind::measured) {
    meter.intervals_faulty += same_boundary ? 0 : intervals;
    return Result::late_reading;
  }
  if (intervals > 1) meter.intervals_estimated += intervals;
  corrections_.book(gateway_, meter, {from, intervals, intervals, delta.wh_in, delta.wh_out});
  return Result::late_reading;
}

// --- energy to money ----------------------------------------------------------------------------------------------------

void Settlement::set_price(IntervalWork& interval, std::size_t i) const {
  interval.pool = mid_market(interval.wh_in, interval.wh_out, params_.retail_price, params_.feed_in_price);
  interval.consumers = LargestRemainder(interval.pool.consumers_pay, interval.wh_in);
  interval.producers = LargestRemainder(interval.pool.producers_get, interval.wh_out);
  if (!interval.grid_known) return;
  const BillLine& grid = std::as_const(meters_).lines(directory_.at(gateway_).meter)[i];
  interval.unaccounted_wh = (static_cast<std::int64_t>(grid.wh_in) - static_cast<std::int64_t>(grid.wh_out)) -
                            (static_cast<std::int64_t>(interval.wh_in) - static_cast<std::int64_t>(interval.wh_out));
}

void Settlement::price() {
  for (std::size_t i = 0; i < work_.size(); ++i) {
    IntervalWork& interval = work_[i];
    set_price(interval, i);
    history_.add({.interval_plus_1 = first_interval() + i + 1,
                  .consumption_wh = interval.wh_in,
                  .generation_wh = interval.wh_out,
                  .consumers_pay = interval.pool.consumers_pay,
                  .producers_get = interval.pool.producers_get,
                  .unaccounted_wh = interval.unaccounted_wh,
                  .corrected_in = 0,
                  .corrected_out = 0,
                  .grid_settled = interval.grid_known,
                  .grid_known = interval.grid_known});
  }
}

// --- money to accounts --------------------------------------------------------------------------------------------------

void Settlement::post(const Holder& holder) {
  Meter& meter = meters_.change(holder.meter);
  const std::span<BillLine> lines = meters_.change_lines(holder.meter);
  BillLine sum;
  for (std::size_t i = 0; i < work_.size(); ++i) {
    BillLine& line = lines[i];
    line.pay = work_[i].consumers.take(line.wh_in);
    line.get = work_[i].producers.take(line.wh_out);
    sum.wh_in += line.wh_in;
    sum.wh_out += line.wh_out;
    sum.pay += line.pay;
    sum.get += line.get;
  }
  cashier_.pay_out(meter.slot, sum.get);
  cashier_.collect(meter.slot, sum.pay);
  cashier_.repay(meter.slot);
  ledger_.move(kCommunityAccount, holder.energy_account, sum.wh_in);
  ledger_.move(holder.energy_account, kCommunityAccount, sum.wh_out);
  meter.consumed_wh += sum.wh_in;
  meter.generated_wh += sum.wh_out;
  meter.paid += sum.pay;
  meter.received += sum.get;
  close_bill(meter, lines);
}

void Settlement::close_bill(Meter& meter, std::span<const BillLine> lines) {
  DigestWriter hash;
  hash.fixed(meter.bill_hash).integer(settled_ + 1);
  for (const BillLine& line : lines) hash.integers(line.wh_in, line.wh_out, line.pay, line.get);
  meter.bill_hash = hash.finish();
}

void Settlement::finish() {
  const Holder& gateway = directory_.at(gateway_);
  const bool grid_billed = gateway.meter != kNoMeter && meters_.at(gateway.meter).billed_cycle == settled_ + 1;
  Meter* grid = grid_billed ? &meters_.change(gateway.meter) : nullptr;
  const std::span<BillLine> lines = grid_billed ? meters_.change_lines(gateway.meter) : std::span<BillLine>{};
  CycleSums sums;
  std::uint64_t import_wh = 0;
  std::uint64_t export_wh = 0;
  std::uint64_t unseen_wh = 0;  // the grid gave it, no meter saw it
  std::uint64_t excess_wh = 0;  // the reverse
  BillLine money;               // of the grid: it gets for imports and pays for exports
  for (std::size_t i = 0; i < work_.size(); ++i) {
    const IntervalWork& interval = work_[i];
    sums.whin += interval.wh_in;
    sums.whout += interval.wh_out;
    sums.moneyin += interval.pool.consumers_pay;
    sums.moneyout += interval.pool.producers_get;
    import_wh += interval.pool.import_wh;
    export_wh += interval.pool.export_wh;
    totals_.matched_wh += interval.pool.matched_wh;
    totals_.unaccounted_wh += interval.unaccounted_wh;
    if (interval.unaccounted_wh > 0) unseen_wh += static_cast<std::uint64_t>(interval.unaccounted_wh);
    if (interval.unaccounted_wh < 0) excess_wh += static_cast<std::uint64_t>(-interval.unaccounted_wh);
    const std::uint64_t get = interval.pool.import_wh * params_.retail_price;
    const std::uint64_t pay = interval.pool.export_wh * params_.feed_in_price;
    money.get += get;
    money.pay += pay;
    if (grid == nullptr) continue;
    BillLine& line = lines[i];
    line.get = get;
    line.pay = pay;
    grid->consumed_wh += line.wh_in;
    grid->generated_wh += line.wh_out;
    grid->received += get;
    grid->paid += pay;
  }
  if (grid != nullptr) close_bill(*grid, lines);
  cashier_.pay_out(gateway_, money.get);
  cashier_.collect(gateway_, money.pay);
  cashier_.repay(gateway_);
  ledger_.move(gateway.energy_account, kCommunityAccount, import_wh);
  ledger_.move(kCommunityAccount, gateway.energy_account, export_wh);
  ledger_.move(gateway.energy_account, kUnaccountedAccount, unseen_wh);
  ledger_.move(kUnaccountedAccount, gateway.energy_account, excess_wh);
  ELECTRA_ASSERT_EQ(ledger_.at(kSettlementAccount).balance(), 0);
  ELECTRA_ASSERT_EQ(ledger_.at(kCommunityAccount).balance(), 0);

  totals_.cycles += 1;
  totals_.intervals += work_.size();
  totals_.consumption_wh += sums.whin;
  totals_.generation_wh += sums.whout;
  totals_.import_wh += import_wh;
  totals_.export_wh += export_wh;
  totals_.consumers_pay += sums.moneyin;
  totals_.producers_get += sums.moneyout;
  totals_.grid_gets += static_cast<std::int64_t>(money.get) - static_cast<std::int64_t>(money.pay);
  cycles_touched_.mark(static_cast<std::uint32_t>(settled_ % kCyclesKept));
  cycles_[settled_ % kCyclesKept] = sums;
  ++settled_;
  phase_ = Phase::idle;
}

// --- queries and leaves -------------------------------------------------------------------------------------------------

Totals Settlement::totals() const noexcept {
  Totals totals = totals_;
  totals.debt = cashier_.debt();
  return totals;
}

void Settlement::append_cycle_leaf(std::uint32_t index, LeafWriter& out) const {
  out.records(std::span<const CycleSums>(&cycles_[index], 1));
}

void Settlement::append_leaf(LeafWriter& out) const {
  const Totals t = totals();
  out.integers(t.cycles, t.intervals, t.consumption_wh, t.generation_wh, t.matched_wh, t.import_wh, t.export_wh,
               t.consumers_pay, t.producers_get, t.grid_gets, t.debt, t.unaccounted_wh);
  out.integers(history_.end(), closed_, settled_, static_cast<std::uint8_t>(phase_));
  if (phase_ == Phase::idle) return;
  out.integers(static_cast<std::uint64_t>(position_), static_cast<std::uint32_t>(byte_));
  for (const IntervalWork& interval : work_) {
    out.integers(interval.wh_in, interval.wh_out, interval.grid_known, interval.unaccounted_wh);
    const PoolTotals& pool = interval.pool;
    out.integers(pool.matched_wh, pool.import_wh, pool.export_wh, pool.producers_get, pool.consumers_pay);
    interval.consumers.append(out);
    interval.producers.append(out);
  }
  if (phase_ == Phase::count) out.records(std::span<const LargestRemainder::Counters>(counters_));
}

void Settlement::clear_touched() noexcept {
  history_.clear_touched();
  cycles_touched_.clear();
}

std::size_t Settlement::memory_bytes() const noexcept {
  return history_.memory_bytes() + work_.size() * sizeof(IntervalWork) +
         counters_.size() * sizeof(LargestRemainder::Counters) + cycles_.size() * sizeof(CycleSums) +
         TouchedSet::memory_bytes(kCyclesKept);
}

}  // namespace electra::state
