// The set of touched leaves against a std::set, at capacities around its words and summary words.
#include "engine/state/touched_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <utility>
#include <vector>

namespace electra::state {
namespace {

std::vector<std::uint32_t> members(const TouchedSet& set) {
  std::vector<std::uint32_t> all;
  set.for_each([&](std::uint32_t index) { all.push_back(index); });
  return all;
}

class TouchedSetOfCapacity : public testing::TestWithParam<std::uint32_t> {};

TEST_P(TouchedSetOfCapacity, HoldsItsEdges) {
  const std::uint32_t capacity = GetParam();
  std::set<std::uint32_t> edges;
  for (const std::uint32_t edge : {0U, 1U, 62U, 63U, 64U, 65U, 4094U, 4095U, 4096U, 4097U, capacity - 1})
    if (edge < capacity) edges.insert(edge);
  TouchedSet set(capacity);
  EXPECT_EQ(set.capacity(), capacity);
  EXPECT_FALSE(set.any());
  for (const std::uint32_t edge : edges) {
    EXPECT_FALSE(set.contains(edge));
    set.mark(edge);
    set.mark(edge);
    EXPECT_TRUE(set.contains(edge));
  }
  EXPECT_TRUE(set.any());
  EXPECT_EQ(set.count(), edges.size());
  EXPECT_EQ(members(set), std::vector<std::uint32_t>(edges.begin(), edges.end()));
  set.clear();
  EXPECT_FALSE(set.any());
  EXPECT_EQ(set.count(), 0U);
  EXPECT_TRUE(members(set).empty());
  for (const std::uint32_t edge : edges) EXPECT_FALSE(set.contains(edge));
}

TEST_P(TouchedSetOfCapacity, HoldsEveryIndexAtOnce) {
  const std::uint32_t capacity = GetParam();
  TouchedSet set(capacity);
  for (std::uint32_t index = capacity; index-- > 0;) set.mark(index);
  EXPECT_EQ(set.count(), capacity);
  const std::vector<std::uint32_t> all = members(set);
  ASSERT_EQ(all.size(), capacity);
  for (std::uint32_t index = 0; index < capacity; ++index) ASSERT_EQ(all[index], index);
}

TEST_P(TouchedSetOfCapacity, AgreesWithASetOverManyRounds) {
  const std::uint32_t capacity = GetParam();
  std::mt19937_64 random(capacity);
  TouchedSet set(capacity);
  for (int round = 0; round < 50; ++round) {
    std::set<std::uint32_t> expected;
    for (std::uint64_t marks = random() % 40; marks > 0; --marks) {
      const auto index = static_cast<std::uint32_t>(random() % capacity);
      set.mark(index);
      expected.insert(index);
    }
    ASSERT_EQ(members(set), std::vector<std::uint32_t>(expected.begin(), expected.end()));
    ASSERT_EQ(set.count(), expected.size());
    set.clear();
  }
}

INSTANTIATE_TEST_SUITE_P(Edges, TouchedSetOfCapacity,
                         testing::Values(1U, 2U, 63U, 64U, 65U, 4095U, 4096U, 4097U, 262143U, 262144U, 262145U),
                         testing::PrintToStringParamName());

TEST(TouchedSet, MayHaveNoCapacityAtAll) {
  TouchedSet set(0);
  EXPECT_FALSE(set.any());
  EXPECT_FALSE(set.contains(0));
  EXPECT_TRUE(members(set).empty());
  set.clear();
}

// Writes down what it hears, and whether the mark was there already.
class Listener final : public LeafWatcher {
 public:
  explicit Listener(const TouchedSet& set) : set_(set) {}
  void before_change(Table table, std::uint32_t index) noexcept override {
    EXPECT_EQ(table, Table::accounts);
    heard.push_back(index);
    was_marked.push_back(set_.contains(index));
  }
  std::vector<std::uint32_t> heard;
  std::vector<bool> was_marked;

 private:
  const TouchedSet& set_;
};

TEST(TouchedSet, TellsItsWatcherOfEveryMarkFromAnIndexOnBeforeItIsMade) {
  TouchedSet set(100);
  Listener listener(set);
  const auto mark_all = [&] {
    for (const std::uint32_t index : {0U, 9U, 10U, 63U, 99U}) set.mark(index);
    return std::exchange(listener.heard, {});
  };
  using Indexes = std::vector<std::uint32_t>;
  EXPECT_EQ(mark_all(), Indexes{}) << "nobody watches";
  set.clear();
  set.watch(listener, Table::accounts, 10);
  EXPECT_EQ(mark_all(), (Indexes{10, 63, 99}));
  EXPECT_EQ(listener.was_marked, std::vector<bool>(3, false));
  EXPECT_EQ(mark_all(), (Indexes{10, 63, 99})) << "marked already";
  set.watch(listener, Table::accounts, 0);
  EXPECT_EQ(mark_all(), (Indexes{0, 9, 10, 63, 99}));
  set.watch(listener, Table::accounts, 64);
  EXPECT_EQ(mark_all(), Indexes{99});
  set.watch(listener, Table::accounts, UINT32_MAX);
  EXPECT_EQ(mark_all(), Indexes{});
  set.watch(listener, Table::accounts, 64);
  set.stop_watching();
  EXPECT_EQ(mark_all(), Indexes{});
  EXPECT_EQ(set.count(), 5U) << "watching changes nothing in the set";
}

TEST(TouchedSetDeathTest, RefusesAnIndexBeyondItsCapacityWhoeverWatches) {
  TouchedSet set(64);
  Listener listener(set);
  set.watch(listener, Table::accounts, 10);
  EXPECT_DEATH(set.mark(64), "index");
}

TEST(TouchedSetDeathTest, RefusesAnIndexBeyondItsCapacity) {
  TouchedSet set(64);
  EXPECT_DEATH(set.mark(64), "index");
}

}  // namespace
}  // namespace electra::state
