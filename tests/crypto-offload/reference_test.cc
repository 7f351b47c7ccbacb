// The reference itself: facts about the curve that anyone can look up, before it is used to judge others.
#include <gtest/gtest.h>

#include "tests/crypto-offload/reference_ed25519.h"

namespace electra::crypto::reference {
namespace {

TEST(Reference, BasePointHasTheEncodingOfTheRfc) {
  EXPECT_EQ(to_hex(encode(base())), "5866666666666666666666666666666666666666666666666666666666666666");
}

TEST(Reference, BasePointHasOrderL) {
  EXPECT_TRUE(equal(multiply(group_order(), base()), identity()));
  EXPECT_EQ(encode(multiply(sub(group_order(), integer(1)), base())), encode(negate(base())));
}

TEST(Reference, MultiplicationIsRepeatedAddition) {
  Point sum = identity();
  for (std::uint64_t k = 0; k < 40; ++k) {
    EXPECT_TRUE(equal(sum, multiply(integer(k), base()))) << k;
    sum = add(sum, base());
  }
}

TEST(Reference, EncodingAndDecodingAreInverse) {
  for (std::uint64_t k = 1; k < 40; ++k) {
    const Point point = multiply(integer(k), base());
    const auto decoded = decode_leniently(encode(point));
    ASSERT_TRUE(decoded.has_value()) << k;
    EXPECT_TRUE(equal(point, *decoded)) << k;
  }
}

TEST(Reference, TorsionIsACyclicGroupOfEight) {
  const auto points = torsion();
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_TRUE(equal(multiply(integer(8), points[i]), identity())) << i;
    for (std::size_t j = 0; j < 8; ++j) {
      EXPECT_TRUE(equal(add(points[i], points[j]), points[(i + j) % 8])) << i << ' ' << j;
      EXPECT_EQ(equal(points[i], points[j]), i == j) << i << ' ' << j;
    }
  }
}

TEST(Reference, FourteenEncodingsNameAPointOfSmallOrder) {
  const auto encodings = small_order_encodings();
  EXPECT_EQ(encodings.size(), 14u);
  for (const Bytes32& encoding : encodings) {
    const auto point = decode_leniently(encoding);
    ASSERT_TRUE(point.has_value());
    EXPECT_TRUE(equal(multiply(integer(8), *point), identity())) << to_hex(encoding);
  }
}

TEST(Reference, ScalarsReduceModuloL) {
  const Integer order = group_order();
  EXPECT_EQ(multiply_add(integer(6), integer(7), integer(8)), integer(50));
  EXPECT_EQ(multiply_add(order, integer(7), integer(8)), integer(8));
  EXPECT_EQ(multiply_add(sub(order, integer(1)), sub(order, integer(1)), integer(0)), integer(1));
  Bytes64 hash{};
  const Bytes32 order_bytes = store(order);
  std::ranges::copy(order_bytes, hash.begin());
  EXPECT_EQ(reduce(hash), integer(0));
}

}  // namespace
}  // namespace electra::crypto::reference
