// Scalars in 8 lanes, by every vector backend: the reduction is libsodium's, S < L is exact at its edge in every lane, and the digits of a comb
// stand for the scalar that they came from.
#include <gtest/gtest.h>
#include <sodium/crypto_core_ed25519.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "crypto-offload/lanes/lane_words.h"
#include "crypto-offload/tables/comb_shape.h"
#include "meter-proto/base/bytes.h"
#include "tests/crypto-offload/lane_stages.h"
#include "tests/crypto-offload/reference_ed25519.h"

namespace electra::crypto {
namespace {

using reference::group_order;
using reference::Integer;

constexpr std::size_t kLanes = 8;

// Little endian, as the words of a lane.
using Value512 = std::array<std::uint64_t, 8>;

Integer plus(const Integer& a, std::uint64_t b) { return reference::add(a, reference::integer(b)); }
Integer minus(const Integer& a, std::uint64_t b) { return reference::sub(a, reference::integer(b)); }

Integer random_integer(std::mt19937_64& random) {
  Integer out;
  for (std::uint64_t& limb : out.limb) limb = random();
  return out;
}
Integer random_scalar(std::mt19937_64& random) {
  return reference::multiply_add(random_integer(random), reference::integer(1), random_integer(random));
}

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
Value512 minus(Value512 value, const Integer& less) {
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

template <int kWords>
void set_lane(LaneWords<kWords>& words, std::size_t lane, const std::uint64_t* value) {
  for (std::size_t k = 0; k < kWords; ++k) words.word[k][lane] = value[k];
}
Integer lane_of(const LaneWords<4>& words, std::size_t lane) {
  Integer out;
  for (std::size_t k = 0; k < 4; ++k) out.limb[k] = words.word[k][lane];
  return out;
}

std::string hex(const Integer& value) { return to_hex(reference::store(value)) + " (little endian)"; }

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
    Integer power;
    power.limb[bit / 64] = std::uint64_t{1} << bit % 64;
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
    for (const Integer& less : {rest, plus(rest, 1), minus(rest, 1)}) values.push_back(minus(value, less));
    ASSERT_EQ(sodium_reduce(minus(value, rest)), zero);
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
    stages().load_scalars(given.data(), count, &out);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      EXPECT_EQ(lane_of(out, lane), lane < count ? reference::load({pointers[lane], 32}) : Integer{});
    }
  }
}

// --- Digits -----------------------------------------------------------------------------------------------------------

Integer add_mod(const Integer& a, const Integer& b) {
  const Integer sum = reference::add(a, b);
  return reference::less(sum, group_order()) ? sum : reference::sub(sum, group_order());
}
Integer negate_mod(const Integer& a) { return a == Integer{} ? a : reference::sub(group_order(), a); }

// The factor of P in entry(j, e) of comb_shape.h, step 4, modulo L.
Integer entry_factor(const CombShape& shape, std::uint32_t table, std::uint32_t entry) {
  std::vector<Integer> powers = {reference::integer(1)};
  for (std::uint32_t i = 1; i < shape.bits(); ++i) powers.push_back(add_mod(powers.back(), powers.back()));
  const auto power = [&](std::uint32_t tooth) { return powers[(table * shape.teeth + tooth) * shape.rows]; };
  Integer sum = power(shape.teeth - 1);
  for (std::uint32_t tooth = 0; tooth + 1 < shape.teeth; ++tooth) {
    sum = add_mod(sum, (entry >> tooth & 1) != 0 ? power(tooth) : negate_mod(power(tooth)));
  }
  return sum;
}

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
    sum = add_mod(sum, sum);
    for (std::uint32_t table = 0; table < shape.tables; ++table) {
      const std::uint32_t digit = row * shape.tables + table;
      const Integer& factor = factors[digits.entry[digit][lane]];
      sum = add_mod(sum, (digits.negative[digit] >> lane & 1) != 0 ? negate_mod(factor) : factor);
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

TEST_F(SigningScalars, SignBitsStandForTheScalar) {
  std::mt19937_64 random(9);
  std::vector<Integer> scalars = {Integer{},
                                  reference::integer(1),
                                  reference::integer(2),
                                  minus(group_order(), 1),
                                  minus(group_order(), 2),
                                  Integer{{0, 0, 0, 1ULL << 60}}};
  for (int i = 0; i < 1000; ++i) scalars.push_back(random_scalar(random));
  const Integer power_256 = reference::multiply_add(Integer{{0, 0, 0, 1ULL << 63}}, reference::integer(2), Integer{});
  const Integer least = add_mod(reference::integer(1), negate_mod(power_256));  // all signs −: 1 − 2^256
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
    Integer power;
    power.limb[bit / 64] = std::uint64_t{1} << bit % 64;
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

// The comment in comb_shape.h, followed with points.
TEST_P(Scalars, ACombOfPointsMultipliesAsTheReferenceDoes) {
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
