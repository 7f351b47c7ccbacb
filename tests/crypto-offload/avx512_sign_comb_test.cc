// The comb of signing: its table holds the multiples of B that sign_comb.h names, and it multiplies any scalar, with every
// limb in its range on the way (the fixture watches).
#include <cstring>
#include <memory>

#include "crypto-offload/avx512/sign.h"
#include "tests/crypto-offload/comb_entries.h"
#include "tests/crypto-offload/lane_cases.h"

namespace electra::crypto {
namespace {

using namespace lane_cases;

constexpr int kTables = 13;
constexpr int kEntries = 16;

struct alignas(64) Table {
  std::uint64_t words[avx512::kSignTableWords];
};

const Table& table() {
  static const auto made = [] {
    auto out = std::make_unique<Table>();
    lane_probe::make_sign_tables(out->words);
    return out;
  }();
  return *made;
}

// The factor of B in entry(j, e), modulo L.
Integer factor(int j, int e) {
  Integer sum =
      j == 12 ? Integer{} : reference::power_of_two_mod(static_cast<std::size_t>(64 * (3 - j % 4) + 4 * (15 - j / 4)));
  for (int k = 0; k < 4; ++k) {
    const Integer power = reference::power_of_two_mod(static_cast<std::size_t>(64 * k + 4 * j));
    sum = reference::add_mod(sum, (e >> k & 1) != 0 ? power : reference::negate_mod(power));
  }
  return sum;
}

class Avx512SignComb : public LaneTest {};
INSTANTIATE_TEST_SUITE_P(Backends, Avx512SignComb, ::testing::Values(&lane_probe::kAvx512Probe));

TEST_P(Avx512SignComb, TheTableHoldsTheMultiplesThatItSays) {
  for (int j = 0; j < kTables; ++j) {
    for (int e = 0; e < kEntries; ++e) {
      std::uint64_t entry[15];
      for (int l = 0; l < 15; ++l) entry[l] = table().words[16 * (15 * j + l) + e];
      ASSERT_NO_FATAL_FAILURE(expect_entry(entry, reference::multiply(factor(j, e), reference::base())))
          << "table " << j << " entry " << e;
    }
  }
}

// u with 2u + 1 − 2^256 = scalar, or scalar + L if it is even.
Integer sign_bits(const Integer& scalar) {
  Integer odd = (scalar.limb[0] & 1) != 0 ? scalar : reference::add(scalar, reference::group_order());
  for (std::size_t k = 0; k < 4; ++k) odd.limb[k] = odd.limb[k] >> 1 | (k < 3 ? odd.limb[k + 1] << 63 : 0);
  odd.limb[3] |= 1ULL << 63;
  return odd;
}

TEST_P(Avx512SignComb, MultipliesTheBasePointByAnyScalarInEveryLane) {
  const Integer& order = reference::group_order();
  std::vector<Integer> scalars = {Integer{},
                                  reference::integer(1),
                                  reference::integer(2),
                                  reference::integer(3),
                                  reference::sub(order, reference::integer(1)),
                                  reference::sub(order, reference::integer(2)),
                                  Integer{{0, 0, 0, 1ULL << 60}},
                                  Integer{{~0ULL, ~0ULL, ~0ULL, (1ULL << 60) - 1}}};
  // Each entry of each table comes dozens of times in their 1,600 rows, and so does its opposite.
  for (int i = 0; i < 400; ++i) {
    Integer scalar;
    for (std::uint64_t& limb : scalar.limb) limb = random_();
    scalars.push_back(reference::multiply_add(scalar, reference::integer(1), Integer{}));
  }
  std::vector<Bytes32> expected;
  for (const Integer& scalar : scalars) {
    expected.push_back(reference::encode(reference::multiply(scalar, reference::base())));
  }
  for (std::size_t first = 0; first < scalars.size(); ++first) {
    lane_probe::Bytes signs;
    for (std::size_t i = 0; i < kLanes; ++i) {
      const Bytes32 bits = reference::store(sign_bits(scalars[(first + i) % scalars.size()]));
      std::memcpy(signs.lane[i], bits.data(), bits.size());
    }
    const lane_probe::Bytes got = probe().encode_point(lane_probe::multiply_base(table().words, signs));
    for (std::size_t i = 0; i < kLanes; ++i) {
      ASSERT_EQ(std::memcmp(got.lane[i], expected[(first + i) % scalars.size()].data(), 32), 0)
          << to_hex(reference::store(scalars[(first + i) % scalars.size()])) << " in lane " << i;
    }
  }
}

}  // namespace
}  // namespace electra::crypto
