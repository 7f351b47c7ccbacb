// Every change of a leaf is marked: a long random life of a small chain, in which after every batch the leaves that are not
// marked as touched must still have the bytes that they had when the marks were cleared.
//
// The worlds are narrow (few places everywhere, few visits a batch), so that rings wrap, tables fill, the settling cursor
// stops in each of its phases, and readings come late, twice, wrong and from the future.

#include <algorithm>
#include <random>
#include <set>

#include "tests/state/support.h"

namespace electra::state::test {
namespace {

struct World {
  std::string name;
  std::uint32_t interval_s;
  std::uint32_t cycle_s;
  std::uint32_t visits;
  std::uint64_t steps;
  std::uint64_t pace;  // how many times faster time passes
  bool all_cycles;     // it lives long enough for the ring of cycles to wrap
};

void PrintTo(const World& world, std::ostream* out) { *out << world.name; }

class Workload {
 public:
  explicit Workload(const World& world)
      : world_(world), chain_(genesis(world), {1, 1000}), random_(world.interval_s + world.visits) {
    newest_.resize(genesis(world).limits.holders_max + 1);
  }

  const Machine& machine() const { return chain_.machine(); }
  Machine& machine() { return chain_.machine(); }
  const std::set<Result>& reached() const { return reached_; }

  void step() {
    advance();
    std::vector<Message> messages;
    for (std::uint64_t count = below(7); count > 0; --count) messages.push_back(message());
    const std::vector<Outcome> outcomes = chain_.batch(now_s_, messages, chance(20));
    for (const Outcome& outcome : outcomes) reached_.insert(outcome.result);
    if (!messages.empty() && chance(30)) kept_.push_back(messages[below(messages.size())]);
  }

 private:
  static Genesis genesis(const World& world) {
    std::vector<GenesisHolder> meters;
    for (std::uint32_t i = 0; i < 6; ++i) meters.push_back(meter("M" + std::to_string(i), i == 0 ? 7 : 1, 40'000'000));
    meters[2].owner_slot = kFirstMeter;
    meters[3].register_modulus = 5000;
    meters[4].phases = 0;
    meters[4].roles = kRoleProducer;
    Genesis genesis = genesis_with(std::move(meters));
    genesis.params.interval_s = world.interval_s;
    genesis.params.cycle_s = world.cycle_s;
    genesis.params.grace_s = world.interval_s / 3;
    genesis.limits.holders_max = 20;
    genesis.limits.accounts_max = 100;
    genesis.limits.pending_transfers_max = 4;
    genesis.limits.correction_horizon_s = 2 * world.cycle_s;
    genesis.limits.timer_visits_per_batch_max = world.visits;
    return genesis;
  }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool chance(std::uint64_t percent) { return below(100) < percent; }
  Slot any_slot() { return static_cast<Slot>(1 + below(machine().holder_count())); }
  AccountNumber any_account() { return static_cast<AccountNumber>(1 + below(machine().account_count() + 1)); }

  void advance() {
    const std::uint64_t kind = below(100);
    if (kind < 50) return;  // the next nanosecond
    const std::uint64_t seconds = kind < 85   ? below(world_.interval_s)
                                  : kind < 97 ? world_.interval_s
                                  : kind < 99 ? world_.cycle_s
                                              : 3 * world_.cycle_s;
    now_s_ += seconds * world_.pace;
  }

  Message message() {
    if (!kept_.empty() && chance(3)) return kept_[below(kept_.size())];
    const std::uint64_t kind = below(100);
    if (kind < 50) return reading_message();
    if (kind < 78) return transfer_message();
    const Slot sender = chance(95) ? kOperator : any_slot();
    if (kind < 84) return registration_message(sender);
    if (kind < 87) return possession_message();
    if (kind < 91) {
      const Slot slot = any_slot();
      const std::uint32_t status = slot > 15 && chance(5) ? 4 : chance(30) ? 3 : 2;
      return chain_.make(sender, strict::SetStatus{slot, status});
    }
    if (kind < 93) {
      const auto count = static_cast<std::uint32_t>(1 + below(9));
      return chain_.make(sender, strict::OpenAccounts{any_slot(), 1 + static_cast<std::uint32_t>(below(2)), 1, count});
    }
    const std::uint64_t under_way = machine().height() + 1;
    if (kind < 96)
      return chain_.make(
          sender, strict::BeginEpoch{machine().epoch() + static_cast<std::uint32_t>(below(2)), under_way + below(2)});
    return chain_.make(sender, strict::ScheduleRules{machine().rules_version() + static_cast<std::uint32_t>(below(2)),
                                                     under_way + below(4)});
  }

  Message reading_message() {
    const Slot slot = any_slot();
    strict::Reading next = newest_[slot];
    const bool again = next.count != 0 && chance(12);
    if (!again) {
      const std::uint64_t behind = chance(70) ? below(world_.interval_s) : below(3 * world_.cycle_s);
      std::uint64_t time_s = now_s_ < behind ? 0 : now_s_ - behind;
      if (chance(8)) time_s = now_s_ + below(80);
      const std::uint32_t phases = machine().holder(slot)->phases;
      next = {};
      next.time = kGenesisS + time_s;
      for (std::uint32_t phase = 1; phase <= 3; ++phase) {
        if ((phases >> (phase - 1) & 1) == 0) continue;
        const std::uint64_t wh = time_s * (3 + slot) / world_.interval_s;
        const std::uint64_t rise = chance(3) ? below(1'000'000) : wh + 1;
        next.items[next.count++] = {.phase = phase, .whin = rise, .whout = slot % 3 == 0 ? wh / 2 : 0};
      }
      newest_[slot] = next;
    } else if (chance(40)) {
      next.items[0].whin += 1;
    }
    Options options;
    if (chance(3)) options.sequence = machine().holder(slot)->highest_sequence + 1 + below(150);
    if (chance(2)) options.sequence = std::max<std::uint64_t>(machine().holder(slot)->highest_sequence, 1);
    if (chance(2)) options.generation = 2;
    return chain_.make(slot, next, options);
  }

  Message transfer_message() {
    const Slot sender = any_slot();
    std::vector<strict::Transfer> transfers;
    for (std::uint64_t count = 1 + below(3); count > 0; --count) {
      const AccountNumber from = chance(85) ? chain_.wallet(sender) : any_account();
      const AccountNumber to = chance(85) ? chain_.wallet(any_slot()) : any_account();
      const std::uint64_t amount = chance(95) ? 1 + below(300) : 1'000'000;
      const std::uint64_t kind = below(10);
      if (kind < 4) {
        transfers.push_back(move(from, to, amount));
      } else if (kind < 7 || held_.empty()) {
        transfers.push_back(
            hold(from, to, amount, static_cast<std::uint32_t>(1 + below(2 * world_.pace * world_.cycle_s))));
      } else {
        const auto& [slot, sequence] = held_[below(held_.size())];
        transfers.push_back(resolve(chance(50) ? kPost : kVoid, slot, sequence, static_cast<std::uint32_t>(below(2))));
      }
    }
    Message made = chain_.make(sender, group(std::move(transfers)));
    if (held_.size() == 12) held_.erase(held_.begin());
    held_.emplace_back(sender, made.verified.envelope.sequence);
    return made;
  }

  Message registration_message(Slot sender) {
    const std::uint32_t phases = chance(70) ? 1 : 0;
    const std::string serial = std::string(1, static_cast<char>('A' + below(26))) + std::to_string(registered_++);
    return chain_.make(
        sender, registration(serial, phases == 1 ? kRoleMeter : kRoleOwner, phases, chance(20) ? any_slot() : 0));
  }

  // Of some holder, who may be pending or not, and whose registration may be another one.
  Message possession_message() {
    const Slot slot = machine().holder_count();
    possession_ = chance(80) ? chain_.holder(slot).registration_id : sha256("another registration");
    return chain_.make(slot, strict::ProvePossession{possession_});
  }

  World world_;
  Chain chain_;
  std::mt19937_64 random_;
  std::uint64_t now_s_ = 0;
  std::uint64_t registered_ = 0;
  Bytes32 possession_{};
  std::vector<strict::Reading> newest_;               // by slot
  std::vector<std::pair<Slot, std::uint64_t>> held_;  // sender and sequence of transfer messages
  std::vector<Message> kept_;                         // to be sent again
  std::set<Result> reached_;
};

using Leaves = std::vector<std::vector<std::uint8_t>>;

Leaves leaves_of(const Machine& machine, Table table) {
  Leaves all(machine.leaf_count(table));
  for (std::uint32_t index = 0; index < all.size(); ++index) machine.append_leaf(table, index, all[index]);
  return all;
}

// What the tables looked like when the marks were cleared.
class Snapshot {
 public:
  explicit Snapshot(Machine& machine) { take(machine); }

  void take(Machine& machine) {
    for (std::size_t table = 0; table < kTables; ++table)
      tables_[table] = leaves_of(machine, static_cast<Table>(table));
    machine.clear_touched();
  }

  // Also counts, by table, how many leaves did change.
  void expect_all_changes_marked(const Machine& machine, std::array<std::uint64_t, kTables>& changes) const {
    for (std::size_t number = 0; number < kTables; ++number) {
      const auto table = static_cast<Table>(number);
      const TouchedSet& touched = machine.touched(table);
      const Leaves& before = tables_[number];
      const Leaves now = leaves_of(machine, table);
      ASSERT_GE(now.size(), before.size()) << table_name(table) << " has shrunk";
      for (std::uint32_t index = 0; index < now.size(); ++index) {
        const bool changed = index >= before.size() || now[index] != before[index];
        if (!changed) continue;
        ++changes[number];
        ASSERT_TRUE(touched.contains(index)) << table_name(table) << " leaf " << index << " has changed unmarked";
      }
      touched.for_each([&](std::uint32_t index) { ASSERT_LT(index, now.size()) << table_name(table); });
    }
  }

 private:
  std::array<Leaves, kTables> tables_;
};

class LeafMarks : public testing::TestWithParam<World> {};

TEST_P(LeafMarks, NoLeafChangesUnmarked) {
  Workload workload(GetParam());
  Machine& machine = workload.machine();
  Snapshot snapshot(machine);
  std::array<std::uint64_t, kTables> changes{};
  std::set<std::size_t> settlement_sizes;  // idle, under way, counting
  std::uint64_t released = 0;
  for (std::uint64_t step = 0; step < GetParam().steps; ++step) {
    const std::uint32_t pending = machine.pending_transfer_count();
    workload.step();
    if (machine.pending_transfer_count() < pending) ++released;
    ASSERT_NO_FATAL_FAILURE(snapshot.expect_all_changes_marked(machine, changes)) << "step " << step;
    settlement_sizes.insert(leaves_of(machine, Table::settlement).front().size());
    if (step % 3 != 0) snapshot.take(machine);
  }
  expect_books_close(machine);

  // The life was as rich as it claims to be.
  for (std::size_t table = 0; table < kTables; ++table)
    EXPECT_GT(changes[table], 20U) << table_name(static_cast<Table>(table));
  EXPECT_GT(released, 20U);
  using enum Result;
  for (const Result result : {ok,
                              key_superseded,
                              sequence_used,
                              not_active,
                              no_role,
                              directory_full,
                              wrong_registration,
                              already_active,
                              invalid_status,
                              unknown_account,
                              accounts_full,
                              accounts_must_differ,
                              not_account_owner,
                              exceeds_credits,
                              pending_full,
                              unknown_pending,
                              not_pending_party,
                              account_reserved,
                              not_a_meter,
                              reading_in_future,
                              reading_too_old,
                              duplicate_reading,
                              conflicting_reading,
                              superseded_reading,
                              late_reading,
                              late_without_effect,
                              wrong_epoch,
                              wrong_height,
                              unknown_rules})
    EXPECT_TRUE(workload.reached().contains(result)) << result_name(result);
  EXPECT_GT(machine.height(), 50U);
  EXPECT_GT(machine.epoch(), 3U);
  EXPECT_GT(machine.rules_version(), 3U);
  EXPECT_GT(machine.totals().cycles, 10U);
  EXPECT_EQ(settlement_sizes.size(), GetParam().all_cycles ? 1U : 3U);
  if (GetParam().all_cycles) {
    EXPECT_EQ(machine.leaf_count(Table::cycles), 1024U);
  }
  EXPECT_EQ(machine.leaf_count(Table::intervals), 2 * GetParam().cycle_s / GetParam().interval_s + 1)
      << "the ring of intervals is full";
}

TEST_P(LeafMarks, TheSameLifeEndsInTheSameLeaves) {
  Workload one(GetParam());
  Workload other(GetParam());
  for (std::uint64_t step = 0; step < GetParam().steps / 4; ++step) {
    one.step();
    other.step();
    if (step % 5 == 0) other.machine().clear_touched();  // marks are no part of the state
  }
  for (std::size_t table = 0; table < kTables; ++table)
    EXPECT_EQ(leaves_of(one.machine(), static_cast<Table>(table)),
              leaves_of(other.machine(), static_cast<Table>(table)));
  EXPECT_EQ(one.machine().digest(), other.machine().digest());
  EXPECT_EQ(one.machine().settlement_digest(), other.machine().settlement_digest());
}

//                                          interval  cycle  visits  steps  pace  all cycles
INSTANTIATE_TEST_SUITE_P(Worlds, LeafMarks,
                         testing::Values(World{"SlowCursor", 900, 3600, 3, 4000, 1, false},
                                         World{"MiddlingCursor", 900, 3600, 60, 3000, 1, false},
                                         World{"ManyCycles", 60, 120, 5000, 2500, 3, true}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace electra::state::test
