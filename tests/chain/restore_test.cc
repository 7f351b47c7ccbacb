// Block makers that are made at a block's end out of leaves: they go on with the very headers of the one that never stopped,
// and they refuse a machine that is not the one of which the header speaks.

#include <gtest/gtest.h>

#include "engine/chain/block_maker.h"
#include "meter-proto/chain/merkle_path.h"
#include "tests/chain/support.h"
#include "tests/state/restore_support.h"

namespace electra::chain {
namespace {

using state::Machine;
using state::test::dump;
using state::test::restore;
using state::test::Workload;
using state::test::World;

const World kWorld{"", 900, 3600, 3, 0, 1, false};

// A machine that was restored at the end of a block, with its maker.
struct Follower {
  std::unique_ptr<Machine> machine;
  std::unique_ptr<BlockMaker> maker;
  std::uint64_t blocks_left;
};

// A life with blocks; `at_block` is called at the end of each, with its header.
class BlockLife {
 public:
  BlockLife() : workload_(kWorld), maker_(workload_.machine()) {
    workload_.chain().after_batch = [this](const state::BatchInput& input, std::span<const state::Outcome> outcomes) {
      maker_.add_batch(link_of(input, rules_version_), input.messages, outcomes);
      std::optional<proto::BlockHeader> header;
      if (input.closes_block) header = maker_.close_block();
      for (Follower& follower : followers) {
        std::vector<state::Outcome> own(outcomes.size());
        follower.machine->execute(input, own);
        follower.maker->add_batch(link_of(input, rules_version_), input.messages, own);
        if (!header) continue;
        ASSERT_EQ(follower.maker->close_block(), *header);
        ASSERT_EQ(follower.maker->trees().table_roots(), maker_.trees().table_roots());
        --follower.blocks_left;
      }
      std::erase_if(followers, [](const Follower& follower) { return follower.blocks_left == 0; });
      rules_version_ = workload_.machine().rules_version();
      if (header && at_block) at_block(*header);
    };
  }

  void live(std::uint64_t batches) {
    while (batches-- > 0) workload_.step();
  }
  // Up to the next end of a block.
  proto::BlockHeader next_block() {
    std::optional<proto::BlockHeader> last;
    at_block = [&](const proto::BlockHeader& header) { last = header; };
    while (!last) live(1);
    at_block = nullptr;
    return *last;
  }
  Machine& machine() { return workload_.machine(); }
  const BlockMaker& maker() const { return maker_; }

  std::vector<Follower> followers;
  std::function<void(const proto::BlockHeader&)> at_block;

 private:
  Workload workload_;
  BlockMaker maker_;
  std::uint32_t rules_version_ = 1;
};

std::unique_ptr<Machine> restored(const Machine& machine) {
  auto made = restore(dump(machine), Workload::genesis(kWorld), Workload::kRules, machine.height());
  if (!made) ADD_FAILURE() << made.error();
  return made ? std::move(*made) : nullptr;
}

TEST(RestoredBlockMaker, MakesTheHeadersOfTheOneThatNeverStopped) {
  BlockLife life;
  std::uint64_t blocks = 0;
  life.at_block = [&](const proto::BlockHeader& header) {
    std::unique_ptr<Machine> machine = restored(life.machine());
    ASSERT_NE(machine, nullptr);
    auto maker = BlockMaker::restore(*machine, header);
    ASSERT_TRUE(maker.has_value()) << maker.error();
    EXPECT_EQ((*maker)->height(), header.height);
    EXPECT_EQ((*maker)->last_header_hash(), life.maker().last_header_hash());
    EXPECT_EQ((*maker)->batch_hash(), life.maker().batch_hash());
    EXPECT_EQ((*maker)->open_batches(), 0U);
    EXPECT_EQ((*maker)->trees().root(), header.state_root);
    EXPECT_EQ((*maker)->trees().table_roots(), life.maker().trees().table_roots());
    life.followers.push_back({std::move(machine), std::move(*maker), ++blocks % 40 == 0 ? UINT64_MAX : 5});
  };
  life.live(2500);
  EXPECT_GT(blocks, 300U);
  EXPECT_GT(life.machine().rules_version(), 3U);
  EXPECT_GT(life.machine().epoch(), 3U);
  for (std::size_t table = 0; table < state::kTables; ++table)
    EXPECT_GT(life.machine().leaf_count(static_cast<state::Table>(table)), 0U);
}

// Takes the leaves of a snapshot as a file would.
struct Keeper final : state::LeafSink {
  void leaf(state::Table table, std::uint32_t index, ByteSpan bytes) noexcept override {
    state::test::Leaves& leaves = dump.of(table);
    if (leaves.size() <= index) leaves.resize(index + 1);
    leaves[index].assign(bytes.begin(), bytes.end());
  }
  state::test::Dump dump;
};

// All at once, as in a gateway under load: a block's header is made in pieces beside the batches of the next one, and a snapshot
// of the same moment is walked and copied beside both. Headers are those of a chain that does one thing after the other, and
// each snapshot is the state of its block.
TEST(RestoredBlockMaker, IsMadeOfASnapshotThatWasTakenBesideTheMakingOfItsHeader) {
  Workload plain_life(kWorld);
  Workload busy_life(kWorld);
  BlockMaker plain(plain_life.machine());
  BlockMaker busy(busy_life.machine());
  std::mt19937_64 dice(5);
  std::vector<proto::BlockHeader> plain_headers;
  std::vector<proto::BlockHeader> busy_headers;
  Keeper keeper;
  std::uint64_t snapshot_height = 0;
  std::uint64_t restored_count = 0;
  std::uint64_t both_under_way = 0;
  std::uint32_t rules_version = 1;

  plain_life.chain().after_batch = [&](const state::BatchInput& input, std::span<const state::Outcome> outcomes) {
    plain.add_batch(link_of(input, rules_version), input.messages, outcomes);
    if (input.closes_block) plain_headers.push_back(plain.close_block());
  };
  busy_life.chain().after_batch = [&](const state::BatchInput& input, std::span<const state::Outcome> outcomes) {
    Machine& machine = busy_life.machine();
    const auto go_on = [&](std::size_t bytes) {
      if (!busy.closing()) return;
      if (const auto header = busy.step(bytes)) busy_headers.push_back(*header);
    };
    if (input.closes_block) go_on(SIZE_MAX);
    busy.add_batch(link_of(input, rules_version), input.messages, outcomes);
    if (input.closes_block) {
      busy.begin_close();
      if (!machine.snapshot_under_way()) {
        keeper.dump = {};
        snapshot_height = machine.height();
        machine.begin_snapshot(keeper);
      }
      return;
    }
    if (busy.closing() && machine.snapshot_under_way()) ++both_under_way;
    if (dice() % 2 == 0) go_on(dice() % 4000);
    if (!machine.snapshot_under_way() || dice() % 2 == 0) return;
    machine.snapshot_step(dice() % 9000);
    if (machine.snapshot_under_way() || busy_headers.size() < snapshot_height) return;
    auto made = restore(keeper.dump, Workload::genesis(kWorld), Workload::kRules, dice());
    ASSERT_TRUE(made.has_value()) << made.error();
    const auto maker = BlockMaker::restore(**made, busy_headers[snapshot_height - 1]);
    ASSERT_TRUE(maker.has_value()) << maker.error();
    ++restored_count;
  };
  for (int step = 0; step < 4000; ++step) {
    plain_life.step();
    busy_life.step();
    rules_version = plain_life.machine().rules_version();
    ASSERT_FALSE(HasFatalFailure()) << "step " << step;
  }
  busy_life.machine().abandon_snapshot();
  if (busy.closing()) busy_headers.push_back(busy.step(SIZE_MAX).value());
  EXPECT_EQ(busy_headers, plain_headers);
  EXPECT_GT(plain_headers.size(), 500U);
  EXPECT_GT(restored_count, 20U);
  EXPECT_GT(both_under_way, 100U);
}

TEST(RestoredBlockMaker, RefusesAHeaderThatSpeaksOfAnotherState) {
  BlockLife life;
  life.live(500);
  const proto::BlockHeader right = life.next_block();
  const std::string said = ", the header of block ";
  const auto error = [&](const auto& change) {
    proto::BlockHeader wrong = right;
    change(wrong);
    const std::unique_ptr<Machine> machine = restored(life.machine());
    const auto made = BlockMaker::restore(*machine, wrong);
    return made ? "none" : made.error();
  };
  using Header = proto::BlockHeader;
  EXPECT_EQ(error([](Header&) {}), "none");
  const std::string height = std::to_string(right.height);
  EXPECT_EQ(error([](Header& header) { ++header.height; }), "the state has height " + height + said +
                                                                std::to_string(right.height + 1) + " says " +
                                                                std::to_string(right.height + 1));
  const std::string block = said + height + " says ";
  const auto number = [](std::uint64_t value) { return std::to_string(value); };
  EXPECT_EQ(error([](Header& header) { ++header.last_batch; }),
            "the state has batch " + number(right.last_batch) + block + number(right.last_batch + 1));
  EXPECT_EQ(error([](Header& header) { ++header.time_ns; }),
            "the state has time " + number(right.time_ns) + block + number(right.time_ns + 1));
  EXPECT_EQ(error([](Header& header) { ++header.epoch; }),
            "the state has epoch " + number(right.epoch) + block + number(right.epoch + 1));
  EXPECT_EQ(error([](Header& header) { ++header.cycle; }),
            "the state has cycle " + number(right.cycle) + block + number(right.cycle + 1));
  EXPECT_EQ(error([](Header& header) { ++header.total_messages; }),
            "the state has " + number(right.total_messages) + " messages" + block + number(right.total_messages + 1));
  EXPECT_EQ(error([](Header& header) { header.rules_version = 999; }),
            "the state has rules version " + number(life.machine().rules_version()) + block + "999");
  EXPECT_TRUE(
      error([](Header& header) { header.validator_set_hash[0] ^= 1; }).starts_with("the state has validators "));
  EXPECT_TRUE(error([](Header& header) { header.state_root[31] ^= 0x80; }).starts_with("the state has root "));
}

TEST(RestoredBlockMaker, RefusesTheStateOfAnotherBlock) {
  BlockLife life;
  life.live(300);
  const proto::BlockHeader first = life.next_block();
  const std::unique_ptr<Machine> early = restored(life.machine());
  const proto::BlockHeader second = life.next_block();
  const std::unique_ptr<Machine> late = restored(life.machine());
  EXPECT_FALSE(BlockMaker::restore(*early, second).has_value());
  EXPECT_FALSE(BlockMaker::restore(*late, first).has_value());
  EXPECT_TRUE(BlockMaker::restore(*late, second).has_value());
}

// A byte of a leaf that the machine cannot know to be wrong changes the root.
TEST(RestoredBlockMaker, RefusesLeavesThatWereChanged) {
  BlockLife life;
  life.live(700);
  const proto::BlockHeader header = life.next_block();
  const state::test::Dump right = dump(life.machine());
  std::uint64_t caught_by_root = 0;
  std::mt19937_64 dice(11);
  for (int flips = 0; flips < 4000; ++flips) {
    state::test::Dump wrong = right;
    state::test::Leaves& leaves = wrong.tables[dice() % state::kTables];
    std::vector<std::uint8_t>& leaf = leaves.at(dice() % leaves.size());
    leaf[dice() % leaf.size()] ^= static_cast<std::uint8_t>(1U << (dice() % 8));
    const auto machine = restore(wrong, Workload::genesis(kWorld), Workload::kRules);
    if (!machine) continue;
    const auto maker = BlockMaker::restore(**machine, header);
    ASSERT_FALSE(maker.has_value());
    if (maker.error().starts_with("the state has root ")) ++caught_by_root;
  }
  EXPECT_GT(caught_by_root, 500U);
}

TEST(RestoredBlockMaker, CannotBeMadeBeforeTheFirstBlock) {
  const auto machine = Machine::create(Workload::genesis(kWorld)).value();
  proto::BlockHeader header;
  header.time_ns = machine->time_ns();
  header.cycle = 1;
  EXPECT_EQ(BlockMaker::restore(*machine, header).error(), "block 0 has no header");
}

}  // namespace
}  // namespace electra::chain
