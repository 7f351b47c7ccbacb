// Published vectors under the registered-key rule. The expected verdict is what the rule says (the reference evaluates
// it); where the file or its paper says something of its own, that has to agree too, for the stated reason.
#include <gtest/gtest.h>

#include "crypto-offload/software_signer.h"
#include "tests/crypto-offload/judges.h"
#include "tests/crypto-offload/vector_files.h"

namespace electra::crypto {
namespace {

using reference::KeyRule;
using reference::Verdict;

class Vectors : public testing::TestWithParam<std::string_view> {
 protected:
  // Backend, reference and (under a registered key) libsodium agree about the vector; returns the rule's verdict.
  Verdict judge(const Vector& vector) {
    SCOPED_TRACE(vector.name);
    const Bytes32 key = array_of<32>(vector.public_key).value();
    const KeyRule rule = reference::registration(key);
    const Verdict verdict = reference::verification(key, vector.signature, vector.message);
    EXPECT_EQ(verifier_->check_key(key), rule == KeyRule::registered) << reference::name(rule);
    EXPECT_EQ(accepts_registered(*verifier_, key, vector.signature, vector.message), verdict == Verdict::accepted)
        << reference::name(verdict);
    if (rule == KeyRule::registered) {
      EXPECT_EQ(libsodium_accepts(key, vector.signature, vector.message), verdict == Verdict::accepted)
          << reference::name(verdict);
    }
    EXPECT_EQ(verify_one_raw(*verifier_, key, vector.signature, vector.message).message_id,
              expected_id(key, vector.signature, vector.message));
    return verdict;
  }

  std::unique_ptr<Verifier> verifier_ = verifier_or_throw(GetParam());
};

INSTANTIATE_TEST_SUITE_P(Backends, Vectors, testing::ValuesIn(backend_names()), name_of_backend);

TEST_P(Vectors, OfTheRfcAreAccepted) {
  const auto vectors = rfc8032_vectors();
  ASSERT_EQ(vectors.size(), 5u);
  for (const Vector& vector : vectors) EXPECT_EQ(judge(vector), Verdict::accepted) << vector.name;
}

// Wycheproof expects a cofactorless or cofactored verifier with a canonical S, and nothing of the key. All its keys can
// be registered, so the rule differs from the file nowhere; a later edition of the file may bring a "valid" under a key
// that cannot be registered, and then only this may differ.
TEST_P(Vectors, OfWycheproofGetWhatTheRuleSaysAndTheFileExpects) {
  const auto vectors = wycheproof_vectors();
  ASSERT_EQ(vectors.size(), 151u);
  for (const Vector& vector : vectors) {
    const Verdict verdict = judge(vector);
    ASSERT_TRUE(vector.expectation == "valid" || vector.expectation == "invalid") << vector.name;
    if (verdict == Verdict::key_not_registered) continue;
    EXPECT_EQ(verdict == Verdict::accepted, vector.expectation == "valid")
        << vector.name << ": " << reference::name(verdict);
  }
}

TEST_P(Vectors, OfWycheproofHaveKeysThatCanBeRegistered) {
  const auto vectors = wycheproof_vectors();
  ASSERT_EQ(vectors.size(), 151u);
  for (const Vector& vector : vectors) {
    EXPECT_EQ(reference::registration(array_of<32>(vector.public_key).value()), KeyRule::registered) << vector.name;
  }
}

// Chalkias, Garillot, Nikolaenko, "Taming the many EdDSAs" (2020): the paper states for each case of which order A and R
// are and where S stands; the reason for our refusal follows from that.
struct SpeccheckCase {
  const char* what;
  KeyRule key;
  Verdict verdict;
};
constexpr std::array<SpeccheckCase, 12> kSpeccheck = {{
    {"0: A and R small, S = 0", KeyRule::small_order, Verdict::key_not_registered},
    {"1: A small, R mixed", KeyRule::small_order, Verdict::key_not_registered},
    {"2: A mixed, R small", KeyRule::outside_subgroup, Verdict::key_not_registered},
    {"3: A and R mixed, passes with and without cofactor", KeyRule::outside_subgroup, Verdict::key_not_registered},
    {"4: A and R mixed, passes with the cofactor only", KeyRule::outside_subgroup, Verdict::key_not_registered},
    {"5: A mixed, passes if (8h) is not reduced first", KeyRule::outside_subgroup, Verdict::key_not_registered},
    {"6: A and R of order L, S > L", KeyRule::registered, Verdict::s_not_below_order},
    {"7: A and R of order L, S far above L", KeyRule::registered, Verdict::s_not_below_order},
    {"8: A mixed, R small and not canonical", KeyRule::outside_subgroup, Verdict::key_not_registered},
    {"9: the same, R hashed as sent", KeyRule::outside_subgroup, Verdict::key_not_registered},
    {"10: A is \"x = 0 with sign\", R mixed", KeyRule::not_canonical, Verdict::key_not_registered},
    {"11: the same, A hashed as sent", KeyRule::not_canonical, Verdict::key_not_registered},
}};

TEST_P(Vectors, OfSpeccheckAreRefusedForThePapersReasons) {
  const auto vectors = speccheck_vectors();
  ASSERT_EQ(vectors.size(), kSpeccheck.size());
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const Verdict verdict = judge(vectors[i]);
    const KeyRule rule = reference::registration(array_of<32>(vectors[i].public_key).value());
    EXPECT_EQ(rule, kSpeccheck[i].key) << kSpeccheck[i].what << ": " << reference::name(rule);
    EXPECT_EQ(verdict, kSpeccheck[i].verdict) << kSpeccheck[i].what << ": " << reference::name(verdict);
  }
}

TEST(VectorsOfTheRfc, GiveTheSignersPublicKeys) {
  const auto vectors = rfc8032_vectors();
  ASSERT_EQ(vectors.size(), 5u);
  for (const Vector& vector : vectors) {
    const SoftwareSigner signer(array_of<32>(vector.seed).value());
    EXPECT_EQ(to_hex(signer.public_key()), to_hex(vector.public_key)) << vector.name;
  }
}

}  // namespace
}  // namespace electra::crypto
