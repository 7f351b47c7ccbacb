#include "bench/e2e/open_loop.h"

#include <gtest/gtest.h>

namespace electra::bench {
namespace {

TEST(OpenLoop, IntendsInstantsThatFollowFromTheRateAlone) {
  struct Case {
    double rate;
    std::uint32_t batch;
    std::uint64_t burst;
    std::uint64_t expected_ns;
  };
  const Case cases[] = {
      {1000, 1, 0, 0},
      {1000, 1, 1, 1'000'000},
      {1000, 1, 999, 999'000'000},
      {1000, 10, 1, 10'000'000},
      {1'000'000, 8, 3, 24'000},
      {3, 1, 1, 333'333'333},
      {3, 1, 3, 1'000'000'000},                          // what was rounded off does not add up
      {3, 1, 3'000'000'000, 1'000'000'000'000'000'000},  // nor in thirty years
      {0.5, 1, 1, 2'000'000'000},
      {240'123.456, 16, 240'123'456, 16'000'000'000'000},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(OpenLoop(c.rate, c.batch, 4).intended_ns(c.burst), c.expected_ns) << c.rate << " " << c.burst;
  }
}

TEST(OpenLoop, GivesBurstsToTheConnectionsInTurn) {
  const OpenLoop schedule(1000, 4, 3);
  for (std::uint64_t burst = 0; burst < 12; ++burst) EXPECT_EQ(schedule.connection(burst), burst % 3);
}

}  // namespace
}  // namespace electra::bench
