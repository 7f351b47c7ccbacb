// The two small tables under everything: an index by key, and the lowest free entry. Each against the standard library.

#include <map>
#include <set>

#include "engine/state/index_table.h"
#include "engine/state/lowest_free.h"
#include "tests/state/support.h"

namespace electra::state::test {
namespace {

struct Dice {
  std::uint64_t state;
  std::uint64_t roll(std::uint64_t sides) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (state >> 33) % sides;
  }
};

// `spread` = 1 makes every hash equal, so that one long run of places is probed and shifted.
void walk_index(std::uint64_t spread) {
  constexpr std::uint32_t kEntries = 50;
  std::vector<std::uint64_t> keys(kEntries + 1);
  std::map<std::uint64_t, std::uint32_t> model;
  IndexTable table(kEntries);
  const auto hash_of_key = [&](std::uint64_t key) { return key % spread * 61; };
  const auto hash_of = [&](std::uint32_t entry) { return hash_of_key(keys[entry]); };
  Dice dice{spread};
  for (int round = 0; round < 20'000; ++round) {
    const std::uint64_t key = dice.roll(200);
    const std::uint32_t found = table.find(hash_of_key(key), [&](std::uint32_t entry) { return keys[entry] == key; });
    const auto known = model.find(key);
    ASSERT_EQ(found, known == model.end() ? 0 : known->second) << "round " << round;
    if (found != 0) {
      table.erase(hash_of_key(key), found, hash_of);
      keys[found] = 0;
      model.erase(known);
    } else if (model.size() < kEntries) {
      std::uint32_t entry = 1;
      while (std::ranges::any_of(model, [&](const auto& item) { return item.second == entry; })) ++entry;
      keys[entry] = key;
      table.insert(hash_of_key(key), entry);
      model[key] = entry;
    }
  }
}

TEST(IndexTableTest, AgreesWithAMap) { walk_index(1'000'003); }
TEST(IndexTableTest, AgreesWithAMapWhenHashesCollide) { walk_index(3); }
TEST(IndexTableTest, AgreesWithAMapWhenAllHashesAreEqual) { walk_index(1); }

TEST(LowestFreeTest, AgreesWithASet) {
  for (const std::uint32_t count : {1U, 63U, 64U, 65U, 4096U, 5000U}) {
    LowestFree table(count);
    std::set<std::uint32_t> model;
    for (std::uint32_t entry = 0; entry < count; ++entry) model.insert(entry);
    Dice dice{count};
    for (std::uint32_t round = 0; round < 3 * count + 100; ++round) {
      ASSERT_EQ(table.any(), !model.empty());
      if (!model.empty() && dice.roll(3) != 0) {
        ASSERT_EQ(table.take(), *model.begin()) << "of " << count << ", round " << round;
        model.erase(model.begin());
      } else {
        const auto entry = static_cast<std::uint32_t>(dice.roll(count));
        ASSERT_EQ(table.is_free(entry), model.contains(entry));
        if (!model.contains(entry)) {
          table.release(entry);
          model.insert(entry);
        } else {
          table.mark_taken(entry);
          model.erase(entry);
        }
      }
    }
  }
  EXPECT_FALSE(LowestFree(0).any());
}

}  // namespace
}  // namespace electra::state::test
