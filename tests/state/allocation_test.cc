// The promise of the headers: neither a batch, nor a snapshot beside it, asks for memory.

#include "tests/state/counted_new.h"
#include "tests/state/workload.h"

namespace electra::state::test {
namespace {

struct Counter final : LeafSink {
  void leaf(Table, std::uint32_t, ByteSpan bytes) noexcept override {
    ++leaves;
    sum += bytes.size();
  }
  std::uint64_t leaves = 0;
  std::uint64_t sum = 0;
};

// A second machine lives the same life: what the test itself allocates for messages and outcomes is not counted.
TEST(Allocations, NeitherBatchesNorSnapshotsAskForMemory) {
  const World world{"", 900, 3600, 3, 0, 1, false};
  Workload workload(world);
  const auto other = Machine::create(Workload::genesis(world), Workload::kRules).value();
  std::vector<Outcome> outcomes(16);
  Counter sink;
  std::uint64_t asked = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t copied = 0;
  std::set<std::size_t> settlement_bytes;
  workload.chain().after_batch = [&](const BatchInput& input, std::span<const Outcome> expected) {
    ASSERT_LE(expected.size(), outcomes.size());
    const std::uint64_t before = allocations();
    if (!other->snapshot_under_way()) {
      other->begin_snapshot(sink);
      ++snapshots;
    }
    const std::uint64_t leaves = sink.leaves;
    other->execute(input, std::span(outcomes).first(expected.size()));
    copied += sink.leaves - leaves;
    other->snapshot_step(700);
    asked += allocations() - before;
    settlement_bytes.insert(leaves_of(*other, Table::settlement).front().size());
  };
  for (int step = 0; step < 3000; ++step) workload.step();
  EXPECT_EQ(asked, 0U);
  EXPECT_GT(snapshots, 20U);
  EXPECT_GT(copied, 500U);
  EXPECT_EQ(settlement_bytes.size(), 3U) << "idle, under way, counting";
  EXPECT_EQ(other->digest(), workload.machine().digest());
}

// Full batches of one kind each, so that a kind that asked for memory would be named.
TEST(Allocations, NoKindOfMessageAsksForMemory) {
  constexpr std::uint32_t kMeters = 100;
  constexpr std::size_t kBatch = 500;
  constexpr Slot kAlice = kFirstMeter;
  std::vector<GenesisHolder> meters;
  for (std::uint32_t i = 0; i < kMeters; ++i) meters.push_back(meter("M" + std::to_string(i), 1, 1'000'000));
  Genesis genesis = genesis_with(std::move(meters));
  genesis.limits.pending_transfers_max = 4 * kBatch;
  Chain chain(genesis);
  const auto other = Machine::create(genesis).value();

  const auto wallet = [&](std::uint64_t i) { return chain.wallet(kFirstMeter + static_cast<Slot>(i % kMeters)); };
  const auto of = [](std::uint64_t i) { return kFirstMeter + static_cast<Slot>(i % kMeters); };
  std::vector<std::pair<Slot, std::uint64_t>> held;  // identities of the pending transfers
  const auto resolved = [&](std::uint32_t kind, std::uint64_t i) {
    return chain.make(held[i].first, group({resolve(kind, held[i].first, held[i].second)}));
  };
  const auto holding = [&](std::uint64_t i) {
    Message message = chain.make(of(i), group({hold(wallet(i), wallet(i + 1), 1, 600)}));
    held.emplace_back(of(i), message.verified.envelope.sequence);
    return message;
  };
  const auto broken = [&](std::uint64_t i) {
    Message message = chain.make(of(i), group({move(wallet(i), wallet(i + 1), 1)}));
    message.payload.pop_back();
    return message;
  };
  struct Kind {
    std::string_view name;
    std::function<Message(std::uint64_t)> make;
    Result expected;
  };
  const std::vector<strict::Transfer> sixteen(strict::kTransfersMax, move(wallet(0), wallet(1), 1));
  const Kind kinds[] = {
      {"transfer", [&](auto i) { return chain.make(of(i), group({move(wallet(i), wallet(i + 7), 1)})); }, Result::ok},
      {"group of sixteen", [&](auto) { return chain.make(kAlice, group(sixteen)); }, Result::ok},
      {"reading", [&](auto i) { return chain.make(of(i), reading(900 - i / kMeters, {{1000 + i, i}})); },
       Result::superseded_reading},
      {"pending", holding, Result::ok},
      {"post", [&](auto i) { return resolved(kPost, i); }, Result::ok},
      {"pending again", holding, Result::ok},
      {"void", [&](auto i) { return resolved(kVoid, kBatch + i); }, Result::ok},
      {"unknown account", [&](auto i) { return chain.make(of(i), group({move(wallet(i), 9999, 1)})); },
       Result::unknown_account},
      {"no money", [&](auto i) { return chain.make(of(i), group({move(wallet(i), wallet(i + 1), 1U << 30)})); },
       Result::exceeds_credits},
      {"used sequence",
       [&](auto i) { return chain.make(of(i), group({move(wallet(i), wallet(i + 9), 2)}), {.sequence = 1}); },
       Result::sequence_used},
      {"broken payload", broken, Result::malformed_payload},
      {"old key",
       [&](auto i) { return chain.make(of(i), group({move(wallet(i), wallet(i + 1), 1)}), {.generation = 9}); },
       Result::key_superseded},
  };
  for (const Kind& kind : kinds) {
    std::vector<Message> messages;
    for (std::uint64_t i = 0; i < kBatch; ++i) messages.push_back(kind.make(i));
    std::vector<Outcome> outcomes(kBatch);
    std::uint64_t asked = UINT64_MAX;
    chain.after_batch = [&](const BatchInput& input, std::span<const Outcome>) {
      const std::uint64_t before = allocations();
      other->execute(input, outcomes);
      asked = allocations() - before;
    };
    chain.batch(900, messages);
    EXPECT_EQ(asked, 0U) << kind.name;
    EXPECT_EQ(outcomes.back().result, kind.expected) << kind.name;
  }
  EXPECT_EQ(other->digest(), chain.machine().digest());
}

TEST(Allocations, TheCounterCounts) {
  const std::uint64_t before = allocations();
  const std::int64_t held = bytes_held();
  void* const memory = ::operator new(1000);
  void* const aligned = ::operator new(1000, std::align_val_t{64});
  EXPECT_EQ(allocations(), before + 2);
  EXPECT_GE(bytes_held(), held + 2000);
  ::operator delete(memory);
  ::operator delete(aligned, std::align_val_t{64});
  EXPECT_EQ(bytes_held(), held);
}

}  // namespace
}  // namespace electra::state::test
