// [S]B − [h]A for keys without tables, and the registration rule, of each vector backend: against the plain reference and
// libsodium, with another case in each lane.
#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "crypto-offload/lanes/base_table.h"
#include "tests/crypto-offload/lane_cases.h"

namespace electra::crypto {
namespace {

using lane_cases::kLanes;
using reference::Integer;
using reference::KeyRule;
using reference::Point;

// The digits of one lane's scalar below L, as comb_shape.h defines them.
void recode(Integer scalar, std::size_t lane, CombDigits& out) {
  constexpr CombShape kShape = kCombBase;
  if (scalar.limb[0] % 2 == 0) scalar = reference::add(scalar, reference::group_order());
  // Whether the sign at position p is +.
  const auto plus = [&](std::uint32_t p) {
    return p + 1 == kShape.bits() || (p + 1 < 256 && (scalar.limb[(p + 1) / 64] >> (p + 1) % 64 & 1) != 0);
  };
  const std::uint32_t entries = kShape.entries_per_table();
  for (std::uint32_t r = 0; r < kShape.rows; ++r) {
    for (std::uint32_t j = 0; j < kShape.tables; ++j) {
      std::uint32_t digit = 0;
      for (std::uint32_t i = 0; i < kShape.teeth; ++i) {
        if (plus((j * kShape.teeth + i) * kShape.rows + r)) digit |= 1U << i;
      }
      const bool negative = digit < entries;
      const std::size_t at = r * kShape.tables + j;
      out.entry[at][lane] =
          static_cast<std::uint16_t>(j * entries + (negative ? entries - 1 - digit : digit - entries));
      out.negative[at] = static_cast<std::uint8_t>(out.negative[at] | static_cast<int>(negative) << lane);
    }
  }
}

struct Case {
  Bytes32 key;
  Integer h, s;
};

class LaneGeneral : public LaneTest {
 protected:
  // The table of B, made by the backend.
  static const std::uint64_t* base_table() {
    static std::map<const lane_probe::Probe*, AlignedWords> tables;
    AlignedWords& table = tables[&probe()];
    if (table == nullptr) table = make_base_table(probe().make_tables);
    return table.get();
  }

  // The encodings of [S]B − [h]A for 8 cases.
  static std::vector<Bytes32> multiply(const std::vector<Case>& cases, lane_probe::Mask& decompressed) {
    lane_probe::Bytes keys;
    LaneWords<4> h;
    CombDigits s{};
    for (std::size_t i = 0; i < kLanes; ++i) {
      std::memcpy(keys.lane[i], cases[i].key.data(), 32);
      for (std::size_t k = 0; k < 4; ++k) h.word[k][i] = cases[i].h.limb[k];
      recode(cases[i].s, i, s);
    }
    const lane_probe::PointLimbs point = probe().multiply_general(keys, h, s, base_table(), decompressed);
    const lane_probe::Bytes bytes = probe().encode_point(point);
    std::vector<Bytes32> out(kLanes);
    for (std::size_t i = 0; i < kLanes; ++i) std::memcpy(out[i].data(), bytes.lane[i], 32);
    return out;
  }

  static Bytes32 expected(const Case& one) {
    const Point a = reference::decode_leniently(one.key).value();
    return reference::encode(reference::add(reference::multiply(one.s, reference::base()),
                                            reference::negate(reference::multiply(one.h, a))));
  }
  static void expect_all(const std::vector<Case>& cases) {
    for (std::size_t first = 0; first + kLanes <= cases.size(); first += kLanes) {
      const auto from = cases.begin() + static_cast<std::ptrdiff_t>(first);
      lane_probe::Mask decompressed = 0;
      const std::vector<Bytes32> got = multiply({from, from + kLanes}, decompressed);
      ASSERT_EQ(decompressed, 0xff);
      for (std::size_t i = 0; i < kLanes; ++i) ASSERT_EQ(got[i], expected(from[static_cast<std::ptrdiff_t>(i)]));
    }
  }

  Integer random_scalar() {
    return reference::multiply_add(big_field::random(random_), reference::integer(1), Integer{});
  }
  Bytes32 random_key() { return reference::known_key(random_scalar()).public_key; }
};
ELECTRA_EVERY_LANE_BACKEND(LaneGeneral);

TEST_P(LaneGeneral, RandomScalarsAndKeysAgreeWithTheReference) {
  std::vector<Case> cases(64 * kLanes);
  for (Case& one : cases) one = {random_key(), random_scalar(), random_scalar()};
  expect_all(cases);
}

TEST_P(LaneGeneral, EveryPairOfEdgeScalarsAgreesWithTheReference) {
  const Integer& order = reference::group_order();
  std::vector<Integer> edges;
  for (const std::uint64_t small : {0U, 1U, 2U, 15U, 16U, 31U, 32U, 33U}) {
    edges.push_back(reference::integer(small));
    if (small != 0) edges.push_back(reference::sub(order, reference::integer(small)));
  }
  edges.push_back(Integer{{0, 0, 0, std::uint64_t{1} << 60}});                                   // 2^252
  edges.push_back(Integer{{~0UL, ~0UL, ~0UL, (std::uint64_t{1} << 60) - 1}});                    // and one less
  edges.push_back(Integer{{0x2c09318d2e7ae9f6, 0xa6f7cef517bce6b, 0, std::uint64_t{1} << 59}});  // (L − 1)/2
  for (const Integer& edge : edges) ASSERT_TRUE(reference::less(edge, order));
  std::vector<Case> cases;
  for (const Integer& h : edges) {
    for (const Integer& s : edges) cases.push_back({random_key(), h, s});
  }
  while (cases.size() % kLanes != 0) cases.push_back({random_key(), random_scalar(), random_scalar()});
  expect_all(cases);
}

TEST_P(LaneGeneral, SumsThatMeetTheIdentityOnTheirWayComeOutRight) {
  const Bytes32 b = reference::known_key(reference::integer(1)).public_key;
  const Bytes32 minus_b = reference::encode(reference::negate(reference::base()));
  const Integer& order = reference::group_order();
  std::vector<Case> cases;
  for (int n = 0; n < kLanes; ++n) {
    const Integer scalar = n == 0 ? Integer{} : random_scalar();
    const Integer negative = n == 0 ? Integer{} : reference::sub(order, scalar);
    cases.push_back({b, scalar, scalar});  // the identity
    cases.push_back({minus_b, scalar, negative});
    cases.push_back({b, negative, scalar});  // twice [S]B
    cases.push_back({minus_b, scalar, scalar});
  }
  expect_all(cases);
}

TEST_P(LaneGeneral, GivesTheROfSignaturesThatLibsodiumMade) {
  for (int round = 0; round < 16; ++round) {
    std::vector<Case> cases(kLanes);
    std::vector<Bytes32> r(kLanes);
    for (std::size_t i = 0; i < kLanes; ++i) {
      std::array<std::uint8_t, 64> secret, signature;
      std::array<std::uint8_t, 32> seed;
      std::vector<std::uint8_t> message(random_() % 300);
      for (std::uint8_t& byte : seed) byte = static_cast<std::uint8_t>(random_());
      for (std::uint8_t& byte : message) byte = static_cast<std::uint8_t>(random_());
      crypto_sign_ed25519_seed_keypair(cases[i].key.data(), secret.data(), seed.data());
      crypto_sign_ed25519_detached(signature.data(), nullptr, message.data(), message.size(), secret.data());
      std::copy_n(signature.begin(), 32, r[i].begin());
      cases[i].s = reference::load(ByteSpan(signature).subspan(32));
      crypto_hash_sha512_state state;
      Bytes64 hash;
      crypto_hash_sha512_init(&state);
      crypto_hash_sha512_update(&state, r[i].data(), 32);
      crypto_hash_sha512_update(&state, cases[i].key.data(), 32);
      crypto_hash_sha512_update(&state, message.data(), message.size());
      crypto_hash_sha512_final(&state, hash.data());
      cases[i].h = reference::reduce(hash);
    }
    lane_probe::Mask decompressed = 0;
    EXPECT_EQ(multiply(cases, decompressed), r);
    EXPECT_EQ(decompressed, 0xff);
  }
}

TEST_P(LaneGeneral, AKeyThatIsNoPointIsSaidSoAndSpoilsNoOther) {
  Bytes32 bad{};
  bad[0] = 2;
  ASSERT_FALSE(reference::decode_leniently(bad).has_value());
  std::vector<Case> good(kLanes);
  for (Case& one : good) one = {random_key(), random_scalar(), random_scalar()};
  for (int mask = 0; mask < 256; mask += 5) {
    std::vector<Case> cases = good;
    for (std::size_t i = 0; i < kLanes; ++i) {
      if ((mask >> i & 1) == 0) cases[i].key = bad;
    }
    lane_probe::Mask decompressed = 0;
    const std::vector<Bytes32> got = multiply(cases, decompressed);
    ASSERT_EQ(decompressed, mask);
    for (std::size_t i = 0; i < kLanes; ++i) {
      const Point s_b = reference::multiply(cases[i].s, reference::base());
      ASSERT_EQ(got[i], (mask >> i & 1) != 0 ? expected(cases[i]) : reference::encode(s_b));
    }
  }
}

TEST_P(LaneGeneral, ScalarsThatAreNotBelowTheOrderStayInTheirTables) {
  for (int round = 0; round < 32; ++round) {
    std::vector<Case> cases(kLanes);
    for (Case& one : cases) {
      one = {random_key(), big_field::random(random_), random_scalar()};
      if (round == 0) one.h = Integer{{~0UL, ~0UL, ~0UL, ~0UL}};
    }
    lane_probe::Mask decompressed = 0;
    (void)multiply(cases, decompressed);
    EXPECT_EQ(decompressed, 0xff);
  }
}

class LaneRegistration : public LaneTest {};
ELECTRA_EVERY_LANE_BACKEND(LaneRegistration);

TEST_P(LaneRegistration, AgreesWithTheReferenceForEveryKindOfKeyInEveryLane) {
  const auto torsion = reference::torsion();
  std::vector<Bytes32> keys = reference::small_order_encodings();
  for (int n = 0; n < 12; ++n) {
    const Point a = reference::multiply(n == 0 ? reference::integer(1) : big_field::random(random_), reference::base());
    for (const Point& t : torsion) keys.push_back(reference::encode(reference::add(a, t)));
    keys.push_back(reference::encode(reference::negate(a)));
    Bytes32 bytes = reference::store(big_field::random(random_));
    keys.push_back(bytes);
    bytes[31] ^= 0x80;
    keys.push_back(bytes);
  }
  for (std::uint64_t above = 0; above < 19; ++above) {  // p to 2^255 − 1
    Bytes32 bytes = reference::store(reference::add(reference::prime(), reference::integer(above)));
    keys.push_back(bytes);
    bytes[31] |= 0x80;
    keys.push_back(bytes);
    keys.push_back(reference::store(reference::integer(above + 2)));
  }
  std::shuffle(keys.begin(), keys.end(), random_);

  std::map<KeyRule, int> kinds;
  std::vector<bool> registered;
  for (const Bytes32& key : keys) {
    const KeyRule rule = reference::registration(key);
    ++kinds[rule];
    registered.push_back(rule == KeyRule::registered);
  }
  for (const KeyRule rule : {KeyRule::registered, KeyRule::not_canonical, KeyRule::not_on_curve, KeyRule::small_order,
                             KeyRule::outside_subgroup}) {
    EXPECT_GE(kinds[rule], 8) << reference::name(rule);
  }
  for (std::size_t first = 0; first < keys.size(); ++first) {
    for (const std::size_t step : {0U, 1U, 3U}) {
      lane_probe::Bytes bytes;
      int expected = 0;
      for (std::size_t i = 0; i < kLanes; ++i) {
        const std::size_t at = (first + i * step) % keys.size();
        std::memcpy(bytes.lane[i], keys[at].data(), 32);
        expected |= static_cast<int>(registered[at]) << i;
      }
      ASSERT_EQ(probe().check_keys(bytes), expected) << "from key " << first << " in steps of " << step;
    }
  }
}

}  // namespace
}  // namespace electra::crypto
