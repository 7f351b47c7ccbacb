// Machines out of leaves: they go on as the machine that the leaves were taken from.

#include "tests/state/restore_support.h"

namespace electra::state::test {
namespace {

void expect_equal_views(const Machine& left, const Machine& right) {
  ASSERT_EQ(left.holder_count(), right.holder_count());
  ASSERT_EQ(left.account_count(), right.account_count());
  EXPECT_EQ(left.pending_transfer_count(), right.pending_transfer_count());
  EXPECT_EQ(left.next_timer_ns(), right.next_timer_ns());
  EXPECT_EQ(left.totals(), right.totals());
  EXPECT_EQ(left.gateway_slot(), right.gateway_slot());
  EXPECT_EQ(left.height(), right.height());
  EXPECT_EQ(left.messages_executed(), right.messages_executed());
  for (const HolderStatus status :
       {HolderStatus::pending, HolderStatus::active, HolderStatus::suspended, HolderStatus::retired})
    EXPECT_EQ(left.holder_count(status), right.holder_count(status));
  for (Slot slot = 1; slot <= left.holder_count(); ++slot) {
    const HolderView holder = left.holder(slot).value();
    EXPECT_EQ(right.find_serial(holder.serial), slot);
    EXPECT_EQ(right.find_key(holder.public_key), slot);
    EXPECT_EQ(right.find_address(holder.address), slot);
    EXPECT_EQ(right.holder(slot)->registers[0].whin, holder.registers[0].whin);
    EXPECT_EQ(right.holder(slot)->debt, holder.debt);
  }
}

// Batches between two comparisons of digests; a follower's last batch is always compared.
#ifdef ELECTRA_SANITIZED
constexpr std::uint64_t kCompareEvery = 8;
#else
constexpr std::uint64_t kCompareEvery = 1;
#endif

class Restored : public testing::TestWithParam<World> {};

// From every block's end a machine is restored and follows the one that never stopped for a while; some follow to the end, and
// some are restored from others.
TEST_P(Restored, GoesOnAsTheMachineThatNeverStopped) {
  Workload workload(GetParam());
  const Genesis genesis = Workload::genesis(GetParam());
  struct Follower {
    std::unique_ptr<Machine> machine;
    std::uint64_t batches_left;
  };
  std::vector<Follower> followers;
  std::vector<Outcome> outcomes(16);
  std::set<std::size_t> settlement_bytes;
  std::uint64_t restored = 0;
  std::uint64_t pending = 0;
  const auto take = [&](const Machine& from, std::uint64_t batches) {
    auto made = restore(dump(from), genesis, Workload::kRules, restored % 4);
    ASSERT_TRUE(made.has_value()) << made.error() << " at batch " << from.batch_number();
    ASSERT_EQ((*made)->digest(), from.digest());
    ASSERT_EQ((*made)->settlement_digest(), from.settlement_digest());
    followers.push_back({std::move(*made), batches});
    ++restored;
  };
  workload.chain().after_batch = [&](const BatchInput& input, std::span<const Outcome> expected) {
    const Machine& machine = workload.machine();
    const bool compares = input.number % kCompareEvery == 0;
    const Bytes32 digest = machine.digest();
    for (Follower& follower : followers) {
      follower.machine->execute(input, std::span(outcomes).first(expected.size()));
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_EQ(outcomes[i].result, expected[i].result);
        ASSERT_EQ(outcomes[i].repeated, expected[i].repeated);
        ASSERT_EQ(outcomes[i].batch, expected[i].batch);
        ASSERT_EQ(outcomes[i].detail, expected[i].detail);
      }
      if (compares || follower.batches_left == 1) {
        ASSERT_EQ(follower.machine->digest(), digest) << "at batch " << input.number;
      }
      ASSERT_EQ(follower.machine->next_timer_ns(), machine.next_timer_ns());
      ASSERT_EQ(follower.machine->key_changes().size(), machine.key_changes().size());
      --follower.batches_left;
    }
    std::erase_if(followers, [](const Follower& follower) { return follower.batches_left == 0; });
    if (!input.closes_block) return;
    settlement_bytes.insert(leaves_of(machine, Table::settlement).front().size());
    pending += machine.pending_transfer_count();
    ASSERT_NO_FATAL_FAILURE(take(machine, restored % 50 == 0 ? UINT64_MAX : 25));
    if (restored % 7 == 0) {
      ASSERT_NO_FATAL_FAILURE(take(*followers.front().machine, 25));
    }
    if (restored % 20 == 0) expect_equal_views(machine, *followers.back().machine);
  };
  for (std::uint64_t step = 0; step < GetParam().steps; ++step) {
    workload.step();
    ASSERT_FALSE(HasFatalFailure()) << "step " << step;
  }
  EXPECT_GT(restored, 200U);
  EXPECT_GT(pending, 50U);
  EXPECT_EQ(settlement_bytes.size(), GetParam().all_cycles ? 1U : 3U) << "idle, under way, counting";
  for (std::size_t table = 0; table < kTables; ++table)
    EXPECT_GT(workload.machine().leaf_count(static_cast<Table>(table)), 0U) << table_name(static_cast<Table>(table));
}

//                                          interval  cycle  visits  steps  pace  all cycles
INSTANTIATE_TEST_SUITE_P(Worlds, Restored,
                         testing::Values(World{"SlowCursor", 900, 3600, 3, 2500, 1, false},
                                         World{"MiddlingCursor", 900, 3600, 60, 2000, 1, false},
                                         World{"ManyCycles", 60, 120, 5000, 2500, 3, true}),
                         [](const auto& info) { return info.param.name; });

TEST(Restore, GivesTheMachineOfAGenesisBack) {
  const Genesis genesis = genesis_with({meter("ALICE", 3, 1000), meter("BOB", 0)});
  Chain chain(genesis);
  const auto made = restore(dump(chain.machine()), genesis, kKnownRules);
  ASSERT_TRUE(made.has_value()) << made.error();
  EXPECT_EQ((*made)->digest(), chain.machine().digest());
  expect_equal_views(**made, chain.machine());
}

TEST(Restore, CountsEveryLeafAsTouchedAndEveryKeyAsChanged) {
  const Genesis genesis = genesis_with({meter("ALICE", 1, 1000), meter("BOB", 0)});
  Chain chain(genesis);
  ASSERT_EQ(chain.send(kOperator, registration("CAROL")).result, Result::ok);
  ASSERT_EQ(chain.send(kOperator, strict::SetStatus{kFirstMeter, 3}).result, Result::ok);
  const auto made = restore(dump(chain.machine()), genesis, kKnownRules);
  ASSERT_TRUE(made.has_value()) << made.error();
  for (std::size_t number = 0; number < kTables; ++number) {
    const auto table = static_cast<Table>(number);
    EXPECT_EQ((*made)->touched(table).count(), (*made)->leaf_count(table)) << table_name(table);
  }
  const std::span<const KeyChange> keys = (*made)->key_changes();
  ASSERT_EQ(keys.size(), 5U);
  for (Slot slot = 1; slot <= 5; ++slot) {
    EXPECT_EQ(keys[slot - 1].slot, slot);
    EXPECT_EQ(keys[slot - 1].public_key, chain.holder(slot).public_key);
    EXPECT_EQ(keys[slot - 1].status, chain.holder(slot).status);
    EXPECT_EQ(keys[slot - 1].generation, 1U);
  }
}

}  // namespace
}  // namespace electra::state::test
