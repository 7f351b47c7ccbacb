// Lanes of edge and random operands for the tests of crypto-offload/avx512, and the fixture that watches the ranges.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <vector>

#include "crypto-offload/avx512/supported.h"
#include "tests/crypto-offload/avx512_probe.h"
#include "tests/crypto-offload/big_field.h"

namespace electra::crypto {

// Skips without the instructions. Fails a test in which any function, inner ones included, met a limb out of its range.
class Avx512Test : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!avx512::supported()) GTEST_SKIP() << "this CPU has no AVX-512 IFMA: the 8-lane arithmetic is not tested";
    (void)avx512_probe::first_range_error();
  }
  void TearDown() override {
    if (!avx512::supported()) return;
    const avx512_probe::RangeError error = avx512_probe::first_range_error();
    EXPECT_EQ(error.function, nullptr) << error.function << ": limb " << error.limb << " of lane " << error.lane
                                       << " is " << error.value << ", not below " << error.bound;
  }

  std::mt19937_64 random_{20};
};

namespace avx512_cases {

using avx512_probe::Limbs;
using big_field::FiveLimbs;
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

// Operands with limbs below the bound, from every shape of edge: the values of the field's own edges, every limb and all
// limbs at each size where a carry starts or ends, and at the last value that the bound allows.
inline std::vector<FiveLimbs> edges(std::uint64_t bound) {
  constexpr std::uint64_t kFull = (std::uint64_t{1} << 51) - 1;
  std::vector<FiveLimbs> out;
  const auto all = [](std::uint64_t first, std::uint64_t others) {
    return FiveLimbs{{first, others, others, others, others}};
  };
  for (std::uint64_t small = 0; small < 20; small += small < 2 ? 1 : 17) out.push_back(all(small, 0));
  // p − 1, p, p + 1, 2^255 − 1; and where the bound allows it 2p − 1, 2p, 2p + 1.
  for (const std::uint64_t below : {19U, 18U, 17U, 0U}) out.push_back(all(kFull - below, kFull));
  for (const std::uint64_t below : {37U, 36U, 35U}) out.push_back(all(2 * kFull - below, 2 * kFull));
  for (const std::uint64_t limb :
       {kFull - 1, kFull, kFull + 1, kFull + (1 << 16), 2 * kFull, 2 * kFull + 1, bound / 2, bound - 2, bound - 1}) {
    out.push_back(all(limb, limb));
    for (int k = 0; k < 5; ++k) {
      FiveLimbs one{}, without = all(limb, limb);
      one.limb[k] = limb;
      without.limb[k] = 0;
      out.push_back(one);
      out.push_back(without);
    }
  }
  std::erase_if(out, [bound](const FiveLimbs& limbs) {
    for (const std::uint64_t limb : limbs.limb) {
      if (limb >= bound) return true;
    }
    return false;
  });
  return out;
}

// Uniform limbs below the bound.
inline FiveLimbs random_limbs(std::mt19937_64& generator, std::uint64_t bound) {
  FiveLimbs out{};
  for (std::uint64_t& limb : out.limb) limb = generator() % bound;
  return out;
}

struct Pair {
  Limbs a, b;
};

// Every edge with every edge, lanes in a row, so that each lane is different; then `rounds` vectors of random limbs.
inline std::vector<Pair> pairs(std::mt19937_64& generator, std::uint64_t bound_a, std::uint64_t bound_b, int rounds) {
  std::vector<std::pair<FiveLimbs, FiveLimbs>> lanes;
  for (const FiveLimbs& a : edges(bound_a)) {
    for (const FiveLimbs& b : edges(bound_b)) lanes.emplace_back(a, b);
  }
  for (std::size_t random = lanes.size() % 8 + 8 * static_cast<std::size_t>(rounds); random > 0; --random) {
    lanes.emplace_back(random_limbs(generator, bound_a), random_limbs(generator, bound_b));
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

// The same for one operand.
inline std::vector<Limbs> singles(std::mt19937_64& generator, std::uint64_t bound, int rounds) {
  std::vector<Limbs> out;
  for (const Pair& pair : pairs(generator, bound, 1, rounds)) out.push_back(pair.a);
  return out;
}

}  // namespace avx512_cases
}  // namespace electra::crypto
