// The 8-lane field arithmetic against plain integers: values and limb ranges, over edge limbs and random ones.
#include <algorithm>
#include <cstring>

#include "tests/crypto-offload/avx512_cases.h"

namespace electra::crypto {
namespace {

using namespace avx512_cases;
namespace probe = avx512_probe;

constexpr int kRandomVectors = 12'500;  // 100,000 lanes
constexpr std::uint64_t kFull = (std::uint64_t{1} << 51) - 1;

using Avx512Field = Avx512Test;

struct Binary {
  const char* name;
  Limbs (*vector)(const Limbs&, const Limbs&);
  Integer (*plain)(const Integer&, const Integer&);
  std::uint64_t probe::Bounds::* takes;
  std::uint64_t probe::Bounds::* gives;
};
struct Unary {
  const char* name;
  Limbs (*vector)(const Limbs&);
  Integer (*plain)(const Integer&);
  std::uint64_t probe::Bounds::* takes;
  std::uint64_t probe::Bounds::* gives;
};

Integer same(const Integer& a) { return a; }
Integer negative(const Integer& a) { return big_field::subtract({}, a); }
Integer squared(const Integer& a) { return big_field::multiply(a, a); }
template <std::uint64_t kFactor>
Integer times(const Integer& a) {
  return big_field::multiply(reference::integer(kFactor), a);
}

// clang-format off
const Binary kBinary[] = {
    {"add",           probe::add,           big_field::add,      &probe::Bounds::factor,  &probe::Bounds::carried},
    {"subtract",      probe::subtract,      big_field::subtract, &probe::Bounds::factor,  &probe::Bounds::carried},
    {"add_wide",      probe::add_wide,      big_field::add,      &probe::Bounds::product, &probe::Bounds::wide},
    {"subtract_wide", probe::subtract_wide, big_field::subtract, &probe::Bounds::product, &probe::Bounds::wide},
    {"multiply_wide", probe::multiply_wide, big_field::multiply, &probe::Bounds::factor,  &probe::Bounds::product},
    {"multiply",      probe::multiply,      big_field::multiply, &probe::Bounds::factor,  &probe::Bounds::carried},
};

const Unary kUnary[] = {
    {"carry",            probe::carry,            same,        &probe::Bounds::wide,    &probe::Bounds::carried},
    {"negate",           probe::negate,           negative,    &probe::Bounds::factor,  &probe::Bounds::carried},
    {"square_wide",      probe::square_wide,      squared,     &probe::Bounds::factor,  &probe::Bounds::product},
    {"square",           probe::square,           squared,     &probe::Bounds::factor,  &probe::Bounds::carried},
    {"multiply_by_3",    probe::multiply_by_3,    times<3>,    &probe::Bounds::factor,  &probe::Bounds::carried},
    {"multiply_by_1023", probe::multiply_by_1023, times<1023>, &probe::Bounds::factor,  &probe::Bounds::carried},
    {"canonical",        probe::canonical,        same,        &probe::Bounds::carried, &probe::Bounds::carried},
};
// clang-format on

void expect_below(const char* name, const Limbs& limbs, std::uint64_t bound) {
  for (const auto& limb : limbs.limb) {
    for (const std::uint64_t lane : limb) ASSERT_LT(lane, bound) << name;
  }
}

TEST_F(Avx512Field, FunctionsOfTwoElementsAgreeWithPlainIntegersAndKeepTheirRanges) {
  for (const Binary& function : kBinary) {
    const probe::Bounds bounds = probe::bounds();
    const std::uint64_t takes = bounds.*function.takes;
    for (const Pair& pair : pairs(random_, takes, takes, kRandomVectors)) {
      const Limbs out = function.vector(pair.a, pair.b);
      ASSERT_NO_FATAL_FAILURE(expect_below(function.name, out, bounds.*function.gives));
      for (int i = 0; i < kLanes; ++i) {
        ASSERT_EQ(value(out, i), function.plain(value(pair.a, i), value(pair.b, i))) << function.name << ", lane " << i;
      }
    }
  }
}

TEST_F(Avx512Field, FunctionsOfOneElementAgreeWithPlainIntegersAndKeepTheirRanges) {
  for (const Unary& function : kUnary) {
    const probe::Bounds bounds = probe::bounds();
    for (const Limbs& a : singles(random_, bounds.*function.takes, kRandomVectors)) {
      const Limbs out = function.vector(a);
      ASSERT_NO_FATAL_FAILURE(expect_below(function.name, out, bounds.*function.gives));
      for (int i = 0; i < kLanes; ++i) {
        ASSERT_EQ(value(out, i), function.plain(value(a, i))) << function.name << ", lane " << i;
      }
    }
  }
}

TEST_F(Avx512Field, TheBoundsAreThoseThatTheCommentsName) {
  const probe::Bounds bounds = probe::bounds();
  EXPECT_EQ(bounds.carried, (std::uint64_t{1} << 51) + (1 << 16));
  EXPECT_EQ(bounds.factor, std::uint64_t{1} << 52);
  EXPECT_EQ(bounds.product, (std::uint64_t{1} << 61) - (1 << 15));
  EXPECT_EQ(bounds.wide, std::uint64_t{1} << 62);
}

TEST_F(Avx512Field, ProductsOfCarriedFactorsStayBelow2To59SoThatTwiceOneIsStillAProduct) {
  for (const Pair& pair : pairs(random_, probe::bounds().carried, probe::bounds().carried, kRandomVectors)) {
    const Limbs product = probe::multiply_wide(pair.a, pair.b), square = probe::square_wide(pair.a);
    ASSERT_NO_FATAL_FAILURE(expect_below("multiply_wide", product, std::uint64_t{1} << 59));
    ASSERT_NO_FATAL_FAILURE(expect_below("square_wide", square, std::uint64_t{1} << 59));
    const Limbs twice = probe::twice_wide(product);
    for (int i = 0; i < kLanes; ++i) ASSERT_EQ(value(twice, i), times<2>(value(product, i)));
  }
}

TEST_F(Avx512Field, NegateWhereAndSelectActOnEveryPatternOfLanes) {
  const std::vector<Pair> cases = pairs(random_, probe::bounds().carried, probe::bounds().carried, 1'000);
  for (std::size_t n = 0; n < cases.size(); ++n) {
    const auto mask = static_cast<probe::Mask>(n);
    const Limbs negated = probe::negate_where(mask, cases[n].a);
    const Limbs selected = probe::select(mask, cases[n].a, cases[n].b);
    ASSERT_NO_FATAL_FAILURE(expect_below("negate_where", negated, probe::bounds().factor));
    for (int i = 0; i < kLanes; ++i) {
      const bool set = (mask >> i & 1) != 0;
      const Integer a = value(cases[n].a, i);
      ASSERT_EQ(value(negated, i), set ? big_field::subtract({}, a) : a);
      ASSERT_EQ(value(selected, i), set ? value(cases[n].b, i) : a);
    }
  }
}

TEST_F(Avx512Field, InverseAndRootPowerAgreeWithPlainPowers) {
  Integer p58 = reference::sub(reference::prime(), reference::integer(5));
  for (std::size_t k = 0; k < 4; ++k) p58.limb[k] = p58.limb[k] >> 3 | (k < 3 ? p58.limb[k + 1] << 61 : 0);
  for (const Limbs& a : singles(random_, probe::bounds().factor, 50)) {
    const Limbs inverse = probe::invert(a), power = probe::power_p58(a);
    for (int i = 0; i < kLanes; ++i) {
      ASSERT_EQ(value(inverse, i), big_field::invert(value(a, i)));
      ASSERT_EQ(value(power, i), big_field::power(value(a, i), p58));
    }
  }
}

TEST_F(Avx512Field, AnElementTimesItsInverseIsOneAndTheInverseOfZeroIsZero) {
  for (const Limbs& a : singles(random_, probe::bounds().factor, kRandomVectors)) {
    const Limbs product = probe::multiply(a, probe::invert(a));
    for (int i = 0; i < kLanes; ++i) {
      const std::uint64_t expected = value(a, i) == Integer{} ? 0 : 1;
      ASSERT_EQ(value(product, i), reference::integer(expected));
    }
  }
}

TEST_F(Avx512Field, MultiplicationDistributesOverAdditionAndSubtraction) {
  for (const Pair& pair : pairs(random_, probe::bounds().factor, probe::bounds().factor, kRandomVectors)) {
    const Limbs c = probe::add(pair.b, probe::square(pair.a));
    EXPECT_EQ(probe::is_equal(probe::multiply(pair.a, probe::add(pair.b, c)),
                              probe::add(probe::multiply(pair.a, pair.b), probe::multiply(pair.a, c))),
              0xff);
    EXPECT_EQ(probe::is_equal(probe::multiply(pair.a, probe::subtract(pair.b, c)),
                              probe::subtract(probe::multiply(pair.a, pair.b), probe::multiply(pair.a, c))),
              0xff);
  }
}

TEST_F(Avx512Field, TheRootOfMinusOneIsOne) {
  const Limbs square = probe::square(probe::root_of_minus_one());
  for (int i = 0; i < kLanes; ++i) EXPECT_EQ(big_field::add(value(square, i), reference::integer(1)), Integer{});
}

TEST_F(Avx512Field, EncodesToTheCanonicalBytesOfEachLane) {
  for (const Limbs& a : singles(random_, probe::bounds().carried, kRandomVectors)) {
    const probe::Bytes bytes = probe::encode(a);
    const probe::Mask zero = probe::is_zero(a), odd = probe::is_odd(a);
    for (int i = 0; i < kLanes; ++i) {
      const Integer expected = value(a, i);
      ASSERT_EQ(reference::load(bytes.lane[i]), expected);
      ASSERT_EQ(zero >> i & 1, expected == Integer{} ? 1 : 0);
      ASSERT_EQ(odd >> i & 1, static_cast<int>(expected.limb[0] & 1));
    }
  }
}

TEST_F(Avx512Field, LoadsCanonicalAndOtherBytesAndIgnoresBit255) {
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
  for (std::size_t n = values.size() % 8 + 8 * kRandomVectors; n > 0; --n) values.push_back(big_field::random(random_));

  for (std::size_t n = 0; n + 8 <= values.size(); n += 8) {
    probe::Bytes bytes;
    for (std::size_t i = 0; i < 8; ++i) std::memcpy(bytes.lane[i], reference::store(values[n + i]).data(), 32);
    const Limbs limbs = probe::from_bytes(bytes);
    ASSERT_NO_FATAL_FAILURE(expect_below("from_words", limbs, kFull + 1));
    for (std::size_t i = 0; i < 8; ++i) {
      Integer low = values[n + i];
      low.limb[3] &= ~std::uint64_t{0} >> 1;
      const FiveLimbs expected = big_field::to_limbs(low), got = lane(limbs, static_cast<int>(i));
      ASSERT_TRUE(std::ranges::equal(got.limb, expected.limb)) << "lane " << i;
    }
  }
}

TEST_F(Avx512Field, ComparesLaneByLaneModuloP) {
  const std::vector<Limbs> cases = singles(random_, probe::bounds().carried, 1'000);
  for (std::size_t n = 0; n < cases.size(); ++n) {
    const Limbs other = probe::canonical(cases[n]);
    for (int i = 0; i < kLanes; ++i) {
      Limbs changed = other;
      changed.limb[n % 5][i] ^= std::uint64_t{1} << n % 51;
      const int all_but_one = 0xff ^ 1 << i;
      ASSERT_EQ(probe::is_equal(cases[n], other), 0xff);
      ASSERT_EQ(probe::is_equal(cases[n], changed), all_but_one);
      probe::Bytes bytes = probe::encode(cases[n]), different = bytes;
      different.lane[i][n % 32] ^= static_cast<std::uint8_t>(1 << n % 8);
      ASSERT_EQ(probe::equal_bytes(bytes, bytes), 0xff);
      ASSERT_EQ(probe::equal_bytes(bytes, different), all_but_one);
    }
  }
}

TEST_F(Avx512Field, TheRangeCheckFindsOneLimbAtItsBoundInAnyLane) {
  for (int k = 0; k < 5; ++k) {
    for (int i = 0; i < kLanes; ++i) {
      Limbs a{};
      a.limb[k][i] = probe::bounds().factor;
      (void)probe::multiply(a, Limbs{});
      const probe::RangeError error = probe::first_range_error();
      ASSERT_STREQ(error.function, "multiply: a");
      EXPECT_EQ(error.limb, k);
      EXPECT_EQ(error.lane, i);
      a.limb[k][i] = probe::bounds().factor - 1;
      (void)probe::multiply(a, Limbs{});
      EXPECT_EQ(probe::first_range_error().function, nullptr);
    }
  }
}

}  // namespace
}  // namespace electra::crypto
