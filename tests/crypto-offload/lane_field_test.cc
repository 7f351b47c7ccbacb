// The field arithmetic of each vector backend against plain integers: values and limb ranges, over edge limbs and random
// ones.
#include <algorithm>
#include <cfenv>
#include <cstring>

#include "tests/crypto-offload/lane_cases.h"

namespace electra::crypto {
namespace {

using namespace lane_cases;
using lane_probe::Probe;
using lane_probe::Ranges;

constexpr int kRandomVectors = 12'500;  // 100,000 lanes

using LaneField = LaneTest;
ELECTRA_EVERY_LANE_BACKEND(LaneField);

struct Binary {
  const char* name;
  Limbs (*Probe::*vector)(const Limbs&, const Limbs&);
  Integer (*plain)(const Integer&, const Integer&);
  Range Ranges::* takes;
  Range Ranges::* gives;
};
struct Unary {
  const char* name;
  Limbs (*Probe::*vector)(const Limbs&);
  Integer (*plain)(const Integer&);
  Range Ranges::* takes;
  Range Ranges::* gives;
};

Integer same(const Integer& a) { return a; }
Integer negative(const Integer& a) { return big_field::subtract({}, a); }
Integer squared(const Integer& a) { return big_field::multiply(a, a); }

// clang-format off
const Binary kBinary[] = {
    {"add",           &Probe::add,           big_field::add,      &Ranges::factor,  &Ranges::carried},
    {"subtract",      &Probe::subtract,      big_field::subtract, &Ranges::factor,  &Ranges::carried},
    {"add_wide",      &Probe::add_wide,      big_field::add,      &Ranges::product, &Ranges::wide},
    {"subtract_wide", &Probe::subtract_wide, big_field::subtract, &Ranges::product, &Ranges::wide},
    {"multiply_wide", &Probe::multiply_wide, big_field::multiply, &Ranges::factor,  &Ranges::product},
    {"multiply",      &Probe::multiply,      big_field::multiply, &Ranges::factor,  &Ranges::carried},
};

const Unary kUnary[] = {
    {"carry",       &Probe::carry,       same,     &Ranges::wide,   &Ranges::carried},
    {"negate",      &Probe::negate,      negative, &Ranges::factor, &Ranges::carried},
    {"square_wide", &Probe::square_wide, squared,  &Ranges::factor, &Ranges::product},
    {"square",      &Probe::square,      squared,  &Ranges::factor, &Ranges::carried},
    {"canonical",   &Probe::canonical,   same,     &Ranges::reducible, &Ranges::canonical},
};
// clang-format on

void expect_in(const char* name, const Limbs& limbs, Range range) {
  for (const auto& limb : limbs.limb) {
    for (const std::int64_t lane : limb) {
      ASSERT_GE(lane, range.least) << name;
      ASSERT_LT(lane, range.bound) << name;
    }
  }
}

TEST_P(LaneField, FunctionsOfTwoElementsAgreeWithPlainIntegersAndKeepTheirRanges) {
  for (const Binary& function : kBinary) {
    const Ranges& ranges = probe().ranges;
    const Range takes = ranges.*function.takes;
    for (const Pair& pair : pairs(random_, takes, takes, kRandomVectors)) {
      const Limbs out = (probe().*function.vector)(pair.a, pair.b);
      ASSERT_NO_FATAL_FAILURE(expect_in(function.name, out, ranges.*function.gives));
      for (int i = 0; i < kLanes; ++i) {
        ASSERT_EQ(value(out, i), function.plain(value(pair.a, i), value(pair.b, i))) << function.name << ", lane " << i;
      }
    }
  }
}

TEST_P(LaneField, FunctionsOfOneElementAgreeWithPlainIntegersAndKeepTheirRanges) {
  for (const Unary& function : kUnary) {
    const Ranges& ranges = probe().ranges;
    for (const Limbs& a : singles(random_, ranges.*function.takes, kRandomVectors)) {
      const Limbs out = (probe().*function.vector)(a);
      ASSERT_NO_FATAL_FAILURE(expect_in(function.name, out, ranges.*function.gives));
      for (int i = 0; i < kLanes; ++i) {
        ASSERT_EQ(value(out, i), function.plain(value(a, i))) << function.name << ", lane " << i;
      }
    }
  }
}

TEST_P(LaneField, TheRangesAreThoseThatTheCommentsName) {
  const auto power = [](int exponent) { return std::int64_t{1} << exponent; };
  const Ranges& ranges = probe().ranges;
  if (std::string_view(probe().backend) == "avx512") {
    EXPECT_EQ(ranges.carried.bound, power(51) + power(16));
    EXPECT_EQ(ranges.factor.bound, power(52));
    EXPECT_EQ(ranges.product.bound, power(61) - power(15));
    EXPECT_EQ(ranges.wide.bound, power(62));
    EXPECT_EQ(ranges.carried_product.bound, power(59));
    for (const Range& range : {ranges.carried, ranges.factor, ranges.product, ranges.wide, ranges.carried_product}) {
      EXPECT_EQ(range.least, 0);
    }
  } else {
    EXPECT_EQ(ranges.carried.bound, power(50) + power(16));
    EXPECT_EQ(ranges.factor.bound, power(51));
    for (const Range& range : {ranges.carried, ranges.factor}) EXPECT_EQ(range.least, 1 - range.bound);
    // Those of a Wide, less its offset.
    EXPECT_EQ(ranges.product.bound + power(50), power(61) - power(15));
    EXPECT_EQ(ranges.wide.bound + power(50), power(62));
    EXPECT_EQ(ranges.carried_product.bound + power(50), power(60) - power(14));
    EXPECT_EQ(ranges.product.least, 0);
    EXPECT_EQ(ranges.wide.least, -power(50));
  }
}

TEST_P(LaneField, TwiceAProductOfCarriedFactorsIsStillAProduct) {
  const Ranges& ranges = probe().ranges;
  for (const Pair& pair : pairs(random_, ranges.carried, ranges.carried, kRandomVectors)) {
    const Limbs product = probe().multiply_wide(pair.a, pair.b), square = probe().square_wide(pair.a);
    ASSERT_NO_FATAL_FAILURE(expect_in("multiply_wide", product, ranges.carried_product));
    ASSERT_NO_FATAL_FAILURE(expect_in("square_wide", square, ranges.carried_product));
    const Limbs twice = probe().twice_wide(product);
    for (int i = 0; i < kLanes; ++i) {
      ASSERT_EQ(value(twice, i), big_field::multiply(reference::integer(2), value(product, i)));
    }
  }
}

// AVX2 splits products by rounding: the limbs may differ, and their value may not.
TEST_P(LaneField, TheRoundingModeOfTheThreadChangesNoValue) {
  const Range takes = probe().ranges.factor;
  for (const Pair& pair : pairs(random_, takes, takes, 1'000)) {
    const Limbs reducible = probe().carry(probe().multiply_wide(pair.a, pair.b));
    const lane_probe::Bytes expected = probe().encode(reducible);
    for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
      ASSERT_EQ(std::fesetround(mode), 0);
      const Limbs product = probe().multiply(pair.a, pair.b), square = probe().square(pair.a);
      const Limbs sum = probe().add(pair.a, pair.b), difference = probe().subtract(pair.a, pair.b);
      const lane_probe::Bytes bytes = probe().encode(reducible);
      ASSERT_EQ(std::fesetround(FE_TONEAREST), 0);
      for (int i = 0; i < kLanes; ++i) {
        const Integer a = value(pair.a, i), b = value(pair.b, i);
        ASSERT_EQ(value(product, i), big_field::multiply(a, b)) << "mode " << mode;
        ASSERT_EQ(value(square, i), big_field::multiply(a, a)) << "mode " << mode;
        ASSERT_EQ(value(sum, i), big_field::add(a, b)) << "mode " << mode;
        ASSERT_EQ(value(difference, i), big_field::subtract(a, b)) << "mode " << mode;
      }
      ASSERT_EQ(std::memcmp(&bytes, &expected, sizeof bytes), 0) << "mode " << mode;
    }
  }
}

TEST_P(LaneField, NegateWhereAndSelectActOnEveryPatternOfLanes) {
  const std::vector<Pair> cases = pairs(random_, probe().ranges.carried, probe().ranges.carried, 1'000);
  for (std::size_t n = 0; n < cases.size(); ++n) {
    const auto mask = static_cast<lane_probe::Mask>(n);
    const Limbs negated = probe().negate_where(mask, cases[n].a);
    const Limbs selected = probe().select(mask, cases[n].a, cases[n].b);
    ASSERT_NO_FATAL_FAILURE(expect_in("negate_where", negated, probe().ranges.factor));
    for (int i = 0; i < kLanes; ++i) {
      const bool set = (mask >> i & 1) != 0;
      const Integer a = value(cases[n].a, i);
      ASSERT_EQ(value(negated, i), set ? big_field::subtract({}, a) : a);
      ASSERT_EQ(value(selected, i), set ? value(cases[n].b, i) : a);
    }
  }
}

TEST_P(LaneField, InverseAndRootPowerAgreeWithPlainPowers) {
  Integer p58 = reference::sub(reference::prime(), reference::integer(5));
  for (std::size_t k = 0; k < 4; ++k) p58.limb[k] = p58.limb[k] >> 3 | (k < 3 ? p58.limb[k + 1] << 61 : 0);
  for (const Limbs& a : singles(random_, probe().ranges.factor, 50)) {
    const Limbs inverse = probe().invert(a), power = probe().power_p58(a);
    for (int i = 0; i < kLanes; ++i) {
      ASSERT_EQ(value(inverse, i), big_field::invert(value(a, i)));
      ASSERT_EQ(value(power, i), big_field::power(value(a, i), p58));
    }
  }
}

TEST_P(LaneField, AnElementTimesItsInverseIsOneAndTheInverseOfZeroIsZero) {
  for (const Limbs& a : singles(random_, probe().ranges.factor, kRandomVectors)) {
    const Limbs product = probe().multiply(a, probe().invert(a));
    for (int i = 0; i < kLanes; ++i) {
      const std::uint64_t expected = value(a, i) == Integer{} ? 0 : 1;
      ASSERT_EQ(value(product, i), reference::integer(expected));
    }
  }
}

TEST_P(LaneField, MultiplicationDistributesOverAdditionAndSubtraction) {
  for (const Pair& pair : pairs(random_, probe().ranges.factor, probe().ranges.factor, kRandomVectors)) {
    const Limbs c = probe().add(pair.b, probe().square(pair.a));
    EXPECT_EQ(probe().is_equal(probe().multiply(pair.a, probe().add(pair.b, c)),
                               probe().add(probe().multiply(pair.a, pair.b), probe().multiply(pair.a, c))),
              0xff);
    EXPECT_EQ(probe().is_equal(probe().multiply(pair.a, probe().subtract(pair.b, c)),
                               probe().subtract(probe().multiply(pair.a, pair.b), probe().multiply(pair.a, c))),
              0xff);
  }
}

TEST_P(LaneField, TheRootOfMinusOneIsOne) {
  const Limbs square = probe().square(probe().root_of_minus_one());
  for (int i = 0; i < kLanes; ++i) EXPECT_EQ(big_field::add(value(square, i), reference::integer(1)), Integer{});
}

TEST_P(LaneField, EncodesToTheCanonicalBytesOfEachLane) {
  for (const Limbs& a : singles(random_, probe().ranges.reducible, kRandomVectors)) {
    const lane_probe::Bytes bytes = probe().encode(a);
    const lane_probe::Mask zero = probe().is_zero(a), odd = probe().is_odd(a);
    for (int i = 0; i < kLanes; ++i) {
      const Integer expected = value(a, i);
      ASSERT_EQ(reference::load(bytes.lane[i]), expected);
      ASSERT_EQ(zero >> i & 1, expected == Integer{} ? 1 : 0);
      ASSERT_EQ(odd >> i & 1, static_cast<int>(expected.limb[0] & 1));
    }
  }
}

TEST_P(LaneField, LoadsCanonicalAndOtherBytesAndIgnoresBit255) {
  std::vector<Integer> values = {Integer{}, reference::integer(1), Integer{{~0UL, ~0UL, ~0UL, ~0UL}}};
  for (int k = -2; k <= 19; ++k) {  // p − 2 to 2^255
    const Integer distance = reference::integer(static_cast<std::uint64_t>(k + 2));
    values.push_back(reference::add(reference::sub(reference::prime(), reference::integer(2)), distance));
  }
  for (std::size_t bit = 0; bit < 256; ++bit) {
    Integer single{};
    single.limb[bit / 64] = std::uint64_t{1} << bit % 64;
    values.push_back(single);
  }
  for (std::size_t n = missing_lanes(values.size()) + 8 * kRandomVectors; n > 0; --n) {
    values.push_back(big_field::random(random_));
  }

  for (std::size_t n = 0; n + 8 <= values.size(); n += 8) {
    lane_probe::Bytes bytes;
    for (std::size_t i = 0; i < 8; ++i) std::memcpy(bytes.lane[i], reference::store(values[n + i]).data(), 32);
    const Limbs limbs = probe().from_bytes(bytes);
    ASSERT_NO_FATAL_FAILURE(expect_in("from_words", limbs, probe().ranges.canonical));
    for (std::size_t i = 0; i < 8; ++i) {
      Integer low = values[n + i];
      low.limb[3] &= ~std::uint64_t{0} >> 1;
      const FiveLimbs expected = big_field::to_limbs(low), got = lane(limbs, static_cast<int>(i));
      ASSERT_TRUE(std::ranges::equal(got.limb, expected.limb)) << "lane " << i;
    }
  }
}

TEST_P(LaneField, ComparesLaneByLaneModuloP) {
  const std::vector<Limbs> cases = singles(random_, probe().ranges.reducible, 1'000);
  for (std::size_t n = 0; n < cases.size(); ++n) {
    const Limbs other = probe().canonical(cases[n]);
    for (int i = 0; i < kLanes; ++i) {
      Limbs changed = other;
      changed.limb[n % 5][i] ^= std::int64_t{1} << n % 51;
      const int all_but_one = 0xff ^ 1 << i;
      ASSERT_EQ(probe().is_equal(cases[n], other), 0xff);
      ASSERT_EQ(probe().is_equal(cases[n], changed), all_but_one);
      lane_probe::Bytes bytes = probe().encode(cases[n]), different = bytes;
      different.lane[i][n % 32] ^= static_cast<std::uint8_t>(1 << n % 8);
      ASSERT_EQ(probe().equal_bytes(bytes, bytes), 0xff);
      ASSERT_EQ(probe().equal_bytes(bytes, different), all_but_one);
    }
  }
}

TEST_P(LaneField, TheRangeCheckFindsOneLimbAtItsBoundInAnyLane) {
  for (int k = 0; k < 5; ++k) {
    for (int i = 0; i < kLanes; ++i) {
      Limbs a{};
      a.limb[k][i] = probe().ranges.factor.bound;
      (void)probe().multiply(a, Limbs{});
      const lane_probe::RangeError error = probe().first_range_error();
      ASSERT_STREQ(error.function, "multiply: a");
      EXPECT_EQ(error.limb, k);
      EXPECT_EQ(error.lane, i);
      a.limb[k][i] = probe().ranges.factor.bound - 1;
      (void)probe().multiply(a, Limbs{});
      EXPECT_EQ(probe().first_range_error().function, nullptr);
    }
  }
}

}  // namespace
}  // namespace electra::crypto
