// Proofs as text: the same proof comes back, and no character of the text may change.
#include "engine/electrad/proof_json.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <random>

#include "tests/meter-proto/proof_support.h"

namespace electra::app {
namespace {

using proto::Proof;
using test::ReferenceBlock;
using testing::HasSubstr;

std::string fault_of(std::string_view text, const proto::TrustAnchor& anchor) {
  const auto proof = read_proof(text);
  if (!proof) return proof.error();
  const auto facts = proto::check_proof(*proof, anchor);
  return facts ? "" : facts.error();
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

TEST(ProofJson, OfEveryKindIsTheProofAndTrue) {
  const ReferenceBlock block({.messages = 6, .holders = 5, .accounts = 7, .meters = 5});
  for (const Proof& proof : block.every_kind()) {
    const std::string text = proof_text(proof);
    const auto read = read_proof(text);
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(*read, proof);
    EXPECT_EQ(fault_of(text, block.anchor()), "");
    EXPECT_LE(text.size(), kProofTextBytesMax);
    const auto binary = proto::encode_proof(proof);
    EXPECT_EQ(fault_of(text_of(binary), block.anchor()), "");
  }
}

TEST(ProofJson, SaysWhatIsProvedInNamesAndNumbers) {
  const ReferenceBlock block;
  const Json account = Json::parse(proof_text(block.account(1)));
  EXPECT_EQ(account["kind"], "account");
  EXPECT_EQ(account["header"]["height"], "7");
  EXPECT_EQ(account["facts"]["account"], "2");
  EXPECT_EQ(account["facts"]["balance"], "999751");
  EXPECT_EQ(account["facts"]["asset"], "uelectra");
  const Json message = Json::parse(proof_text(block.message(2)));
  EXPECT_EQ(message["facts"]["resultName"], "duplicate_reading");
  EXPECT_EQ(message["facts"]["operation"], "reading");
  EXPECT_EQ(message["message"]["sequence"], "3");
  const Json meter = Json::parse(proof_text(block.meter(1)));
  EXPECT_EQ(meter["facts"]["serial"], "H2");
  EXPECT_EQ(meter["facts"]["registers"][0]["whin"], "123457");
  EXPECT_EQ(Json::parse(proof_text(block.holder(2)))["facts"]["serial"], "H3");
  EXPECT_EQ(Json::parse(proof_text(block.absence(1)))["facts"]["slots"], "3");
  EXPECT_EQ(Json::parse(proof_text(block.absence(3)))["facts"]["accounts"], "3");

  EXPECT_THAT(proof_sentence(block.account(1)),
              HasSubstr("at height 7 (2016-01-04T00:00:07Z) account 2 of slot 2 has a balance of 999751 uelectra"));
  EXPECT_THAT(proof_sentence(block.message(2)), HasSubstr("result 133 (duplicate_reading: "));
  EXPECT_THAT(proof_sentence(block.meter(1)),
              HasSubstr("meter H2 (slot 2) read at 2016-01-04T00:00:00Z: L1 123457 Wh in"));
  EXPECT_THAT(proof_sentence(block.absence(1)), HasSubstr("there is no slot above 3"));
}

TEST(ProofJson, ANegativeBalanceHasASign) {
  ReferenceBlock block;
  const proto::AccountLeaf issuer{.debits_posted = UINT64_MAX, .credits_posted = 5, .asset = 1};
  const auto bytes = issuer.encode();
  block.table(proto::AccountLeaf::kTable).leaves[0].assign(bytes.begin(), bytes.end());
  block.seal();
  EXPECT_EQ(proof_facts_json(block.account(0))["balance"], "-18446744073709551610");
}

// One bit of each byte; with ELECTRA_LONG every value.
TEST(ProofJson, WithAnyByteChangedFails) {
  const bool every_value = std::getenv("ELECTRA_LONG") != nullptr;
  std::mt19937 random(1);
  const ReferenceBlock block({.messages = 3, .holders = 3, .accounts = 3, .meters = 3});
  for (const Proof& proof : block.every_kind()) {
    const std::string good = proof_text(proof);
    ASSERT_EQ(fault_of(good, block.anchor()), "");
    for (std::size_t at = 0; at < good.size(); ++at) {
      const unsigned first = every_value ? 1 : 1U << (random() % 8);
      const unsigned last = every_value ? 255 : first;
      for (unsigned change = first; change <= last; ++change) {
        std::string changed = good;
        changed[at] = static_cast<char>(static_cast<std::uint8_t>(changed[at]) ^ change);
        ASSERT_NE(fault_of(changed, block.anchor()), "")
            << proof_kind_name(proof.kind()) << ": byte " << at << " xor " << change;
      }
    }
  }
}

TEST(ProofJson, ThatIsNotCanonicalFails) {
  const ReferenceBlock block;
  const std::string good = proof_text(block.account(1));
  struct Case {
    const char* name;
    std::string text;
    const char* problem;
  };
  const Case cases[] = {
      {"nothing", "", "no proof"},
      {"no JSON", "{", "no proof"},
      {"a list", "[]", "no proof"},
      {"no kind", "{}", "kind"},
      {"another balance in words", replaced(good, "\"999751\"", "\"999752\""), "does not follow"},
      {"another kind", replaced(good, "\"kind\": \"account\"", "\"kind\": \"holder\""), "holder"},
      {"one more blank", replaced(good, "\": ", "\":  "), "does not follow"},
      {"a line feed more", good + "\n", "does not follow"},
      {"a line feed less", good.substr(0, good.size() - 1), "does not follow"},
      {"a member more", replaced(good, "{\n", "{\n  \"more\": 1,\n"), "line 2 does not follow"},
      {"a member twice", replaced(good, "  \"kind\"", "  \"kind\": \"account\",\n  \"kind\""), "does not follow"},
      {"capital hex", replaced(good, "\"genesisHash\": \"6", "\"genesisHash\": \"A"), "does not follow"},
      {"a number for a string", replaced(good, "\"height\": \"7\"", "\"height\": 7"), "height"},
      {"a string for a number", replaced(good, "\"messages\": 3", "\"messages\": \"3\""), "messages"},
      {"a number too large", replaced(good, "\"messages\": 3", "\"messages\": 4294967296"), "messages"},
      {"a leading zero", replaced(good, "\"height\": \"7\"", "\"height\": \"07\""), "height"},
      {"a root less", replaced(good, "\"tableRoots\": [", "\"tableRoots\": [], \"x\": ["), "tableRoots"},
      {"too long", std::string(kProofTextBytesMax + 1, ' '), "long"},
  };
  for (const Case& c : cases) {
    const std::string fault = fault_of(c.text, block.anchor());
    EXPECT_THAT(fault, HasSubstr(c.problem)) << c.name;
  }
}

}  // namespace
}  // namespace electra::app
