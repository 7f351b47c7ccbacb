// Every backend has libsodium's verdicts: the published vectors, and every damage that a signature can have, in every lane
// and with tables of every size. Batches are in conformance_batch_test.cc, damaged tables in conformance_tables_test.cc.
#include "tests/crypto-offload/conformance.h"

#include <algorithm>
#include <iterator>

#include "tests/crypto-offload/judges.h"
#include "tests/crypto-offload/vector_files.h"

namespace electra::crypto {
namespace {

class Conformance : public testing::TestWithParam<Setting> {
 protected:
  // Choices 0 … count − 1 of a damage, under all signers in turn, with a good message before each so that a lane full of
  // refusals proves nothing.
  void expect_refused(Damage damage, std::uint64_t count) {
    Numbers numbers(static_cast<std::uint64_t>(damage));
    std::vector<std::uint8_t> payload(100);
    std::vector<Case> cases;
    for (std::uint64_t choice = 0; choice < count; ++choice) {
      numbers.fill(payload);
      for (const Damage what : {Damage::none, damage}) {
        cases.push_back(forge_.make({.damage = what,
                                     .signer = numbers.next(),
                                     .nonce = numbers.next(),
                                     .choice = choice,
                                     .sequence = choice,
                                     .payload = ByteSpan(payload).first(choice % payload.size())}));
      }
    }
    // The cases are the same in all settings: in one libsodium judges every one.
    EXPECT_TRUE(libsodium_agrees(cases, works_in_lanes(GetParam()) ? 16 : 1, numbers));
    EXPECT_TRUE(subject_.is_right_in_every_lane_about(cases, forge_));
  }

  const Forge forge_ = Forge(24, 24, 1);
  const Subject subject_ = Subject(GetParam(), forge_.keys());
};

INSTANTIATE_TEST_SUITE_P(Backends, Conformance, testing::ValuesIn(settings()), name_of_setting);

TEST_P(Conformance, RefusesASignatureWithAnyBitFlipped) { expect_refused(Damage::signature_bit, 512); }
TEST_P(Conformance, RefusesAMessageWithAnyBitFlipped) { expect_refused(Damage::message_bit, 8 * (24 + 99)); }
TEST_P(Conformance, RefusesSPlusEveryMultipleOfL) { expect_refused(Damage::s_plus_order, 15); }
TEST_P(Conformance, RefusesEverySAtABoundary) { expect_refused(Damage::s_boundary, 521); }
TEST_P(Conformance, RefusesSOfTheOppositePoint) { expect_refused(Damage::s_negated, 24); }
TEST_P(Conformance, RefusesSThatIsOffByAnyPowerOfTwo) { expect_refused(Damage::s_near, 506); }
TEST_P(Conformance, RefusesSForAnHThatIsOffByAnyPowerOfTwo) { expect_refused(Damage::h_near, 506); }
TEST_P(Conformance, RefusesTheOppositeR) { expect_refused(Damage::r_negated, 24); }
TEST_P(Conformance, RefusesRPlusEveryTorsionPoint) { expect_refused(Damage::r_plus_torsion, 7 * 4); }
TEST_P(Conformance, RefusesEveryEncodingOfRWithSmallOrder) { expect_refused(Damage::r_small_order, 14 * 3); }
TEST_P(Conformance, RefusesEveryRWhoseYIsNotBelowP) { expect_refused(Damage::r_not_canonical, 19 * 2); }
TEST_P(Conformance, RefusesAnotherMessagesSignature) { expect_refused(Damage::another_message, 24); }
TEST_P(Conformance, RefusesAnotherKeysSignature) { expect_refused(Damage::another_key, 46); }
TEST_P(Conformance, RefusesArbitraryBytes) { expect_refused(Damage::arbitrary, 64); }
TEST_P(Conformance, RefusesSignaturesOfEveryOtherLength) { expect_refused(Damage::other_length, 130); }

// Under the keys that can be registered; vectors_test.cc has the others, and what each vector expects.
TEST_P(Conformance, AgreesWithLibsodiumOnAllPublishedVectors) {
  std::vector<Vector> vectors;
  for (auto read : {wycheproof_vectors, speccheck_vectors, rfc8032_vectors})
    std::ranges::copy(read(), std::back_inserter(vectors));
  std::vector<Bytes32> keys;
  std::vector<std::uint32_t> numbers;
  std::erase_if(vectors, [&](const Vector& vector) {
    const Bytes32 key = array_of<32>(vector.public_key).value();
    auto at = std::ranges::find(keys, key);
    if (at == keys.end()) {
      if (reference::registration(key) != reference::KeyRule::registered) return true;
      at = keys.insert(at, key);
    }
    numbers.push_back(static_cast<std::uint32_t>(at - keys.begin() + 1));
    return false;
  });
  EXPECT_EQ(vectors.size(), 158u);  // all but 10 of the 12 of speccheck

  std::vector<RawVerifyItem> items;
  std::vector<VerifyOutcome> expected;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const Bytes32& key = keys[numbers[i] - 1];
    items.push_back({.public_key = key.data(),
                     .key_number = numbers[i],
                     .signature = vectors[i].signature,
                     .message = vectors[i].message});
    expected.push_back({.message_id = expected_id(key, items[i].signature, items[i].message),
                        .valid = libsodium_accepts(key, items[i].signature, items[i].message)});
  }
  EXPECT_EQ(std::ranges::count(expected, true, &VerifyOutcome::valid), 88 + 5);
  const auto verifier = make_verifier(GetParam(), keys);
  for (std::size_t first = 0; first < (works_in_lanes(GetParam()) ? 8U : 1U); ++first) {
    std::vector<VerifyOutcome> outcomes(items.size());
    verifier->verify_raw(std::span(items).subspan(first), std::span(outcomes).subspan(first));
    for (std::size_t i = first; i < items.size(); ++i) {
      EXPECT_EQ(outcomes[i].valid, expected[i].valid) << vectors[i].name;
      EXPECT_EQ(outcomes[i].message_id, expected[i].message_id) << vectors[i].name;
    }
  }
}

// Payloads around every edge of a block of SHA-512 (128 bytes, 17 of them for its own use), short and long ones in turn so
// that lanes of one vector end at different blocks, and far beyond.
TEST_P(Conformance, AcceptsPayloadsOfEveryLength) {
  std::vector<std::uint8_t> payload(70'000);
  Numbers numbers(4);
  numbers.fill(payload);
  std::vector<Case> cases;
  const auto add = [&](std::size_t bytes) {
    cases.push_back(
        forge_.make({.signer = bytes, .nonce = bytes, .sequence = bytes, .payload = ByteSpan(payload).first(bytes)}));
  };
  for (std::size_t bytes = 0; bytes < 300; ++bytes) {
    add(bytes);
    add(bytes % 3 == 0 ? 1'000 + bytes : 300 - bytes);
  }
  for (const std::size_t bytes : {1'471U, 1'983U, 1'984U, 1'985U, 4'096U, 65'535U, 65'536U, 70'000U, 0U}) add(bytes);
  EXPECT_TRUE(libsodium_agrees(cases, works_in_lanes(GetParam()) ? 16 : 1, numbers));
  EXPECT_TRUE(subject_.is_right_in_every_lane_about(cases, forge_));
}

TEST_P(Conformance, AcceptsTheSameKeyInAllLanes) {
  std::vector<Case> cases;
  for (std::size_t signer = 0; signer < forge_.signers(); ++signer) {
    for (std::size_t i = 0; i < 17; ++i) {
      const Damage damage = i == 11 ? Damage::s_near : Damage::none;
      cases.push_back(forge_.make({.damage = damage, .signer = signer, .nonce = i, .sequence = i, .payload = {}}));
    }
  }
  Numbers numbers(6);
  EXPECT_TRUE(libsodium_agrees(cases, 4, numbers));
  EXPECT_TRUE(subject_.is_right_in_every_lane_about(cases, forge_));
  for (std::size_t i = 0; i < cases.size(); i += works_in_lanes(GetParam()) ? 1 : 20) {
    const std::vector<const Case*> copies(16, &cases[i]);
    EXPECT_TRUE(subject_.is_right_about(copies));
  }
}

}  // namespace
}  // namespace electra::crypto
