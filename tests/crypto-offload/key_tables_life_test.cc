// Tables come and go: memory that is used again while readers are there, tables that are wrong, memory that is short.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "crypto-offload/tables/key_tables.h"
#include "tests/crypto-offload/key_tables_fixture.h"

namespace electra::crypto {
namespace {

using namespace std::chrono_literals;
using fake::key_of;
using fake::Lie;
using Clock = std::chrono::steady_clock;

using KeyTablesLifeTest = KeyTablesTest;
using KeyTablesLifeDeathTest = KeyTablesTest;

// --------------------------------------------------------------------------------- forgetting, and memory again

TEST_F(KeyTablesLifeTest, ForgetsAndLearnsAgain) {
  KeyTables tables(options(10, 2), fake::make_tables);
  for (int round = 0; round < 100; ++round) {
    tables.learn(5, key_of(5));
    tables.settle();
    EXPECT_TRUE(without(tables, 5, 5).empty());
    tables.forget(5);
    tables.settle();
    EXPECT_FALSE(has(tables, 5, key_of(5)));
    EXPECT_EQ(tables.memory_of_table(5), nullptr);
    EXPECT_EQ(tables.status().keys, 0u);
    EXPECT_EQ(tables.status().tables, 0u);
  }
  EXPECT_EQ(tables.status().memory_bytes, 2 * kMiB);
}

TEST_F(KeyTablesLifeTest, LearnAndForgetInOneBreathLeaveNothingBehind) {
  KeyTables tables(options(10, 2), fake::make_tables);
  fake::Gate gate;
  tables.learn(1, key_of(1));
  gate.wait_for_a_call();
  tables.learn(2, key_of(2));
  tables.forget(2);
  tables.learn(3, key_of(3));
  tables.forget(3);
  tables.learn(3, key_of(3));
  tables.forget(1);  // while its table is being made
  gate.open();
  tables.settle();
  EXPECT_EQ(without(tables, 1, 3), (std::set<std::uint32_t>{1, 2}));
  EXPECT_EQ(tables.status().keys, 1u);
  EXPECT_EQ(tables.status().tables, 1u);
}

// The builder reads the note about a number while the writer changes its mind again; other numbers keep it awake.
TEST_F(KeyTablesLifeTest, TheLastWordCounts) {
  constexpr std::uint32_t kNumbers = 3;
  KeyTables tables(options(kNumbers, 2, 1), fake::make_tables);
  std::mt19937_64 random(7);
  std::array<bool, kNumbers + 1> learned{};
  for (int round = 0; round < 3'000; ++round) {
    for (int change = 0; change < 100; ++change) {
      const auto number = static_cast<std::uint32_t>(1 + random() % kNumbers);
      learned[number] = !learned[number];
      learned[number] ? tables.learn(number, key_of(number)) : tables.forget(number);
      for (volatile std::uint64_t pause = random() % 256; pause != 0;) pause = pause - 1;
    }
    tables.settle();
    for (std::uint32_t number = 1; number <= kNumbers; ++number) {
      ASSERT_EQ(has(tables, number, key_of(number)), learned[number]) << number << " in round " << round;
    }
  }
}

TEST_F(KeyTablesLifeTest, UsesMemoryAgainOnlyWhenNobodyReadsIt) {
  KeyTables tables(options(100, 2, 64), fake::make_tables);
  learn(tables, 1, 32);
  tables.settle();
  auto reading = std::make_optional<KeyTables::Reading>(tables);
  const KeyTables::Found held = reading->find(7, key_of(7).data());
  ASSERT_NE(held.entries, nullptr);
  tables.forget(7);
  tables.learn(33, key_of(33));
  EXPECT_TRUE(comes_true([&] { return !has(tables, 7, key_of(7)); }));
  std::this_thread::sleep_for(20ms);  // a builder that does not wait has had a hundred chances
  EXPECT_TRUE(fake::whole(held, key_of(7))) << "what a Reading found stays while it lives";
  EXPECT_FALSE(has(tables, 33, key_of(33)));
  const std::optional<KeyTables::Reading> later(tables);  // began after the table was taken back: nothing waits for it
  reading.reset();
  tables.settle();
  EXPECT_TRUE(fake::whole(later->find(33, key_of(33).data()), key_of(33)));
  EXPECT_EQ(tables.memory_of_table(33), held.entries);
}

TEST_F(KeyTablesLifeTest, LearnAndForgetReturnWhileATableIsBeingMade) {
  KeyTables tables(options(2'000, 2), fake::make_tables);
  fake::Gate gate;
  tables.learn(1, key_of(1));
  gate.wait_for_a_call();
  learn(tables, 2, 2'000);  // with the builder at the gate: a lock held during a build would never be free
  for (std::uint32_t number = 1'001; number <= 2'000; ++number) tables.forget(number);
  EXPECT_EQ(tables.status().keys, 1'000u);
  EXPECT_EQ(tables.status().tables, 0u);
  gate.open();
  tables.settle();
  EXPECT_EQ(without(tables, 1, 2'000).size(), 1'000u);
}

TEST_F(KeyTablesLifeTest, FindsNothingForMoreReadersThanSeats) {
  KeyTables tables(options(10, 2), fake::make_tables);
  tables.learn(1, key_of(1));
  tables.settle();
  std::vector<std::unique_ptr<KeyTables::Reading>> readings;
  for (std::size_t i = 0; i < ReaderSeats::kSeats; ++i) {
    readings.push_back(std::make_unique<KeyTables::Reading>(tables));
    EXPECT_TRUE(fake::whole(readings.back()->find(1, key_of(1).data()), key_of(1)));
  }
  {
    const KeyTables::Reading standing(tables);
    standing.prefetch(1);
    EXPECT_EQ(standing.find(1, key_of(1).data()).entries, nullptr);
    EXPECT_EQ(standing.find(0, key_of(1).data()).entries, nullptr);
  }
  readings.pop_back();
  EXPECT_TRUE(has(tables, 1, key_of(1)));
}

// Readers look up keys all the time and check every word of what they find, while the writer learns and forgets so
// that memory is always short and used again at once. Sizes change on the way where they are not forced.
TEST_F(KeyTablesLifeTest, ReadersSeeWholeTablesOfTheirKeysWhateverTheWriterDoes) {
  struct Case {
    const char* what;
    std::uint32_t kib;
    std::uint32_t numbers;
    std::size_t readers;
  };
  for (const Case& c : {Case{"64 KiB, forced", 64, 48, 4}, Case{"4 KiB, forced", 4, 700, 4},
                        Case{"chosen, and so ever smaller", 0, 2'300, 4},
                        Case{"more readers than seats", 1, 2'300, ReaderSeats::kSeats + 16}}) {
    SCOPED_TRACE(c.what);
    std::vector<Bytes32> keys;
    for (std::uint32_t number = 0; number <= c.numbers; ++number) keys.push_back(key_of(number));
    KeyTables tables(options(c.numbers, 2, c.kib), fake::make_tables);
    std::atomic<bool> done{false};
    std::atomic<std::uint64_t> wrong{0};
    std::atomic<std::uint64_t> found_ever{0};
    std::atomic<std::uint64_t> missed_ever{0};
    const auto read = [&](std::uint64_t seed) {
      std::mt19937_64 random(seed);
      std::array<std::uint32_t, 16> batch;
      while (!done.load(std::memory_order_relaxed)) {
        const KeyTables::Reading reading(tables);
        for (std::uint32_t& number : batch) {
          number = static_cast<std::uint32_t>(1 + random() % c.numbers);
          reading.prefetch(number);
        }
        std::array<KeyTables::Found, batch.size()> found;
        for (std::size_t i = 0; i < batch.size(); ++i) found[i] = reading.find(batch[i], keys[batch[i]].data());
        if (random() % 8 == 0) std::this_thread::yield();  // tables may be taken back meanwhile, and not overwritten
        for (std::size_t i = 0; i < batch.size(); ++i) {
          if (found[i].entries == nullptr) {
            missed_ever.fetch_add(1, std::memory_order_relaxed);
          } else {
            found_ever.fetch_add(1, std::memory_order_relaxed);
            if (!fake::whole(found[i], keys[batch[i]])) wrong.fetch_add(1, std::memory_order_relaxed);
          }
        }
      }
    };
    std::vector<std::thread> readers;
    for (std::size_t i = 0; i < c.readers; ++i) readers.emplace_back(read, i);
    std::thread watcher([&] {
      while (!done.load(std::memory_order_relaxed)) {
        const TableStatus status = tables.status();
        if (status.tables > c.numbers || status.without > c.numbers) wrong.fetch_add(1, std::memory_order_relaxed);
        std::this_thread::sleep_for(1ms);
      }
    });
    std::mt19937_64 random(99);
    std::vector<bool> learned(c.numbers + 1);
    const Clock::time_point end = Clock::now() + (std::getenv("ELECTRA_LONG") != nullptr ? 20s : 1s);
    for (std::uint32_t step = 0; Clock::now() < end; ++step) {
      const auto number = static_cast<std::uint32_t>(1 + random() % c.numbers);
      learned[number] = random() % 4 != 0;
      learned[number] ? tables.learn(number, keys[number]) : tables.forget(number);
      if (step % 64 == 0) std::this_thread::yield();
      if (step % 4'096 == 0) tables.settle();
    }
    done = true;
    for (std::thread& reader : readers) reader.join();
    watcher.join();
    tables.settle();
    EXPECT_EQ(wrong.load(), 0u);
    EXPECT_GT(found_ever.load(), 100u);
    EXPECT_GT(missed_ever.load(), 0u);
    const TableStatus status = tables.status();
    EXPECT_EQ(status.keys, static_cast<std::uint32_t>(std::ranges::count(learned, true)));
    EXPECT_EQ(status.tables, status.keys - status.without);
    std::uint32_t tables_found = 0;
    for (std::uint32_t number = 1; number <= c.numbers; ++number) {
      const bool found = without(tables, number, number).empty();
      tables_found += found ? 1 : 0;
      EXPECT_TRUE(learned[number] || !found) << number;
    }
    EXPECT_EQ(tables_found, status.tables);
  }
}

// ---------------------------------------------------------------------------------------- tables that are wrong

TEST_F(KeyTablesLifeTest, MakesATableAgainThatDoesNotReadBack) {
  for (const Lie lie : {Lie::one_bit, Lie::all_zero, Lie::second_half_missing, Lie::neighbours_table}) {
    fake::reset();
    KeyTables tables(options(20, 2), fake::make_tables);
    const Bytes32 key = key_of(4, lie, 1);
    learn(tables, 1, 3);
    tables.learn(4, key);
    learn(tables, 5, 20);
    tables.settle();
    const KeyTables::Reading reading(tables);
    EXPECT_TRUE(fake::whole(reading.find(4, key.data()), key)) << static_cast<int>(lie);
    EXPECT_EQ(tables.status().tables, 20u);
    EXPECT_EQ(tables.status().faulty, 0u);
  }
}

TEST_F(KeyTablesLifeTest, LeavesAKeyWithoutATableThatTwiceDidNotReadBack) {
  for (const Lie lie : {Lie::one_bit, Lie::all_zero, Lie::second_half_missing, Lie::neighbours_table}) {
    fake::reset();
    KeyTables tables(options(64, 2), fake::make_tables);
    const Bytes32 key = key_of(4, lie, 2);
    learn(tables, 1, 3);
    tables.learn(4, key);
    learn(tables, 5, 31);
    tables.settle();
    EXPECT_FALSE(has(tables, 4, key)) << static_cast<int>(lie);
    EXPECT_EQ(tables.memory_of_table(4), nullptr);
    EXPECT_EQ(tables.status().tables, 30u);
    EXPECT_EQ(tables.status().faulty, 1u);
    EXPECT_EQ(tables.status().without, 0u);
    EXPECT_TRUE(without(tables, 1, 3).empty());
    EXPECT_TRUE(without(tables, 5, 31).empty());

    tables.forget(4);
    tables.settle();
    EXPECT_EQ(tables.status().faulty, 0u);
    EXPECT_EQ(tables.status().keys, 30u);
    tables.learn(4, key);  // tries anew; the maker has stopped lying
    tables.settle();
    EXPECT_TRUE(has(tables, 4, key));
    EXPECT_EQ(tables.status().tables, 31u);
  }
}

TEST_F(KeyTablesLifeTest, TriesAFaultyTableAgainInOtherMemoryWhenTheSizeChanges) {
  for (const std::uint8_t times : {std::uint8_t{2}, std::uint8_t{255}}) {
    fake::reset();
    KeyTables tables(options(64, 2), fake::make_tables);
    const Bytes32 key = key_of(1, Lie::one_bit, times);
    tables.learn(1, key);
    learn(tables, 2, 32);
    tables.settle();
    EXPECT_EQ(tables.status().faulty, 1u);
    learn(tables, 33, 40);
    tables.settle();
    EXPECT_EQ(has(tables, 1, key), times == 2);
    EXPECT_EQ(tables.status().faulty, times == 2 ? 0u : 1u);
    EXPECT_EQ(tables.status().table_bytes, 32u << 10);
    EXPECT_TRUE(without(tables, 2, 40).empty());
  }
}

// --------------------------------------------------------------------------------------------- short memory

TEST_F(KeyTablesLifeTest, LivesWithTheMemoryThatTheSystemGives) {
  struct Case {
    int chunks;  // that the system gives, of 4
    std::uint32_t kib_forced;
    std::uint32_t keys;
    std::uint32_t kib;
    std::uint32_t without;
    const char* reason;
  };
  for (const Case& c : {
           Case{4, 0, 100, 64, 0, "64 KiB a key: 100 keys need 8 MiB of 8 MiB"},
           Case{2, 0, 100, 32, 0, "32 KiB a key: 100 keys need 4 MiB of 4 MiB; the system gave no more of 8 MiB"},
           Case{1, 0, 100, 16, 0, "16 KiB a key: 100 keys need 2 MiB of 2 MiB; the system gave no more of 8 MiB"},
           Case{1, 64, 100, 64, 68,
                "64 KiB a key, set by the configuration: 32 of 100 keys have room in 2 MiB; "
                "the system gave no more of 8 MiB"},
           Case{0, 0, 100, 0, 100, "no tables: the system gave none of 8 MiB"},
           Case{0, 64, 100, 0, 100, "no tables: the system gave none of 8 MiB"},
       }) {
    KeyTables::Options short_of_memory = options(200, 8, c.kib_forced);
    int left = c.chunks;
    short_of_memory.memory = [&left] { return left-- > 0 ? take_chunk() : Chunk{}; };
    KeyTables tables(short_of_memory, fake::make_tables);
    learn(tables, 1, c.keys);
    tables.settle();
    const TableStatus status = tables.status();
    EXPECT_EQ(status.reason, c.reason);
    EXPECT_EQ(status.table_bytes, c.kib * 1024) << c.reason;
    EXPECT_EQ(status.without, c.without) << c.reason;
    EXPECT_EQ(status.tables, c.keys - c.without) << c.reason;
    EXPECT_EQ(without(tables, 1, c.keys).size(), c.without) << c.reason;
    EXPECT_EQ(status.memory_bytes, static_cast<std::size_t>(c.chunks) * 2 * kMiB) << c.reason;
  }
}

TEST_F(KeyTablesLifeTest, SaysOnWhichPagesTheTablesLie) {
  for (const std::vector<Pages>& kinds :
       {std::vector{Pages::small, Pages::small}, std::vector{Pages::reserved_huge, Pages::small},
        std::vector{Pages::transparent_huge, Pages::transparent_huge}}) {
    KeyTables::Options mixed = options(64, 4);
    std::size_t next = 0;
    mixed.memory = [&] {
      Chunk chunk = take_chunk();
      chunk.pages = kinds[next++];
      return chunk;
    };
    KeyTables tables(mixed, fake::make_tables);
    learn(tables, 1, 64);
    tables.settle();
    EXPECT_EQ(tables.status().pages,
              kinds[0] == kinds[1] ? std::string(name_of(kinds[0])) : "huge (reserved) for 2 MiB, 4 KiB for 2 MiB");
  }
}

#ifndef ELECTRA_SANITIZED
// In a process of its own, whose address space ends so many KiB above what it has: too little for the directory, for
// the thread, for the builder's scratch memory, for all chunks. Where one ends and the next begins depends on the
// system.
TEST_F(KeyTablesLifeDeathTest, WorksOnWhenAddressSpaceIsShort) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto run = [](std::size_t kib_more) {
    std::size_t pages = 0;
    std::FILE* const statm = std::fopen("/proc/self/statm", "r");
    if (statm == nullptr || std::fscanf(statm, "%zu", &pages) != 1) std::exit(2);
    std::fclose(statm);
    const rlim_t bytes = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + kib_more * 1024;
    const rlimit limit = {.rlim_cur = bytes, .rlim_max = bytes};
    if (setrlimit(RLIMIT_AS, &limit) != 0) std::exit(3);
    KeyTables tables(options(20'000, 64), fake::make_tables);
    learn(tables, 1, 500);
    tables.settle();
    const TableStatus status = tables.status();
    if (without(tables, 1, 500).size() != 500 - status.tables) std::exit(4);
    if (status.without != status.keys - status.tables) std::exit(5);
    std::fprintf(stderr, "%u keys, %u tables; %s\n", status.keys, status.tables, status.reason.c_str());
    std::exit(0);
  };
  constexpr const char* kShort =
      "500 keys, (0 tables; no tables: the system gave (none of 64 MiB|no thread to make them)|"
      "500 tables; .* the system gave no more of 64 MiB)";
  struct Case {
    std::size_t kib_more;
    const char* expected;
  };
  for (const Case& c : {Case{256, "0 keys, 0 tables; no tables: the system gave none of 64 MiB"}, Case{3'000, kShort},
                        Case{6'000, kShort}, Case{9'000, kShort}, Case{12'000, kShort}, Case{15'000, kShort},
                        Case{18'000, kShort}, Case{21'000, kShort}, Case{24'000, kShort},
                        Case{400'000, "500 keys, 500 tables; 64 KiB a key: 500 keys need 32 MiB of 64 MiB"}}) {
    EXPECT_EXIT(run(c.kib_more), testing::ExitedWithCode(0), c.expected) << c.kib_more;
  }
}
#endif

}  // namespace
}  // namespace electra::crypto
