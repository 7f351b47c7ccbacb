// A settlement out of its leaves.
//
// The leaf of a cursor under way holds sums over the bill lines of the members that it has visited. They are not believed:
// they are made again, by the same passes over the same lines, and compared, so that no later visit can find numbers
// that do not fit together. That costs what the passes cost, at most some 20 ns a member, interval and pass.

#include "engine/state/clearing/settlement.h"

namespace electra::state {

// --- one leaf alone -----------------------------------------------------------------------------------------------------

LeafCheck Settlement::load_cycle_leaf(std::uint32_t index, ByteSpan bytes) {
  LeafReader reader(bytes);
  reader.records(std::span<CycleSums>(&cycles_[index], 1));
  return reader.good() ? LeafCheck{} : wrong_leaf("is not the encoding of a cycle's sums");
}

LeafCheck Settlement::load_leaf(LeafReader& from) {
  Totals& t = totals_;
  std::uint64_t debt = 0;
  std::uint64_t history_end = 0;
  std::uint8_t phase = 0;
  from.integers(t.cycles, t.intervals, t.consumption_wh, t.generation_wh, t.matched_wh, t.import_wh, t.export_wh,
                t.consumers_pay, t.producers_get, t.grid_gets, debt, t.unaccounted_wh);
  from.integers(history_end, closed_, settled_, phase);
  if (phase > static_cast<std::uint8_t>(Phase::post)) return wrong_field("phase", phase, "0..4");
  phase_ = static_cast<Phase>(phase);
  cashier_.restore_debt(debt);
  history_.restore_end(history_end);
  if (phase_ != Phase::idle) {
    std::uint64_t position = 0;
    std::uint32_t byte = 0;
    from.integers(position, byte);
    position_ = static_cast<std::size_t>(position);
    byte_ = byte;
    for (IntervalWork& interval : work_) {
      from.integers(interval.wh_in, interval.wh_out, interval.grid_known, interval.unaccounted_wh);
      PoolTotals& pool = interval.pool;
      from.integers(pool.matched_wh, pool.import_wh, pool.export_wh, pool.producers_get, pool.consumers_pay);
      interval.consumers.read(from);
      interval.producers.read(from);
    }
    if (phase_ == Phase::count) from.records(std::span<LargestRemainder::Counters>(counters_));
  }
  if (!from.good()) return wrong_leaf("has not the length that its phase asks for, or grid_known is not 0 or 1");
  return {};
}

// --- leaves together ----------------------------------------------------------------------------------------------------

LeafCheck Settlement::check_restored(std::uint64_t time_ns) const {
  if (const std::uint64_t due = calendar_.due_cycles(time_ns); closed_ != due)
    return wrong_field("the number of closed cycles", closed_, due);
  if (settled_ > closed_) return wrong_field("the number of settled cycles", settled_, "at most that of closed ones");
  if (!is_idle() && settled_ == closed_) return wrong_leaf("a cycle is being settled that is not closed");
  if (const std::uint64_t end = classified() * work_.size(); history_.end() != end)
    return wrong_field("the end of the interval history", history_.end(), end);
  if (!is_idle() && position_ >= directory_.count())
    return wrong_field("position", position_, "below the number of holders");
  if (phase_ == Phase::count ? byte_ > 7 : byte_ != 0) return wrong_field("byte", byte_, "0, or 0..7 while counting");
  return {};
}

LeafCheck Settlement::check_restored_interval(std::uint32_t index, std::uint64_t wh_max) const {
  const SettledInterval& s = history_.at(index);
  const std::uint64_t last = history_.end() - 1;
  const std::uint64_t expected = last - (last - index) % history_.places() + 1;
  if (s.interval_plus_1 != expected) return wrong_field("interval + 1", s.interval_plus_1, expected);
  if (s.consumption_wh > wh_max) return wrong_field("consumption_wh", s.consumption_wh, "at most what meters can make");
  if (s.generation_wh > wh_max) return wrong_field("generation_wh", s.generation_wh, "at most what meters can make");
  const PoolTotals pool = mid_market(s.consumption_wh, s.generation_wh, params_.retail_price, params_.feed_in_price);
  if (s.consumers_pay != pool.consumers_pay) return wrong_field("consumers_pay", s.consumers_pay, pool.consumers_pay);
  if (s.producers_get != pool.producers_get) return wrong_field("producers_get", s.producers_get, pool.producers_get);
  if (const i128 wh = s.unaccounted_wh; (wh < 0 ? -wh : wh) > 2 * i128{wh_max})
    return wrong_field("unaccounted_wh", s.unaccounted_wh, "within what meters can make");
  return {};
}

LeafCheck Settlement::check_restored_work() const {
  const Totals& t = totals_;
  const std::uint64_t intervals = settled_ * work_.size();
  if (t.cycles != settled_) return wrong_field("the total of cycles", t.cycles, settled_);
  if (t.intervals != intervals) return wrong_field("the total of intervals", t.intervals, intervals);
  if (t.consumption_wh != t.matched_wh + t.import_wh)
    return wrong_field("total consumption", t.consumption_wh, "what was matched and imported");
  if (t.generation_wh != t.matched_wh + t.export_wh)
    return wrong_field("total generation", t.generation_wh, "what was matched and exported");
  if (static_cast<std::uint64_t>(t.grid_gets) != t.consumers_pay - t.producers_get)
    return wrong_field("what the grid gets", t.grid_gets, "what consumers pay less what producers get");
  if (const std::int64_t balance = ledger_.at(kUnaccountedAccount).balance(); t.unaccounted_wh != balance)
    return wrong_field("unaccounted energy", t.unaccounted_wh, balance);
  std::uint64_t debt = 0;
  for (Slot slot = 1; slot <= directory_.count(); ++slot) debt += cashier_.debt_of(directory_.at(slot));
  if (cashier_.debt() != debt) return wrong_field("the debt of all", cashier_.debt(), debt);

  BillLine posted;  // pays and gets, and takes and gives, through the system's accounts
  if (!is_idle())
    if (auto good = check_cursor(posted); !good) return good;
  if (ledger_.at(kSettlementAccount).balance() != static_cast<std::int64_t>(posted.pay - posted.get))
    return wrong_leaf("the settlement account does not hold what its cursor has posted");
  if (ledger_.at(kCommunityAccount).balance() != static_cast<std::int64_t>(posted.wh_out - posted.wh_in))
    return wrong_leaf("the community account does not hold what its cursor has posted");
  return {};
}

std::vector<std::uint32_t> Settlement::members(std::size_t places) const {
  std::vector<std::uint32_t> meters;
  for (const Slot slot : directory_.in_serial_order().first(places)) {
    const std::uint32_t meter = directory_.at(slot).meter;
    if (meter != kNoMeter && slot != gateway_ && meters_.at(meter).billed_cycle == settled_ + 1)
      meters.push_back(meter);
  }
  return meters;
}

LeafCheck Settlement::check_cursor(BillLine& posted) const {
  const std::vector<std::uint32_t> visited = members(position_);
  const std::vector<std::uint32_t> all = members(directory_.count());
  const std::uint32_t grid = directory_.at(gateway_).meter;
  const bool grid_billed = grid != kNoMeter && meters_.at(grid).billed_cycle == settled_ + 1;
  for (std::size_t i = 0; i < work_.size(); ++i)
    if (work_[i].grid_known && !grid_billed)
      return wrong_leaf("interval " + std::to_string(i) + ": grid_known without a bill of the grid's meter");

  std::vector<IntervalWork> work(work_.size());
  std::vector<LargestRemainder::Counters> counters(counters_.size());
  for (std::size_t i = 0; i < work.size(); ++i) {
    for (const std::uint32_t meter : all) {
      work[i].wh_in += meters_.lines(meter)[i].wh_in;
      work[i].wh_out += meters_.lines(meter)[i].wh_out;
    }
    work[i].grid_known = work_[i].grid_known;
    if (phase_ == Phase::classify) continue;
    set_price(work[i], i);
    const SettledInterval* const settled = history_.find(first_interval() + i);
    if (settled == nullptr || settled->consumption_wh != work[i].wh_in || settled->generation_wh != work[i].wh_out ||
        settled->grid_settled != work[i].grid_known || settled->unaccounted_wh != work[i].unaccounted_wh)
      return wrong_leaf("interval " + std::to_string(i) + " is not what the table of intervals says");
  }
  if (phase_ >= Phase::floors)
    for (const std::uint32_t meter : phase_ == Phase::floors ? visited : all)
      for (std::size_t i = 0; i < work.size(); ++i) {
        work[i].consumers.add_floor(meters_.lines(meter)[i].wh_in);
        work[i].producers.add_floor(meters_.lines(meter)[i].wh_out);
      }
  if (phase_ > Phase::floors)
    if (auto good = count_again(work, counters, visited, all); !good) return good;
  if (phase_ == Phase::post)
    for (const std::uint32_t meter : visited)
      for (std::size_t i = 0; i < work.size(); ++i) {
        const BillLine& line = meters_.lines(meter)[i];
        if (work[i].consumers.take(line.wh_in) != line.pay || work[i].producers.take(line.wh_out) != line.get)
          return wrong_leaf("meter " + std::to_string(meter) + " was not billed what its share makes");
        posted.wh_in += line.wh_in;
        posted.wh_out += line.wh_out;
        posted.pay += line.pay;
        posted.get += line.get;
      }
  for (std::size_t i = 0; i < work.size(); ++i)
    if (!(work[i] == work_[i]))
      return wrong_leaf("the work on interval " + std::to_string(i) + " is not what the bill lines make");
  if (phase_ == Phase::count && counters != counters_)
    return wrong_leaf("the counters are not what the bill lines make");
  return {};
}

LeafCheck Settlement::count_again(std::vector<IntervalWork>& work, std::vector<LargestRemainder::Counters>& counters,
                                  const std::vector<std::uint32_t>& visited,
                                  const std::vector<std::uint32_t>& all) const {
  unsigned passes = 0;
  for (IntervalWork& interval : work) {
    interval.consumers.end_floors();
    interval.producers.end_floors();
    passes = std::max({passes, interval.consumers.counting_passes(), interval.producers.counting_passes()});
  }
  if (phase_ == Phase::count && byte_ >= passes) return wrong_field("byte", byte_, "below the number of passes");
  for (unsigned byte = passes; byte-- > byte_;) {
    const bool under_way = phase_ == Phase::count && byte == byte_;
    std::ranges::fill(counters, LargestRemainder::Counters{});
    for (const std::uint32_t meter : under_way ? visited : all)
      for (std::size_t i = 0; i < work.size(); ++i) {
        work[i].consumers.count(meters_.lines(meter)[i].wh_in, byte, counters[2 * i]);
        work[i].producers.count(meters_.lines(meter)[i].wh_out, byte, counters[2 * i + 1]);
      }
    if (under_way) break;
    for (std::size_t i = 0; i < work.size(); ++i) {
      work[i].consumers.end_pass(byte, counters[2 * i]);
      work[i].producers.end_pass(byte, counters[2 * i + 1]);
    }
  }
  return {};
}

}  // namespace electra::state
