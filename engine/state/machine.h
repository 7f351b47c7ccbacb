// The state machine: everything that a message can change, and how.
//
// Pure: the state is a function of the genesis and of the batches executed since, whatever machine, thread or build it
// runs on. Integers only; no clock, no input or output, no random number. Every table is bounded by Genesis::limits and
// execute() allocates nothing. In each asset the sum of debits equals the sum of credits after every batch.
//
// One thread at a time. Queries are for the executing thread, between two batches; views stay valid until the next
// execute(). Cost: a reading well below a microsecond, a transfer about the same; timer work is bounded per batch.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/state/snapshot.h"
#include "engine/state/tables.h"
#include "engine/state/touched_set.h"
#include "engine/state/types.h"
#include "meter-proto/strict/payload.h"

namespace electra::state {

// Account numbers that exist in every chain; holders' accounts follow.
inline constexpr AccountNumber kIssuerAccount = 1;       // uelectra; its debits are all the money there is
inline constexpr AccountNumber kSettlementAccount = 2;   // uelectra; payers to payees; zero between two cycles
inline constexpr AccountNumber kCommunityAccount = 3;    // Wh; producers and grid to consumers; zero between two cycles
inline constexpr AccountNumber kUnaccountedAccount = 4;  // Wh; credits - debits = what the grid gave and no meter saw

struct RegisterPair {
  std::uint64_t whin = 0;
  std::uint64_t whout = 0;
};

struct HolderView {
  Slot slot = 0;
  Bytes20 address{};
  std::string_view serial;
  HolderStatus status = HolderStatus::none;
  std::uint32_t roles = 0;   // bit set of Role
  std::uint32_t phases = 0;  // bit set; 0 = no meter
  std::uint64_t register_modulus = 0;
  std::uint64_t max_wh_per_interval = 0;
  Slot owner_slot = 0;
  std::uint32_t key_generation = 0;
  Bytes32 public_key{};
  Bytes32 registration_id{};  // zero for a holder of the genesis
  std::uint64_t highest_sequence = 0;
  AccountNumber wallet_account = 0;
  AccountNumber energy_account = 0;  // 0 = no meter
  AccountNumber debt_account = 0;
  std::int64_t wallet_balance = 0;      // uelectra, credits - debits posted
  std::uint64_t debt = 0;               // uelectra
  std::int64_t energy_balance = 0;      // Wh, received - given, settled
  std::uint64_t last_reading_time = 0;  // unix s; 0 = none yet
  std::uint32_t register_count = 0;     // metered phases
  std::array<RegisterPair, strict::kPhasesMax>
      registers{};                // of the newest reading; entry 0 is L1; unmetered ones are 0
  std::uint64_t consumed_wh = 0;  // settled, corrections included
  std::uint64_t generated_wh = 0;
  std::uint64_t paid = 0;      // uelectra billed to it as a consumer
  std::uint64_t received = 0;  // uelectra credited to it as a producer
  std::uint64_t intervals_missing = 0;
  std::uint64_t intervals_estimated = 0;
  std::uint64_t intervals_faulty = 0;
  Bytes32 bill_hash{};
};

struct AccountView {
  AccountNumber account = 0;
  Slot owner_slot = 0;  // 0 = the system
  Asset asset = Asset::none;
  std::uint8_t flags = 0;
  std::uint64_t debits_posted = 0;
  std::uint64_t credits_posted = 0;
  std::uint64_t debits_pending = 0;
  std::uint64_t credits_pending = 0;
};

enum class CycleState : std::uint8_t { open = 0, closed = 1, final = 2 };
[[nodiscard]] std::string_view cycle_state_name(CycleState state) noexcept;

struct CycleView {
  std::uint64_t cycle_id = 0;  // 1 = the one that begins at genesis
  std::uint64_t begin = 0;     // unix s, inclusive
  std::uint64_t end = 0;       // unix s, inclusive
  std::uint64_t whin = 0;      // consumption of the community
  std::uint64_t whout = 0;     // generation of the community
  std::uint64_t moneyin = 0;   // paid by consumers
  std::uint64_t moneyout = 0;  // received by producers
  CycleState state = CycleState::open;
};

// Sums over all final cycles, later corrections included.
struct Totals {
  std::uint64_t cycles = 0;
  std::uint64_t intervals = 0;
  std::uint64_t consumption_wh = 0;
  std::uint64_t generation_wh = 0;
  std::uint64_t matched_wh = 0;
  std::uint64_t import_wh = 0;
  std::uint64_t export_wh = 0;
  std::uint64_t consumers_pay = 0;
  std::uint64_t producers_get = 0;
  std::int64_t grid_gets = 0;
  std::uint64_t debt = 0;  // owed by holders now
  std::int64_t unaccounted_wh = 0;
  bool operator==(const Totals&) const = default;
};

// One settled interval, as its cycle's settlement left it (corrections do not change it).
struct IntervalView {
  std::uint64_t interval = 0;  // 0 = the first after genesis
  std::uint64_t consumption_wh = 0;
  std::uint64_t generation_wh = 0;
  std::uint64_t consumers_pay = 0;
  std::uint64_t producers_get = 0;
  bool grid_known = false;  // the grid connection's meter covered it
  std::int64_t unaccounted_wh = 0;
};

// One holder's share of one interval.
struct BillLine {
  std::uint64_t wh_in = 0;
  std::uint64_t wh_out = 0;
  std::uint64_t pay = 0;  // uelectra
  std::uint64_t get = 0;
};

struct Bill {
  std::uint64_t cycle_id = 0;       // 0 = never billed
  std::span<const BillLine> lines;  // one an interval of the cycle
};

class Machine {
 public:
  // The error is one sentence for people: which field is out of which range. `known` are the rules versions that the
  // caller's program may execute; it is no part of the state.
  [[nodiscard]] static std::expected<std::unique_ptr<Machine>, std::string> create(const Genesis& genesis,
                                                                                   RulesRange known = kKnownRules);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // Fires the timers that `in.time_ns` reaches (bounded work), then applies the messages in order. Never fails.
  // The caller guarantees: number = last + 1, time_ns > last, one Outcome a message, every message's signature good.
  void execute(const BatchInput& in, std::span<Outcome> out);

  // Of the last batch; after create() those of the genesis. In the order in which they happened.
  [[nodiscard]] std::span<const KeyChange> key_changes() const noexcept;

  // When the next timer is due. UINT64_MAX: none. <= time_ns(): due work is left over, make another (empty) batch.
  [[nodiscard]] std::uint64_t next_timer_ns() const noexcept;

  [[nodiscard]] std::uint64_t time_ns() const noexcept;       // of the last batch; at first the genesis time
  [[nodiscard]] std::uint64_t batch_number() const noexcept;  // of the last batch; at first 0
  [[nodiscard]] std::uint64_t messages_executed() const noexcept;

  // Blocks are numbered 1, 2, …; a batch with closes_block is the last of its block.
  [[nodiscard]] std::uint64_t height() const noexcept;         // of the last closed block; at first 0
  [[nodiscard]] std::uint32_t epoch() const noexcept;          // of the block under way; at first 0
  [[nodiscard]] std::uint32_t rules_version() const noexcept;  // that the next batch executes under
  [[nodiscard]] ScheduledRules scheduled_rules() const noexcept;
  // What create() was given. Once rules_version() is outside, execute() must not be called: the program is too old.
  [[nodiscard]] RulesRange known_rules() const noexcept;

  // --- tables and leaves (tables.h) ---
  // Never falls.
  [[nodiscard]] std::uint32_t leaf_count(Table table) const noexcept;
  // Appends the leaf's bytes. index < leaf_count(table).
  void append_leaf(Table table, std::uint32_t index, std::vector<std::uint8_t>& out) const;
  // Leaves that have (or may have) changed since create() or the last clear_touched(). After create(): every leaf.
  [[nodiscard]] const TouchedSet& touched(Table table) const noexcept;
  void clear_touched() noexcept;
  // Clears them, and appends to `indexes` what they held, by table, ascending. Until it is thawed, a leaf of these says to
  // `watcher` that it is about to change, once; the tables that change with every batch have none such. Nothing that was
  // frozen before may be left.
  using LeafIndexes = std::array<std::vector<std::uint32_t>, kTables>;
  void freeze_touched(LeafWatcher& watcher, LeafIndexes& indexes);
  // Whether the leaf was frozen; it is not any more.
  bool thaw(Table table, std::uint32_t index) noexcept;

  // --- snapshots (snapshot.h), between two batches ---
  // Begins to give all leaves, as they are now, to the sink; none may be under way. The leaves of chain and settlement
  // come at once, the others by snapshot_step() or, from within execute(), right before they change.
  void begin_snapshot(LeafSink& sink);
  // Gives out leaves until they make `bytes_max` bytes or more; nothing if none is under way. False: that was all, the
  // snapshot has ended and the sink is no longer used.
  bool snapshot_step(std::size_t bytes_max);
  // Ends it unfinished, if one is under way. The sink is no longer used.
  void abandon_snapshot() noexcept;
  [[nodiscard]] bool snapshot_under_way() const noexcept;
  // Of the snapshot begun last: how many leaves of each table it has.
  [[nodiscard]] const LeafCounts& snapshot_leaf_counts() const noexcept;
  // No leaf of any table is longer.
  [[nodiscard]] std::size_t leaf_bytes_max() const noexcept;
  // From leaves to a machine: restorer.h.
  class Restorer;

  // Over the leaves of all tables: everything that can influence execution. Costs a walk over all tables.
  [[nodiscard]] Bytes32 digest() const;
  // Over balances, registers, bills and totals in serial-number order; without slots, account and batch numbers, and
  // times of arrival: equal for every order in which the readings of a cycle arrive.
  [[nodiscard]] Bytes32 settlement_digest() const;

  [[nodiscard]] const std::string& chain_id() const noexcept;
  [[nodiscard]] const Bytes32& genesis_hash() const noexcept;
  [[nodiscard]] std::uint64_t genesis_time_ns() const noexcept;
  [[nodiscard]] const Params& params() const noexcept;
  [[nodiscard]] const Limits& limits() const noexcept;
  [[nodiscard]] std::string_view pool_rule() const noexcept;  // "mid-market"
  [[nodiscard]] std::size_t memory_bytes() const noexcept;    // when every table is full

  // Whether the window of an existing holder has the sequence free. Batches before the message's may change that: a hint.
  [[nodiscard]] bool sequence_free(Slot slot, std::uint64_t sequence) const noexcept;
  // What the window says to a message of an existing holder, without executing it. `repeated`: the first outcome. Else the
  // sequence is free (ok), or this message cannot use it; `batch` is then the one from which on that is so.
  [[nodiscard]] Outcome answer_of_window(Slot slot, std::uint64_t sequence,
                                         const std::array<std::uint8_t, 32>& id) const noexcept;

  // Slots are 1..holder_count(), account numbers 1..account_count().
  [[nodiscard]] std::uint32_t holder_count() const noexcept;
  [[nodiscard]] std::uint32_t holder_count(HolderStatus status) const noexcept;
  [[nodiscard]] std::uint32_t account_count() const noexcept;
  [[nodiscard]] std::uint32_t pending_transfer_count() const noexcept;
  [[nodiscard]] Slot gateway_slot() const noexcept;

  // Slot 0: there is none.
  [[nodiscard]] Slot find_address(const Bytes20& address) const noexcept;
  [[nodiscard]] Slot find_key(const Bytes32& public_key) const noexcept;
  [[nodiscard]] Slot find_serial(std::string_view serial) const noexcept;

  [[nodiscard]] std::optional<HolderView> holder(Slot slot) const;
  [[nodiscard]] std::optional<AccountView> account(AccountNumber number) const;
  [[nodiscard]] Totals totals() const noexcept;

  // The cycle that time_ns() lies in. Its sums are those of settlement, so 0 while it is open.
  [[nodiscard]] CycleView current_cycle() const noexcept;
  // Nothing for a future cycle or one whose summary is no longer kept (the last 1024 final ones are).
  [[nodiscard]] std::optional<CycleView> cycle(std::uint64_t cycle_id) const noexcept;
  // The first cycle id that cycle() still answers.
  [[nodiscard]] std::uint64_t first_kept_cycle() const noexcept;
  // Nothing for an interval that is not settled or is beyond the correction horizon.
  [[nodiscard]] std::optional<IntervalView> interval(std::uint64_t interval) const noexcept;
  // The holder's lines in the last cycle that it was billed for.
  [[nodiscard]] Bill last_bill(Slot slot) const noexcept;

 private:
  struct Parts;
  explicit Machine(std::unique_ptr<Parts> parts) noexcept;
  std::unique_ptr<Parts> parts_;
};

}  // namespace electra::state
