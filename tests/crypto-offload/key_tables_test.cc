#include "crypto-offload/tables/key_tables.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/crypto-offload/key_tables_fixture.h"

namespace electra::crypto {
namespace {

using namespace std::chrono_literals;
using fake::key_of;
using Clock = std::chrono::steady_clock;

using KeyTablesDeathTest = KeyTablesTest;

// ----------------------------------------------------------------------------------------------- finding

TEST_F(KeyTablesTest, FindsATableByNumberAndKey) {
  KeyTables tables(options(10, 4), fake::make_tables);
  EXPECT_FALSE(has(tables, 3, key_of(3))) << "not learned";
  tables.learn(3, key_of(3));
  tables.settle();
  const KeyTables::Reading reading(tables);
  for (const std::uint32_t number : {0u, 3u, 10u, 11u, UINT32_MAX}) reading.prefetch(number);
  EXPECT_TRUE(fake::whole(reading.find(3, key_of(3).data()), key_of(3)));
  EXPECT_EQ(reading.find(3, key_of(3).data()).entries, tables.memory_of_table(3));
  for (std::size_t at = 0; at < 32; ++at) {
    Bytes32 other = key_of(3);
    other[at] ^= 0x40;
    EXPECT_EQ(reading.find(3, other.data()).entries, nullptr) << "byte " << at;
  }
  for (const std::uint32_t number : {0u, 1u, 2u, 4u, 10u, 11u, UINT32_MAX}) {
    EXPECT_EQ(reading.find(number, key_of(3).data()).entries, nullptr) << number;
    EXPECT_EQ(reading.find(number, Bytes32{}.data()).entries, nullptr) << number;
    EXPECT_EQ(tables.memory_of_table(number), nullptr) << number;
  }
}

TEST_F(KeyTablesTest, DoesNothingForNumbersOutOfRange) {
  KeyTables tables(options(10, 4), fake::make_tables);
  for (const std::uint32_t number : {0u, 11u, UINT32_MAX}) {
    tables.learn(number, key_of(number));
    tables.forget(number);
  }
  tables.forget(10);
  tables.settle();
  EXPECT_EQ(tables.status().keys, 0u);
  EXPECT_EQ(fake::calls(), 0u);
}

TEST_F(KeyTablesTest, LearnsTheSameKeyTwiceAsOnce) {
  KeyTables tables(options(10, 4), fake::make_tables);
  for (int i = 0; i < 3; ++i) tables.learn(1, key_of(1));
  tables.settle();
  tables.learn(1, key_of(1));
  tables.settle();
  EXPECT_EQ(tables.status().keys, 1u);
  EXPECT_EQ(tables.status().tables, 1u);
  EXPECT_EQ(fake::calls(), 1u);
}

TEST_F(KeyTablesDeathTest, StopsWhenANumberGetsAnotherKey) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  KeyTables tables(options(10, 4), fake::make_tables);
  tables.learn(1, key_of(1));
  EXPECT_DEATH(tables.learn(1, key_of(2)), "memcmp");
  tables.forget(1);
  EXPECT_DEATH(tables.learn(1, key_of(2)), "memcmp");
}

TEST_F(KeyTablesTest, SettlesAtOnceWhenThereIsNothingToDo) {
  for (const auto& [keys_max, mib] : {std::pair{0u, 4u}, std::pair{10u, 0u}, std::pair{10u, 4u}}) {
    KeyTables tables(options(keys_max, mib), fake::make_tables);
    tables.settle();
    EXPECT_EQ(tables.status().memory_bytes, 0u);
    EXPECT_EQ(tables.status().pages, "");
  }
}

TEST_F(KeyTablesTest, HasNoTablesWithoutNumbersOrMemory) {
  for (const auto& [keys_max, mib] : {std::pair{0u, 4u}, std::pair{10u, 1u}}) {
    KeyTables tables(options(keys_max, mib), fake::make_tables);
    learn(tables, 1, 10);
    tables.settle();
    EXPECT_EQ(without(tables, 1, 10).size(), 10u);
    EXPECT_EQ(tables.status().table_bytes, 0u);
    EXPECT_EQ(tables.status().without, tables.status().keys);
    EXPECT_EQ(tables.status().reason, "no tables: the configuration has no keys or less than 2 MiB for them");
  }
}

TEST(TableChecksum, SeesEveryWordAndItsPlace) {
  std::vector<std::uint64_t> words(512);
  std::mt19937_64 random(1);
  std::ranges::generate(words, random);
  const std::uint64_t sum = table_checksum(words.data(), words.size());
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (const std::uint64_t change : {std::uint64_t{1}, std::uint64_t{1} << 63, words[i]}) {
      words[i] ^= change;
      EXPECT_NE(table_checksum(words.data(), words.size()), sum) << i;
      words[i] ^= change;
    }
    if (i + 1 == words.size()) break;
    std::swap(words[i], words[i + 1]);
    EXPECT_NE(table_checksum(words.data(), words.size()), sum) << i;
    std::swap(words[i], words[i + 1]);
  }
  EXPECT_EQ(table_checksum(words.data(), words.size()), sum);
}

// ------------------------------------------------------------------------------------------------- sizes

TEST_F(KeyTablesTest, TakesTheLargestSizeForWhichAllKeysFit) {
  struct Case {
    std::uint32_t keys;
    std::uint32_t kib;
    std::uint32_t without;
    std::uint32_t mib_taken;
  };
  constexpr std::uint32_t kKeysMax = 4'200;
  for (const bool one_by_one : {false, true}) {
    KeyTables grown(options(kKeysMax, 4), fake::make_tables);
    std::uint32_t learned = 0;
    for (const Case& c : {Case{1, 64, 0, 2}, Case{32, 64, 0, 2}, Case{33, 64, 0, 4}, Case{64, 64, 0, 4},
                          Case{65, 32, 0, 4}, Case{128, 32, 0, 4}, Case{129, 16, 0, 4}, Case{256, 16, 0, 4},
                          Case{257, 4, 0, 4}, Case{1'024, 4, 0, 4}, Case{1'025, 2, 0, 4}, Case{2'048, 2, 0, 4},
                          Case{2'049, 1, 0, 4}, Case{4'096, 1, 0, 4}, Case{4'099, 1, 3, 4}}) {
      std::optional<KeyTables> fresh;
      if (!one_by_one) fresh.emplace(options(kKeysMax, 4), fake::make_tables), learned = 0;
      KeyTables& tables = one_by_one ? grown : *fresh;
      learn(tables, learned + 1, c.keys);
      learned = c.keys;
      tables.settle();
      const TableStatus status = tables.status();
      EXPECT_EQ(status.table_bytes, c.kib * 1024) << c.keys << " keys, grown " << one_by_one;
      EXPECT_EQ(status.keys, c.keys);
      EXPECT_EQ(status.tables, c.keys - c.without) << c.keys << " keys, grown " << one_by_one;
      EXPECT_EQ(status.without, c.without);
      EXPECT_EQ(status.faulty, 0u);
      if (one_by_one) {
        EXPECT_EQ(status.memory_bytes, c.mib_taken * kMiB);
      }
      EXPECT_EQ(without(tables, 1, c.keys).size(), c.without) << c.keys << " keys, grown " << one_by_one;
      const KeyTables::Reading reading(tables);
      for (std::uint32_t number = 1; number <= c.keys - c.without; ++number) {
        const KeyTables::Found found = reading.find(number, key_of(number).data());
        ASSERT_NE(found.entries, nullptr);
        ASSERT_EQ(table_bytes(kTableShapes[found.shape]), c.kib * 1024);
      }
    }
  }
}

TEST_F(KeyTablesTest, MakesTablesForAHundredThousandKeys) {
  constexpr std::uint32_t kKeys = 100'000;
  KeyTables tables(options(kKeys, 128), fake::make_tables);
  learn(tables, 1, kKeys);
  EXPECT_EQ(tables.status().keys, kKeys);
  tables.settle();
  EXPECT_EQ(tables.status().tables, kKeys);
  EXPECT_EQ(tables.status().table_bytes, 1024u);
  EXPECT_EQ(tables.status().reason, "1 KiB a key: 100000 keys need 98 MiB of 128 MiB");
  EXPECT_TRUE(without(tables, 1, kKeys).empty());
}

TEST_F(KeyTablesTest, KeepsAForcedSizeAndServesWhoFits) {
  KeyTables tables(options(100, 2, 64), fake::make_tables);
  learn(tables, 1, 40);
  tables.settle();
  EXPECT_EQ(tables.status().table_bytes, 65'536u);
  EXPECT_EQ(tables.status().tables, 32u);
  EXPECT_EQ(tables.status().without, 8u);
  EXPECT_EQ(tables.status().reason, "64 KiB a key, set by the configuration: 32 of 40 keys have room in 2 MiB");
  EXPECT_EQ(*without(tables, 1, 40).begin(), 33u) << "first come, first served";

  for (const std::uint32_t number : {1u, 17u, 32u}) tables.forget(number);
  tables.settle();
  EXPECT_EQ(tables.status().tables, 32u);
  EXPECT_EQ(tables.status().without, 5u);
  EXPECT_EQ(without(tables, 1, 40), (std::set<std::uint32_t>{1, 17, 32, 36, 37, 38, 39, 40}));
  tables.forget(40);  // it waited
  tables.forget(36);
  tables.settle();
  tables.forget(2);
  tables.settle();
  EXPECT_TRUE(has(tables, 37, key_of(37)));
  EXPECT_EQ(tables.status().tables, 32u);
  EXPECT_EQ(tables.status().without, 2u);
}

// One key more than 64 KiB have room for. The gate stops the builder before each group that it makes, and a look at
// all keys then shows who has no table at that moment.
TEST_F(KeyTablesTest, ChangesTheSizeWhileAllButOneChunkKeepTheirTables) {
  constexpr std::uint32_t kPerChunk = 32;
  constexpr std::uint32_t kKeys = 4 * kPerChunk;
  KeyTables tables(options(kKeys + 1, 8), fake::make_tables);
  learn(tables, 1, kKeys);
  tables.settle();
  ASSERT_TRUE(without(tables, 1, kKeys).empty());
  fake::Gate gate;
  tables.learn(kKeys + 1, key_of(kKeys + 1));
  gate.wait_for_a_call();
  EXPECT_EQ(tables.status().table_bytes, 32u << 10);
  std::set<std::uint32_t> missed;
  std::set<std::uint32_t> shapes;
  for (std::uint32_t group = 0; group < kKeys / 8; ++group) {
    const std::set<std::uint32_t> now = without(tables, 1, kKeys);
    EXPECT_EQ(now.size(), group < kPerChunk / 8 ? kPerChunk - group * 8 : 0) << "before group " << group;
    missed.insert(now.begin(), now.end());
    EXPECT_FALSE(has(tables, kKeys + 1, key_of(kKeys + 1)));
    gate.let_one_pass();
  }
  gate.open();
  tables.settle();
  EXPECT_EQ(missed.size(), kPerChunk);
  EXPECT_TRUE(without(tables, 1, kKeys + 1).empty());
  EXPECT_EQ(tables.status().tables, kKeys + 1);
}

TEST_F(KeyTablesTest, ChangesTheSizeWithoutAGapWhenThereIsFreeMemory) {
  KeyTables tables(options(200, 4), fake::make_tables);
  fake::Gate gate;
  tables.learn(1, key_of(1));
  gate.wait_for_a_call();
  learn(tables, 2, 25);
  gate.let_one_pass();
  gate.let_one_pass();
  gate.let_one_pass();  // 1 … 17 have tables of 64 KiB, and the rest are on their way
  ASSERT_EQ(without(tables, 1, 25).size(), 8u);
  learn(tables, 26, 128);
  for (int group = 0; group < 16; ++group) {
    gate.let_one_pass();
    EXPECT_TRUE(without(tables, 1, 25).empty()) << "in group " << group;
  }
  gate.open();
  tables.settle();
  EXPECT_TRUE(without(tables, 1, 128).empty());
  EXPECT_EQ(tables.status().table_bytes, 32u << 10);
}

TEST_F(KeyTablesTest, StaysSmallWhenKeysAreForgotten) {
  KeyTables tables(options(100, 2), fake::make_tables);
  learn(tables, 1, 33);
  tables.settle();
  for (std::uint32_t number = 2; number <= 33; ++number) tables.forget(number);
  tables.settle();
  EXPECT_EQ(tables.status().table_bytes, 32u << 10);
  EXPECT_EQ(tables.status().tables, 1u);
  EXPECT_TRUE(has(tables, 1, key_of(1)));
}

// ------------------------------------------------------------------------------------------- reports, the end

TEST_F(KeyTablesTest, ReportsOnceWhenTheWorkIsDoneAndNotMoreThanOnceASecond) {
  std::mutex mutex;
  std::vector<TableStatus> reports;
  KeyTables::Options reported = options(400, 32);
  reported.on_change = [&](const TableStatus& status) {
    const std::lock_guard lock(mutex);
    reports.push_back(status);
  };
  const Clock::time_point begin = Clock::now();
  KeyTables tables(reported, fake::make_tables);
  const auto so_far = [&] {
    const std::lock_guard lock(mutex);
    return reports;
  };
  EXPECT_EQ(so_far().size(), 0u);
  learn(tables, 1, 8);
  tables.settle();
  ASSERT_EQ(so_far().size(), 1u) << "settle returns after the report";
  EXPECT_EQ(so_far()[0].tables, 8u);

  learn(tables, 9, 16);
  tables.settle();
  tables.learn(17, key_of(17));
  tables.settle();
  ASSERT_TRUE(comes_true([&] { return so_far().back().tables == 17; }));

  fake::set_slowness_ms(50);
  learn(tables, 18, 400);  // 48 groups, more than 2.4 s
  tables.settle();
  ASSERT_TRUE(comes_true([&] { return so_far().back().tables == 400; }));
  const auto all = so_far();
  // By the builder's clock: what this thread sees of it may be late, but never early.
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begin).count();
  EXPECT_GE(all.size(), 4u);
  EXPECT_LE(all.size(), 1u + static_cast<std::size_t>(seconds));
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_LE(all[i - 1].tables, all[i].tables);
}

TEST_F(KeyTablesTest, EndsWhileWorkIsQueued) {
  fake::set_slowness_ms(5);
  for (const std::uint32_t keys : {0u, 1u, 8u, 1'000u}) {
    auto tables = std::make_optional<KeyTables>(options(1'000, 2), fake::make_tables);
    learn(*tables, 1, keys);
    if (keys == 1'000) std::this_thread::sleep_for(20ms);
    tables.reset();
    EXPECT_LT(fake::calls(), 100u) << "of 125 groups";
  }
}

TEST_F(KeyTablesTest, EndsWhileTablesWaitForMemory) {
  auto tables = std::make_optional<KeyTables>(options(1'000, 2, 64), fake::make_tables);
  learn(*tables, 1, 1'000);
  tables->settle();
  EXPECT_EQ(tables->status().without, 968u);
  for (std::uint32_t number = 1; number <= 500; ++number) tables->forget(number);
  tables.reset();
}

}  // namespace
}  // namespace electra::crypto
