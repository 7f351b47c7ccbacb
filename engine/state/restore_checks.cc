// What the leaves of a snapshot must say together, so that a machine may go on from them: no index beyond its table, no sum
// that another table contradicts, nothing that execution could never have left behind.

#include <algorithm>

#include "engine/state/restorer_work.h"

namespace electra::state {
namespace {

// An error with the place in front.
LeafCheck at(Table table, std::uint32_t index, LeafCheck check) {
  if (check) return check;
  return wrong_leaf(std::string(table_name(table)) + " leaf " + std::to_string(index) + ": " + check.error());
}

}  // namespace

LeafCheck Machine::Restorer::Work::check_all() {
  if (auto good = at(Table::chain, 0, check_chain()); !good) return good;
  Slot slot = 0;
  if (auto good = parts->directory.restore_indexes(slot); !good) return at(Table::holders, slot - 1, std::move(good));
  parts->settlement.set_gateway(parts->gateway);
  if (auto good = check_holders(); !good) return good;
  if (auto good = check_windows(); !good) return good;
  if (auto good = check_accounts(); !good) return good;
  if (auto good = check_pending(); !good) return good;
  PendingTransfers::Entry entry = 0;
  if (auto good = parts->ledger.pending().restore_indexes(entry); !good)
    return at(Table::pending_transfers, entry - 1, std::move(good));
  if (auto good = check_history(); !good) return good;
  if (auto good = check_meters(); !good) return good;
  return at(Table::settlement, 0, parts->settlement.check_restored_work());
}

LeafCheck Machine::Restorer::Work::check_chain() const {
  const Parts& p = *parts;
  if (!p.known_rules.contains(p.rules_version))
    return wrong_field("rules_version", p.rules_version,
                       "one that this program knows, " + std::to_string(p.known_rules.first) + ".." +
                           std::to_string(p.known_rules.last));
  const ScheduledRules& scheduled = p.scheduled_rules;
  if (scheduled.version == 0 && scheduled.height != 0)
    return wrong_field("scheduled height", scheduled.height, "0 when nothing is scheduled");
  if (scheduled.version != 0 && scheduled.version <= p.rules_version)
    return wrong_field("scheduled version", scheduled.version, "above rules_version");
  if (p.height > p.batch_number) return wrong_field("height", p.height, "at most the batch number");
  if (scheduled.version != 0 && scheduled.height <= p.height + 1)
    return wrong_field("scheduled height", scheduled.height, "above that of the block under way");
  if (p.time_ns < p.genesis_time_ns || p.time_ns - p.genesis_time_ns < p.batch_number ||
      (p.batch_number == 0 && p.time_ns != p.genesis_time_ns))
    return wrong_field("time_ns", p.time_ns, "later than the genesis, by a nanosecond a batch at least");
  const auto gateway = std::ranges::find_if(
      genesis.holders, [](const GenesisHolder& holder) { return (holder.roles & kRoleGateway) != 0; });
  const auto slot = static_cast<Slot>(gateway - genesis.holders.begin() + 1);
  if (p.gateway != slot) return wrong_field("the gateway's slot", p.gateway, slot);
  return {};
}

// --- holders and accounts -----------------------------------------------------------------------------------------------

// Slots, meters and accounts are given out in the same order.
LeafCheck Machine::Restorer::Work::check_holders() const {
  std::uint32_t next_meter = 0;
  AccountNumber next_account = kUnaccountedAccount + 1;
  for (Slot slot = 1; slot <= parts->directory.count(); ++slot) {
    if (auto good = at(Table::holders, slot - 1, check_holder(slot, next_meter, next_account)); !good) return good;
    const Holder& holder = parts->directory.at(slot);
    next_account = holder.wallet_account + Parts::accounts_of(holder);
    if (holder.meter != kNoMeter) ++next_meter;
  }
  if (next_meter != parts->meters.count())
    return wrong_leaf("meters has " + std::to_string(parts->meters.count()) + " leaves, but the holders have " +
                      std::to_string(next_meter) + " meters");
  return {};
}

LeafCheck Machine::Restorer::Work::check_holder(Slot slot, std::uint32_t next_meter, AccountNumber next_account) const {
  const Holder& holder = parts->directory.at(slot);
  const bool of_genesis = slot <= genesis.holders.size();
  if (of_genesis)
    if (auto good = check_genesis_holder(holder, genesis.holders[slot - 1]); !good) return good;
  if (!of_genesis && holder.owner_slot >= slot)
    return wrong_field("owner_slot", holder.owner_slot, "below its own slot");
  if ((holder.roles & kRoleGateway) != 0 && slot != parts->gateway) return wrong_leaf("is a second gateway");
  if (holder.max_wh_per_interval > parts->wh_per_interval_max)
    return wrong_field("max_wh_per_interval", holder.max_wh_per_interval,
                       "at most " + std::to_string(parts->wh_per_interval_max));
  if (const std::uint32_t meter = holder.phases != 0 ? next_meter : kNoMeter; holder.meter != meter)
    return wrong_field("meter", holder.meter, meter);

  const AccountNumber wallet = holder.wallet_account;
  if (wallet < next_account || wallet > parts->ledger.count())
    return wrong_field("wallet_account", wallet,
                       std::to_string(next_account) + ".." + std::to_string(parts->ledger.count()));
  const AccountNumber energy = Parts::accounts_of(holder) == 3 ? wallet + 2 : 0;
  if (holder.debt_account != wallet + 1) return wrong_field("debt_account", holder.debt_account, wallet + 1);
  if (holder.energy_account != energy) return wrong_field("energy_account", holder.energy_account, energy);
  if (auto good = check_account_of(slot, wallet, Asset::uelectra, kDebitsMustNotExceedCredits, "wallet"); !good)
    return good;
  if (auto good = check_account_of(slot, wallet + 1, Asset::uelectra, kSettlementOnly, "debt"); !good) return good;
  if (energy != 0)
    if (auto good = check_account_of(slot, energy, Asset::watt_hour, kSettlementOnly, "energy"); !good) return good;
  const Account& debt = parts->ledger.at(wallet + 1);
  if (debt.credits_posted > debt.debits_posted) return wrong_leaf("its debt account has a credit");
  return {};
}

LeafCheck Machine::Restorer::Work::check_genesis_holder(const Holder& holder, const GenesisHolder& from) const {
  const bool same = holder.public_key == from.public_key && holder.registration_id == Bytes32{} &&
                    holder.serial() == from.serial && holder.phases == from.phases && holder.roles == from.roles &&
                    holder.owner_slot == from.owner_slot && holder.register_modulus == from.register_modulus &&
                    holder.max_wh_per_interval == from.max_wh_per_interval && holder.status != HolderStatus::pending;
  return same ? LeafCheck{} : wrong_leaf("is not the holder that the genesis put there");
}

LeafCheck Machine::Restorer::Work::check_account_of(Slot slot, AccountNumber number, Asset asset, std::uint8_t flags,
                                                    std::string_view name) const {
  const auto is_it = [&](const Account& account) {
    return account.owner_slot == slot && account.asset == asset && account.flags == flags;
  };
  if (parts->ledger.exists(number) && is_it(parts->ledger.at(number))) return {};
  return wrong_leaf("account " + std::to_string(number) + " cannot be its " + std::string(name) + " account");
}

LeafCheck Machine::Restorer::Work::check_windows() const {
  if (newest_batch <= parts->batch_number) return {};
  return at(Table::windows, newest_batch_of,
            wrong_field("the newest batch of its entries", newest_batch, "at most the batch number"));
}

LeafCheck Machine::Restorer::Work::check_accounts() const {
  std::array<u128, 3> debits{};
  std::array<u128, 3> credits{};
  for (AccountNumber number = 1; number <= parts->ledger.count(); ++number) {
    if (auto good = at(Table::accounts, number - 1, check_account(number)); !good) return good;
    const Account& account = parts->ledger.at(number);
    debits[static_cast<std::size_t>(account.asset)] += account.debits_posted;
    credits[static_cast<std::size_t>(account.asset)] += account.credits_posted;
  }
  if (debits != credits) return wrong_leaf("accounts: the debits of an asset are not equal to its credits");
  return {};
}

LeafCheck Machine::Restorer::Work::check_account(AccountNumber number) const {
  const Account& account = parts->ledger.at(number);
  if (number <= kUnaccountedAccount) {
    const Asset asset = number <= kSettlementAccount ? Asset::uelectra : Asset::watt_hour;
    if (account.owner_slot != 0 || account.asset != asset || account.flags != kSettlementOnly)
      return wrong_leaf("is not the system's account of this number");
    return {};
  }
  if (!parts->directory.exists(account.owner_slot))
    return wrong_field("owner_slot", account.owner_slot, "1.." + std::to_string(parts->directory.count()));
  const Holder& owner = parts->directory.at(account.owner_slot);
  if ((account.flags & kSettlementOnly) != 0 && owner.debt_account != number && owner.energy_account != number)
    return wrong_field("flags", account.flags, "0..3, as it is not its owner's debt or energy account");
  const bool issues = (account.flags & (kSettlementOnly | kDebitsMustNotExceedCredits)) == 0;
  if (issues && (owner.roles & kRoleOperator) == 0)
    return wrong_field("flags", account.flags, "odd, as its owner is no operator");
  return {};
}

LeafCheck Machine::Restorer::Work::check_pending() const {
  const PendingTransfers& pending = parts->ledger.pending();
  for (PendingTransfers::Entry entry = 1; entry <= pending.highest_ever(); ++entry) {
    if (pending.is_free(entry)) continue;
    if (auto good = at(Table::pending_transfers, entry - 1, check_pending_transfer(pending.at(entry))); !good)
      return good;
  }
  return check_pending_sums();
}

LeafCheck Machine::Restorer::Work::check_pending_transfer(const PendingTransfer& transfer) const {
  const Ledger& ledger = parts->ledger;
  if (!parts->directory.exists(transfer.slot))
    return wrong_field("slot", transfer.slot, "1.." + std::to_string(parts->directory.count()));
  for (const auto& [name, number] :
       {std::pair{"debit_account", transfer.debit_account}, std::pair{"credit_account", transfer.credit_account}}) {
    if (!ledger.exists(number)) return wrong_field(name, number, "1.." + std::to_string(ledger.count()));
    if ((ledger.at(number).flags & kSettlementOnly) != 0)
      return wrong_field(name, number, "no account that moves only by settlement");
  }
  if (ledger.at(transfer.debit_account).asset != ledger.at(transfer.credit_account).asset)
    return wrong_leaf("debit_account and credit_account hold different assets");
  const std::uint64_t used = parts->windows.of(transfer.slot).highest();
  if (transfer.sequence == 0 || transfer.sequence > used)
    return wrong_field("sequence", transfer.sequence, "1.." + std::to_string(used));
  const u128 latest = u128{parts->time_ns} + u128{parts->limits.pending_timeout_max_s} * kNanosecondsPerSecond;
  if (transfer.expiry_ns <= parts->genesis_time_ns || transfer.expiry_ns > latest)
    return wrong_field("expiry_ns", transfer.expiry_ns, "after the genesis and within the longest timeout");
  return {};
}

// What is reserved on an account is what its pending transfers reserve.
LeafCheck Machine::Restorer::Work::check_pending_sums() const {
  const PendingTransfers& pending = parts->ledger.pending();
  using Amounts = std::vector<std::pair<AccountNumber, std::uint64_t>>;
  Amounts debits;
  Amounts credits;
  for (PendingTransfers::Entry entry = 1; entry <= pending.highest_ever(); ++entry) {
    if (pending.is_free(entry)) continue;
    debits.emplace_back(pending.at(entry).debit_account, pending.at(entry).amount);
    credits.emplace_back(pending.at(entry).credit_account, pending.at(entry).amount);
  }
  std::ranges::sort(debits);
  std::ranges::sort(credits);
  const auto sum_of = [](const Amounts& amounts, std::size_t& next, AccountNumber number) {
    u128 sum = 0;
    for (; next < amounts.size() && amounts[next].first == number; ++next) sum += amounts[next].second;
    return sum;
  };
  std::size_t next_debit = 0;
  std::size_t next_credit = 0;
  for (AccountNumber number = 1; number <= parts->ledger.count(); ++number) {
    const Account& account = parts->ledger.at(number);
    LeafCheck good;
    if (account.debits_pending != sum_of(debits, next_debit, number))
      good = wrong_field("debits_pending", account.debits_pending, "what its pending transfers make");
    if (account.credits_pending != sum_of(credits, next_credit, number))
      good = wrong_field("credits_pending", account.credits_pending, "what its pending transfers make");
    if (!good) return at(Table::accounts, number - 1, std::move(good));
  }
  return {};
}

// --- metering -----------------------------------------------------------------------------------------------------------

LeafCheck Machine::Restorer::Work::check_history() const {
  const Settlement& settlement = parts->settlement;
  if (auto good = at(Table::settlement, 0, settlement.check_restored(parts->time_ns)); !good) return good;
  for (const auto& [table, count] : {std::pair{Table::intervals, settlement.history().leaf_count()},
                                     std::pair{Table::cycles, settlement.cycle_leaf_count()}})
    if (counts[static_cast<std::size_t>(table)] != count)
      return wrong_leaf(std::string(table_name(table)) + " has " +
                        std::to_string(counts[static_cast<std::size_t>(table)]) + " leaves; settlement says " +
                        std::to_string(count));
  const std::uint64_t wh_max = parts->limits.holders_max * parts->wh_per_interval_max;
  for (std::uint32_t index = 0; index < settlement.history().leaf_count(); ++index)
    if (auto good = at(Table::intervals, index, settlement.check_restored_interval(index, wh_max)); !good) return good;
  return {};
}

LeafCheck Machine::Restorer::Work::check_meters() const {
  const std::span<const Slot> order = parts->directory.in_serial_order();
  for (std::size_t position = 0; position < order.size(); ++position) {
    const Slot slot = order[position];
    const Holder& holder = parts->directory.at(slot);
    const std::uint32_t meter = holder.meter;
    if (meter == kNoMeter) continue;
    const bool classified = parts->settlement.is_classified(position);
    if (auto good = at(Table::meters, meter, check_meter(holder, slot, classified)); !good) return good;
    if (auto good = at(Table::readings, meter, check_readings(meter)); !good) return good;
    if (auto good = at(Table::meters, meter, check_newest(meter)); !good) return good;
    if (auto good = at(Table::bill_lines, meter, check_lines(meter)); !good) return good;
  }
  return {};
}

LeafCheck Machine::Restorer::Work::check_instant(std::uint64_t time_s, std::uint64_t boundary) const {
  const std::uint64_t latest = parts->time_ns / kNanosecondsPerSecond + parts->params.future_tolerance_s;
  if (time_s < parts->calendar.genesis_s() || time_s > latest)
    return wrong_field("time_s", time_s, std::to_string(parts->calendar.genesis_s()) + ".." + std::to_string(latest));
  if (const std::uint64_t right = parts->calendar.boundary_of(time_s); boundary != right)
    return wrong_field("boundary", boundary, right);
  return {};
}

LeafCheck Machine::Restorer::Work::check_registers(const Meter& meter, const Registers& registers) {
  for (std::size_t phase = 0; phase < strict::kPhasesMax; ++phase) {
    const bool metered = (meter.phases >> phase & 1) != 0;
    for (const std::uint64_t wh : {registers.in[phase], registers.out[phase]}) {
      if (!metered && wh != 0) return wrong_field("the register of an unmetered phase", wh, "0");
      if (meter.rules.modulus != 0 && wh >= meter.rules.modulus)
        return wrong_field("a register", wh, "below the modulus");
    }
  }
  return {};
}

// Before its base may be used: no reading that is not classified yet may lie at or below it.
LeafCheck Machine::Restorer::Work::check_meter(const Holder& holder, Slot slot, bool classified) const {
  const Meter& meter = parts->meters.at(holder.meter);
  const bool own_limit = holder.max_wh_per_interval != 0;
  if (meter.slot != slot) return wrong_field("slot", meter.slot, slot);
  if (meter.phases != holder.phases) return wrong_field("phases", meter.phases, holder.phases);
  if (meter.rules.own_limit != own_limit) return wrong_leaf("own_limit is not what its holder says");
  if (meter.rules.modulus != holder.register_modulus)
    return wrong_field("register_modulus", meter.rules.modulus, holder.register_modulus);
  if (const std::uint64_t limit = own_limit ? holder.max_wh_per_interval : parts->wh_per_interval_max;
      meter.rules.wh_per_interval_max != limit)
    return wrong_field("wh_per_interval_max", meter.rules.wh_per_interval_max, limit);

  const std::uint64_t cycles = parts->settlement.settled_cycles() + (classified ? 1 : 0);
  if (meter.billed_cycle > cycles || (meter.billed_cycle != 0 && !meter.has_base))
    return wrong_field("billed_cycle", meter.billed_cycle, "at most that of the last classified cycle");
  if (!meter.has_base) {
    if (meter.base_boundary != 0 || meter.base_time_s != 0 || meter.base != Registers{})
      return wrong_leaf("base is not zero, but there is none");
    return {};
  }
  if (auto good = check_instant(meter.base_time_s, meter.base_boundary); !good)
    return wrong_leaf("base: " + good.error());
  if (auto good = check_registers(meter, meter.base); !good) return wrong_leaf("base: " + good.error());
  if (meter.base_boundary >= parts->calendar.first_boundary_after(cycles))
    return wrong_field("base_boundary", meter.base_boundary, "one that was classified");
  return {};
}

LeafCheck Machine::Restorer::Work::check_readings(std::uint32_t number) const {
  const Meter& meter = parts->meters.at(number);
  const std::span<const KeptReading> ring = parts->meters.ring(number);
  const std::uint64_t first = parts->settlement.first_unclassified_boundary();
  for (std::size_t place = 0; place < ring.size(); ++place) {
    const KeptReading& reading = ring[place];
    const auto wrong = [&](const std::string& text) {
      return wrong_leaf("place " + std::to_string(place) + ": " + text);
    };
    if (reading.boundary_plus_1 == 0) {
      if (reading.time_s != 0 || reading.registers != Registers{}) return wrong("is not zero, but there is no reading");
      continue;
    }
    const std::uint64_t boundary = reading.boundary_plus_1 - 1;
    if (auto good = check_instant(reading.time_s, boundary); !good) return wrong(good.error());
    if (auto good = check_registers(meter, reading.registers); !good) return wrong(good.error());
    if (boundary % ring.size() != place) return wrong("has a reading of another place");
    if (boundary >= first && boundary - first >= ring.size()) return wrong("has a reading beyond the ring");
  }
  return {};
}

// The newest reading is the latest of those in the ring and the base.
LeafCheck Machine::Restorer::Work::check_newest(std::uint32_t number) const {
  const Meter& meter = parts->meters.at(number);
  bool any = meter.has_base;
  std::uint64_t time_s = meter.base_time_s;
  for (const KeptReading& reading : parts->meters.ring(number)) {
    any |= reading.boundary_plus_1 != 0;
    time_s = std::max(time_s, reading.time_s);
  }
  const std::uint64_t boundary = any ? parts->calendar.boundary_of(time_s) : 0;
  if (meter.newest_time_s != time_s) return wrong_field("newest_time_s", meter.newest_time_s, time_s);
  if (meter.newest_boundary != boundary) return wrong_field("newest_boundary", meter.newest_boundary, boundary);
  if (newest[number] != parts->meters.newest_registers(number))
    return wrong_leaf("the newest registers are not those of the newest reading");
  return {};
}

LeafCheck Machine::Restorer::Work::check_lines(std::uint32_t number) const {
  const Meter& meter = parts->meters.at(number);
  for (const BillLine& line : std::as_const(parts->meters).lines(number)) {
    if (const std::uint64_t wh = std::max(line.wh_in, line.wh_out); wh > meter.rules.wh_per_interval_max)
      return wrong_field("the energy of a line", wh, "at most " + std::to_string(meter.rules.wh_per_interval_max));
    if (meter.billed_cycle == 0 && (line.wh_in | line.wh_out | line.pay | line.get) != 0)
      return wrong_leaf("is not zero, but there is no bill");
  }
  return {};
}

}  // namespace electra::state
