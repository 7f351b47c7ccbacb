#include "bench/e2e/picks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace electra::bench {
namespace {

std::vector<std::uint64_t> counts_of(const Picker& picker, std::uint32_t count, std::uint64_t picks) {
  std::vector<std::uint64_t> counts(count);
  for (std::uint64_t i = 0; i < picks; ++i) ++counts.at(picker.pick(mix64(i)));
  return counts;
}

TEST(Picker, ReachesEveryThingUniformly) {
  constexpr std::uint32_t kCount = 100;
  const auto counts = counts_of(Picker(Skew::uniform, kCount), kCount, 1'000'000);
  for (const std::uint64_t count : counts) {
    EXPECT_GT(count, 9'500U);
    EXPECT_LT(count, 10'500U);
  }
}

// The k-th most popular of 1000 has 1 / (k · 7.4855) of all picks.
TEST(Picker, FollowsZipfsLaw) {
  constexpr std::uint32_t kCount = 1000;
  constexpr double kHarmonic = 7.485470860550345;
  constexpr std::uint64_t kPicks = 2'000'000;
  auto counts = counts_of(Picker(Skew::zipf, kCount), kCount, kPicks);
  EXPECT_GT(*std::ranges::min_element(counts), 0U) << "ranks are scattered over all numbers";
  std::ranges::sort(counts, std::greater<>());
  for (const std::size_t rank : {1U, 2U, 3U, 10U, 30U, 100U}) {
    const double expected = static_cast<double>(kPicks) / (static_cast<double>(rank) * kHarmonic);
    EXPECT_NEAR(static_cast<double>(counts[rank - 1]), expected, expected * 0.05) << rank;
  }
}

TEST(Picker, ScattersThePopularOnes) {
  constexpr std::uint32_t kCount = 1000;
  const auto counts = counts_of(Picker(Skew::zipf, kCount), kCount, 200'000);
  std::vector<std::uint32_t> order(kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) order[i] = i;
  std::ranges::sort(order, [&](auto a, auto b) { return counts[a] > counts[b]; });
  for (std::size_t i = 1; i < 5; ++i) {
    EXPECT_GT(std::abs(static_cast<int>(order[i]) - static_cast<int>(order[i - 1])), 10) << i;
  }
}

TEST(Picker, KnowsOneThing) {
  for (const Skew skew : {Skew::uniform, Skew::zipf}) {
    const Picker picker(skew, 1);
    for (std::uint64_t i = 0; i < 100; ++i) EXPECT_EQ(picker.pick(mix64(i)), 0U);
  }
}

// Another machine, another compiler: the same messages.
TEST(Picker, ChoosesTheSameEverywhere) {
  EXPECT_EQ(mix64(0), 0xe220a8397b1dcdafU);  // SplitMix64's first output for the seed 0
  const Picker uniform(Skew::uniform, 10'000);
  const Picker zipf(Skew::zipf, 10'000);
  std::vector<std::uint32_t> picked;
  for (std::uint64_t i = 0; i < 4; ++i) {
    picked.push_back(uniform.pick(mix64(i)));
    picked.push_back(zipf.pick(mix64(i)));
  }
  EXPECT_EQ(picked, (std::vector<std::uint32_t>{8833, 3571, 5665, 3883, 5911, 4942, 1134, 6181}));
}

}  // namespace
}  // namespace electra::bench
