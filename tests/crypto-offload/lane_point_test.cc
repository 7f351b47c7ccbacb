// The point arithmetic of each vector backend against the plain reference: every formula on random points, the identity,
// points of small order, and equal and opposite operands, with another case in each lane.
#include <cstring>
#include <string>

#include "tests/crypto-offload/lane_cases.h"

namespace electra::crypto {
namespace {

using namespace lane_cases;
using lane_probe::Probe;
using reference::Point;

struct AffineLimbs {
  Limbs x, y;
};
AffineLimbs affine(const std::vector<Point>& points) {
  AffineLimbs out;
  for (int i = 0; i < kLanes; ++i) {
    const Point& p = points[static_cast<std::size_t>(i)];
    const Integer inverse = big_field::invert(p.z);
    set_lane(out.x, i, big_field::to_limbs(big_field::multiply(p.x, inverse)));
    set_lane(out.y, i, big_field::to_limbs(big_field::multiply(p.y, inverse)));
  }
  return out;
}
// Points of every kind, and the lanes that hold them.
class LanePoint : public LaneTest {
 protected:
  void SetUp() override {
    LaneTest::SetUp();
    if (IsSkipped()) return;
    const auto torsion = reference::torsion();
    points_.assign(torsion.begin(), torsion.end());
    points_.push_back(reference::base());
    points_.push_back(reference::negate(reference::base()));
    for (int i = 0; i < 6; ++i) points_.push_back(random_point());
    for (int i = 1; i < 8; ++i) points_.push_back(reference::add(points_.back(), torsion[static_cast<std::size_t>(i)]));
    points_.push_back(reference::negate(points_.back()));
  }

  Point random_point() { return reference::multiply(big_field::random(random_), reference::base()); }

  // Lane i holds points_[(first + step · i) mod size].
  std::vector<Point> lanes(std::size_t first, std::size_t step = 1) const {
    std::vector<Point> out;
    for (std::size_t i = 0; i < kLanes; ++i) out.push_back(points_[(first + step * i) % points_.size()]);
    return out;
  }

  // (X : Y : Z : T) with a random Z in every lane, limbs of any carried size.
  lane_probe::PointLimbs projective(const std::vector<Point>& points) {
    lane_probe::PointLimbs out;
    for (int i = 0; i < kLanes; ++i) {
      const Point& p = points[static_cast<std::size_t>(i)];
      const Integer factor = big_field::random(random_);
      const auto scaled = [&](const Integer& a) { return big_field::multiply(a, factor); };
      set_lane(out.sum, i, big_field::to_limbs(scaled(big_field::add(p.y, p.x))));
      set_lane(out.difference, i, big_field::to_limbs(scaled(big_field::subtract(p.y, p.x))));
      set_lane(out.double_z, i, big_field::to_limbs(scaled(big_field::add(p.z, p.z))));
      set_lane(out.t, i, big_field::to_limbs(scaled(p.t)));
    }
    for (Limbs* limbs : {&out.sum, &out.difference, &out.double_z, &out.t}) *limbs = probe().carry(*limbs);
    return out;
  }

  static lane_probe::NielsLimbs niels(const std::vector<Point>& points) {
    const AffineLimbs a = affine(points);
    return probe().to_affine_niels(a.x, a.y);
  }

  std::vector<Point> points_;
};
ELECTRA_EVERY_LANE_BACKEND(LanePoint);

// x, y and, unless it was not computed, T = XY/Z against the plain point.
enum class T { computed, not_computed };
void expect_point(const lane_probe::PointLimbs& got, int i, const Point& expected, T t) {
  const Integer sum = value(got.sum, i), difference = value(got.difference, i), double_z = value(got.double_z, i);
  const Integer double_x = big_field::subtract(sum, difference), double_y = big_field::add(sum, difference);
  ASSERT_NE(double_z, Integer{}) << "lane " << i;
  ASSERT_EQ(big_field::multiply(double_x, expected.z), big_field::multiply(expected.x, double_z)) << "lane " << i;
  ASSERT_EQ(big_field::multiply(double_y, expected.z), big_field::multiply(expected.y, double_z)) << "lane " << i;
  if (t == T::not_computed) return;
  const Integer double_t = big_field::multiply(reference::integer(2), value(got.t, i));
  ASSERT_EQ(big_field::multiply(double_t, double_z), big_field::multiply(double_x, double_y)) << "lane " << i;
}
void expect_points(const lane_probe::PointLimbs& got, const std::vector<Point>& expected, T t = T::computed) {
  for (int i = 0; i < kLanes; ++i) {
    ASSERT_NO_FATAL_FAILURE(expect_point(got, i, expected[static_cast<std::size_t>(i)], t));
  }
}

std::vector<Point> sums(const std::vector<Point>& p, const std::vector<Point>& q, lane_probe::Mask negative = 0) {
  std::vector<Point> out;
  for (std::size_t i = 0; i < kLanes; ++i) {
    out.push_back(reference::add(p[i], (negative >> i & 1) != 0 ? reference::negate(q[i]) : q[i]));
  }
  return out;
}

TEST_P(LanePoint, MixedAdditionAndSubtractionAgreeWithTheReferenceForEveryPairOfPoints) {
  for (std::size_t first = 0; first < points_.size(); ++first) {
    for (std::size_t step = 0; step < points_.size(); ++step) {
      const std::vector<Point> p = lanes(first, step), q = lanes(step);
      const auto negative = static_cast<lane_probe::Mask>(random_());
      const std::vector<Point> expected = sums(p, q, negative);
      const lane_probe::PointLimbs vector = projective(p);
      const lane_probe::NielsLimbs entry = niels(q);
      ASSERT_NO_FATAL_FAILURE(expect_points(probe().add_mixed(vector, entry, negative), expected));
      ASSERT_NO_FATAL_FAILURE(
          expect_points(probe().add_mixed_without_t(vector, entry, negative), expected, T::not_computed));
    }
  }
}

TEST_P(LanePoint, EverySignMaskSubtractsInItsLanesAndInNoOther) {
  const std::vector<Point> p = lanes(8), q = lanes(11);
  const lane_probe::PointLimbs vector = projective(p);
  const lane_probe::NielsLimbs entry = niels(q);
  for (int mask = 0; mask < 256; ++mask) {
    const auto negative = static_cast<lane_probe::Mask>(mask);
    ASSERT_NO_FATAL_FAILURE(expect_points(probe().add_mixed(vector, entry, negative), sums(p, q, negative)));
    std::vector<Point> negated = p, selected = p;
    for (std::size_t i = 0; i < kLanes; ++i) {
      if ((mask >> i & 1) == 0) continue;
      negated[i] = reference::negate(p[i]);
      selected[i] = q[i];
    }
    ASSERT_NO_FATAL_FAILURE(expect_points(probe().negate_point_where(negative, vector), negated));
    ASSERT_NO_FATAL_FAILURE(expect_points(probe().select_points(negative, vector, projective(q)), selected));
  }
}

TEST_P(LanePoint, UnifiedAdditionAgreesWithTheReferenceForEveryPairOfPoints) {
  for (std::size_t first = 0; first < points_.size(); ++first) {
    for (std::size_t step = 0; step < points_.size(); ++step) {
      const std::vector<Point> p = lanes(first, step), q = lanes(step);
      const lane_probe::PointLimbs a = projective(p), b = projective(q);
      ASSERT_NO_FATAL_FAILURE(expect_points(probe().add_points(a, b), sums(p, q)));
      ASSERT_NO_FATAL_FAILURE(expect_points(probe().add_points_without_t(a, b), sums(p, q), T::not_computed));
    }
  }
}

TEST_P(LanePoint, DoublingIsAddingAPointToItself) {
  for (std::size_t first = 0; first < points_.size(); ++first) {
    const std::vector<Point> p = lanes(first);
    lane_probe::PointLimbs vector = projective(p);
    ASSERT_NO_FATAL_FAILURE(expect_points(probe().twice(vector), sums(p, p)));
    ASSERT_NO_FATAL_FAILURE(expect_points(probe().add_points(vector, vector), sums(p, p)));
    set_lane(vector.t, 3, {{12345, 0, 0, 0, 0}});  // a doubling reads no T
    ASSERT_NO_FATAL_FAILURE(expect_points(probe().twice(vector), sums(p, p)));
    ASSERT_NO_FATAL_FAILURE(expect_points(probe().twice_without_t(vector), sums(p, p), T::not_computed));
  }
}

TEST_P(LanePoint, LongChainsOfAdditionsAndDoublingsStayRight) {
  std::vector<Point> p = lanes(8);
  lane_probe::PointLimbs vector = projective(p);
  for (std::size_t round = 0; round < 2'000; ++round) {
    const std::vector<Point> q = lanes(round);
    const auto negative = static_cast<lane_probe::Mask>(random_());
    vector = probe().add_mixed_without_t(vector, niels(q), negative);
    vector = probe().twice(vector);
    vector = probe().add_points(vector, projective(q));
    p = sums(p, q, negative);
    p = sums(sums(p, p), q);
    ASSERT_NO_FATAL_FAILURE(expect_points(vector, p)) << "round " << round;
  }
}

// Whatever limbs stand in an entry or a point, as long as they are in range, so are those inside and of the result: the
// fixture looks at every one. What comes out is not a point.
TEST_P(LanePoint, KeepsAllRangesForAnyLimbsThatAreInRange) {
  const Range carried = probe().ranges.carried, canonical = probe().ranges.canonical;
  const std::vector<Pair> cases = pairs(random_, carried, carried, 2'000);
  const std::vector<Pair> in_memory = pairs(random_, canonical, canonical, 2'000);
  for (std::size_t n = 0; n < cases.size(); ++n) {
    const Pair& first = cases[n];
    const Pair& second = cases[random_() % cases.size()];
    const lane_probe::PointLimbs p = {first.a, first.b, second.a, second.b};
    const auto negative = static_cast<lane_probe::Mask>(n);
    (void)probe().add_mixed(p, {second.b, first.a, first.b}, negative);
    (void)probe().add_mixed(p, {first.b, first.a, second.a}, negative);
    const Pair& entry = in_memory[n % in_memory.size()];
    (void)probe().add_mixed(p, {entry.a, entry.b, entry.a}, negative);
    (void)probe().add_points(p, {second.b, first.a, first.b, second.a});
    (void)probe().add_points(p, p);
    (void)probe().twice(p);
    (void)probe().negate_point_where(negative, p);
    (void)probe().is_identity(p);
  }
  const Limbs largest = [&] {
    const std::int64_t limb = carried.bound - 1;
    Limbs out;
    for (int i = 0; i < kLanes; ++i) set_lane(out, i, {{limb, limb, limb, limb, limb}});
    return out;
  }();
  const lane_probe::PointLimbs p = {largest, largest, largest, largest};
  (void)probe().add_mixed(p, {largest, largest, largest}, 0x0f);
  (void)probe().add_points(p, p);
  (void)probe().twice(p);
}

TEST_P(LanePoint, EncodesAsTheReferenceAndDecompressesToTheSamePoint) {
  for (int i = 0; i < 400; ++i) points_.push_back(random_point());
  for (std::size_t first = 0; first + kLanes <= points_.size(); first += 5) {
    const std::vector<Point> p = lanes(first);
    const lane_probe::Bytes bytes = probe().encode_point(projective(p));
    for (std::size_t i = 0; i < kLanes; ++i) {
      ASSERT_EQ(std::memcmp(bytes.lane[i], reference::encode(p[i]).data(), 32), 0) << "lane " << i;
    }
    lane_probe::Mask valid = 0;
    const lane_probe::PointLimbs again = probe().decompress(bytes, valid);
    ASSERT_EQ(valid, 0xff);
    ASSERT_NO_FATAL_FAILURE(expect_points(again, p));
    const AffineLimbs xy = affine(p);
    ASSERT_NO_FATAL_FAILURE(expect_points(probe().from_affine(xy.x, xy.y), p));
  }
}

// The registration rule as far as it is cheap: what the lanes must answer.
bool decompresses_canonically(const Bytes32& bytes) {
  const std::optional<Point> point = reference::decode_leniently(bytes);
  return point.has_value() && reference::encode(*point) == bytes;
}

TEST_P(LanePoint, DecompressesExactlyTheCanonicalEncodingsWhateverTheOtherLanesHold) {
  std::vector<Bytes32> encodings = reference::small_order_encodings();
  for (std::uint64_t k = 0; k < 24; ++k) {  // y from p − 4 to 2^255 and beyond, under either sign
    Integer y = reference::add(reference::sub(reference::prime(), reference::integer(4)), reference::integer(k));
    for (int sign = 0; sign < 2; ++sign, y.limb[3] ^= std::uint64_t{1} << 63) encodings.push_back(reference::store(y));
    Integer small = reference::integer(k);
    for (int sign = 0; sign < 2; ++sign, small.limb[3] ^= std::uint64_t{1} << 63) {
      encodings.push_back(reference::store(small));
    }
  }
  for (std::size_t bit = 0; bit < 256; ++bit) {
    Bytes32 changed = reference::encode(reference::base());
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ 1 << bit % 8);
    encodings.push_back(changed);
  }
  for (int i = 0; i < 4'000; ++i) encodings.push_back(reference::store(big_field::random(random_)));

  int good = 0, bad = 0;
  for (std::size_t n = 0; n < encodings.size(); ++n) {
    lane_probe::Bytes bytes;
    std::vector<Point> expected;
    int expected_mask = 0;
    for (std::size_t i = 0; i < kLanes; ++i) {
      const Bytes32& encoding = encodings[(n * kLanes + i * (n + 1)) % encodings.size()];
      std::memcpy(bytes.lane[i], encoding.data(), 32);
      const bool valid = decompresses_canonically(encoding);
      expected_mask |= static_cast<int>(valid) << i;
      expected.push_back(valid ? *reference::decode_leniently(encoding) : reference::identity());
      ++(valid ? good : bad);
    }
    lane_probe::Mask valid = 0;
    const lane_probe::PointLimbs points = probe().decompress(bytes, valid);
    ASSERT_EQ(valid, expected_mask);
    ASSERT_NO_FATAL_FAILURE(expect_points(points, expected));
  }
  EXPECT_GT(good, 1'000);
  EXPECT_GT(bad, 1'000);
}

TEST_P(LanePoint, FindsTheIdentityAndPointsOfSmallOrderLaneByLane) {
  for (std::size_t first = 0; first < points_.size(); ++first) {
    const std::vector<Point> p = lanes(first, 3);
    const lane_probe::PointLimbs vector = projective(p);
    int identity = 0, small = 0;
    for (std::size_t i = 0; i < kLanes; ++i) {
      const Point eight = reference::multiply(reference::integer(8), p[i]);
      identity |= static_cast<int>(reference::equal(p[i], reference::identity())) << i;
      small |= static_cast<int>(reference::equal(eight, reference::identity())) << i;
    }
    ASSERT_EQ(probe().is_identity(vector), identity);
    ASSERT_EQ(probe().is_small_order(vector), small);
  }
  EXPECT_EQ(probe().is_identity(probe().identity()), 0xff);
  const lane_probe::PointLimbs nothing{};
  EXPECT_EQ(probe().is_identity(nothing), 0) << "Z = 0 is no point";
}

TEST_P(LanePoint, AddingTheIdentityEntryChangesNothing) {
  const std::vector<Point> p = lanes(5);
  ASSERT_NO_FATAL_FAILURE(expect_points(probe().add_mixed(projective(p), probe().identity_niels(), 0xa5), p));
}

TEST_P(LanePoint, AnEntryOfZerosSpoilsItsOwnLaneOnly) {
  const std::vector<Point> p = lanes(8), q = lanes(12);
  for (int bad = 0; bad < kLanes; ++bad) {
    lane_probe::NielsLimbs entry = niels(q);
    for (Limbs* limbs : {&entry.sum, &entry.difference, &entry.t2d}) set_lane(*limbs, bad, {});
    const lane_probe::PointLimbs sum = probe().add_mixed(projective(p), entry, 0);
    const lane_probe::PointLimbs doubled = probe().twice(sum);
    const lane_probe::Bytes bytes = probe().encode_point(sum);
    const std::vector<Point> expected = sums(p, q);
    for (int i = 0; i < kLanes; ++i) {
      if (i != bad) {
        ASSERT_NO_FATAL_FAILURE(expect_point(sum, i, expected[static_cast<std::size_t>(i)], T::computed));
      }
    }
    EXPECT_EQ(reference::load(bytes.lane[bad]), Integer{}) << "X = Y = 0";
    EXPECT_EQ(value(doubled.double_z, bad), Integer{}) << "Z = 0 after a doubling";
  }
}

TEST_P(LanePoint, EntriesComeBackFromMemoryBelow51BitsAndWithAnyWordsInRange) {
  for (std::size_t first = 0; first < points_.size(); ++first) {
    const std::vector<Point> p = lanes(first);
    const lane_probe::NielsLimbs entry = niels(p);
    lane_probe::Entries memory;
    probe().store_entries(memory, entry);
    const lane_probe::NielsLimbs again = probe().load_entries(memory);
    const AffineLimbs xy = affine(p);
    for (int i = 0; i < kLanes; ++i) {
      ASSERT_EQ(value(again.sum, i), big_field::add(value(xy.y, i), value(xy.x, i)));
      ASSERT_EQ(value(again.difference, i), big_field::subtract(value(xy.y, i), value(xy.x, i)));
      ASSERT_EQ(value(again.t2d, i), value(entry.t2d, i));
      for (int word = 0; word < 15; ++word) ASSERT_LT(memory.lane[i][word], std::uint64_t{1} << 51);
      for (int k = 0; k < 5; ++k) {
        ASSERT_EQ(memory.lane[i][k], again.sum.limb[k][i]);
        ASSERT_EQ(memory.lane[i][5 + k], again.difference.limb[k][i]);
        ASSERT_EQ(memory.lane[i][10 + k], again.t2d.limb[k][i]);
      }
      EXPECT_EQ(memory.lane[i][15], 0);
    }
    std::memset(&memory, 0xff, sizeof memory);
    (void)probe().add_mixed(projective(p), probe().load_entries(memory), 0x3c);
  }
}

}  // namespace
}  // namespace electra::crypto
