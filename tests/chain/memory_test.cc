// What a million accounts take, state and trees together.

#include <gtest/gtest.h>

#include "engine/chain/block_maker.h"
#include "tests/state/support.h"

namespace electra::chain {
namespace {

TEST(Memory, OfAMillionAccountsAndTheirTreesIsWithin256MiB) {
  state::Genesis genesis = state::test::genesis_with({});
  genesis.limits.holders_max = 10'000;
  genesis.limits.accounts_max = 1'000'000;
  const auto machine = state::Machine::create(genesis).value();
  const BlockMaker maker(*machine);
  EXPECT_LE(machine->memory_bytes() + maker.trees().memory_bytes(), std::size_t{256} << 20);
}

}  // namespace
}  // namespace electra::chain
