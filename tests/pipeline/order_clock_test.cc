#include "engine/pipeline/order_clock.h"

#include <gtest/gtest.h>

#include <vector>

namespace electra::pipeline {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kHour = 3600 * kSecond;
constexpr std::uint64_t kStart = 1'451'865'600 * kSecond;  // time of the last record
constexpr std::uint64_t kNever = UINT64_MAX;

TEST(OrderClockInReplay, TimeStandsStillButForOneNanosecondABatch) {
  OrderClock clock(true, kStart);
  EXPECT_EQ(clock.take(clock.now(5, 5), kNever), kStart + 1);
  EXPECT_EQ(clock.take(clock.now(99 * kStart, 5), kNever), kStart + 2);
}

TEST(OrderClockInReplay, ATickMovesTheNextBatchToItsTime) {
  OrderClock clock(true, kStart);
  ASSERT_TRUE(clock.tick(kStart + kHour));
  EXPECT_EQ(clock.take(clock.now(0, 0), kNever), kStart + kHour);
  EXPECT_EQ(clock.take(clock.now(0, 0), kNever), kStart + kHour + 1);
}

TEST(OrderClockInReplay, ATickToThePastMovesNothing) {
  OrderClock clock(true, kStart);
  ASSERT_TRUE(clock.tick(kStart + kHour));
  ASSERT_TRUE(clock.tick(kStart));
  EXPECT_EQ(clock.now(0, 0), kStart + kHour);
}

TEST(OrderClockInReplay, ATickTooFarAheadIsRefusedAndMovesNothing) {
  OrderClock clock(true, kStart);
  EXPECT_FALSE(clock.tick(kStart + OrderClock::kTickMaxNs + 1));
  EXPECT_FALSE(clock.tick(UINT64_MAX));
  EXPECT_EQ(clock.now(0, 0), kStart);
  EXPECT_TRUE(clock.tick(kStart + OrderClock::kTickMaxNs));
}

// One line a reading of the two clocks; times relative to kStart, in seconds.
struct Moment {
  const char* what;
  std::int64_t system_s;
  std::int64_t monotonic_s;
  std::int64_t expected_s;
  bool unsure;
};

TEST(OrderClockInRealTime, FollowsTheSystemClockButNotASuddenHour) {
  constexpr std::int64_t kBoot = 5000;
  const std::vector<Moment> moments = {
      {"the first reading is believed", 10, kBoot, 10, false},
      {"time passes", 20, kBoot + 10, 20, false},
      {"a slow correction is followed", 35, kBoot + 20, 35, false},
      {"a step of an hour less a bit is followed", 35 + 3590, kBoot + 20, 3625, false},
      {"back again", 40, kBoot + 25, 40, false},
      {"two hours ahead: the monotonic clock goes on", 7245, kBoot + 30, 45, true},
      {"still", 7255, kBoot + 40, 55, true},
      {"a day back: likewise", -86'400, kBoot + 50, 65, true},
      {"the clock was set right", 76, kBoot + 60, 76, false},
  };
  OrderClock clock(false, kStart);
  for (const Moment& moment : moments) {
    const auto at = [](std::int64_t seconds) {
      return static_cast<std::uint64_t>(static_cast<std::int64_t>(kStart) +
                                        seconds * static_cast<std::int64_t>(kSecond));
    };
    EXPECT_EQ(clock.now(at(moment.system_s), static_cast<std::uint64_t>(moment.monotonic_s) * kSecond),
              at(moment.expected_s))
        << moment.what;
    EXPECT_EQ(clock.unsure(), moment.unsure) << moment.what;
  }
}

TEST(OrderClockInRealTime, RecordsNeverGoBackWhenTheSystemClockDoes) {
  OrderClock clock(false, kStart);
  EXPECT_EQ(clock.take(clock.now(kStart + 100 * kSecond, kSecond), kNever), kStart + 100 * kSecond);
  EXPECT_EQ(clock.take(clock.now(kStart + 50 * kSecond, 2 * kSecond), kNever), kStart + 100 * kSecond + 1);
  EXPECT_EQ(clock.take(clock.now(kStart + 101 * kSecond, 53 * kSecond), kNever), kStart + 101 * kSecond);
}

TEST(OrderClockInRealTime, NoBatchReachesATimerWhileTheClockIsUnsure) {
  OrderClock clock(false, kStart);
  const std::uint64_t timer = kStart + 100 * kSecond;
  EXPECT_EQ(clock.take(clock.now(kStart + 10 * kSecond, 0), timer), kStart + 10 * kSecond);
  std::uint64_t last = 0;
  for (std::uint64_t second = 20; second < 300; ++second) {
    const std::uint64_t now = clock.now(kStart + 10 * kHour, second * kSecond);
    ASSERT_TRUE(clock.unsure());
    const std::uint64_t time = clock.take(now, timer);
    ASSERT_LT(last, time);
    ASSERT_LT(time, timer) << second;
    last = time;
  }
  // Sure again: time catches up and the timer may fire.
  EXPECT_EQ(clock.take(clock.now(kStart + 320 * kSecond, 310 * kSecond), timer), kStart + 320 * kSecond);
}

TEST(OrderClockInRealTime, UnfinishedTimerWorkGoesOnWhileTheClockIsUnsure) {
  OrderClock clock(false, kStart);
  (void)clock.take(clock.now(kStart + 10 * kSecond, 0), kNever);
  const std::uint64_t now = clock.now(kStart + 10 * kHour, 30 * kSecond);
  EXPECT_EQ(clock.take(now, kStart + 5 * kSecond), kStart + 10 * kSecond + 1);  // the timer was passed before
}

}  // namespace
}  // namespace electra::pipeline
