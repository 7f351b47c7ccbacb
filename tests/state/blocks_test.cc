// Heights, epochs and rules versions: what closes a block, and what an operator's messages about blocks do.

#include "tests/state/support.h"

namespace electra::state::test {
namespace {

constexpr Slot kAlice = 3;

class Blocks : public testing::Test {
 protected:
  explicit Blocks(RulesRange known = {1, 9}) : chain_(genesis_with({meter("ALICE", 1, 1000)}), known) {}

  Result begin_epoch(std::uint32_t epoch, std::uint64_t height, Slot sender = kOperator) {
    return chain_.send(sender, strict::BeginEpoch{epoch, height}).result;
  }
  Result schedule(std::uint32_t version, std::uint64_t height, Slot sender = kOperator) {
    return chain_.send(sender, strict::ScheduleRules{version, height}).result;
  }
  Machine& machine() { return chain_.machine(); }

  Chain chain_;
};

TEST_F(Blocks, TheHeightRisesWithTheBatchThatClosesABlock) {
  EXPECT_EQ(machine().height(), 0U);
  chain_.batch(1, {});
  EXPECT_EQ(machine().height(), 0U);
  chain_.batch(2, {}, true);
  EXPECT_EQ(machine().height(), 1U);
  chain_.batch(3, {});
  EXPECT_EQ(machine().height(), 1U);
  chain_.batch(4, {}, true);
  chain_.batch(5, {}, true);
  EXPECT_EQ(machine().height(), 3U);
}

TEST_F(Blocks, AMessageInTheClosingBatchBelongsToTheClosedBlock) {
  const Message inside = chain_.make(kOperator, strict::BeginEpoch{1, 1});
  EXPECT_EQ(chain_.batch(1, {&inside, 1}, true).front().result, Result::ok);
  EXPECT_EQ(machine().height(), 1U);
  EXPECT_EQ(machine().epoch(), 1U);
}

TEST_F(Blocks, AnEpochRisesAndNamesTheBlockUnderWay) {
  chain_.close_blocks(4);
  EXPECT_EQ(machine().epoch(), 0U);
  struct Case {
    std::uint32_t epoch;
    std::uint64_t height;
    Result expected;
    std::uint32_t epoch_after;
  };
  for (const Case& c : {
           Case{0, 5, Result::wrong_epoch, 0},
           Case{0, 9, Result::wrong_epoch, 0},  // the first rule that fails
           Case{1, 0, Result::wrong_height, 0},
           Case{1, 4, Result::wrong_height, 0},
           Case{1, 6, Result::wrong_height, 0},
           Case{1, 5, Result::ok, 1},
           Case{1, 5, Result::wrong_epoch, 1},
           Case{7, 5, Result::ok, 7},
           Case{6, 5, Result::wrong_epoch, 7},
           Case{UINT32_MAX, 5, Result::ok, UINT32_MAX},
           Case{UINT32_MAX, 5, Result::wrong_epoch, UINT32_MAX},
       }) {
    EXPECT_EQ(begin_epoch(c.epoch, c.height), c.expected) << c.epoch << " at " << c.height;
    EXPECT_EQ(machine().epoch(), c.epoch_after);
  }
  chain_.close_blocks(2);
  EXPECT_EQ(machine().epoch(), UINT32_MAX);
}

TEST_F(Blocks, OnlyOperatorsBeginEpochsAndScheduleRules) {
  EXPECT_EQ(begin_epoch(1, 1, kAlice), Result::no_role);
  EXPECT_EQ(begin_epoch(1, 1, kGrid), Result::no_role);
  EXPECT_EQ(schedule(2, 5, kAlice), Result::no_role);
  EXPECT_EQ(schedule(2, 5, kGrid), Result::no_role);
  EXPECT_EQ(machine().epoch(), 0U);
  EXPECT_EQ(machine().scheduled_rules(), ScheduledRules{});
}

TEST_F(Blocks, ScheduledRulesComeIntoForceWithTheirBlock) {
  chain_.close_blocks(2);
  EXPECT_EQ(machine().rules_version(), kRulesVersion);
  EXPECT_EQ(schedule(2, 5), Result::ok);
  EXPECT_EQ(machine().scheduled_rules(), (ScheduledRules{2, 5}));
  chain_.close_blocks(1);
  chain_.batch(0, {});
  EXPECT_EQ(machine().rules_version(), 1U) << "block 4 is under way";
  chain_.close_blocks(1);
  EXPECT_EQ(machine().height(), 4U);
  EXPECT_EQ(machine().rules_version(), 2U) << "block 5 is under way";
  EXPECT_EQ(machine().scheduled_rules(), ScheduledRules{});
  EXPECT_EQ(chain_.send(kAlice, reading(0, 1)).result, Result::ok);
  chain_.close_blocks(3);
  EXPECT_EQ(machine().rules_version(), 2U);
}

TEST_F(Blocks, AScheduleIsCheckedAndReplacesTheOneBefore) {
  chain_.close_blocks(4);  // block 5 is under way
  constexpr std::uint64_t kFarthest = 5 + (std::uint64_t{1} << 32);
  struct Case {
    std::uint32_t version;
    std::uint64_t height;
    Result expected;
    ScheduledRules after;
  };
  for (const Case& c : {
           Case{2, 0, Result::wrong_height, {}},
           Case{2, 5, Result::wrong_height, {}},
           Case{0, 5, Result::wrong_height, {}},  // the first rule that fails
           Case{2, kFarthest + 1, Result::wrong_height, {}},
           Case{2, UINT64_MAX, Result::wrong_height, {}},
           Case{0, 6, Result::unknown_rules, {}},
           Case{1, 6, Result::unknown_rules, {}},
           Case{2, kFarthest, Result::ok, {2, kFarthest}},
           Case{3, 8, Result::ok, {3, 8}},
           Case{1, 9, Result::unknown_rules, {3, 8}},
           Case{2, 7, Result::ok, {2, 7}},
           Case{2, 6, Result::ok, {2, 6}},
       }) {
    EXPECT_EQ(schedule(c.version, c.height), c.expected) << c.version << " from " << c.height;
    EXPECT_EQ(machine().scheduled_rules(), c.after) << c.version << " from " << c.height;
  }
  chain_.close_blocks(1);
  EXPECT_EQ(machine().rules_version(), 2U);
  EXPECT_EQ(schedule(2, 8), Result::unknown_rules);
  EXPECT_EQ(schedule(3, 8), Result::ok);
  chain_.close_blocks(2);
  EXPECT_EQ(machine().rules_version(), 3U);
}

TEST_F(Blocks, AScheduleInTheClosingBatchMayNameTheBlockAfterNext) {
  const Message message = chain_.make(kOperator, strict::ScheduleRules{2, 2});
  EXPECT_EQ(chain_.batch(1, {&message, 1}, true).front().result, Result::ok);
  EXPECT_EQ(machine().rules_version(), 2U);
}

// An older program must end in the same state until the block that it cannot execute.
TEST(RulesVersions, WhatAProgramKnowsDoesNotChangeTheState) {
  const Genesis genesis = genesis_with({meter("ALICE", 1, 1000)});
  Chain older(genesis, {1, 1});
  Chain newer(genesis, {1, 3});
  for (Chain* chain : {&older, &newer}) {
    EXPECT_EQ(chain->send(kOperator, strict::ScheduleRules{3, 3}).result, Result::ok);
    EXPECT_EQ(chain->send(kAlice, reading(0, 1)).result, Result::ok);
    chain->close_blocks(1);
    EXPECT_TRUE(chain->machine().known_rules().contains(chain->machine().rules_version()));
    chain->close_blocks(1);
    EXPECT_EQ(chain->machine().rules_version(), 3U);
  }
  EXPECT_EQ(older.machine().digest(), newer.machine().digest());
  EXPECT_FALSE(older.machine().known_rules().contains(3));
  newer.batch(1, {});
}

TEST(RulesVersionsDeathTest, NothingIsExecutedUnderUnknownRules) {
  Chain chain(genesis_with({}), {1, 1});
  EXPECT_EQ(chain.send(kOperator, strict::ScheduleRules{2, 2}).result, Result::ok);
  chain.close_blocks(1);
  EXPECT_DEATH(chain.batch(1, {}), "known_rules");
}

TEST(RulesVersions, AProgramThatDoesNotKnowTheFirstOneMakesNoChain) {
  const auto created = Machine::create(genesis_with({}), {2, 3});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error(), "this program does not know rules version 1");
}

}  // namespace
}  // namespace electra::state::test
