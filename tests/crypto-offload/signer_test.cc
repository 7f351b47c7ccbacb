#include "crypto-offload/signer.h"

#include <gtest/gtest.h>

#include <set>

#include "crypto-offload/software_signer.h"
#include "meter-proto/base/sha256.h"
#include "tests/crypto-offload/judges.h"

namespace electra::crypto {
namespace {

using proto::SignatureKind;

constexpr std::array<SignatureKind, 6> kKinds = {SignatureKind::message,    SignatureKind::hello,
                                                 SignatureKind::possession, SignatureKind::header,
                                                 SignatureKind::vote,       SignatureKind::command};
constexpr Bytes32 kGenesis = {0xaa, 0xbb};

bool valid(const Signer& signer, const Bytes64& signature, SignatureKind kind, const Bytes32& genesis,
           std::uint64_t sequence, ByteSpan payload) {
  const Bytes16 tag = proto::signing_tag(kind, genesis);
  const VerifyItem item{.public_key = signer.public_key().data(),
                        .signature = signature,
                        .tag = &tag,
                        .sequence = sequence,
                        .payload = payload};
  VerifyOutcome outcome;
  verifier_or_throw("auto")->verify({&item, 1}, {&outcome, 1});
  return outcome.valid;
}

TEST(SoftwareSigner, SignsWhatTheVerifierAccepts) {
  const SoftwareSigner signer(derive_development_seed("phrase", "H001"));
  EXPECT_TRUE(verifier_or_throw("auto")->check_key(signer.public_key()));
  const std::vector<std::uint8_t> payload(kSignedPayloadBytesMax, 0x5a);
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{100}, kSignedPayloadBytesMax}) {
    const ByteSpan part = ByteSpan(payload).first(bytes);
    const auto signature = signer.sign(SignatureKind::message, kGenesis, 42, part);
    ASSERT_TRUE(signature.has_value()) << bytes;
    EXPECT_TRUE(valid(signer, *signature, SignatureKind::message, kGenesis, 42, part)) << bytes;
  }
}

TEST(SoftwareSigner, SeparatesKindsChainsAndSequences) {
  const SoftwareSigner signer(derive_development_seed("phrase", "H001"));
  const auto payload = bytes_of("payload");
  for (const SignatureKind made : kKinds) {
    const Bytes64 signature = signer.sign(made, kGenesis, 7, payload).value();
    for (const SignatureKind asked : kKinds) {
      EXPECT_EQ(valid(signer, signature, asked, kGenesis, 7, payload), made == asked);
    }
    EXPECT_FALSE(valid(signer, signature, made, Bytes32{0xaa}, 7, payload));
    EXPECT_FALSE(valid(signer, signature, made, kGenesis, 8, payload));
    EXPECT_FALSE(valid(signer, signature, made, kGenesis, 7, bytes_of("payloae")));
  }
}

TEST(SoftwareSigner, GivesTheSameBytesAgain) {
  const Bytes32 seed = derive_development_seed("phrase", "H001");
  const Bytes64 first = SoftwareSigner(seed).sign(SignatureKind::message, kGenesis, 1, bytes_of("x")).value();
  EXPECT_EQ(first, SoftwareSigner(seed).sign(SignatureKind::message, kGenesis, 1, bytes_of("x")).value());
}

TEST(SoftwareSigner, RefusesAPayloadBeyondItsBound) {
  const SoftwareSigner signer(Bytes32{1});
  const std::vector<std::uint8_t> payload(kSignedPayloadBytesMax + 1);
  const auto signature = signer.sign(SignatureKind::message, kGenesis, 1, payload);
  ASSERT_FALSE(signature.has_value());
  EXPECT_EQ(signature.error(), SignError::payload_too_long);
  EXPECT_FALSE(sign_error_text(signature.error()).empty());
}

TEST(DevelopmentSeed, IsTheHashThatTheHeaderStates) {
  // SHA-256("electra/development-key/1" ‖ 03000000 ‖ "abc" ‖ "H001"), assembled by hand
  std::string text = "electra/development-key/1";
  text += std::string("\x03\x00\x00\x00", 4);
  text += "abcH001";
  EXPECT_EQ(derive_development_seed("abc", "H001"), sha256(text));
}

TEST(DevelopmentSeed, TellsPhraseAndNameApart) {
  std::set<Bytes32> seeds;
  for (const auto& [phrase, name] : {std::pair{"abc", "def"},
                                     {"ab", "cdef"},
                                     {"abcd", "ef"},
                                     {"", "abcdef"},
                                     {"abcdef", ""},
                                     {"abc", "deg"},
                                     {"abd", "def"}}) {
    EXPECT_TRUE(seeds.insert(derive_development_seed(phrase, name)).second) << phrase << ' ' << name;
  }
}

}  // namespace
}  // namespace electra::crypto
