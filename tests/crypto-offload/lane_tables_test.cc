// Tables made in lanes, entry by entry against the defining formula of tables/comb_shape.h in plain arithmetic.
#include <algorithm>
#include <string>

#include "crypto-offload/lanes/base_table.h"
#include "tests/crypto-offload/comb_entries.h"
#include "tests/crypto-offload/lane_cases.h"

namespace electra::crypto {
namespace {

using reference::Integer;
using reference::Point;

constexpr std::uint64_t kUntouched = 0x5a5a5a5a5a5a5a5a;
constexpr std::size_t kGuardWords = 64;

AlignedWords untouched(std::size_t words) {
  AlignedWords memory = aligned_words((words + kGuardWords) * sizeof(std::uint64_t));
  std::fill_n(memory.get(), words + kGuardWords, kUntouched);
  return memory;
}
bool guard_holds(const AlignedWords& memory, std::size_t words) {
  return std::all_of(memory.get() + words, memory.get() + words + kGuardWords,
                     [](std::uint64_t word) { return word == kUntouched; });
}

std::size_t words_of(const CombShape& shape) { return shape.entries() * kEntryWords; }

// Tables of all keys, and what the maker said of them.
struct Made {
  std::vector<AlignedWords> tables;
  std::vector<std::uint64_t> checksums;
};
Made make_with(MakeTables make_tables, const std::vector<Bytes32>& keys, const CombShape& shape) {
  static const AlignedWords scratch = untouched(kMakeScratchBytes / 8);
  Made made;
  std::vector<const std::uint8_t*> key;
  std::vector<std::uint64_t*> table;
  for (const Bytes32& bytes : keys) {
    key.push_back(bytes.data());
    table.push_back(made.tables.emplace_back(untouched(words_of(shape))).get());
  }
  made.checksums.assign(keys.size() + 1, kUntouched);
  make_tables(key.data(), keys.size(), shape, table.data(), made.checksums.data(), scratch.get());
  EXPECT_TRUE(guard_holds(scratch, kMakeScratchBytes / 8));
  EXPECT_EQ(made.checksums.back(), kUntouched);
  made.checksums.pop_back();
  for (const AlignedWords& memory : made.tables) EXPECT_TRUE(guard_holds(memory, words_of(shape)));
  return made;
}

std::uint64_t checksum(const AlignedWords& memory, std::size_t words) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < words; ++i) sum += memory[i] * (2 * i + 1);
  return sum;
}

class LaneTables : public LaneTest {
 protected:
  static Made make(const std::vector<Bytes32>& keys, const CombShape& shape) {
    return make_with(probe().make_tables, keys, shape);
  }
  Bytes32 random_key() { return reference::encode(reference::multiply(big_field::random(random_), reference::base())); }
  std::vector<Bytes32> random_keys(std::size_t count) {
    std::vector<Bytes32> keys(count);
    for (Bytes32& key : keys) key = random_key();
    return keys;
  }

  // Entries 0, step, 2 · step … and the last ones of each table.
  void expect_tables(const std::vector<Bytes32>& keys, const CombShape& shape, std::uint32_t step = 1) {
    const Made made = make(keys, shape);
    for (std::uint32_t number = 0; number < shape.entries(); ++number) {
      const std::uint32_t j = number / shape.entries_per_table(), e = number % shape.entries_per_table();
      if (e % step != 0 && e + 2 < shape.entries_per_table()) continue;
      const Integer scalar = entry_factor(shape, j, e);
      for (std::size_t lane = 0; lane < keys.size(); ++lane) {
        const Point key = reference::decode_leniently(keys[lane]).value();
        const std::uint64_t* const entry = made.tables[lane].get() + number * kEntryWords;
        ASSERT_NO_FATAL_FAILURE(expect_entry(entry, reference::multiply(scalar, reference::negate(key))))
            << "table " << j << ", entry " << e << ", lane " << lane;
        ASSERT_EQ(entry[15], 0);
      }
    }
    for (std::size_t lane = 0; lane < keys.size(); ++lane) {
      EXPECT_EQ(made.checksums[lane], checksum(made.tables[lane], words_of(shape))) << "lane " << lane;
    }
  }
};

ELECTRA_EVERY_LANE_BACKEND(LaneTables);

TEST_P(LaneTables, EveryEntryOfEverySizeIsTheMultipleThatTheShapeSays) {
  for (const CombShape& shape : kTableShapes) {
    ASSERT_NO_FATAL_FAILURE(expect_tables(random_keys(8), shape)) << shape.entries() << " entries";
  }
}

TEST_P(LaneTables, TheTableOfTheBasePointComesFromItsNegative) {
  const Bytes32 minus_b = reference::encode(reference::negate(reference::base()));
  expect_tables({minus_b}, kCombBase, 7);
  EXPECT_EQ(minus_b[31], 0xe6);
}

TEST_P(LaneTables, ShapesOfTwoTeethAndOfManyPiecesAreMadeAsWell) {
  for (const CombShape& shape :
       {CombShape{.teeth = 2, .rows = 127, .tables = 1}, CombShape{.teeth = 2, .rows = 4, .tables = 32},
        CombShape{.teeth = 3, .rows = 85, .tables = 1}, CombShape{.teeth = 13, .rows = 5, .tables = 4}}) {
    ASSERT_TRUE(valid(shape));
    ASSERT_NO_FATAL_FAILURE(expect_tables(random_keys(2), shape, 509)) << shape.teeth << " teeth";
  }
  const CombShape largest = {.teeth = 16, .rows = 8, .tables = 2};
  ASSERT_EQ(largest.entries(), kCombEntriesMax);
  expect_tables(random_keys(1), largest, 1021);
}

TEST_P(LaneTables, FewerThanEightKeysGetTheTablesThatTheyGetTogether) {
  const std::vector<Bytes32> keys = random_keys(8);
  const Made together = make(keys, kComb2KiB);
  for (std::size_t count = 1; count < 8; ++count) {
    const Made made = make({keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(count)}, kComb2KiB);
    for (std::size_t lane = 0; lane < count; ++lane) {
      EXPECT_TRUE(std::equal(made.tables[lane].get(), made.tables[lane].get() + words_of(kComb2KiB),
                             together.tables[lane].get()));
      EXPECT_EQ(made.checksums[lane], together.checksums[lane]);
    }
  }
}

TEST_P(LaneTables, OneKeyInAllLanesGetsEightEqualTables) {
  const Made made = make(std::vector<Bytes32>(8, random_key()), kComb4KiB);
  for (std::size_t lane = 1; lane < 8; ++lane) {
    EXPECT_TRUE(std::equal(made.tables[0].get(), made.tables[0].get() + words_of(kComb4KiB), made.tables[lane].get()));
  }
}

TEST_P(LaneTables, AKeyThatIsNoPointGetsTheIdentityAndSpoilsNoOther) {
  std::vector<Bytes32> keys = random_keys(8);
  const Made good = make(keys, kComb4KiB);
  Bytes32 bad{};
  bad[0] = 2;  // no x for y = 2
  ASSERT_FALSE(reference::decode_leniently(bad).has_value());
  for (std::size_t at = 0; at < 8; ++at) {
    std::vector<Bytes32> mixed = keys;
    mixed[at] = bad;
    const Made made = make(mixed, kComb4KiB);
    for (std::size_t lane = 0; lane < 8; ++lane) {
      EXPECT_EQ(made.checksums[lane], checksum(made.tables[lane], words_of(kComb4KiB)));
      if (lane != at) {
        EXPECT_EQ(made.checksums[lane], good.checksums[lane]);
        continue;
      }
      for (std::uint32_t number = 0; number < kComb4KiB.entries(); ++number) {
        const std::uint64_t* const entry = made.tables[lane].get() + number * kEntryWords;
        ASSERT_NO_FATAL_FAILURE(expect_entry(entry, reference::identity()));
        ASSERT_EQ(entry[15], 0);
      }
    }
  }
}

}  // namespace
}  // namespace electra::crypto
