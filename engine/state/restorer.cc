#include "engine/state/restorer.h"

#include <new>

#include "engine/state/restorer_work.h"
#include "meter-proto/chain/leaves.h"

namespace electra::state {
namespace {

std::string place(Table table, std::uint32_t index) {
  return std::string(table_name(table)) + " leaf " + std::to_string(index) + ": ";
}

std::unexpected<std::string> wrong_count(Table table, std::uint64_t count, const std::string& rule) {
  return std::unexpected(std::string(table_name(table)) + " has " + std::to_string(count) + " leaves; it must have " +
                         rule);
}

// What can be said of the counts alone.
LeafCheck check_counts(const Genesis& genesis, const LeafCounts& counts) {
  const auto count = [&](Table table) { return counts[static_cast<std::size_t>(table)]; };
  const std::uint64_t holders = count(Table::holders);
  const std::uint64_t meters = count(Table::meters);
  const std::size_t intervals_max = IntervalHistory::places(genesis.params, genesis.limits);
  const std::tuple<Table, std::uint64_t, std::uint64_t> ranges[] = {
      {Table::chain, 1, 1},
      {Table::holders, genesis.holders.size(), genesis.limits.holders_max},
      {Table::windows, holders, holders},
      {Table::accounts, kUnaccountedAccount, genesis.limits.accounts_max},
      {Table::pending_transfers, 0, genesis.limits.pending_transfers_max},
      {Table::meters, 0, holders},
      {Table::readings, meters, meters},
      {Table::bill_lines, meters, meters},
      {Table::intervals, 0, intervals_max},
      {Table::cycles, 0, kCyclesKept},
      {Table::settlement, 1, 1},
  };
  for (const auto& [table, min, max] : ranges)
    if (count(table) < min || count(table) > max)
      return wrong_count(table, count(table),
                         min == max ? std::to_string(min) : std::to_string(min) + ".." + std::to_string(max));
  return {};
}

}  // namespace

// --- taking leaves ------------------------------------------------------------------------------------------------------

Machine::Restorer::Work::Work(const Genesis& from, RulesRange known, const LeafCounts& leaf_counts)
    : genesis(from),
      counts(leaf_counts),
      parts(std::make_unique<Parts>(from, known, Parts::Empty{})),
      sets(parts->touched_sets()) {
  const auto count = [&](Table table) { return counts[static_cast<std::size_t>(table)]; };
  parts->directory.begin_restore(count(Table::holders));
  parts->windows.begin_restore(count(Table::windows));
  parts->ledger.begin_restore(count(Table::accounts));
  parts->ledger.pending().begin_restore(count(Table::pending_transfers));
  parts->meters.begin_restore(count(Table::meters));
  newest.resize(count(Table::meters));
}

std::optional<std::size_t> Machine::Restorer::Work::leaf_bytes(Table table) const noexcept {
  switch (table) {
    case Table::chain:             return kChainLeafBytes + parts->chain_id.size();
    case Table::holders:           return proto::HolderLeaf::kBytes;
    case Table::windows:           return SequenceWindow::kLeafBytes;
    case Table::accounts:          return proto::AccountLeaf::kBytes;
    case Table::pending_transfers: return sizeof(PendingTransfer);
    case Table::meters:            return proto::MeterLeaf::kBytes;
    case Table::readings:          return parts->meters.readings_leaf_bytes();
    case Table::bill_lines:        return parts->calendar.intervals_per_cycle() * sizeof(BillLine);
    case Table::intervals:         return SettledInterval::kLeafBytes;
    case Table::cycles:            return sizeof(CycleSums);
    case Table::settlement:        break;
  }
  return std::nullopt;
}

LeafCheck Machine::Restorer::Work::load(Table table, std::uint32_t index, ByteSpan bytes) {
  const auto number = static_cast<std::size_t>(table);
  if (index >= counts[number])
    return wrong_leaf("the table has only " + std::to_string(counts[number]) +
                      (counts[number] == 1 ? " leaf" : " leaves"));
  if (const auto length = leaf_bytes(table); length && bytes.size() != *length)
    return wrong_leaf("has " + std::to_string(bytes.size()) + " bytes; it must have " + std::to_string(*length));
  if (TouchedSet* const set = sets[number]; set != nullptr) {
    if (set->contains(index)) return wrong_leaf("comes twice");
    set->mark(index);
  } else {
    bool& loaded = table == Table::chain ? chain_loaded : settlement_loaded;
    if (loaded) return wrong_leaf("comes twice");
    loaded = true;
  }
  Parts& p = *parts;
  switch (table) {
    case Table::chain:   return p.load_chain_leaf(bytes);
    case Table::holders: return p.directory.load_leaf(index, bytes);
    case Table::windows: {
      std::uint64_t batch = 0;
      LeafCheck good = p.windows.load_leaf(index, bytes, batch);
      if (batch > newest_batch) newest_batch_of = index;
      newest_batch = std::max(newest_batch, batch);
      return good;
    }
    case Table::accounts:          return p.ledger.load_leaf(index, bytes);
    case Table::pending_transfers: return p.ledger.pending().load_leaf(index, bytes);
    case Table::meters:            return p.meters.load_leaf(index, bytes, newest[index]);
    case Table::readings:          return p.meters.load_readings_leaf(index, bytes);
    case Table::bill_lines:        return p.meters.load_lines_leaf(index, bytes);
    case Table::intervals:         return p.settlement.history().load_leaf(index, bytes);
    case Table::cycles:            return p.settlement.load_cycle_leaf(index, bytes);
    case Table::settlement:        break;
  }
  return load_settlement(bytes);
}

LeafCheck Machine::Restorer::Work::load_settlement(ByteSpan bytes) {
  LeafReader reader(bytes);
  std::uint32_t highest_ever = 0;
  reader.integers(highest_ever);
  if (LeafCheck good = parts->settlement.load_leaf(reader); !good) return good;
  const std::uint32_t entries = counts[static_cast<std::size_t>(Table::pending_transfers)];
  if (highest_ever != entries) return wrong_field("the number of entries ever in use", highest_ever, entries);
  return {};
}

LeafCheck Machine::Restorer::Work::check_complete() const {
  const auto missing = [](Table table, std::uint32_t index) { return wrong_leaf(place(table, index) + "is missing"); };
  if (!chain_loaded) return missing(Table::chain, 0);
  for (std::size_t table = 0; table < kTables; ++table) {
    if (sets[table] == nullptr || sets[table]->count() == counts[table]) continue;
    std::uint32_t index = 0;
    while (sets[table]->contains(index)) ++index;
    return missing(static_cast<Table>(table), index);
  }
  if (!settlement_loaded) return missing(Table::settlement, 0);
  return {};
}

// --- the contract -------------------------------------------------------------------------------------------------------

Machine::Restorer::Restorer(std::unique_ptr<Work> work) noexcept : work_(std::move(work)) {}
Machine::Restorer::Restorer(Restorer&&) noexcept = default;
Machine::Restorer& Machine::Restorer::operator=(Restorer&&) noexcept = default;
Machine::Restorer::~Restorer() = default;

std::expected<Machine::Restorer, std::string> Machine::Restorer::create(const Genesis& genesis, RulesRange known,
                                                                        const LeafCounts& counts) {
  if (auto good = Parts::check(genesis); !good) return std::unexpected(std::move(good.error()));
  if (auto good = check_counts(genesis, counts); !good) return std::unexpected(std::move(good.error()));
  try {
    return Restorer(std::make_unique<Work>(genesis, known, counts));
  } catch (const std::bad_alloc&) {
    return std::unexpected("not enough memory for the tables that the limits ask for");
  }
}

std::expected<void, std::string> Machine::Restorer::load(Table table, std::uint32_t index, ByteSpan bytes) {
  ELECTRA_ASSERT(work_ != nullptr);
  if (static_cast<std::size_t>(table) >= kTables)
    return std::unexpected("there is no table " + std::to_string(static_cast<unsigned>(table)));
  if (LeafCheck good = work_->load(table, index, bytes); !good)
    return std::unexpected(place(table, index) + good.error());
  return {};
}

std::expected<std::unique_ptr<Machine>, std::string> Machine::Restorer::finish() {
  ELECTRA_ASSERT(work_ != nullptr);
  const std::unique_ptr<Work> work = std::move(work_);
  if (LeafCheck good = work->check_complete(); !good) return std::unexpected(std::move(good.error()));
  if (LeafCheck good = work->check_all(); !good) return std::unexpected(std::move(good.error()));
  Parts& parts = *work->parts;
  parts.key_changes.reserve(parts.directory.count());
  for (Slot slot = 1; slot <= parts.directory.count(); ++slot) parts.note_key(slot);
  return std::unique_ptr<Machine>(new Machine(std::move(work->parts)));
}

}  // namespace electra::state
