// What a Restorer works on: the parts of a machine that fill up leaf by leaf. Internal to engine/state.
//
// restorer.cc takes the leaves, restore_checks.cc sees whether they agree. The order of the checks matters: each may rely on
// what the ones before it have seen, so that no number of a leaf is used as an index or a divisor before its range is known.
#pragma once

#include "engine/state/parts.h"
#include "engine/state/restorer.h"

namespace electra::state {

struct Machine::Restorer::Work {
  Work(const Genesis& genesis, RulesRange known, const LeafCounts& counts);

  // How long a leaf must be; nothing where that depends on what it says.
  [[nodiscard]] std::optional<std::size_t> leaf_bytes(Table table) const noexcept;
  [[nodiscard]] LeafCheck load(Table table, std::uint32_t index, ByteSpan bytes);
  [[nodiscard]] LeafCheck load_settlement(ByteSpan bytes);

  // Errors begin with table and index.
  [[nodiscard]] LeafCheck check_complete() const;
  [[nodiscard]] LeafCheck check_all();

  [[nodiscard]] LeafCheck check_chain() const;
  [[nodiscard]] LeafCheck check_holders() const;
  [[nodiscard]] LeafCheck check_holder(Slot slot, std::uint32_t next_meter, AccountNumber next_account) const;
  [[nodiscard]] LeafCheck check_genesis_holder(const Holder& holder, const GenesisHolder& genesis_holder) const;
  [[nodiscard]] LeafCheck check_account_of(Slot slot, AccountNumber number, Asset asset, std::uint8_t flags,
                                           std::string_view name) const;
  [[nodiscard]] LeafCheck check_windows() const;
  [[nodiscard]] LeafCheck check_accounts() const;
  [[nodiscard]] LeafCheck check_account(AccountNumber number) const;
  [[nodiscard]] LeafCheck check_pending() const;
  [[nodiscard]] LeafCheck check_pending_transfer(const PendingTransfer& transfer) const;
  [[nodiscard]] LeafCheck check_pending_sums() const;
  [[nodiscard]] LeafCheck check_history() const;
  [[nodiscard]] LeafCheck check_meters() const;
  [[nodiscard]] LeafCheck check_meter(const Holder& holder, Slot slot, bool classified) const;
  [[nodiscard]] LeafCheck check_newest(std::uint32_t meter) const;
  [[nodiscard]] LeafCheck check_readings(std::uint32_t meter) const;
  [[nodiscard]] LeafCheck check_lines(std::uint32_t meter) const;
  [[nodiscard]] LeafCheck check_instant(std::uint64_t time_s, std::uint64_t boundary) const;
  [[nodiscard]] static LeafCheck check_registers(const Meter& meter, const Registers& registers);

  Genesis genesis;
  LeafCounts counts;
  std::unique_ptr<Parts> parts;
  SnapshotCursor::Sets sets;  // a leaf that was loaded is marked
  bool chain_loaded = false;
  bool settlement_loaded = false;
  std::vector<Registers> newest;      // by meter, as its leaf shows them
  std::uint64_t newest_batch = 0;     // in the entries of all windows
  std::uint32_t newest_batch_of = 0;  // the window's index
};

}  // namespace electra::state
