// What a machine consists of, and how one message finds its way through it. Internal to engine/state.
//
// The tables (directory, ledger, meters, windows) know nothing of messages; operations.cc turns messages into calls on
// them, machine.cc sees to batches and sequences, genesis.cc builds the first state and queries.cc reads it.
#pragma once

#include "engine/state/accounts/ledger.h"
#include "engine/state/calendar.h"
#include "engine/state/clearing/settlement.h"
#include "engine/state/directory.h"
#include "engine/state/machine.h"
#include "engine/state/metering/meters.h"
#include "engine/state/sequence_windows.h"
#include "engine/state/snapshot.h"

namespace electra::state {

inline constexpr std::size_t kChainLeafBytes = 160;  // and the chain id

// How many messages before its execution a message's sender is fetched, and its payload decoded. A message costs about
// 100 ns, a line from memory 100 and its page's address as much again.
inline constexpr std::size_t kFetchAhead = 16;
inline constexpr std::size_t kDecodeAhead = 8;

// The payload of a message on its way.
struct DecodedMessage {
  Result result = Result::ok;
  strict::PayloadView payload;
};

struct Machine::Parts {
  // What the genesis makes. It was checked.
  Parts(const Genesis& genesis, RulesRange known);
  // Without any holder or account, to be filled from leaves.
  struct Empty {};
  Parts(const Genesis& genesis, RulesRange known, Empty);

  // Checks a genesis; the error is one sentence.
  [[nodiscard]] static std::expected<void, std::string> check(const Genesis& genesis);

  void execute(const BatchInput& in, std::span<Outcome> out);
  void execute_messages(std::span<const VerifiedMessage> batch, std::span<Outcome> out);
  void fetch_sender(const VerifiedMessage& message) const noexcept;
  void decode_ahead(const VerifiedMessage& message, DecodedMessage& into) const noexcept;
  void execute_one(const VerifiedMessage& message, const DecodedMessage& content, Outcome& outcome);
  void close_block() noexcept;
  void append_chain_leaf(LeafWriter& out) const;
  [[nodiscard]] LeafCheck load_chain_leaf(ByteSpan bytes);
  [[nodiscard]] std::size_t leaf_bytes_max() const noexcept;
  // Null where a table's leaf changes with every batch.
  [[nodiscard]] SnapshotCursor::Sets touched_sets() noexcept;

  // operations.cc. `detail` is the outcome's.
  [[nodiscard]] Result perform(const VerifiedMessage& message, const strict::PayloadView& payload,
                               std::uint64_t& detail);
  [[nodiscard]] Result register_key(const VerifiedMessage& message, const strict::RegisterKey& operation,
                                    std::uint64_t& detail);
  [[nodiscard]] Result prove_possession(Slot sender, const strict::ProvePossession& operation);
  [[nodiscard]] Result set_status(Slot sender, const strict::SetStatus& operation);
  [[nodiscard]] Result open_accounts(Slot sender, const strict::OpenAccounts& operation, std::uint64_t& detail);
  [[nodiscard]] Result transfer(const VerifiedMessage& message, const strict::Transfers& operation,
                                std::uint64_t& detail);
  [[nodiscard]] Result take_reading(Slot sender, const strict::Reading& operation);
  [[nodiscard]] Result begin_epoch(const strict::BeginEpoch& operation);
  [[nodiscard]] Result schedule_rules(const strict::ScheduleRules& operation);
  // The directory entry with its accounts and its meter. Room and uniqueness were checked.
  Slot add_holder(Holder holder);
  [[nodiscard]] static std::uint32_t accounts_of(const Holder& holder) noexcept;
  void note_key(Slot slot);

  std::string chain_id;
  Bytes32 genesis_hash;
  std::uint64_t genesis_time_ns;
  Params params;
  Limits limits;
  Calendar calendar;
  std::uint64_t wh_per_interval_max;
  RulesRange known_rules;  // the program's; no part of the state

  std::uint64_t batch_number = 0;
  std::uint64_t time_ns;
  std::uint64_t messages = 0;
  std::uint64_t height = 0;
  std::uint32_t epoch = 0;
  std::uint32_t rules_version = kRulesVersion;
  ScheduledRules scheduled_rules;
  Slot gateway = 0;
  ReadingContext reading_context;                    // of the current batch
  std::array<DecodedMessage, kDecodeAhead> decoded;  // likewise: of message i at i % kDecodeAhead

  Directory directory;
  SequenceWindows windows;
  Ledger ledger;
  Meters meters;
  Settlement settlement;
  std::vector<KeyChange> key_changes;
  TouchedSet always_touched{1};  // of the tables with one leaf
  SnapshotCursor::Sets sets;
  SnapshotCursor snapshot;
};

}  // namespace electra::state
