// Leaves with a flipped bit, wherever it is, become an error or at least another state, never a crash.

#include <map>

#include "tests/state/restore_small_chain.h"

namespace electra::state::test {
namespace {

// What follows is what would happen to a machine that was let through: settling, expiring, messages.
void live_on(Machine& machine) {
  std::vector<Outcome> none;
  for (const std::uint64_t hours : {0U, 0U, 1U, 0U, 2U, 0U, 0U, 0U, 30U, 0U}) {
    if (!machine.known_rules().contains(machine.rules_version())) return;
    machine.execute({.number = machine.batch_number() + 1,
                     .time_ns = machine.time_ns() + hours * 3600 * kSecond + 1,
                     .closes_block = true,
                     .messages = {}},
                    none);
  }
}

// Every flipped byte of every leaf is refused, or is another state; and a state that was let through goes on without
// tripping over itself.
void expect_flips_are_noticed(const Dump& right, const Bytes32& digest, const Genesis& genesis, RulesRange known) {
  std::array<std::uint64_t, kTables> refused{};
  std::array<std::uint64_t, kTables> other{};
  std::mt19937_64 dice(7);
  Dump wrong = right;
  for (std::size_t table = 0; table < kTables; ++table) {
    for (std::uint32_t index = 0; index < wrong.tables[table].size(); ++index) {
      std::vector<std::uint8_t>& leaf = wrong.tables[table][index];
      for (std::size_t at = 0; at < leaf.size(); ++at) {
        const auto flip = static_cast<std::uint8_t>(dice() % 3 == 0 ? 1 + dice() % 255 : 1U << (dice() % 8));
        leaf[at] ^= flip;
        const auto made = restore(wrong, genesis, known);
        if (made) {
          ASSERT_NE((*made)->digest(), digest)
              << table_name(static_cast<Table>(table)) << " leaf " << index << " byte " << at;
          live_on(**made);
          ++other[table];
        } else {
          ++refused[table];
        }
        leaf[at] ^= flip;
      }
    }
  }
  for (std::size_t table = 0; table < kTables; ++table)
    EXPECT_EQ(refused[table] == 0, table == static_cast<std::size_t>(Table::cycles))
        << table_name(static_cast<Table>(table));
  EXPECT_GT(other[static_cast<std::size_t>(Table::cycles)], 0U);
}

TEST(RestoreFlips, AreRefusedOrMakeAnotherState) {
  const SmallChain small;
  expect_flips_are_noticed(dump(small.machine()), small.machine().digest(), SmallChain::genesis(), kTwoRules);
}

TEST(RestoreFlips, OfLivedInStatesInEveryPhaseAreRefusedOrMakeAnotherState) {
  const World world{"", 900, 3600, 3, 0, 1, false};
  Workload workload(world);
  std::mt19937_64 dice(3);
  std::map<std::uint8_t, std::uint64_t> phases;
  for (int step = 0; step < 3000; ++step) {
    workload.step();
    if (step % 10 != 0) continue;
    const Dump right = dump(workload.machine());
    ++phases[right.tables[static_cast<std::size_t>(Table::settlement)].front()[124]];
    for (int flips = 0; flips < 40; ++flips) {
      Dump wrong = right;
      const std::size_t table = dice() % kTables;
      Leaves& leaves = wrong.tables[table];
      if (leaves.empty()) continue;
      std::vector<std::uint8_t>& leaf = leaves[dice() % leaves.size()];
      leaf[dice() % std::min<std::size_t>(leaf.size(), 400)] ^= static_cast<std::uint8_t>(1U << (dice() % 8));
      const auto made = restore(wrong, Workload::genesis(world), Workload::kRules);
      if (!made) continue;
      ASSERT_NE((*made)->digest(), workload.machine().digest());
      live_on(**made);
    }
  }
  EXPECT_EQ(phases.size(), 5U) << "the cursor was met in every phase";
}

}  // namespace
}  // namespace electra::state::test
