// The parts below KeyTables: the choice of a size, memory from the system, slots, seats of readers, the bell.
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include "crypto-offload/tables/reader_seats.h"
#include "crypto-offload/tables/table_memory.h"
#include "crypto-offload/tables/table_plan.h"
#include "crypto-offload/tables/table_slots.h"
#include "crypto-offload/tables/work_bell.h"

namespace electra::crypto {
namespace {

constexpr std::size_t chunks_of_mib(std::size_t mib) { return mib / 2; }
constexpr std::uint32_t kShape16KiB = 2;
constexpr std::uint32_t kShape4KiB = 3;
constexpr std::uint32_t kShape1KiB = 5;

TEST(TablePlan, ChoosesTheLargestSizeOfWhichEveryKeyGetsOne) {
  struct Case {
    std::uint64_t keys;
    std::size_t mib;
    std::uint32_t first;
    std::size_t kib;
  };
  for (const Case& c : {
           Case{0, 256, 0, 64},
           Case{1, 2, 0, 64},
           Case{32, 2, 0, 64},
           Case{33, 2, 0, 32},
           Case{4'096, 256, 0, 64},
           Case{4'097, 256, 0, 32},
           Case{8'192, 256, 0, 32},
           Case{8'193, 256, 0, 16},
           Case{16'384, 256, 0, 16},
           Case{16'385, 256, 0, 4},
           Case{65'536, 256, 0, 4},
           Case{65'537, 256, 0, 2},
           Case{100'000, 256, 0, 2},
           Case{131'073, 256, 0, 1},
           Case{262'144, 256, 0, 1},
           Case{262'145, 256, 0, 1},  // not every key, but as many as can be
           Case{10'000, 626, 0, 64},
           Case{10'000, 624, 0, 32},
           Case{100'000, 6'250, 0, 64},
           Case{100'000, 6'248, 0, 32},
           Case{5, 0, 0, 1},
           Case{5, 256, kShape4KiB, 4},  // sizes do not grow again
           Case{65'537, 256, kShape16KiB, 2},
       }) {
    const std::uint32_t shape = choose_shape(c.keys, chunks_of_mib(c.mib), c.first);
    EXPECT_EQ(table_bytes(kTableShapes[shape]) / 1024, c.kib) << c.keys << " keys in " << c.mib << " MiB";
  }
}

TEST(TablePlan, KnowsTheSizesThatCanBeForced) {
  for (const std::uint32_t kib : {64u, 32u, 16u, 4u, 2u, 1u}) {
    ASSERT_LT(shape_of_kib(kib), kTableShapeCount);
    EXPECT_EQ(table_bytes(kTableShapes[shape_of_kib(kib)]), kib * 1024);
  }
  for (const std::uint32_t kib : {0u, 3u, 8u, 63u, 65u, 128u, UINT32_MAX}) EXPECT_EQ(shape_of_kib(kib), kNoTable);
}

TEST(TablePlan, SaysHowMuchMemoryAllOfItCanTake) {
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  struct Case {
    std::uint32_t keys_max;
    std::size_t memory_bytes_max;
    std::size_t chunks;
    std::size_t expected;
  };
  for (const Case& c : {
           Case{0, 512 * kMiB, 0, 0},
           Case{100, 0, 0, 0},
           Case{100, 2 * kMiB - 1, 0, 0},
           Case{100, 2 * kMiB, 1, 2 * kMiB + 32 + 40'960 + 101 * 64 + kMiB},
           Case{100, 4 * kMiB - 1, 1, 2 * kMiB + 32 + 40'960 + 101 * 64 + kMiB},
           Case{4096, 512 * kMiB, 256, 512 * kMiB + 256 * (32 + 40'960) + 4097 * 64 + kMiB},
       }) {
    EXPECT_EQ(chunks_within(c.keys_max, c.memory_bytes_max), c.chunks);
    EXPECT_EQ(tables_bytes_max(c.keys_max, c.memory_bytes_max), c.expected);
  }
}

TEST(TablePlan, SaysWhyInASentence) {
  struct Case {
    TablePlan plan;
    const char* expected;
  };
  for (const Case& c : {
           Case{{.shape = 0, .forced = false, .keys = 123, .chunks = 128, .chunks_asked = 128},
                "64 KiB a key: 123 keys need 8 MiB of 256 MiB"},
           Case{{.shape = 0, .forced = true, .keys = 4, .chunks = 128, .chunks_asked = 128},
                "64 KiB a key, set by the configuration: 4 keys need 2 MiB of 256 MiB"},
           Case{{.shape = 0, .forced = true, .keys = 40, .chunks = 1, .chunks_asked = 1},
                "64 KiB a key, set by the configuration: 32 of 40 keys have room in 2 MiB"},
           Case{{.shape = 5, .forced = false, .keys = 5'000, .chunks = 1, .chunks_asked = 4},
                "1 KiB a key: 2048 of 5000 keys have room in 2 MiB; the system gave no more of 8 MiB"},
           Case{{.shape = 0, .forced = false, .keys = 7, .chunks = 0, .chunks_asked = 4},
                "no tables: the system gave none of 8 MiB"},
           Case{{.shape = 0, .forced = false, .keys = 7, .chunks = 0, .chunks_asked = 4, .no_thread = true},
                "no tables: the system gave no thread to make them"},
           Case{{.shape = 0, .forced = false, .keys = 7, .chunks = 0, .chunks_asked = 0},
                "no tables: the configuration has no keys or less than 2 MiB for them"},
       }) {
    EXPECT_EQ(reason_of(c.plan), c.expected);
  }
}

TEST(TableMemory, GivesZeroMemoryOnAChunksBoundary) {
  std::vector<Chunk> chunks;
  for (int i = 0; i < 4; ++i) {
    const Chunk chunk = take_chunk();
    ASSERT_NE(chunk.words, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(chunk.words) % kChunkBytes, 0u);
    constexpr std::size_t kWords = kChunkBytes / sizeof(std::uint64_t);
    EXPECT_EQ(std::count(chunk.words, chunk.words + kWords, 0u), static_cast<std::ptrdiff_t>(kWords));
    std::fill_n(chunk.words, kWords, ~std::uint64_t{0});
    chunks.push_back(chunk);
  }
  for (const Chunk& chunk : chunks) give_back(chunk);
  give_back(Chunk{});
}

TEST(TableMemory, ReadsTheSettingOfHugePages) {
  struct Case {
    const char* general;
    const char* of_size;
    bool granted;
  };
  for (const Case& c : {
           Case{"[always] madvise never", "", true},
           Case{"always [madvise] never", "", true},
           Case{"always madvise [never]", "", false},
           Case{"", "", false},
           Case{"always madvise [never]", "always [inherit] madvise never", false},
           Case{"always [madvise] never", "always [inherit] madvise never", true},
           Case{"always [madvise] never", "always inherit madvise [never]", false},
           Case{"always madvise [never]", "always inherit [madvise] never", true},
       }) {
    EXPECT_EQ(grants_huge_pages(c.general, c.of_size), c.granted) << c.general << " / " << c.of_size;
  }
}

TEST(TableMemory, HasNoArrayWhenThereIsNoAddressSpace) {
  const UntouchedArray<std::uint64_t> none(std::size_t{1} << 58);
  EXPECT_EQ(none.data(), nullptr);
  EXPECT_EQ(none.size(), 0u);
  const UntouchedArray<std::uint64_t> some(std::size_t{1} << 20);
  ASSERT_EQ(some.size(), std::size_t{1} << 20);
  EXPECT_EQ(some[(std::size_t{1} << 20) - 1], 0u);
}

TEST(TableSlots, FillsAChunkBeforeItTakesTheNext) {
  TableSlots slots(2, take_chunk);
  for (std::uint32_t owner = 1; owner <= 64; ++owner) {
    const TableSlots::Slot slot = slots.take(owner);
    ASSERT_NE(slot, TableSlots::kNoSlot) << owner;
    EXPECT_EQ(slots.shape_of(slot), 0u);
    std::fill_n(slots.words(slot), table_bytes(kTableShapes[0]) / sizeof(std::uint64_t), owner);
    std::size_t chunks = 0;
    for (std::size_t kind = 0; kind < kPagesKinds; ++kind) chunks += slots.chunks(static_cast<Pages>(kind));
    EXPECT_EQ(chunks, owner <= 32 ? 1u : 2u);
  }
  EXPECT_EQ(slots.take(65), TableSlots::kNoSlot);
}

TEST(TableSlots, GivesARetiredSlotAgainWhenItsReadersAreGone) {
  TableSlots slots(1, take_chunk);
  std::vector<TableSlots::Slot> taken;
  for (std::uint32_t owner = 1; owner <= 32; ++owner) taken.push_back(slots.take(owner));
  slots.retire(taken[20], 5);
  slots.retire(taken[3], 7);
  slots.reclaim(4);
  EXPECT_EQ(slots.take(40), TableSlots::kNoSlot);
  EXPECT_TRUE(slots.waits_for_readers());
  slots.reclaim(5);
  EXPECT_EQ(slots.take(40), taken[20]);
  EXPECT_EQ(slots.take(41), TableSlots::kNoSlot);
  slots.reclaim(UINT64_MAX);
  EXPECT_FALSE(slots.waits_for_readers());
  EXPECT_EQ(slots.take(41), taken[3]);
}

TEST(TableSlots, CutsAChunkAnewWhenItsLastOwnerAndLastReaderAreGone) {
  TableSlots slots(1, take_chunk);
  const TableSlots::Slot first = slots.take(1);
  const TableSlots::Slot second = slots.take(2);
  slots.set_shape(kShape1KiB);
  std::uint32_t owners[8];
  ASSERT_EQ(slots.stale_owners(owners, 8), 2u);
  EXPECT_EQ(owners[0], 1u);
  EXPECT_EQ(owners[1], 2u);
  ASSERT_EQ(slots.stale_owners(owners, 1), 1u);
  EXPECT_EQ(slots.take(1), TableSlots::kNoSlot) << "two owners";
  slots.retire(first, 1);
  slots.reclaim(UINT64_MAX);
  EXPECT_EQ(slots.take(1), TableSlots::kNoSlot) << "one owner";
  slots.retire(second, 2);
  EXPECT_EQ(slots.stale_owners(owners, 8), 0u);
  EXPECT_EQ(slots.take(1), TableSlots::kNoSlot) << "readers";
  slots.reclaim(UINT64_MAX);
  for (std::uint32_t owner = 1; owner <= 2048; ++owner) {
    const TableSlots::Slot slot = slots.take(owner);
    ASSERT_NE(slot, TableSlots::kNoSlot) << owner;
    EXPECT_EQ(slots.shape_of(slot), kShape1KiB);
  }
  EXPECT_EQ(slots.take(2049), TableSlots::kNoSlot);
}

TEST(TableSlots, DoesNotCutAChunkAnewThatStillHasReaders) {
  TableSlots slots(1, take_chunk);
  for (std::uint32_t owner = 1; owner <= 3; ++owner) slots.retire(slots.take(owner), owner);
  slots.set_shape(kShape1KiB);
  slots.reclaim(2);
  EXPECT_EQ(slots.take(4), TableSlots::kNoSlot);
  slots.reclaim(3);
  EXPECT_NE(slots.take(4), TableSlots::kNoSlot);
}

TEST(TableSlots, EmptiesTheStaleChunkWithTheFewestOwnersFirst) {
  TableSlots slots(2, take_chunk);
  for (std::uint32_t owner = 1; owner <= 34; ++owner) ASSERT_NE(slots.take(owner), TableSlots::kNoSlot);
  slots.set_shape(1);
  std::uint32_t owners[8];
  ASSERT_EQ(slots.stale_owners(owners, 8), 2u);
  EXPECT_EQ(owners[0], 33u);
}

TEST(TableSlots, HasASmallerBudgetOnceTheSystemHasSaidNo) {
  int left = 1;
  TableSlots slots(3, [&left] { return left-- > 0 ? take_chunk() : Chunk{}; });
  for (std::uint32_t owner = 1; owner <= 32; ++owner) ASSERT_NE(slots.take(owner), TableSlots::kNoSlot);
  EXPECT_EQ(slots.chunks_max(), 3u);
  EXPECT_EQ(slots.take(33), TableSlots::kNoSlot);
  EXPECT_EQ(slots.chunks_max(), 1u);
  left = 1;
  EXPECT_EQ(slots.take(33), TableSlots::kNoSlot) << "for good";
  EXPECT_EQ(left, 1);
}

TEST(ReaderSeats, HasAReaderForEachSeat) {
  ReaderSeats seats;
  std::vector<ReaderSeats::Seat*> taken;
  for (std::size_t i = 0; i < ReaderSeats::kSeats; ++i) {
    taken.push_back(seats.sit());
    ASSERT_NE(taken.back(), nullptr);
  }
  std::vector<ReaderSeats::Seat*> different = taken;
  std::ranges::sort(different);
  EXPECT_EQ(std::ranges::unique(different).size(), 0u);
  EXPECT_EQ(seats.sit(), nullptr);
  ReaderSeats::leave(taken[11]);
  EXPECT_EQ(seats.sit(), taken[11]);
  EXPECT_EQ(seats.sit(), nullptr);
}

TEST(ReaderSeats, WaitsForReadersThatBeganBeforeAnEpochAndNoOthers) {
  ReaderSeats seats;
  EXPECT_EQ(seats.oldest(), UINT64_MAX);
  ReaderSeats::Seat* const before = seats.sit();
  const std::uint64_t first = seats.begin_epoch();
  EXPECT_LT(seats.oldest(), first);
  ReaderSeats::Seat* const between = seats.sit();
  EXPECT_LT(seats.oldest(), first);
  const std::uint64_t second = seats.begin_epoch();
  EXPECT_LT(first, second);
  ReaderSeats::leave(before);
  EXPECT_GE(seats.oldest(), first);
  EXPECT_LT(seats.oldest(), second);
  ReaderSeats::leave(between);
  ReaderSeats::Seat* const after = seats.sit();
  EXPECT_GE(seats.oldest(), second);
  ReaderSeats::leave(after);
}

// The calling thread stays on the n-th of the processors that it may use, if there are so many.
void stay_on_processor(std::size_t n) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  for (std::size_t processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (!CPU_ISSET(processor, &allowed) || n-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    (void)sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

// The last call of a burst comes when the worker, which does its work in no time, is about to fall asleep: it is rung awake,
// seen awake, and called once more a little later. On one processor the two would never meet there.
TEST(WorkBell, MissesNoCall) {
  WorkBell bell;
  std::atomic<std::uint64_t> left{0};
  std::atomic<std::uint64_t> done{0};
  std::thread worker([&] {
    stay_on_processor(1);
    while (!bell.stopping()) {
      const std::uint64_t calls = bell.calls();
      done.store(left.load());
      bell.rest(calls, {});
    }
  });
  std::thread caller([&] {
    stay_on_processor(0);
    // A slow machine makes fewer bursts; a call is missed if nobody heeds it for a minute.
    const auto enough = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    std::chrono::steady_clock::time_point deadline;
    const auto in_time = [&] { return std::chrono::steady_clock::now() < deadline; };
    std::mt19937_64 random(5);
    std::uint64_t work = 0;
    const auto call = [&] {
      left.store(++work);
      bell.ring();
    };
    int bursts = 0;
    for (; bursts < 10'000 && done.load() == work && std::chrono::steady_clock::now() < enough; ++bursts) {
      const std::uint64_t before = work;
      deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
      call();
      while (done.load() == before && in_time());
      for (volatile std::uint64_t pause = random() % 256; pause != 0;) pause = pause - 1;
      call();
      while (done.load() != work && in_time()) std::this_thread::yield();
      if (bursts % 8 == 0 && done.load() == work) bell.wait_until_done();
    }
    EXPECT_EQ(done.load(), work) << "in burst " << bursts;
  });
  caller.join();
  bell.stop();
  worker.join();
}

TEST(WorkBell, WakesAtTheDeadlineAndForTheEnd) {
  WorkBell bell;
  const auto begin = WorkBell::Clock::now();
  bell.rest(bell.calls(), begin + std::chrono::milliseconds(20));
  EXPECT_GE(WorkBell::Clock::now() - begin, std::chrono::milliseconds(20));
  bell.wait_until_done();
  bell.stop();
  bell.rest(bell.calls(), {});
  bell.nap(std::chrono::hours(1));
  EXPECT_TRUE(bell.stopping());
}

}  // namespace
}  // namespace electra::crypto
