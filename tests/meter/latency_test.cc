// The histogram against exact nearest-rank quantiles.
#include "engine/electrad/meter/latency.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace electra::player {
namespace {

TEST(LatencyHistogram, IsZeroWhenEmpty) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.quantile_ns(500), 0U);
}

TEST(LatencyHistogram, IsExactForASingleValue) {
  for (const std::uint64_t value : {0ULL, 1ULL, 63ULL, 64ULL, 65ULL, 1'000ULL, 123'456'789ULL, 1ULL << 62}) {
    LatencyHistogram histogram;
    histogram.add(value);
    EXPECT_EQ(histogram.quantile_ns(0), value);
    EXPECT_EQ(histogram.quantile_ns(500), value);
    EXPECT_EQ(histogram.quantile_ns(1000), value);
  }
}

TEST(LatencyHistogram, StaysWithinOneStepOfTheTruth) {
  LatencyHistogram histogram;
  std::vector<std::uint64_t> values;
  std::uint64_t state = 1;
  for (int i = 0; i < 20'000; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    values.push_back((state >> 20) % (1ULL << (8 + state % 30)));
    histogram.add(values.back());
  }
  std::ranges::sort(values);
  for (const std::uint32_t per_mille : {1U, 10U, 500U, 900U, 990U, 999U, 1000U}) {
    const std::uint64_t truth = values[(values.size() * per_mille + 999) / 1000 - 1];
    const std::uint64_t told = histogram.quantile_ns(per_mille);
    EXPECT_GE(told, truth) << per_mille;
    EXPECT_LE(told, truth + truth / 64) << per_mille;
  }
}

TEST(LatencyHistogram, MergesLikeOneStream) {
  LatencyHistogram one;
  LatencyHistogram two;
  LatencyHistogram both;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    (i % 3 == 0 ? one : two).add(i * i);
    both.add(i * i);
  }
  one.merge(two);
  EXPECT_EQ(one.count(), both.count());
  EXPECT_EQ(one.max_ns(), both.max_ns());
  for (std::uint32_t q = 0; q <= 1000; q += 50) EXPECT_EQ(one.quantile_ns(q), both.quantile_ns(q));
}

TEST(LatencyHistogram, TakesTheLargestValue) {
  LatencyHistogram histogram;
  histogram.add(UINT64_MAX);
  EXPECT_EQ(histogram.quantile_ns(999), UINT64_MAX);
}

}  // namespace
}  // namespace electra::player
