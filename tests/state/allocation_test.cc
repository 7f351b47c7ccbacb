// The promise of the headers: neither a batch, nor a snapshot beside it, asks for memory.

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "tests/state/workload.h"

namespace {
std::uint64_t allocations = 0;

void* counted(std::size_t bytes) {
  ++allocations;
  void* const memory = std::malloc(bytes > 0 ? bytes : 1);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes); }
void* operator new[](std::size_t bytes) { return counted(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

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
    const std::uint64_t before = allocations;
    if (!other->snapshot_under_way()) {
      other->begin_snapshot(sink);
      ++snapshots;
    }
    const std::uint64_t leaves = sink.leaves;
    other->execute(input, std::span(outcomes).first(expected.size()));
    copied += sink.leaves - leaves;
    other->snapshot_step(700);
    asked += allocations - before;
    settlement_bytes.insert(leaves_of(*other, Table::settlement).front().size());
  };
  for (int step = 0; step < 3000; ++step) workload.step();
  EXPECT_EQ(asked, 0U);
  EXPECT_GT(snapshots, 20U);
  EXPECT_GT(copied, 500U);
  EXPECT_EQ(settlement_bytes.size(), 3U) << "idle, under way, counting";
  EXPECT_EQ(other->digest(), workload.machine().digest());
  const std::uint64_t before = allocations;
  ::operator delete(::operator new(1));
  EXPECT_EQ(allocations, before + 1) << "the counter counts";
}

}  // namespace
}  // namespace electra::state::test
