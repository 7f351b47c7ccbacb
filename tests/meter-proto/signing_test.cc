#include "meter-proto/signing.h"

#include <set>

#include "meter-proto/base/sha256.h"
#include "tests/meter-proto/support.h"

namespace electra {
namespace {

using proto::SignatureKind;
constexpr std::array kKinds = {SignatureKind::message, SignatureKind::hello, SignatureKind::possession,
                               SignatureKind::header,  SignatureKind::vote,  SignatureKind::command};

TEST(SigningTag, IsTheFrontOfTheHashOfKindAndGenesis) {
  const Bytes32 genesis = test::counting_bytes(0);
  const std::string text = "electra/message/1" + test::string_of(genesis);
  EXPECT_EQ(to_hex(proto::signing_tag(SignatureKind::message, genesis)), to_hex(sha256(text)).substr(0, 32));
}

TEST(SigningTag, DiffersForEveryKindAndEveryChain) {
  std::set<Bytes16> tags;
  for (const SignatureKind kind : kKinds) {
    tags.insert(proto::signing_tag(kind, test::counting_bytes(0)));
    tags.insert(proto::signing_tag(kind, test::counting_bytes(1)));
  }
  EXPECT_EQ(tags.size(), kKinds.size() * 2);
}

TEST(SigningBytes, AreTagThenSequenceThenPayload) {
  Bytes16 tag;
  tag.fill(0xee);
  std::array<std::uint8_t, 64> buffer{};
  const ByteSpan bytes = proto::signing_bytes(tag, 0x0102, test::hex("abcd"), buffer);
  EXPECT_EQ(to_hex(bytes), "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee0201000000000000abcd");
}

TEST(SigningBytesDeathTest, MustFitIntoTheBuffer) {
  std::array<std::uint8_t, 25> buffer{};
  EXPECT_DEATH(proto::signing_bytes(Bytes16{}, 1, test::hex("abcd"), buffer), "26, right is 25");
}

TEST(MessageId, IsTheFrontOfTheHashThatVerificationComputes) {
  const test::Key key(test::counting_bytes(0));
  const Bytes64 signature = key.sign(test::hex("abcd"));
  Bytes64 digest;
  const test::Bytes hashed = test::operator+(test::operator+(test::Bytes(signature.begin(), signature.begin() + 32),
                                                             test::Bytes(key.public_key.begin(), key.public_key.end())),
                                             test::hex("abcd"));
  crypto_hash_sha512(digest.data(), hashed.data(), hashed.size());
  EXPECT_EQ(to_hex(proto::message_id(key.public_key, signature, test::hex("abcd"))), to_hex(digest).substr(0, 64));
}

TEST(MessageId, DoesNotDependOnS) {
  const test::Key key(test::counting_bytes(0));
  Bytes64 signature = key.sign(test::hex("abcd"));
  const Bytes32 id = proto::message_id(key.public_key, signature, test::hex("abcd"));
  signature[63] ^= 1;
  EXPECT_EQ(proto::message_id(key.public_key, signature, test::hex("abcd")), id);
  signature[0] ^= 1;
  EXPECT_NE(proto::message_id(key.public_key, signature, test::hex("abcd")), id);
}

}  // namespace
}  // namespace electra
