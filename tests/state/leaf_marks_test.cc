// Every change of a leaf is marked: a long random life of a small chain, in which after every batch the leaves that are not
// marked as touched must still have the bytes that they had when the marks were cleared.

#include "tests/state/workload.h"

namespace electra::state::test {
namespace {

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
