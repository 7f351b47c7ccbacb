#include "engine/pipeline/sender_buckets.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace electra::pipeline {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kStart = 1000 * kSecond;  // no bucket was ever touched

// So many messages at an instant, and how many of them pass.
struct Step {
  std::uint64_t at_ns;
  int messages;
  int pass;
};
struct Case {
  const char* name;
  std::uint32_t per_second;
  std::uint32_t burst;
  std::vector<Step> steps;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class Buckets : public testing::TestWithParam<Case> {};

TEST_P(Buckets, LetThroughWhatTheRateAndTheBurstAllow) {
  SenderBuckets buckets(10, GetParam().per_second, GetParam().burst);
  for (const Step& step : GetParam().steps) {
    int passed = 0;
    for (int i = 0; i < step.messages; ++i) passed += buckets.take(3, kStart + step.at_ns) ? 1 : 0;
    EXPECT_EQ(passed, step.pass) << "at " << step.at_ns;
  }
}

constexpr std::uint64_t kDay = 86400 * kSecond;

// clang-format off
INSTANTIATE_TEST_SUITE_P(Cases, Buckets, testing::Values(
    Case{"a burst at once, and not one more", 10, 100, {{0, 150, 100}, {0, 1, 0}}},
    Case{"a token comes back in its time",    10, 100, {{0, 100, 100}, {kSecond / 10 - 1, 1, 0}, {kSecond / 10, 1, 1}, {kSecond / 10, 1, 0}}},
    Case{"the rate for ever",                 10, 1,   {{0, 5, 1}, {kSecond / 10, 5, 1}, {2 * kSecond / 10, 5, 1}, {3 * kSecond / 10, 5, 1}}},
    Case{"idle time fills no more than the burst", 10, 7, {{0, 7, 7}, {30 * kDay, 20, 7}}},
    Case{"half of it after half the time",    10, 100, {{0, 100, 100}, {5 * kSecond, 100, 50}}},
    Case{"a meter's readings after 30 days without power", 10, 10000, {{0, 30 * 96, 30 * 96}}},
    Case{"four readings an hour",             1, 1,    {{0, 1, 1}, {900 * kSecond, 1, 1}, {1800 * kSecond, 1, 1}, {2700 * kSecond, 1, 1}}},
    Case{"no limit",                          0, 1,    {{0, 100000, 100000}}}));
// clang-format on

TEST(Buckets, AreOfOneSenderEach) {
  SenderBuckets buckets(10, 1, 2);
  EXPECT_TRUE(buckets.take(1, kStart));
  EXPECT_TRUE(buckets.take(1, kStart));
  EXPECT_FALSE(buckets.take(1, kStart));
  EXPECT_TRUE(buckets.take(2, kStart));
  EXPECT_TRUE(buckets.take(10, kStart)) << "the highest slot";
}

TEST(Buckets, GetBackWhatWasNotUsed) {
  SenderBuckets buckets(10, 1, 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(buckets.take(1, kStart));
  EXPECT_FALSE(buckets.take(1, kStart));
  buckets.give_back(1);
  EXPECT_TRUE(buckets.take(1, kStart));
  EXPECT_FALSE(buckets.take(1, kStart));
  for (int i = 0; i < 50; ++i) buckets.give_back(1);  // more than was taken gives no more than the burst
  int passed = 0;
  for (int i = 0; i < 10; ++i) passed += buckets.take(1, kStart) ? 1 : 0;
  EXPECT_EQ(passed, 3);
}

TEST(Buckets, CostEightBytesASlotAndNothingWithoutALimit) {
  EXPECT_EQ(SenderBuckets(4096, 10, 100).memory_bytes(), 4097U * 8U);
  EXPECT_EQ(SenderBuckets(4096, 0, 100).memory_bytes(), 0U);
  EXPECT_FALSE(SenderBuckets(4096, 0, 100).limited());
}

}  // namespace
}  // namespace electra::pipeline
