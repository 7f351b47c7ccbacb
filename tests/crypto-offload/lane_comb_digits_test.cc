// The digits of a comb in 8 lanes, by every vector backend: they stand for the scalar that they came from, in every lane
// and every shape, and name entries of their own table whatever the scalar.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "crypto-offload/tables/comb_shape.h"
#include "tests/crypto-offload/comb_entries.h"
#include "tests/crypto-offload/lane_scalars.h"
#include "tests/crypto-offload/lane_stages.h"

namespace electra::crypto {
namespace {

using namespace lane_scalars;
using reference::group_order;
using reference::Integer;

// All tables of a shape, one after the other.
std::vector<Integer> entry_factors(const CombShape& shape) {
  std::vector<Integer> out;
  for (std::uint32_t table = 0; table < shape.tables; ++table) {
    for (std::uint32_t e = 0; e < shape.entries_per_table(); ++e) out.push_back(entry_factor(shape, table, e));
  }
  return out;
}

// Step 5 with factors in the place of points.
Integer recombine(const CombShape& shape, const std::vector<Integer>& factors, const CombDigits& digits,
                  std::size_t lane) {
  Integer sum;
  for (std::uint32_t row = shape.rows; row-- > 0;) {
    sum = reference::add_mod(sum, sum);
    for (std::uint32_t table = 0; table < shape.tables; ++table) {
      const std::uint32_t digit = row * shape.tables + table;
      const Integer& factor = factors[digits.entry[digit][lane]];
      sum = reference::add_mod(sum, (digits.negative[digit] >> lane & 1) != 0 ? reference::negate_mod(factor) : factor);
    }
  }
  return sum;
}

void expect_entries_inside_their_tables(const CombShape& shape, const CombDigits& digits) {
  for (std::uint32_t digit = 0; digit < shape.digits(); ++digit) {
    const std::uint32_t table = digit % shape.tables;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      ASSERT_EQ(digits.entry[digit][lane] / shape.entries_per_table(), table) << "digit " << digit << " lane " << lane;
    }
  }
}

struct NamedShape {
  const char* name;
  CombShape shape;
};
void PrintTo(const NamedShape& named, std::ostream* out) { *out << named.name; }

class Recoding : public testing::TestWithParam<std::tuple<const Stages*, NamedShape>> {
 protected:
  void SetUp() override {
    if (!stages().supported()) GTEST_SKIP() << "this CPU cannot run the " << stages().backend << " backend";
  }
  [[nodiscard]] static const Stages& stages() { return *std::get<0>(GetParam()); }
  [[nodiscard]] static const CombShape& shape() { return std::get<1>(GetParam()).shape; }
};

INSTANTIATE_TEST_SUITE_P(
    Shapes, Recoding,
    testing::Combine(testing::Values(&kAvx512Stages, &kAvx2Stages),
                     testing::Values(NamedShape{"KiB64", kComb64KiB}, NamedShape{"KiB32", kComb32KiB},
                                     NamedShape{"KiB16", kComb16KiB}, NamedShape{"KiB4", kComb4KiB},
                                     NamedShape{"KiB2", kComb2KiB}, NamedShape{"KiB1", kComb1KiB},
                                     NamedShape{"Base", kCombBase}, NamedShape{"Bits254", {2, 127, 1}},
                                     NamedShape{"Bits255", {5, 51, 1}}, NamedShape{"Bits320", {5, 8, 8}},
                                     NamedShape{"Rows16Full", {5, 16, 4}}, NamedShape{"Rows32Full", {5, 32, 2}},
                                     NamedShape{"Rows64Full", {5, 64, 1}}, NamedShape{"Rows16Least", {16, 16, 1}},
                                     NamedShape{"Columns64", {8, 4, 8}}, NamedShape{"Wide", {16, 8, 2}})),
    [](const auto& info) { return std::string(std::get<0>(info.param)->backend) + std::get<1>(info.param).name; });

TEST_P(Recoding, DigitsRecombineToTheScalarInEveryLane) {
  const CombShape shape = Recoding::shape();
  ASSERT_TRUE(valid(shape));
  const std::vector<Integer> factors = entry_factors(shape);
  std::mt19937_64 random(6);
  std::vector<Integer> scalars = {Integer{}, reference::integer(1), reference::integer(2), reference::integer(3),
                                  minus(group_order(), 1), minus(group_order(), 2), minus(group_order(), 3),
                                  Integer{{0, 0, 0, 1ULL << 60}}, Integer{{~0ULL, ~0ULL, ~0ULL, (1ULL << 60) - 1}},
                                  // Even, and all words carry when L is added; and two less in the lowest: none does.
                                  Integer{{1 - group_order().limb[0], ~group_order().limb[1], ~0ULL, 0}},
                                  Integer{{~group_order().limb[0], ~group_order().limb[1], ~0ULL, 5}}};
  for (unsigned bit = 0; bit < 252; ++bit) {
    const Integer power = reference::power_of_two(bit);
    scalars.push_back(power);
    scalars.push_back(minus(power, 1));
  }
  for (int i = 0; i < 500; ++i) scalars.push_back(random_scalar(random));
  for (std::size_t first = 0; first < scalars.size(); ++first) {
    LaneWords<4> in;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      set_lane(in, lane, scalars[(first + lane) % scalars.size()].limb.data());
    }
    CombDigits digits;
    std::memset(&digits, 0xa5, sizeof digits);
    stages().recode(in, shape, &digits);
    expect_entries_inside_their_tables(shape, digits);
    // One lane a vector, so that each lane sees all kinds: first and lane go through all pairs modulo 8.
    for (std::size_t lane = first < 64 ? 0 : first % kLanes; lane < (first < 64 ? kLanes : first % kLanes + 1);
         ++lane) {
      const Integer& scalar = scalars[(first + lane) % scalars.size()];
      ASSERT_EQ(recombine(shape, factors, digits, lane), scalar) << hex(scalar) << " in lane " << lane;
    }
    for (std::uint32_t digit = shape.digits(); digit < kCombDigitsMax; ++digit) {
      ASSERT_EQ(digits.negative[digit], 0xa5) << "written behind the last digit";
      ASSERT_EQ(digits.entry[digit][0], 0xa5a5) << "written behind the last digit";
    }
  }
}

TEST_P(Recoding, EntriesOfAScalarThatIsNotBelowTheOrderAreInsideTheirTables) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 2000; ++round) {
    LaneWords<4> in;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      Integer value = random_integer(random);
      if (random() % 4 == 0) value = Integer{{~0ULL - random() % 2, ~0ULL, ~0ULL, ~0ULL}};
      set_lane(in, lane, value.limb.data());
    }
    CombDigits digits;
    stages().recode(in, shape(), &digits);
    expect_entries_inside_their_tables(shape(), digits);
  }
}

class Combs : public StagesTest {};
ELECTRA_EVERY_STAGES(Combs);

// The comment in comb_shape.h, followed with points.
TEST_P(Combs, ACombOfPointsMultipliesAsTheReferenceDoes) {
  std::mt19937_64 random(8);
  const reference::Point point = reference::multiply(random_scalar(random), reference::base());
  for (const CombShape& shape : {kComb4KiB, CombShape{3, 43, 2}}) {
    const std::uint32_t t = shape.teeth, v = shape.rows;
    std::vector<reference::Point> doubled = {point};
    for (std::uint32_t i = 1; i < shape.bits(); ++i) doubled.push_back(reference::add(doubled.back(), doubled.back()));
    std::vector<reference::Point> entries;
    for (std::uint32_t j = 0; j < shape.tables; ++j) {
      for (std::uint32_t e = 0; e < shape.entries_per_table(); ++e) {
        reference::Point sum = doubled[j * t * v + (t - 1) * v];
        for (std::uint32_t i = 0; i + 1 < t; ++i) {
          const reference::Point& term = doubled[j * t * v + i * v];
          sum = reference::add(sum, (e >> i & 1) != 0 ? term : reference::negate(term));
        }
        entries.push_back(sum);
      }
    }
    LaneWords<4> in;
    std::array<Integer, kLanes> scalars = {Integer{}, reference::integer(6), minus(group_order(), 1)};
    for (std::size_t lane = 3; lane < kLanes; ++lane) scalars[lane] = random_scalar(random);
    for (std::size_t lane = 0; lane < kLanes; ++lane) set_lane(in, lane, scalars[lane].limb.data());
    CombDigits digits;
    stages().recode(in, shape, &digits);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      reference::Point q = reference::identity();
      for (std::uint32_t r = v; r-- > 0;) {
        q = reference::add(q, q);
        for (std::uint32_t j = 0; j < shape.tables; ++j) {
          const std::uint32_t digit = r * shape.tables + j;
          const reference::Point& entry = entries[digits.entry[digit][lane]];
          q = reference::add(q, (digits.negative[digit] >> lane & 1) != 0 ? reference::negate(entry) : entry);
        }
      }
      EXPECT_TRUE(reference::equal(q, reference::multiply(scalars[lane], point))) << hex(scalars[lane]);
    }
  }
}

TEST(CombShapes, OnlyThoseThatHoldAScalarAndFitTheDigitsAreValid) {
  struct Case {
    const char* what;
    CombShape shape;
    bool expected;
  };
  const std::vector<Case> cases = {
      {"one bit too few", {23, 11, 1}, false},
      {"as many bits as a scalar", {2, 127, 1}, true},
      {"253 bits", {11, 23, 1}, false},
      {"as many bits as fit", {8, 8, 5}, true},
      {"too many bits", {7, 46, 1}, false},
      {"one tooth", {1, 128, 2}, false},
      {"too many digits", {2, 129, 1}, false},
      {"as many digits as fit", {2, 128, 1}, true},
      {"too many columns", {13, 4, 5}, false},
      {"as many columns as fit", {8, 4, 8}, true},
      {"entries beyond 16 bits", {16, 4, 4}, false},
      {"entries within 16 bits", {16, 8, 2}, true},
      {"nothing", {0, 0, 0}, false},
      {"a product that wraps", {16, 0x10000000, 1}, false},
  };
  for (const Case& one : cases) EXPECT_EQ(valid(one.shape), one.expected) << one.what;
  EXPECT_DEATH(require_valid({1, 1, 1}), "valid");
}

}  // namespace
}  // namespace electra::crypto
