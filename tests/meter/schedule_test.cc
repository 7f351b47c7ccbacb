// Sequences, resumption and the order of sending.
#include "engine/electrad/meter/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace electra::player {
namespace {

TEST(ReadingSequence, FollowsThePossession) {
  EXPECT_EQ(reading_sequence(0), 2U);
  EXPECT_EQ(reading_sequence(16'800), 16'802U);
}

TEST(NextBoundary, IsTheFirstThatHasNotBeenSent) {
  struct Case {
    std::uint64_t highest_sequence;
    std::uint64_t next;
  };
  constexpr Case cases[] = {{0, 0}, {1, 0}, {2, 1}, {3, 2}, {16'801, 16'800}, {16'802, 16'801}};
  for (const Case& c : cases) EXPECT_EQ(next_boundary(c.highest_sequence), c.next) << c.highest_sequence;
}

TEST(NextBoundary, InvertsTheSequence) {
  for (std::uint64_t boundary = 0; boundary < 200; ++boundary) {
    EXPECT_EQ(next_boundary(reading_sequence(boundary)), boundary + 1);
  }
}

TEST(SendsAt, RepeatsWhatIsNearAndSkipsWhatIsFar) {
  struct Case {
    std::uint64_t next;
    std::uint64_t boundary;
    bool sends;
  };
  constexpr Case cases[] = {{0, 0, true},  {5, 5, true},   {5, 9, true},    {6, 5, true},
                            {37, 5, true}, {38, 5, false}, {1000, 5, false}};
  for (const Case& c : cases) EXPECT_EQ(sends_at(c.next, c.boundary), c.sends) << c.next << " at " << c.boundary;
}

TEST(Schedule, BoundariesAreOneMoreThanIntervals) {
  const Schedule schedule{.start_s = 1'451'865'600, .interval_s = 900, .intervals = 192};
  EXPECT_EQ(schedule.boundary_s(0), 1'451'865'600);
  EXPECT_EQ(schedule.boundary_s(1), 1'451'866'500);
  EXPECT_EQ(schedule.end_s(), 1'451'865'600 + 2 * 86'400);
}

TEST(Schedule, ResumesWithTheLowestMissingBoundary) {
  const Schedule schedule{.start_s = 0, .interval_s = 900, .intervals = 96};
  struct Case {
    std::vector<std::uint64_t> highest;
    std::uint64_t resume;
  };
  const Case cases[] = {
      {{1, 1, 1}, 0},      // only possession
      {{12, 11, 12}, 10},  // one meter's reading was lost in the kill
      {{12, 12, 12}, 11},  // killed between two boundaries
      {{98, 98, 98}, 97},  // all 97 boundaries sent
      {{500, 400}, 97},    // beyond this replay
      {{98, 0}, 0},        // a meter that was enrolled later
  };
  for (const Case& c : cases) EXPECT_EQ(schedule.resume_boundary(c.highest), c.resume) << c.highest[0];
}

TEST(SendOrder, IsAscendingWithoutASeed) {
  SendOrder order(4, std::nullopt);
  EXPECT_THAT(order.at(7), ::testing::ElementsAre(0, 1, 2, 3));
}

TEST(SendOrder, PermutesTheSameSetAtEveryBoundary) {
  SendOrder order(124, 42);
  std::vector<std::uint32_t> all(124);
  std::iota(all.begin(), all.end(), 0U);
  std::vector<std::uint32_t> previous;
  for (std::uint64_t boundary = 0; boundary < 50; ++boundary) {
    const auto span = order.at(boundary);
    std::vector<std::uint32_t> now(span.begin(), span.end());
    EXPECT_NE(now, all) << boundary;
    EXPECT_NE(now, previous) << boundary;
    previous = now;
    std::ranges::sort(now);
    EXPECT_EQ(now, all) << boundary;
  }
}

TEST(SendOrder, FollowsFromSeedAndBoundaryAlone) {
  SendOrder forwards(32, 7);
  SendOrder direct(32, 7);
  SendOrder other(32, 8);
  for (std::uint64_t boundary = 0; boundary < 9; ++boundary) (void)forwards.at(boundary);
  const auto a = forwards.at(9);
  EXPECT_TRUE(std::ranges::equal(a, direct.at(9)));
  EXPECT_FALSE(std::ranges::equal(a, other.at(9)));
}

}  // namespace
}  // namespace electra::player
