// Scalars in 8 lanes, by every vector backend: the reduction is libsodium's, and S < L is exact at its edge in every
// lane. With what signing does to scalars.
#include <gtest/gtest.h>
#include <sodium/crypto_core_ed25519.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <vector>

#include "meter-proto/base/bytes.h"
#include "tests/crypto-offload/lane_scalars.h"
#include "tests/crypto-offload/lane_stages.h"

namespace electra::crypto {
namespace {

using namespace lane_scalars;
using reference::group_order;
using reference::Integer;

// Little endian, as the words of a lane.
using Value512 = std::array<std::uint64_t, 8>;

// a · b + c, which must fit.
Value512 product(const Integer& a, const Integer& b, const Integer& c) {
  Value512 out{};
  std::copy(c.limb.begin(), c.limb.end(), out.begin());
  for (std::size_t i = 0; i < 4; ++i) {
    unsigned __int128 carry = 0;
    for (std::size_t j = 0; i + j < 8; ++j) {
      carry += out[i + j];
      if (j < 4) carry += static_cast<unsigned __int128>(a.limb[i]) * b.limb[j];
      out[i + j] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
  }
  return out;
}

// value − less, which must not be negative.
Value512 subtract(Value512 value, const Integer& less) {
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    const std::uint64_t subtracted = i < 4 ? less.limb[i] : 0, before = value[i];
    value[i] = before - subtracted - borrow;
    borrow = before < subtracted || (before == subtracted && borrow == 1) ? 1 : 0;
  }
  return value;
}

Integer sodium_reduce(const Value512& value) {
  Bytes64 wide;
  std::memcpy(wide.data(), value.data(), wide.size());
  Bytes32 out;
  crypto_core_ed25519_scalar_reduce(out.data(), wide.data());
  return reference::load(out);
}

class Scalars : public StagesTest {
 protected:
  // Every value in every lane, beside other values.
  static void expect_reduced(const std::vector<Value512>& values) {
    for (std::size_t first = 0; first < values.size(); ++first) {
      LaneWords<8> in;
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        set_lane(in, lane, values[(first + lane) % values.size()].data());
      }
      LaneWords<4> out;
      stages().reduce(in, &out);
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const std::size_t at = (first + lane) % values.size();
        ASSERT_EQ(lane_of(out, lane), sodium_reduce(values[at])) << "value " << at << " in lane " << lane;
      }
    }
  }
};

ELECTRA_EVERY_STAGES(Scalars);

// What only signing needs, and only AVX-512 has.
class SigningScalars : public testing::Test {
 protected:
  void SetUp() override {
    if (!avx512::supported()) GTEST_SKIP() << "this CPU has no AVX-512 IFMA: the scalars of signing did not run";
  }
};

TEST_P(Scalars, ReductionOfRandomHashesIsLibsodiums) {
  std::mt19937_64 random(1);
  std::vector<Value512> values(20000);
  for (Value512& value : values) {
    for (std::uint64_t& word : value) word = random();
  }
  expect_reduced(values);
}

TEST_P(Scalars, ReductionIsLibsodiumsAboutMultiplesOfTheOrder) {
  std::mt19937_64 random(2);
  const Integer zero{};
  std::vector<Integer> factors = {zero,
                                  reference::integer(1),
                                  reference::integer(2),
                                  reference::integer(15),
                                  Integer{{~0ULL, ~0ULL, ~0ULL, ~0ULL}},
                                  group_order(),
                                  minus(group_order(), 1)};
  for (unsigned bit = 0; bit < 256; ++bit) {
    const Integer power = reference::power_of_two(bit);
    factors.push_back(power);
    factors.push_back(minus(power, 1));
  }
  for (int i = 0; i < 200; ++i) factors.push_back(random_integer(random));
  std::vector<Value512> values;
  for (const Integer& factor : factors) {
    for (const Integer& rest : {zero, reference::integer(1), minus(group_order(), 1)}) {
      values.push_back(product(factor, group_order(), rest));
    }
  }
  // The greatest multiple of L up to any value, and its neighbours. Of 2^512 − 1: the greatest of all.
  for (int i = 0; i < 200; ++i) {
    Value512 value;
    for (std::uint64_t& word : value) word = i == 0 ? ~0ULL : random() | 1ULL << 63;
    const Integer rest = sodium_reduce(value);
    ASSERT_NE(rest, Integer{});
    for (const Integer& less : {rest, plus(rest, 1), minus(rest, 1)}) values.push_back(subtract(value, less));
    ASSERT_EQ(sodium_reduce(subtract(value, rest)), zero);
  }
  expect_reduced(values);
}

TEST_P(Scalars, ReductionIsLibsodiumsWhereLimbsAreFullOrEmpty) {
  std::mt19937_64 random(3);
  std::vector<Value512> values;
  Value512 ones;
  ones.fill(~0ULL);
  values.push_back(ones);
  values.push_back({});
  for (std::size_t bit = 0; bit < 512; ++bit) {
    Value512 power{}, below{};
    power[bit / 64] = std::uint64_t{1} << bit % 64;
    for (std::size_t i = 0; i < bit; ++i) below[i / 64] |= std::uint64_t{1} << i % 64;
    values.push_back(power);
    values.push_back(below);
  }
  for (unsigned pattern = 0; pattern < 1024; ++pattern) {  // of the 10 limbs of 52 bits
    Value512 value{};
    for (std::size_t i = 0; i < 512; ++i) value[i / 64] |= std::uint64_t{pattern >> i / 52 & 1} << i % 64;
    values.push_back(value);
  }
  expect_reduced(values);
}

TEST_P(Scalars, BelowOrderIsExactInEveryLane) {
  const Integer& order = group_order();
  Integer small_low = order;  // less in the upper words, more in the lower ones, and the other way round
  small_low.limb = {~0ULL, ~0ULL, ~0ULL, order.limb[3] - 1};
  struct Case {
    Integer value;
    bool below;
  };
  std::vector<Case> cases = {
      {Integer{}, true},
      {reference::integer(1), true},
      {minus(order, 1), true},
      {order, false},
      {plus(order, 1), false},
      {reference::add(order, order), false},
      {small_low, true},
      {Integer{{0, 0, 0, order.limb[3]}}, true},
      {Integer{{0, 0, 1, order.limb[3]}}, false},
      {Integer{{~0ULL, order.limb[1] - 1, 0, order.limb[3]}}, true},
      {Integer{{0, order.limb[1] + 1, 0, order.limb[3]}}, false},
      {Integer{{0, 0, 0, order.limb[3] + 1}}, false},
      {Integer{{0, 0, 0, 1ULL << 63}}, false},
      {Integer{{~0ULL, ~0ULL, ~0ULL, ~0ULL}}, false},
  };
  for (Integer multiple = order; multiple.limb[3] < 15ULL << 60; multiple = reference::add(multiple, order)) {
    cases.push_back({multiple, false});
  }
  std::mt19937_64 random(4);
  for (int i = 0; i < 1000; ++i) {
    Integer value = random_integer(random);
    value.limb[3] >>= random() % 5;
    cases.push_back({value, reference::less(value, order)});
  }
  for (const Case& one : cases) {
    ASSERT_EQ(reference::less(one.value, order), one.below) << "the case itself: " << hex(one.value);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      LaneWords<4> in;
      for (std::size_t other = 0; other < kLanes; ++other) {
        set_lane(in, other,
                 (other == lane || !one.below ? (other == lane ? one.value : Integer{}) : order).limb.data());
      }
      const unsigned alone = one.below ? 1U << lane : 0xffU ^ 1U << lane;
      ASSERT_EQ(stages().below_order(in), alone) << hex(one.value) << " in lane " << lane;
    }
  }
}

// Every triple in every lane, beside other triples.
struct Triple {
  Integer a, b, c;
};
template <typename Expected>
void expect_multiplied_and_added(const std::vector<Triple>& triples, Expected expected) {
  for (std::size_t first = 0; first < triples.size(); ++first) {
    LaneWords<4> a, b, c, out;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const Triple& triple = triples[(first + lane) % triples.size()];
      set_lane(a, lane, triple.a.limb.data());
      set_lane(b, lane, triple.b.limb.data());
      set_lane(c, lane, triple.c.limb.data());
    }
    avx512::multiply_add(a, b, c, &out);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const Triple& triple = triples[(first + lane) % triples.size()];
      ASSERT_EQ(lane_of(out, lane), expected(triple))
          << hex(triple.a) << " * " << hex(triple.b) << " + " << hex(triple.c) << " in lane " << lane;
    }
  }
}

Integer sodium_multiply_add(const Triple& triple) {
  const Bytes32 a = reference::store(triple.a), b = reference::store(triple.b), c = reference::store(triple.c);
  Bytes32 product, sum;
  crypto_core_ed25519_scalar_mul(product.data(), a.data(), b.data());
  crypto_core_ed25519_scalar_add(sum.data(), product.data(), c.data());
  return reference::load(sum);
}

TEST_F(SigningScalars, MultiplyAddOfRandomScalarsIsLibsodiums) {
  std::mt19937_64 random(7);
  std::vector<Triple> triples(5000);
  for (Triple& triple : triples) {
    triple = {random_scalar(random), random_integer(random), random_scalar(random)};
    triple.b.limb[0] &= ~7ULL;  // as the clamped scalar of a key
    triple.b.limb[3] = (triple.b.limb[3] & ~(1ULL << 63)) | 1ULL << 62;
  }
  expect_multiplied_and_added(triples, sodium_multiply_add);
}

TEST_F(SigningScalars, MultiplyAddIsExactAtItsEdges) {
  const Integer ones{{~0ULL, ~0ULL, ~0ULL, ~0ULL}};
  std::vector<Integer> edges = {Integer{},
                                reference::integer(1),
                                reference::integer(2),
                                minus(group_order(), 1),
                                group_order(),
                                plus(group_order(), 1),
                                reference::add(group_order(), group_order()),
                                Integer{{0, 0, 0, 1ULL << 60}},
                                Integer{{0, 0, 0, 1ULL << 62}},                  // the least clamped scalar
                                Integer{{~7ULL, ~0ULL, ~0ULL, ~0ULL >> 1}},      // the greatest
                                Integer{{(1ULL << 52) - 1, 0, 0, 0}},            // one limb full
                                Integer{{~0ULL << 52, (1ULL << 40) - 1, 0, 0}},  // the next one
                                ones};
  std::vector<Triple> triples;
  for (const Integer& a : edges) {
    for (const Integer& b : edges) {
      for (const Integer& c : edges) triples.push_back({a, b, c});
    }
  }
  expect_multiplied_and_added(triples, [](const Triple& t) { return reference::multiply_add(t.a, t.b, t.c); });
}

TEST_F(SigningScalars, MultiplyAddTakesItsOwnOutput) {
  std::mt19937_64 random(8);
  const Integer a = random_scalar(random), b = random_scalar(random), c = random_scalar(random);
  LaneWords<4> x, y, z;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    set_lane(x, lane, a.limb.data());
    set_lane(y, lane, b.limb.data());
    set_lane(z, lane, c.limb.data());
  }
  avx512::multiply_add(x, y, z, &y);
  for (std::size_t lane = 0; lane < kLanes; ++lane) EXPECT_EQ(lane_of(y, lane), sodium_multiply_add({a, b, c}));
}

TEST_F(SigningScalars, SignBitsStandForTheScalar) {
  std::mt19937_64 random(9);
  std::vector<Integer> scalars = {Integer{},
                                  reference::integer(1),
                                  reference::integer(2),
                                  minus(group_order(), 1),
                                  minus(group_order(), 2),
                                  Integer{{0, 0, 0, 1ULL << 60}}};
  for (int i = 0; i < 1000; ++i) scalars.push_back(random_scalar(random));
  const Integer least = reference::add_mod(
      reference::integer(1), reference::negate_mod(reference::power_of_two_mod(256)));  // all signs −: 1 − 2^256
  for (std::size_t first = 0; first < scalars.size(); ++first) {
    LaneWords<4> in, out;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      set_lane(in, lane, scalars[(first + lane) % scalars.size()].limb.data());
    }
    avx512::sign_bits(in, &out);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const Integer& scalar = scalars[(first + lane) % scalars.size()];
      ASSERT_EQ(reference::multiply_add(lane_of(out, lane), reference::integer(2), least), scalar)
          << hex(scalar) << " in lane " << lane;
    }
  }
}

TEST_P(Scalars, LoadsAsManyLanesAsThereAre) {
  std::mt19937_64 random(5);
  std::array<std::array<std::uint8_t, 33>, kLanes> bytes;
  const std::uint8_t* pointers[kLanes];
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    for (std::uint8_t& byte : bytes[lane]) byte = static_cast<std::uint8_t>(random());
    pointers[lane] = bytes[lane].data() + 1;
  }
  for (std::size_t count = 1; count <= kLanes; ++count) {
    std::vector<const std::uint8_t*> given(pointers, pointers + count);
    LaneWords<4> out;
    std::memset(&out, 0xa5, sizeof out);
    load_scalars(given.data(), count, &out);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      EXPECT_EQ(lane_of(out, lane), lane < count ? reference::load({pointers[lane], 32}) : Integer{});
    }
  }
}

}  // namespace
}  // namespace electra::crypto
