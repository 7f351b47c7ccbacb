// What the entries of a comb's tables have to be (tables/comb_shape.h, step 4), in plain arithmetic.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "crypto-offload/tables/comb_shape.h"
#include "tests/crypto-offload/big_field.h"
#include "tests/crypto-offload/reference_ed25519.h"

namespace electra::crypto {

// The multiple of P that entry e of table j is, modulo L.
inline reference::Integer entry_factor(const CombShape& shape, std::uint32_t j, std::uint32_t e) {
  const auto power = [&](std::uint32_t tooth) {
    return reference::power_of_two_mod((j * shape.teeth + tooth) * shape.rows);
  };
  reference::Integer sum = power(shape.teeth - 1);
  for (std::uint32_t i = 0; i + 1 < shape.teeth; ++i) {
    sum = reference::add_mod(sum, (e >> i & 1) != 0 ? power(i) : reference::negate_mod(power(i)));
  }
  return sum;
}

// Whether 15 limbs are y + x, y − x, 2d·x·y of the point, each reduced.
inline void expect_entry(const std::uint64_t* entry, const reference::Point& point) {
  using reference::Integer;
  static const Integer kD = big_field::multiply(big_field::subtract({}, reference::integer(121665)),
                                                big_field::invert(reference::integer(121666)));
  Integer fields[3];
  for (int n = 0; n < 3; ++n) {
    big_field::FiveLimbs limbs{};
    for (int k = 0; k < 5; ++k) {
      limbs.limb[k] = static_cast<std::int64_t>(entry[5 * n + k]);
      ASSERT_LT(entry[5 * n + k], std::uint64_t{1} << 51) << "limb " << 5 * n + k;
    }
    fields[n] = big_field::from_limbs(limbs.limb);
    ASSERT_TRUE(std::ranges::equal(big_field::to_limbs(fields[n]).limb, limbs.limb)) << "not reduced";
  }
  ASSERT_EQ(big_field::multiply(fields[0], point.z), big_field::add(point.y, point.x));
  ASSERT_EQ(big_field::multiply(fields[1], point.z), big_field::subtract(point.y, point.x));
  const Integer xy = big_field::multiply(point.x, point.y);
  ASSERT_EQ(big_field::multiply(fields[2], big_field::multiply(point.z, point.z)),
            big_field::multiply(big_field::add(kD, kD), xy));
}

}  // namespace electra::crypto
