// Snapshots of a machine that runs on: what comes out, in whatever portions, is the state of the moment of begin_snapshot(),
// each leaf once. Copies in the middle of a batch, right before a change, are what makes that hard; they are counted.

#include "engine/state/snapshot.h"

#include <map>

#include "tests/state/workload.h"

namespace electra::state::test {
namespace {

using Place = std::pair<std::size_t, std::uint32_t>;  // table, index

struct Collector final : LeafSink {
  void leaf(Table table, std::uint32_t index, ByteSpan bytes) noexcept override {
    const auto number = static_cast<std::size_t>(table);
    repeated +=
        leaves.emplace(Place{number, index}, std::vector<std::uint8_t>(bytes.begin(), bytes.end())).second ? 0 : 1;
    last_bytes = bytes.size();
    sum_bytes += bytes.size();
    longest = std::max(longest, bytes.size());
    if (in_batch) ++copied[number];
  }

  std::map<Place, std::vector<std::uint8_t>> leaves;
  std::uint64_t repeated = 0;
  std::size_t last_bytes = 0;
  std::size_t sum_bytes = 0;
  std::size_t longest = 0;
  bool in_batch = false;
  std::array<std::uint64_t, kTables> copied{};
};

std::map<Place, std::vector<std::uint8_t>> all_leaves(const Machine& machine) {
  std::map<Place, std::vector<std::uint8_t>> all;
  for (std::size_t table = 0; table < kTables; ++table) {
    Leaves leaves = leaves_of(machine, static_cast<Table>(table));
    for (std::uint32_t index = 0; index < leaves.size(); ++index) all[{table, index}] = std::move(leaves[index]);
  }
  return all;
}

LeafCounts counts_of(const Machine& machine) {
  LeafCounts counts{};
  for (std::size_t table = 0; table < kTables; ++table) counts[table] = machine.leaf_count(static_cast<Table>(table));
  return counts;
}

class Snapshots : public testing::TestWithParam<World> {};

TEST_P(Snapshots, GiveTheStateOfTheirBeginningEachLeafOnce) {
  Workload workload(GetParam());
  Machine& machine = workload.machine();
  std::mt19937_64 dice(GetParam().cycle_s);
  std::array<std::uint64_t, kTables> copied{};
  std::uint64_t snapshots = 0;
  std::uint64_t step = 0;
  const auto live = [&](Collector& sink) {
    sink.in_batch = true;
    workload.step();
    sink.in_batch = false;
    if (dice() % 3 == 0) machine.clear_touched();
    ++step;
  };
  while (step < GetParam().steps) {
    Collector none;
    for (std::uint64_t wait = dice() % 8; wait > 0; --wait) live(none);
    ASSERT_TRUE(none.leaves.empty());

    const auto expected = all_leaves(machine);
    const LeafCounts counts = counts_of(machine);
    Collector sink;
    machine.begin_snapshot(sink);
    ASSERT_TRUE(machine.snapshot_under_way());
    if (dice() % 3 == 0)
      for (std::uint64_t batches = dice() % 30; batches > 0; --batches) live(sink);
    const std::uint64_t hurry = dice() % 4;  // 0: almost everything is copied before the cursor comes to it
    do {
      for (std::uint64_t batches = dice() % 4; batches > 0; --batches) live(sink);
    } while (machine.snapshot_step(hurry == 0 ? dice() % 200 : dice() % (6000 * hurry)));
    ASSERT_FALSE(machine.snapshot_under_way());
    ASSERT_EQ(machine.snapshot_leaf_counts(), counts);
    ASSERT_EQ(sink.repeated, 0U);
    ASSERT_EQ(sink.leaves.size(), expected.size());
    for (const auto& [place, bytes] : expected)
      ASSERT_EQ(sink.leaves.at(place), bytes)
          << table_name(static_cast<Table>(place.first)) << " leaf " << place.second << " of snapshot " << snapshots;
    ASSERT_LE(sink.longest, machine.leaf_bytes_max());
    for (std::size_t table = 0; table < kTables; ++table) copied[table] += sink.copied[table];
    ++snapshots;
  }
  expect_books_close(machine);

  EXPECT_GT(snapshots, 30U);
  for (std::size_t table = 0; table < kTables; ++table) {
    const bool at_once =
        table == static_cast<std::size_t>(Table::chain) || table == static_cast<std::size_t>(Table::settlement);
    if (at_once) {
      EXPECT_EQ(copied[table], 0U) << table_name(static_cast<Table>(table));
    } else if (table != static_cast<std::size_t>(Table::cycles) || GetParam().all_cycles) {
      EXPECT_GT(copied[table], 5U) << table_name(static_cast<Table>(table));
    }
  }
}

//                                          interval  cycle  visits  steps  pace  all cycles
INSTANTIATE_TEST_SUITE_P(Worlds, Snapshots,
                         testing::Values(World{"SlowCursor", 900, 3600, 3, 6000, 1, false},
                                         World{"MiddlingCursor", 900, 3600, 60, 6000, 1, false},
                                         World{"ManyCycles", 60, 120, 5000, 4000, 3, true}),
                         [](const auto& info) { return info.param.name; });

const World kWorld{"", 900, 3600, 60, 0, 1, false};

TEST(Snapshot, ComesInPortionsNoLongerThanAskedForByMoreThanALeaf) {
  Workload workload(kWorld);
  for (int step = 0; step < 500; ++step) workload.step();
  Machine& machine = workload.machine();
  for (const std::size_t portion : {1U, 37U, 38U, 39U, 1000U, 5000U}) {
    Collector sink;
    machine.begin_snapshot(sink);
    EXPECT_EQ(sink.leaves.size(), 2U) << "chain and settlement come at once";
    bool more = true;
    while (more) {
      const std::size_t before = sink.sum_bytes;
      more = machine.snapshot_step(portion);
      const std::size_t given = sink.sum_bytes - before;
      ASSERT_LT(given, portion + sink.last_bytes);
      if (more) {
        ASSERT_GE(given, portion);
      }
    }
    EXPECT_EQ(sink.leaves, all_leaves(machine)) << portion;
  }
}

TEST(Snapshot, GivesNothingForNoBytesAndEverythingForEnough) {
  Workload workload(kWorld);
  for (int step = 0; step < 100; ++step) workload.step();
  Machine& machine = workload.machine();
  Collector sink;
  EXPECT_FALSE(machine.snapshot_step(1000)) << "none is under way";
  machine.begin_snapshot(sink);
  EXPECT_TRUE(machine.snapshot_step(0));
  EXPECT_EQ(sink.leaves.size(), 2U);
  EXPECT_FALSE(machine.snapshot_step(SIZE_MAX));
  EXPECT_FALSE(machine.snapshot_step(SIZE_MAX));
  EXPECT_EQ(sink.leaves, all_leaves(machine));
}

TEST(Snapshot, IsNotHeardOfAgainWhenItHasEndedOrWasAbandoned) {
  Workload workload(kWorld);
  for (int step = 0; step < 300; ++step) workload.step();
  Machine& machine = workload.machine();
  for (const bool abandoned : {true, false}) {
    Collector sink;
    machine.begin_snapshot(sink);
    if (abandoned) {
      EXPECT_TRUE(machine.snapshot_step(3000));
      machine.abandon_snapshot();
    } else {
      EXPECT_FALSE(machine.snapshot_step(SIZE_MAX));
    }
    EXPECT_FALSE(machine.snapshot_under_way());
    const std::size_t leaves = sink.leaves.size();
    for (int step = 0; step < 50; ++step) workload.step();
    EXPECT_FALSE(machine.snapshot_step(SIZE_MAX));
    EXPECT_EQ(sink.leaves.size(), leaves);
    machine.abandon_snapshot();  // of nothing
  }
  Collector sink;
  const auto expected = all_leaves(machine);
  machine.begin_snapshot(sink);
  for (int step = 0; step < 20; ++step) workload.step();
  EXPECT_FALSE(machine.snapshot_step(SIZE_MAX));
  EXPECT_EQ(sink.leaves, expected) << "the abandoned one left nothing behind";
}

TEST(Snapshot, LeavesOutWhatIsAddedAfterItsBeginning) {
  Chain chain(genesis_with({meter("ALICE", 1, 1000)}));
  Machine& machine = chain.machine();
  const auto expected = all_leaves(machine);
  Collector sink;
  machine.begin_snapshot(sink);
  sink.in_batch = true;
  ASSERT_EQ(chain.send(kOperator, registration("LATER")).result, Result::ok);
  ASSERT_EQ(chain.send(kOperator, strict::OpenAccounts{kFirstMeter, 1, 1, 5}).result, Result::ok);
  const std::uint64_t held =
      chain.send(kFirstMeter, group({hold(chain.wallet(kFirstMeter), chain.wallet(kOperator), 10)})).batch;
  EXPECT_GT(held, 0U);
  chain.pass_time_to(3 * 3600);
  sink.in_batch = false;
  EXPECT_FALSE(machine.snapshot_step(SIZE_MAX));
  EXPECT_EQ(sink.leaves, expected);
  EXPECT_EQ(sink.repeated, 0U);
  EXPECT_GT(machine.leaf_count(Table::pending_transfers), 0U);
  EXPECT_FALSE(sink.leaves.contains({static_cast<std::size_t>(Table::pending_transfers), 0}));
}

TEST(SnapshotDeathTest, OnlyOneIsUnderWay) {
  Chain chain(genesis_with({}));
  Collector sink;
  chain.machine().begin_snapshot(sink);
  EXPECT_DEATH(chain.machine().begin_snapshot(sink), "under_way");
}

}  // namespace
}  // namespace electra::state::test
