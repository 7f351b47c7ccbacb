// Reading the state: views for people, and the digest of what settlement made.

#include <bit>

#include "engine/state/parts.h"

namespace electra::state {

std::string_view cycle_state_name(CycleState state) noexcept {
  switch (state) {
    case CycleState::open:   return "open";
    case CycleState::closed: return "closed";
    case CycleState::final:  return "final";
  }
  return "unknown";
}

std::span<const KeyChange> Machine::key_changes() const noexcept { return parts_->key_changes; }
std::uint64_t Machine::time_ns() const noexcept { return parts_->time_ns; }
std::uint64_t Machine::batch_number() const noexcept { return parts_->batch_number; }
std::uint64_t Machine::messages_executed() const noexcept { return parts_->messages; }
const std::string& Machine::chain_id() const noexcept { return parts_->chain_id; }
const Bytes32& Machine::genesis_hash() const noexcept { return parts_->genesis_hash; }
std::uint64_t Machine::genesis_time_ns() const noexcept { return parts_->genesis_time_ns; }
const Params& Machine::params() const noexcept { return parts_->params; }
const Limits& Machine::limits() const noexcept { return parts_->limits; }
std::string_view Machine::pool_rule() const noexcept { return kPoolRule; }
std::uint32_t Machine::holder_count() const noexcept { return parts_->directory.count(); }
std::uint32_t Machine::holder_count(HolderStatus status) const noexcept { return parts_->directory.count(status); }
std::uint32_t Machine::account_count() const noexcept { return parts_->ledger.count(); }
std::uint32_t Machine::pending_transfer_count() const noexcept { return parts_->ledger.pending().count(); }
std::uint64_t Machine::height() const noexcept { return parts_->height; }
std::uint32_t Machine::epoch() const noexcept { return parts_->epoch; }
std::uint32_t Machine::rules_version() const noexcept { return parts_->rules_version; }
ScheduledRules Machine::scheduled_rules() const noexcept { return parts_->scheduled_rules; }
RulesRange Machine::known_rules() const noexcept { return parts_->known_rules; }
Slot Machine::gateway_slot() const noexcept { return parts_->gateway; }
Slot Machine::find_address(const Bytes20& address) const noexcept { return parts_->directory.find_address(address); }
Slot Machine::find_key(const Bytes32& public_key) const noexcept { return parts_->directory.find_key(public_key); }
Slot Machine::find_serial(std::string_view serial) const noexcept { return parts_->directory.find_serial(serial); }
Totals Machine::totals() const noexcept { return parts_->settlement.totals(); }

std::size_t Machine::memory_bytes() const noexcept {
  const Limits& limits = parts_->limits;
  return sizeof(Parts) + Directory::memory_bytes(limits.holders_max) +
         SequenceWindows::memory_bytes(limits.holders_max) +
         Ledger::memory_bytes(limits.accounts_max, limits.pending_transfers_max) +
         Meters::memory_bytes(parts_->params, limits.holders_max) + parts_->settlement.memory_bytes() +
         SnapshotCursor::memory_bytes(parts_->touched_sets(), parts_->leaf_bytes_max()) +
         parts_->key_changes.capacity() * sizeof(KeyChange);
}

std::optional<HolderView> Machine::holder(Slot slot) const {
  if (!parts_->directory.exists(slot)) return std::nullopt;
  const Holder& from = parts_->directory.at(slot);
  HolderView view;
  view.slot = slot;
  view.address = from.address;
  view.serial = from.serial();
  view.status = from.status;
  view.roles = from.roles;
  view.phases = from.phases;
  view.register_modulus = from.register_modulus;
  view.max_wh_per_interval = from.max_wh_per_interval;
  view.owner_slot = from.owner_slot;
  view.key_generation = from.key_generation;
  view.public_key = from.public_key;
  view.registration_id = from.registration_id;
  view.highest_sequence = parts_->windows.of(slot).highest();
  view.wallet_account = from.wallet_account;
  view.energy_account = from.energy_account;
  view.debt_account = from.debt_account;
  view.wallet_balance = parts_->ledger.at(from.wallet_account).balance();
  view.debt = parts_->settlement.cashier().debt_of(from);
  if (from.energy_account != 0) view.energy_balance = parts_->ledger.at(from.energy_account).balance();
  if (from.meter == kNoMeter) return view;
  const Meter& meter = parts_->meters.at(from.meter);
  const Registers& newest = parts_->meters.newest_registers(from.meter);
  view.last_reading_time = meter.newest_time_s;
  view.register_count = static_cast<std::uint32_t>(std::popcount(meter.phases));
  for (std::size_t phase = 0; phase < view.registers.size(); ++phase)
    view.registers[phase] = {.whin = newest.in[phase], .whout = newest.out[phase]};
  view.consumed_wh = meter.consumed_wh;
  view.generated_wh = meter.generated_wh;
  view.paid = meter.paid;
  view.received = meter.received;
  view.intervals_missing = meter.intervals_missing;
  view.intervals_estimated = meter.intervals_estimated;
  view.intervals_faulty = meter.intervals_faulty;
  view.bill_hash = meter.bill_hash;
  return view;
}

bool Machine::sequence_free(Slot slot, std::uint64_t sequence) const noexcept {
  const SequenceEntry* same = nullptr;
  return parts_->windows.check(slot, sequence, 0, same) == Result::ok;
}

Outcome Machine::answer_of_window(Slot slot, std::uint64_t sequence,
                                  const std::array<std::uint8_t, 32>& id) const noexcept {
  const SequenceWindows& windows = parts_->windows;
  const SequenceEntry* same = nullptr;
  const Result result = windows.check(slot, sequence, load_le64(id.data()), same);
  if (same != nullptr) return {.result = same->result, .repeated = true, .batch = same->batch, .detail = same->detail};
  return {.result = result, .repeated = false, .batch = windows.decided_in(slot, sequence), .detail = 0};
}

std::optional<AccountView> Machine::account(AccountNumber number) const {
  if (!parts_->ledger.exists(number)) return std::nullopt;
  const Account& from = parts_->ledger.at(number);
  return AccountView{.account = number,
                     .owner_slot = from.owner_slot,
                     .asset = from.asset,
                     .flags = from.flags,
                     .debits_posted = from.debits_posted,
                     .credits_posted = from.credits_posted,
                     .debits_pending = from.debits_pending,
                     .credits_pending = from.credits_pending};
}

CycleView Machine::current_cycle() const noexcept { return *cycle(parts_->calendar.cycle_at(parts_->time_ns) + 1); }

std::optional<CycleView> Machine::cycle(std::uint64_t cycle_id) const noexcept {
  const Settlement& settlement = parts_->settlement;
  if (cycle_id < first_kept_cycle() || cycle_id - 1 > parts_->calendar.cycle_at(parts_->time_ns)) return std::nullopt;
  const std::uint64_t index = cycle_id - 1;
  CycleView view;
  view.cycle_id = cycle_id;
  view.begin = parts_->calendar.cycle_begin_s(index);
  view.end = parts_->calendar.cycle_end_s(index) - 1;
  view.state = index < settlement.settled_cycles()  ? CycleState::final
               : index < settlement.closed_cycles() ? CycleState::closed
                                                    : CycleState::open;
  if (view.state != CycleState::final) return view;
  const CycleSums& sums = settlement.sums(index);
  view.whin = sums.whin;
  view.whout = sums.whout;
  view.moneyin = sums.moneyin;
  view.moneyout = sums.moneyout;
  return view;
}

std::uint64_t Machine::first_kept_cycle() const noexcept {
  const std::uint64_t settled = parts_->settlement.settled_cycles();
  return settled <= kCyclesKept ? 1 : settled - kCyclesKept + 1;
}

std::optional<IntervalView> Machine::interval(std::uint64_t interval) const noexcept {
  const std::uint64_t settled = parts_->settlement.settled_cycles() * parts_->calendar.intervals_per_cycle();
  const SettledInterval* from = parts_->settlement.history().find(interval);
  if (from == nullptr || interval >= settled) return std::nullopt;
  return IntervalView{.interval = interval,
                      .consumption_wh = from->consumption_wh,
                      .generation_wh = from->generation_wh,
                      .consumers_pay = from->consumers_pay,
                      .producers_get = from->producers_get,
                      .grid_known = from->grid_settled,
                      .unaccounted_wh = from->unaccounted_wh};
}

Bill Machine::last_bill(Slot slot) const noexcept {
  if (!parts_->directory.exists(slot)) return {};
  const std::uint32_t number = parts_->directory.at(slot).meter;
  // While a cycle is being settled the lines are in the making.
  if (number == kNoMeter || parts_->meters.at(number).billed_cycle > parts_->settlement.settled_cycles()) return {};
  const Bill bill{.cycle_id = parts_->meters.at(number).billed_cycle,
                  .lines = std::as_const(parts_->meters).lines(number)};
  return bill.cycle_id == 0 ? Bill{} : bill;
}

// --- digest ------------------------------------------------------------------------------------------------------------

Bytes32 Machine::settlement_digest() const {
  const Parts& p = *parts_;
  DigestWriter out;
  out.text("electra/settlement/1").integer(p.directory.count());
  for (const Slot slot : p.directory.in_serial_order()) {
    const Holder& holder = p.directory.at(slot);
    const std::int64_t energy = holder.energy_account == 0 ? 0 : p.ledger.at(holder.energy_account).balance();
    out.text(holder.serial());
    out.integers(p.ledger.at(holder.wallet_account).balance(), p.settlement.cashier().debt_of(holder), energy);
    if (holder.meter == kNoMeter) continue;
    const Meter& meter = p.meters.at(holder.meter);
    out.integers(meter.has_base, meter.base_boundary);
    for (const std::uint64_t wh : meter.base.in) out.integer(wh);
    for (const std::uint64_t wh : meter.base.out) out.integer(wh);
    out.integers(meter.consumed_wh, meter.generated_wh, meter.paid, meter.received, meter.intervals_missing,
                 meter.intervals_estimated, meter.intervals_faulty);
    out.fixed(meter.bill_hash).fixed(meter.correction_hash);
  }
  const Totals t = p.settlement.totals();
  out.integers(t.cycles, t.intervals, t.consumption_wh, t.generation_wh, t.matched_wh, t.import_wh, t.export_wh,
               t.consumers_pay, t.producers_get, t.grid_gets, t.debt, t.unaccounted_wh);
  return out.finish();
}

}  // namespace electra::state
