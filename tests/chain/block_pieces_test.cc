// Headers that are made in pieces, beside the batches of the next block, are those that are made at once.

#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "engine/chain/block_maker.h"
#include "tests/chain/support.h"
#include "tests/state/workload.h"

namespace electra::chain {
namespace {

using state::Machine;
using state::test::Workload;
using state::test::World;

const World kWorld{"", 900, 3600, 3, 0, 1, false};

class Pieces : public testing::TestWithParam<std::size_t> {};  // bytes a step at most; 0: never more than one

TEST_P(Pieces, GiveTheHeadersThatAreMadeAtOnce) {
  Workload workload(kWorld);
  BlockMaker at_once(workload.machine());
  auto machine = std::move(Machine::create(Workload::genesis(kWorld), Workload::kRules).value());
  BlockMaker in_pieces(*machine);
  std::mt19937_64 random(GetParam());
  std::deque<proto::BlockHeader> expected;
  std::uint64_t beside_messages = 0;  // steps that came after messages of the next block
  std::uint64_t rules_version = 1;
  const auto step = [&](std::size_t bytes) {
    const auto header = in_pieces.step(bytes);
    if (!header) return;
    ASSERT_EQ(*header, expected.front());
    expected.pop_front();
    ASSERT_EQ(header->state_root, in_pieces.trees().root());
  };
  workload.chain().after_batch = [&](const state::BatchInput& input, std::span<const state::Outcome> outcomes) {
    const proto::BatchLink link = link_of(input, static_cast<std::uint32_t>(rules_version));
    at_once.add_batch(link, input.messages, outcomes);
    std::vector<state::Outcome> own(outcomes.size());
    machine->execute(input, own);
    in_pieces.add_batch(link, input.messages, own);
    if (input.closes_block) {
      expected.push_back(at_once.close_block());
      if (in_pieces.closing()) step(SIZE_MAX);
      ASSERT_FALSE(in_pieces.closing());
      in_pieces.begin_close();
      ASSERT_EQ(in_pieces.height(), expected.back().height);
    } else if (in_pieces.closing()) {
      beside_messages += input.messages.size();
      step(1 + random() % (GetParam() + 1));
    }
    rules_version = workload.machine().rules_version();
  };
  for (int i = 0; i < 3000 && !HasFatalFailure(); ++i) workload.step();
  EXPECT_GT(at_once.height(), 300U);
  EXPECT_GT(beside_messages, 300U);
  EXPECT_LE(expected.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(OfAByte, Pieces, testing::Values(0U));
INSTANTIATE_TEST_SUITE_P(OfAFewLeaves, Pieces, testing::Values(3000U));
INSTANTIATE_TEST_SUITE_P(OfMostLeaves, Pieces, testing::Values(40'000U));

}  // namespace
}  // namespace electra::chain
