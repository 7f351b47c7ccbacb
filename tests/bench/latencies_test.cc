#include "bench/e2e/latencies.h"

#include <gtest/gtest.h>

#include <numeric>

namespace electra::bench {
namespace {

// 0.1, 0.2, … µs.
std::vector<std::uint32_t> first_units(std::uint32_t count) {
  std::vector<std::uint32_t> values(count);
  std::iota(values.begin(), values.end(), 1);
  return values;
}

TEST(Percentile, IsTheNearestRank) {
  struct Case {
    std::uint32_t count;
    double share;
    double expected_us;
  };
  const Case cases[] = {
      {1, 0.5, 0.1},         {1, 0.9999, 0.1},         {2, 0.5, 0.1},
      {2, 0.51, 0.2},        {100, 0.5, 5.0},          {100, 0.99, 9.9},
      {100, 0.999, 10.0},    {1000, 0.999, 99.9},      {10'000, 0.9999, 999.9},
      {10'000, 1.0, 1000.0}, {10'001, 0.9999, 1000.0}, {3, 1.0, 0.3},
  };
  for (const Case& c : cases) {
    EXPECT_DOUBLE_EQ(percentile_us(first_units(c.count), c.share), c.expected_us) << c.count << " " << c.share;
  }
}

TEST(Percentile, OfNothingIsZero) { EXPECT_EQ(percentile_us({}, 0.5), 0); }

TEST(Latencies, CountFromTheStampToTheAnswer) {
  Latencies latencies(3);
  latencies.sent(0, 1'000'000);
  latencies.sent(1, 1'000'000);
  latencies.sent(2, 1'000'000);
  EXPECT_TRUE(latencies.answered(2, 1'250'000));
  EXPECT_TRUE(latencies.answered(0, 1'100'000));
  EXPECT_TRUE(latencies.is_answered(0));
  EXPECT_FALSE(latencies.is_answered(1));
  EXPECT_EQ(latencies.sorted(), (std::vector<std::uint32_t>{1000, 2500}));
}

TEST(Latencies, TakeAnAnswerOnce) {
  Latencies latencies(1);
  latencies.sent(0, 5'000);
  EXPECT_TRUE(latencies.answered(0, 6'000));
  EXPECT_FALSE(latencies.answered(0, 9'000));
  EXPECT_EQ(latencies.sorted(), (std::vector<std::uint32_t>{10}));
}

TEST(Latencies, SurviveTheWrapOfTheirClock) {
  constexpr std::uint64_t kWrapNs = (std::uint64_t{1} << 31) * Latencies::kUnitNs;
  for (const std::uint64_t before : {kWrapNs, 5 * kWrapNs, (std::uint64_t{1} << 40) / kWrapNs * kWrapNs}) {
    Latencies latencies(1);
    latencies.sent(0, before - 300);
    EXPECT_TRUE(latencies.answered(0, before + 700));
    EXPECT_EQ(latencies.sorted(), (std::vector<std::uint32_t>{10}));
  }
}

TEST(LatencyCurve, RisesFromTheMedianToTheLastNineThatIsThere) {
  const auto curve = latency_curve(first_units(10'000));
  EXPECT_DOUBLE_EQ(curve.front().share, 0.5);
  EXPECT_DOUBLE_EQ(curve.front().us, 500.0);
  EXPECT_DOUBLE_EQ(curve.back().share, 0.9999);
  EXPECT_DOUBLE_EQ(curve.back().us, 999.9);
  for (std::size_t i = 1; i < curve.size(); ++i) {
    EXPECT_LT(curve[i - 1].share, curve[i].share);
    EXPECT_LE(curve[i - 1].us, curve[i].us);
  }
  EXPECT_DOUBLE_EQ(latency_curve(first_units(100)).back().share, 0.99);
}

}  // namespace
}  // namespace electra::bench
