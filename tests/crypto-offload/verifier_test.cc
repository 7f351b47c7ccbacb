// The two rules, clause by clause, with signatures made to break just one of them: the verdict is the reference's, for the
// stated reason. Lanes, batches and tables are in the conformance tests.
#include "crypto-offload/verifier.h"

#include <gtest/gtest.h>

#include <random>

#include "crypto-offload/encoding.h"
#include "crypto-offload/self_check.h"
#include "meter-proto/signing.h"
#include "tests/crypto-offload/judges.h"

namespace electra::crypto {
namespace {

using reference::integer;
using reference::Integer;
using reference::KeyRule;
using reference::KnownKey;
using reference::Point;
using reference::Verdict;

// A scalar that looks random and is the same in every run.
Integer scalar(std::string_view name) {
  Bytes64 hash;
  crypto_hash_sha512(hash.data(), bytes_of(name).data(), name.size());
  return reference::reduce(hash);
}

Bytes64 sign(const KnownKey& key, ByteSpan message) {
  static const Integer nonce = scalar("nonce");
  static const Bytes32 r = reference::encode(reference::multiply(nonce, reference::base()));
  return reference::sign_with(key, nonce, r, message);
}

class Rule : public testing::TestWithParam<std::string_view> {
 protected:
  // The backend's verdict is the reference's, and that is `expected`.
  void expect(Verdict expected, const Bytes32& key, ByteSpan signature, ByteSpan message) {
    const Verdict verdict = reference::verification(key, signature, message);
    EXPECT_EQ(verdict, expected) << reference::name(verdict) << " instead of " << reference::name(expected);
    EXPECT_EQ(accepts_registered(*verifier_, key, signature, message), verdict == Verdict::accepted);
    if (reference::registration(key) == KeyRule::registered) {
      EXPECT_EQ(libsodium_accepts(key, signature, message), verdict == Verdict::accepted);
    }
    EXPECT_EQ(verify_one_raw(*verifier_, key, signature, message).message_id, expected_id(key, signature, message));
  }
  void expect(KeyRule expected, const Bytes32& key) {
    const KeyRule rule = reference::registration(key);
    EXPECT_EQ(rule, expected) << to_hex(key) << ": " << reference::name(rule);
    EXPECT_EQ(verifier_->check_key(key), rule == KeyRule::registered) << to_hex(key);
  }

  std::unique_ptr<Verifier> verifier_ = verifier_or_throw(GetParam());
  const KnownKey key_ = reference::known_key(scalar("secret"));
  const std::string_view text_ = "a message of some length, to be signed";
  const ByteSpan message_ = bytes_of(text_);
};

INSTANTIATE_TEST_SUITE_P(Backends, Rule, testing::ValuesIn(backend_names()), name_of_backend);

// ---- registration

TEST_P(Rule, RegistersMultiplesOfTheBasePoint) {
  for (std::uint64_t k = 1; k <= 20; ++k) expect(KeyRule::registered, reference::known_key(integer(k)).public_key);
  expect(KeyRule::registered, reference::known_key(sub(reference::group_order(), integer(1))).public_key);
}

TEST_P(Rule, RefusesAKeyWithAnyTorsion) {
  const Point a = reference::multiply(scalar("secret"), reference::base());
  const auto torsion = reference::torsion();
  expect(KeyRule::registered, reference::encode(a));
  for (std::size_t i = 1; i < 8; ++i) {
    SCOPED_TRACE(i);  // 4 is the point of order 2, which some releases of libsodium let pass
    expect(KeyRule::outside_subgroup, reference::encode(reference::add(a, torsion[i])));
  }
}

TEST_P(Rule, RefusesKeysOfSmallOrderInEveryEncoding) {
  for (const Bytes32& key : reference::small_order_encodings()) {
    const KeyRule rule = reference::registration(key);
    EXPECT_TRUE(rule == KeyRule::small_order || rule == KeyRule::not_canonical) << to_hex(key);
    EXPECT_FALSE(verifier_->check_key(key)) << to_hex(key);
  }
}

TEST_P(Rule, RefusesEveryKeyWhoseYIsNotBelowP) {
  for (std::uint64_t excess = 0; excess < 19; ++excess) {
    Bytes32 key = reference::store(reference::add(reference::prime(), integer(excess)));
    for (const int sign : {0x00, 0x80}) {
      key[31] = static_cast<std::uint8_t>((key[31] & 0x7f) | sign);
      expect(KeyRule::not_canonical, key);
    }
  }
}

TEST_P(Rule, RefusesZeroXWithSign) {
  Bytes32 one = reference::store(integer(1));
  Bytes32 minus_one = reference::store(sub(reference::prime(), integer(1)));
  expect(KeyRule::small_order, one);
  expect(KeyRule::small_order, minus_one);
  one[31] |= 0x80;
  minus_one[31] |= 0x80;
  expect(KeyRule::not_canonical, one);
  expect(KeyRule::not_canonical, minus_one);
}

TEST_P(Rule, AgreesWithTheReferenceAboutRandomKeys) {
  std::mt19937_64 random(7);
  std::array<int, 5> seen{};
  for (int i = 0; i < 300; ++i) {
    Bytes32 key;
    for (auto& byte : key) byte = static_cast<std::uint8_t>(random());
    const KeyRule rule = reference::registration(key);
    ++seen[static_cast<std::size_t>(rule)];
    EXPECT_EQ(verifier_->check_key(key), rule == KeyRule::registered) << to_hex(key) << reference::name(rule);
  }
  EXPECT_GT(seen[static_cast<std::size_t>(KeyRule::registered)], 0);
  EXPECT_GT(seen[static_cast<std::size_t>(KeyRule::not_on_curve)], 0);
  EXPECT_GT(seen[static_cast<std::size_t>(KeyRule::outside_subgroup)], 0);
}

TEST_P(Rule, ChecksManyKeysAsItChecksOne) {
  constexpr std::size_t kMost = 65;  // one more than whole vectors hold
  // [rule]: keys about which the reference says so.
  std::array<std::vector<Bytes32>, 5> kinds;
  const auto keep = [&](const Bytes32& key) {
    std::vector<Bytes32>& kind = kinds[static_cast<std::size_t>(reference::registration(key))];
    if (kind.size() < kMost) kind.push_back(key);
  };
  const auto of = [&](KeyRule rule, std::size_t i) -> const Bytes32& {
    const std::vector<Bytes32>& kind = kinds[static_cast<std::size_t>(rule)];
    return kind[i % kind.size()];
  };
  std::mt19937_64 random(11);
  for (std::uint64_t i = 0; i < kMost; ++i) {
    keep(reference::known_key(integer(i + 2)).public_key);
    Bytes32 key;
    for (auto& byte : key) byte = static_cast<std::uint8_t>(random());
    keep(key);
    if (i < 19) keep(reference::store(reference::add(reference::prime(), integer(i))));
  }
  for (const Bytes32& key : reference::small_order_encodings()) keep(key);
  for (const auto& kind : kinds) ASSERT_GE(kind.size(), 4u) << &kind - kinds.data();

  const auto expect_passes = [&](const std::vector<const Bytes32*>& keys, const auto& good) {
    std::vector<const std::uint8_t*> bytes;
    for (const Bytes32* key : keys) bytes.push_back(key->data());
    std::vector<std::uint8_t> expected(keys.size() + 2, 0xee), passes = expected;
    for (std::size_t i = 0; i < keys.size(); ++i) expected[i + 1] = good(i) ? 1 : 0;
    verifier_->check_keys(bytes, std::span(passes).subspan(1, keys.size()));
    ASSERT_EQ(passes, expected) << keys.size() << " keys";
  };
  for (std::size_t size = 0; size <= kMost; ++size) {  // the rules in turn
    const auto rule = [size](std::size_t i) { return static_cast<KeyRule>((size + i) % 5); };
    std::vector<const Bytes32*> keys;
    for (std::size_t i = 0; i < size; ++i) keys.push_back(&of(rule(i), i));
    ASSERT_NO_FATAL_FAILURE(expect_passes(keys, [&](std::size_t i) { return rule(i) == KeyRule::registered; }));
  }
  for (const std::size_t size : {1U, 7U, 8U, 9U, 16U, 17U, 65U}) {  // one bad key at each place
    std::vector<const Bytes32*> keys;
    for (std::size_t i = 0; i < size; ++i) keys.push_back(&of(KeyRule::registered, i));
    for (std::size_t bad = 0; bad < size; ++bad) {
      std::vector<const Bytes32*> with_bad = keys;
      with_bad[bad] = &of(static_cast<KeyRule>(1 + (bad + size) % 4), bad);
      ASSERT_NO_FATAL_FAILURE(expect_passes(with_bad, [&](std::size_t i) { return i != bad; }));
    }
  }
}

// ---- verification

TEST_P(Rule, AcceptsMessagesOfEveryLength) {
  std::vector<std::uint8_t> message(70000);
  std::mt19937_64 random(1);
  for (auto& byte : message) byte = static_cast<std::uint8_t>(random());
  // Around the block of SHA-512, around the verifier's scratch of 2,048 bytes, and far beyond both.
  for (const std::size_t bytes :
       {0u, 1u, 23u, 24u, 25u, 47u, 48u, 63u, 64u, 111u, 112u, 128u, 1468u, 1983u, 1984u, 1985u, 2048u, 70000u}) {
    SCOPED_TRACE(bytes);
    const ByteSpan part = ByteSpan(message).first(bytes);
    Bytes64 signature = sign(key_, part);
    expect(Verdict::accepted, key_.public_key, signature, part);
    signature[40] ^= 1;
    expect(Verdict::equation_fails, key_.public_key, signature, part);
  }
}

TEST_P(Rule, RefusesAKeyWithAnyBitFlipped) {
  const Bytes64 signature = sign(key_, message_);
  for (std::size_t at = 0; at < 256; ++at) {
    Bytes32 key = key_.public_key;
    key[at / 8] = static_cast<std::uint8_t>(key[at / 8] ^ 1u << (at % 8));
    EXPECT_FALSE(accepts_registered(*verifier_, key, signature, message_)) << "bit " << at;
  }
}

TEST_P(Rule, RefusesSPlusEveryMultipleOfL) {
  const Bytes64 good = sign(key_, message_);
  Integer s = reference::load(ByteSpan(good).subspan(32));
  for (int k = 1; k <= 15; ++k) {  // S + 15 L still fits 32 bytes
    SCOPED_TRACE(k);
    s = reference::add(s, reference::group_order());
    Bytes64 bad = good;
    std::ranges::copy(reference::store(s), bad.begin() + 32);
    expect(Verdict::s_not_below_order, key_.public_key, bad, message_);
  }
}

TEST_P(Rule, BoundsSExactly) {
  const Integer order = reference::group_order();
  const auto canonical = [](const Integer& s) { return is_canonical_scalar(reference::store(s)); };
  EXPECT_TRUE(canonical(integer(0)));
  EXPECT_TRUE(canonical(sub(order, integer(1))));
  EXPECT_FALSE(canonical(order));
  EXPECT_FALSE(canonical(reference::add(order, integer(1))));
  EXPECT_FALSE(canonical(sub(integer(0), integer(1))));

  // A good signature with S = L − 1 would take an inversion of SHA-512; that the equation is reached shows the bound.
  for (const Integer& s : {sub(order, integer(1)), order}) {
    Bytes64 signature = sign(key_, message_);
    std::ranges::copy(reference::store(s), signature.begin() + 32);
    expect(s == order ? Verdict::s_not_below_order : Verdict::equation_fails, key_.public_key, signature, message_);
  }
}

TEST_P(Rule, RefusesRWithADefectOfSmallOrder) {
  // The signer adds torsion to R and hashes that R: the equation then holds up to the torsion, and a verifier with
  // cofactor accepts.
  const Integer nonce = scalar("nonce");
  const Point r = reference::multiply(nonce, reference::base());
  const auto torsion = reference::torsion();
  for (std::size_t i = 0; i < 8; ++i) {
    SCOPED_TRACE(i);
    const Bytes32 defective = reference::encode(reference::add(r, torsion[i]));
    expect(i == 0 ? Verdict::accepted : Verdict::equation_fails, key_.public_key,
           reference::sign_with(key_, nonce, defective, message_), message_);
  }
}

TEST_P(Rule, RefusesROfSmallOrderEvenWhereTheEquationHolds) {
  // With nonce 0 the recomputed R is the identity: its canonical encoding satisfies the equation and is still refused.
  for (const Bytes32& r : reference::small_order_encodings()) {
    SCOPED_TRACE(to_hex(r));
    expect(Verdict::r_of_small_order, key_.public_key, reference::sign_with(key_, integer(0), r, message_), message_);
  }
}

TEST_P(Rule, RefusesRWhoseYIsNotBelowP) {
  for (std::uint64_t excess = 0; excess < 19; ++excess) {
    Bytes32 r = reference::store(reference::add(reference::prime(), integer(excess)));
    for (const int sign_bit : {0x00, 0x80}) {
      r[31] = static_cast<std::uint8_t>((r[31] & 0x7f) | sign_bit);
      const Bytes64 signature = reference::sign_with(key_, scalar("nonce"), r, message_);
      expect(excess < 2 ? Verdict::r_of_small_order : Verdict::equation_fails, key_.public_key, signature, message_);
    }
  }
}

TEST_P(Rule, AgreesWithTheReferenceAboutRandomDamage) {
  std::mt19937_64 random(3);
  int accepted = 0;
  for (int i = 0; i < 300; ++i) {
    const KnownKey key = reference::known_key(scalar("key " + std::to_string(i % 7)));
    std::vector<std::uint8_t> message(random() % 200);
    for (auto& byte : message) byte = static_cast<std::uint8_t>(random());
    Bytes64 signature = sign(key, message);
    if (i % 3 != 0) signature[random() % 64] = static_cast<std::uint8_t>(random());
    const bool expected = reference::verification(key.public_key, signature, message) == Verdict::accepted;
    EXPECT_EQ(accepts_registered(*verifier_, key.public_key, signature, message), expected) << i;
    EXPECT_EQ(libsodium_accepts(key.public_key, signature, message), expected) << i;
    accepted += expected;
  }
  EXPECT_GE(accepted, 100);
  EXPECT_LT(accepted, 150);
}

TEST(Encodings, AreCanonicalBelowPUnlessZeroXHasASign) {
  struct Case {
    const char* what;
    Integer y;
    bool sign;
    bool canonical;
  };
  const Integer p = reference::prime();
  for (const Case& c : {
           Case{"y = 0, which has two x", integer(0), false, true},
           Case{"y = 0, the other x", integer(0), true, true},
           Case{"y = 1, x = 0", integer(1), false, true},
           Case{"y = 1, x = 0 with sign", integer(1), true, false},
           Case{"y = 2", integer(2), true, true},
           Case{"y = p - 2", sub(p, integer(2)), true, true},
           Case{"y = p - 1, x = 0", sub(p, integer(1)), false, true},
           Case{"y = p - 1, x = 0 with sign", sub(p, integer(1)), true, false},
           Case{"y = p", p, false, false},
           Case{"y = p with sign", p, true, false},
           Case{"y = p + 1", reference::add(p, integer(1)), false, false},
           Case{"y = 2^255 - 1", reference::add(p, integer(18)), true, false},
       }) {
    Bytes32 encoding = reference::store(c.y);
    if (c.sign) encoding[31] |= 0x80;
    EXPECT_EQ(is_canonical_point(encoding), c.canonical) << c.what;
  }
}

TEST(Encodings, OfSmallOrderAreTheFourteenAndNoOthers) {
  for (const Bytes32& encoding : reference::small_order_encodings()) {
    EXPECT_TRUE(is_small_order_point(encoding)) << to_hex(encoding);
    for (std::size_t at = 0; at < 255; ++at) {
      Bytes32 near = encoding;
      near[at / 8] = static_cast<std::uint8_t>(near[at / 8] ^ 1u << (at % 8));
      const auto point = reference::decode_leniently(near);
      const bool small = point && reference::equal(reference::multiply(integer(8), *point), reference::identity());
      EXPECT_EQ(is_small_order_point(near), small) << to_hex(near);
    }
  }
}

// ---- the message of the protocol

TEST_P(Rule, BindsTagAndSequenceAndGivesTheIdOfTheProtocol) {
  const Bytes16 tag = proto::signing_tag(proto::SignatureKind::message, Bytes32{1, 2, 3});
  std::vector<std::uint8_t> message(proto::kSigningPrefixBytes + message_.size());
  proto::signing_bytes(tag, 7, message_, message);
  const Bytes64 signature = sign(key_, message);
  const auto outcome_of = [&](const Bytes16& item_tag, std::uint64_t sequence) {
    const VerifyItem item{.public_key = key_.public_key.data(),
                          .signature = signature,
                          .tag = &item_tag,
                          .sequence = sequence,
                          .payload = message_};
    VerifyOutcome outcome;
    verifier_->verify({&item, 1}, {&outcome, 1});
    return outcome;
  };
  EXPECT_TRUE(outcome_of(tag, 7).valid);
  EXPECT_EQ(outcome_of(tag, 7).message_id, proto::message_id(key_.public_key, signature, message));
  EXPECT_FALSE(outcome_of(tag, 8).valid);
  EXPECT_FALSE(outcome_of(proto::signing_tag(proto::SignatureKind::hello, Bytes32{1, 2, 3}), 7).valid);
  EXPECT_FALSE(outcome_of(proto::signing_tag(proto::SignatureKind::message, Bytes32{1, 2, 4}), 7).valid);
}

// ---- choice of the backend

TEST(MakeVerifier, GivesTheBackendThatWasNamed) {
  for (const std::string_view name : backend_names()) EXPECT_EQ(verifier_or_throw(name)->name(), name);
}

TEST(MakeVerifier, ChoosesTheFirstBackendByItself) {
  EXPECT_EQ(verifier_or_throw("auto")->name(), backend_names().front());
}

TEST(MakeVerifier, RefusesASizeOfTablesThatThereIsNot) {
  for (const std::uint32_t kib : {3U, 8U, 65U, 128U}) {
    const auto verifier = make_verifier(VerifierOptions{.keys_max = 1, .table_kib = kib});
    ASSERT_FALSE(verifier.has_value()) << kib;
    EXPECT_NE(verifier.error().find(std::to_string(kib) + " KiB"), std::string::npos) << verifier.error();
  }
}

TEST(MakeVerifier, SaysWhyThereAreNoTables) {
  for (const std::string_view name : backend_names()) {
    const auto verifier = make_verifier(VerifierOptions{.backend = std::string(name), .table_memory_bytes = 0});
    ASSERT_TRUE(verifier.has_value());
    const TableStatus status = (*verifier)->tables();
    EXPECT_EQ(status.reason, name == "sodium" ? "no tables: the verifier sodium takes none"
                                              : "no tables: the configuration has no keys or less than 2 MiB for them");
    EXPECT_EQ(status.table_bytes, 0U);
    EXPECT_EQ(status.memory_bytes_max, 0U);
  }
}

class YesOrNo final : public Verifier {
 public:
  explicit YesOrNo(bool answer) : answer_(answer) {}
  std::string_view name() const noexcept override { return "oracle"; }
  bool check_key(const Bytes32&) const override { return answer_; }
  void verify(std::span<const VerifyItem>, std::span<VerifyOutcome>) const override {}
  void verify_raw(std::span<const RawVerifyItem>, std::span<VerifyOutcome> outcomes) const override {
    for (VerifyOutcome& outcome : outcomes) outcome.valid = answer_;
  }

 private:
  bool answer_;
};

TEST(SelfCheck, NamesTheVerifierThatDoesNotFollowTheRule) {
  struct Case {
    bool answer;
    const char* expected;
  };
  for (const Case& c : {
           Case{true, "the verifier oracle verifies with the cofactor; Electra's rule is without"},
           Case{false, "the verifier oracle refuses a good signature"},
       }) {
    const auto checked = self_check(YesOrNo(c.answer));
    ASSERT_FALSE(checked.has_value());
    EXPECT_EQ(checked.error(), c.expected);
  }
}

TEST(MakeVerifier, NamesTheKnownBackendsWhenAskedForAnother) {
  for (const char* name : {"", "Sodium", "fpga "}) {
    const auto verifier = make_verifier(name);
    ASSERT_FALSE(verifier.has_value()) << name;
    for (const std::string_view known : backend_names()) {
      EXPECT_NE(verifier.error().find(known), std::string::npos) << verifier.error();
    }
  }
}

}  // namespace
}  // namespace electra::crypto
