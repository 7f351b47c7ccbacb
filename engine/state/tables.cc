// The state as leaves, and the digest over all of them.

#include "engine/state/tables.h"

#include "engine/state/digest_writer.h"
#include "engine/state/parts.h"
#include "meter-proto/chain/leaves.h"

namespace electra::state {

std::string_view table_name(Table table) noexcept {
  switch (table) {
    case Table::chain:             return "chain";
    case Table::holders:           return "holders";
    case Table::windows:           return "windows";
    case Table::accounts:          return "accounts";
    case Table::pending_transfers: return "pending_transfers";
    case Table::meters:            return "meters";
    case Table::readings:          return "readings";
    case Table::bill_lines:        return "bill_lines";
    case Table::intervals:         return "intervals";
    case Table::cycles:            return "cycles";
    case Table::settlement:        return "settlement";
  }
  return "unknown";
}

std::uint32_t Machine::leaf_count(Table table) const noexcept {
  const Parts& p = *parts_;
  switch (table) {
    case Table::chain:             return 1;
    case Table::holders:           return p.directory.count();
    case Table::windows:           return p.windows.count();
    case Table::accounts:          return p.ledger.count();
    case Table::pending_transfers: return p.ledger.pending().highest_ever();
    case Table::meters:
    case Table::readings:
    case Table::bill_lines:        return p.meters.count();
    case Table::intervals:         return p.settlement.history().leaf_count();
    case Table::cycles:            return p.settlement.cycle_leaf_count();
    case Table::settlement:        return 1;
  }
  return 0;
}

void Machine::append_leaf(Table table, std::uint32_t index, std::vector<std::uint8_t>& out) const {
  ELECTRA_ASSERT_LT(index, leaf_count(table));
  const Parts& p = *parts_;
  LeafWriter writer(out);
  switch (table) {
    case Table::chain:             return p.append_chain_leaf(writer);
    case Table::holders:           return p.directory.append_leaf(index, writer);
    case Table::windows:           return p.windows.append_leaf(index, writer);
    case Table::accounts:          return p.ledger.append_leaf(index, writer);
    case Table::pending_transfers: return p.ledger.pending().append_leaf(index, writer);
    case Table::meters:            return p.meters.append_leaf(index, writer);
    case Table::readings:          return p.meters.append_readings_leaf(index, writer);
    case Table::bill_lines:        return p.meters.append_lines_leaf(index, writer);
    case Table::intervals:         return p.settlement.history().append_leaf(index, writer);
    case Table::cycles:            return p.settlement.append_cycle_leaf(index, writer);
    case Table::settlement:        writer.integers(p.ledger.pending().highest_ever()); return p.settlement.append_leaf(writer);
  }
}

void Machine::Parts::append_chain_leaf(LeafWriter& out) const {
  out.integers(rules_version, scheduled_rules.version, scheduled_rules.height, height, epoch);
  out.integers(batch_number, time_ns, messages, gateway, genesis_time_ns).fixed(genesis_hash);
  out.integers(params.interval_s, params.cycle_s, params.grace_s, params.future_tolerance_s, params.retail_price,
               params.feed_in_price);
  out.integers(limits.holders_max, limits.accounts_max, limits.pending_transfers_max, limits.correction_horizon_s,
               limits.pending_timeout_max_s, limits.not_after_max_s, limits.timer_visits_per_batch_max);
  out.text(chain_id);
}

LeafCheck Machine::Parts::load_chain_leaf(ByteSpan bytes) {
  LeafReader reader(bytes);
  reader.integers(rules_version, scheduled_rules.version, scheduled_rules.height, height, epoch);
  reader.integers(batch_number, time_ns, messages, gateway);
  std::string different;
  const auto same = [&]<std::integral T>(std::string_view name, T genesis) {
    T value{};
    reader.integers(value);
    if (value != genesis && different.empty())
      different = std::string(name) + " is " + std::to_string(value) + "; the genesis says " + std::to_string(genesis);
  };
  const auto same_bytes = [&](std::string_view name, ByteSpan genesis) {
    std::vector<std::uint8_t> value(genesis.size());
    reader.records(std::span(value));
    if (!equal_bytes(value, genesis) && different.empty())
      different = std::string(name) + " is not that of the genesis";
  };
  same("genesis_time_ns", genesis_time_ns);
  same_bytes("genesis_hash", genesis_hash);
  same("interval_s", params.interval_s);
  same("cycle_s", params.cycle_s);
  same("grace_s", params.grace_s);
  same("future_tolerance_s", params.future_tolerance_s);
  same("retail_price", params.retail_price);
  same("feed_in_price", params.feed_in_price);
  same("holders_max", limits.holders_max);
  same("accounts_max", limits.accounts_max);
  same("pending_transfers_max", limits.pending_transfers_max);
  same("correction_horizon_s", limits.correction_horizon_s);
  same("pending_timeout_max_s", limits.pending_timeout_max_s);
  same("not_after_max_s", limits.not_after_max_s);
  same("timer_visits_per_batch_max", limits.timer_visits_per_batch_max);
  same("the length of the chain id", static_cast<std::uint32_t>(chain_id.size()));
  same_bytes("the chain id", bytes_of(chain_id));
  if (!different.empty()) return wrong_leaf(std::move(different));
  return reader.good() ? LeafCheck{} : wrong_leaf("is not the encoding of a chain");
}

const TouchedSet& Machine::touched(Table table) const noexcept {
  const Parts& p = *parts_;
  switch (table) {
    case Table::holders:           return p.directory.touched();
    case Table::windows:           return p.windows.touched();
    case Table::accounts:          return p.ledger.touched();
    case Table::pending_transfers: return p.ledger.pending().touched();
    case Table::meters:            return p.meters.touched();
    case Table::readings:          return p.meters.readings_touched();
    case Table::bill_lines:        return p.meters.lines_touched();
    case Table::intervals:         return p.settlement.history().touched();
    case Table::cycles:            return p.settlement.cycles_touched();
    case Table::chain:
    case Table::settlement:        break;
  }
  return p.always_touched;
}

SnapshotCursor::Sets Machine::Parts::touched_sets() noexcept {
  SnapshotCursor::Sets sets{};
  const auto at = [&](Table table) -> TouchedSet*& { return sets[static_cast<std::size_t>(table)]; };
  at(Table::holders) = &directory.touched();
  at(Table::windows) = &windows.touched();
  at(Table::accounts) = &ledger.touched();
  at(Table::pending_transfers) = &ledger.pending().touched();
  at(Table::meters) = &meters.touched();
  at(Table::readings) = &meters.readings_touched();
  at(Table::bill_lines) = &meters.lines_touched();
  at(Table::intervals) = &settlement.history().touched();
  at(Table::cycles) = &settlement.cycles_touched();
  return sets;
}

std::size_t Machine::Parts::leaf_bytes_max() const noexcept {
  return std::max({SequenceWindow::kLeafBytes, proto::MeterLeaf::kBytes, meters.readings_leaf_bytes(),
                   settlement.leaf_bytes_max(), kChainLeafBytes + chain_id.size()});
}

void Machine::begin_snapshot(LeafSink& sink) { parts_->snapshot.begin(*this, sink); }
bool Machine::snapshot_step(std::size_t bytes_max) { return parts_->snapshot.step(bytes_max); }
void Machine::abandon_snapshot() noexcept { parts_->snapshot.stop(); }
bool Machine::snapshot_under_way() const noexcept { return parts_->snapshot.under_way(); }
const LeafCounts& Machine::snapshot_leaf_counts() const noexcept { return parts_->snapshot.leaf_counts(); }
std::size_t Machine::leaf_bytes_max() const noexcept { return parts_->leaf_bytes_max(); }

void Machine::clear_touched() noexcept {
  parts_->directory.clear_touched();
  parts_->windows.clear_touched();
  parts_->ledger.clear_touched();
  parts_->meters.clear_touched();
  parts_->settlement.clear_touched();
}

void Machine::freeze_touched(LeafWatcher& watcher, LeafIndexes& indexes) {
  for (std::size_t table = 0; table < kTables; ++table) {
    std::vector<std::uint32_t>& list = indexes[table];
    if (TouchedSet* const set = parts_->sets[table]) {
      set->freeze(watcher, static_cast<Table>(table), [&](std::uint32_t index) { list.push_back(index); });
    } else {
      list.push_back(0);
    }
  }
}

bool Machine::thaw(Table table, std::uint32_t index) noexcept {
  TouchedSet* const set = parts_->sets[static_cast<std::size_t>(table)];
  return set != nullptr && set->thaw(index);
}

Bytes32 Machine::digest() const {
  DigestWriter out;
  out.text("electra/state-digest/1");
  std::vector<std::uint8_t> leaf;
  for (std::size_t number = 0; number < kTables; ++number) {
    const auto table = static_cast<Table>(number);
    const std::uint32_t count = leaf_count(table);
    out.integers(static_cast<std::uint8_t>(number), count);
    for (std::uint32_t index = 0; index < count; ++index) {
      leaf.clear();
      append_leaf(table, index, leaf);
      out.text(text_of(leaf));
    }
  }
  return out.finish();
}

}  // namespace electra::state
