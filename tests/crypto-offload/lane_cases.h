// Lanes of edge and random operands for the tests of the vector arithmetic of crypto-offload, and the fixture that runs them
// over every backend and watches the ranges.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "tests/crypto-offload/big_field.h"
#include "tests/crypto-offload/lane_probe.h"

namespace electra::crypto {

namespace lane_probe {
inline void PrintTo(const Probe* probe, std::ostream* out) { *out << probe->backend; }
}  // namespace lane_probe

// Skips without the instructions. Fails a test in which any function, inner ones included, met a limb out of its range.
class LaneTest : public ::testing::TestWithParam<const lane_probe::Probe*> {
 protected:
  void SetUp() override {
    if (!probe().supported()) GTEST_SKIP() << "this CPU cannot run the " << probe().backend << " arithmetic";
    (void)probe().first_range_error();
  }
  void TearDown() override {
    if (!probe().supported()) return;
    const lane_probe::RangeError error = probe().first_range_error();
    EXPECT_EQ(error.function, nullptr) << error.function << ": limb " << error.limb << " of lane " << error.lane
                                       << " is " << error.value << ", not from " << error.range.least << " to below "
                                       << error.range.bound;
  }

  [[nodiscard]] static const lane_probe::Probe& probe() { return *GetParam(); }

  std::mt19937_64 random_{20};
};

// Says that a suite derived from LaneTest runs over every backend.
#define ELECTRA_EVERY_LANE_BACKEND(suite)                                                                          \
  INSTANTIATE_TEST_SUITE_P(Backends, suite, ::testing::Values(&lane_probe::kAvx512Probe, &lane_probe::kAvx2Probe), \
                           [](const auto& instance) { return std::string(instance.param->backend); })

namespace lane_cases {

using big_field::FiveLimbs;
using lane_probe::Limbs;
using lane_probe::Range;
using reference::Integer;

inline constexpr int kLanes = 8;

inline FiveLimbs lane(const Limbs& limbs, int i) {
  FiveLimbs out{};
  for (int k = 0; k < 5; ++k) out.limb[k] = limbs.limb[k][i];
  return out;
}
inline Integer value(const Limbs& limbs, int i) { return big_field::from_limbs(lane(limbs, i).limb); }

inline void set_lane(Limbs& limbs, int i, const FiveLimbs& from) {
  for (int k = 0; k < 5; ++k) limbs.limb[k][i] = from.limb[k];
}

// Operands with limbs in the range, from every shape of edge: the values of the field's own edges, every limb and all
// limbs at each size where a carry starts or ends, and at the last values that the range allows; where limbs may be
// negative, each with the other sign besides, and with signs in turn.
inline std::vector<FiveLimbs> edges(Range range) {
  constexpr std::int64_t kFull = (std::int64_t{1} << 51) - 1, kHalf = std::int64_t{1} << 50;
  std::vector<FiveLimbs> out;
  const auto all = [](std::int64_t first, std::int64_t others) {
    return FiveLimbs{{first, others, others, others, others}};
  };
  for (std::int64_t small = 0; small < 20; small += small < 2 ? 1 : 17) out.push_back(all(small, 0));
  // p − 1, p, p + 1, 2^255 − 1; and where the range allows it 2p − 1, 2p, 2p + 1.
  for (const std::int64_t below : {19, 18, 17, 0}) out.push_back(all(kFull - below, kFull));
  for (const std::int64_t below : {37, 36, 35}) out.push_back(all(2 * kFull - below, 2 * kFull));
  for (const std::int64_t limb : {kHalf - 1, kHalf, kFull - 1, kFull, kFull + 1, kFull + (1 << 16), 2 * kFull,
                                  2 * kFull + 1, range.bound / 2, range.bound - 2, range.bound - 1, range.least}) {
    out.push_back(all(limb, limb));
    if (range.least < 0) out.push_back({{limb, -limb, limb, -limb, limb}});
    for (std::size_t k = 0; k < 5; ++k) {
      FiveLimbs one{}, without = all(limb, limb);
      one.limb[k] = limb;
      without.limb[k] = 0;
      out.push_back(one);
      out.push_back(without);
    }
  }
  if (range.least < 0) {
    for (std::size_t n = out.size(); n-- > 0;) {
      FiveLimbs negated = out[n];
      for (std::int64_t& limb : negated.limb) limb = -limb;
      out.push_back(negated);
    }
  }
  std::erase_if(out, [range](const FiveLimbs& limbs) {
    for (const std::int64_t limb : limbs.limb) {
      if (limb < range.least || limb >= range.bound) return true;
    }
    return false;
  });
  return out;
}

// Uniform limbs in the range.
inline FiveLimbs random_limbs(std::mt19937_64& generator, Range range) {
  FiveLimbs out{};
  std::uniform_int_distribution<std::int64_t> limbs(range.least, range.bound - 1);
  for (std::int64_t& limb : out.limb) limb = limbs(generator);
  return out;
}

// How many lanes more fill the last vector.
inline std::size_t missing_lanes(std::size_t lanes) { return (kLanes - lanes % kLanes) % kLanes; }

struct Pair {
  Limbs a, b;
};

// Every edge with every edge, lanes in a row, so that each lane is different; then `rounds` vectors of random limbs.
inline std::vector<Pair> pairs(std::mt19937_64& generator, Range range_a, Range range_b, int rounds) {
  std::vector<std::pair<FiveLimbs, FiveLimbs>> lanes;
  for (const FiveLimbs& a : edges(range_a)) {
    for (const FiveLimbs& b : edges(range_b)) lanes.emplace_back(a, b);
  }
  for (std::size_t random = missing_lanes(lanes.size()) + 8 * static_cast<std::size_t>(rounds); random > 0; --random) {
    lanes.emplace_back(random_limbs(generator, range_a), random_limbs(generator, range_b));
  }
  std::vector<Pair> out(lanes.size() / 8);
  for (std::size_t n = 0; n < out.size(); ++n) {
    for (int i = 0; i < kLanes; ++i) {
      set_lane(out[n].a, i, lanes[8 * n + static_cast<std::size_t>(i)].first);
      set_lane(out[n].b, i, lanes[8 * n + static_cast<std::size_t>(i)].second);
    }
  }
  return out;
}

// Every edge in every lane, beside others in no order; then `rounds` vectors of random limbs.
inline std::vector<Limbs> singles(std::mt19937_64& generator, Range range, int rounds) {
  std::vector<FiveLimbs> lanes = edges(range);
  std::shuffle(lanes.begin(), lanes.end(), generator);
  std::vector<Limbs> out(lanes.size() + static_cast<std::size_t>(rounds));
  for (std::size_t n = 0; n < out.size(); ++n) {
    for (int i = 0; i < kLanes; ++i) {
      const std::size_t from = (n + static_cast<std::size_t>(i)) % lanes.size();
      set_lane(out[n], i, n < lanes.size() ? lanes[from] : random_limbs(generator, range));
    }
  }
  return out;
}

}  // namespace lane_cases
}  // namespace electra::crypto
