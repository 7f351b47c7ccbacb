// `electrad check-proof` as its users run it.
#include <gmock/gmock.h>

#include "engine/electrad/config.h"
#include "engine/electrad/genesis.h"
#include "engine/electrad/proof_json.h"
#include "tests/electrad/program.h"
#include "tests/meter-proto/proof_support.h"

namespace electra::app {
namespace {

using test::ReferenceBlock;
using testing::HasSubstr;

class CheckProof : public testing::Test {
 protected:
  Arguments with_anchor(Arguments arguments) const {
    arguments.insert(arguments.end(), {"--genesis-hash", to_hex(block_.anchor().genesis_hash), "--gateway-key",
                                       to_hex(block_.anchor().gateway_key)});
    return arguments;
  }

  TemporaryDirectory directory_;
  ReferenceBlock block_;
};

TEST_F(CheckProof, TakesBytesAndTextOfEveryKind) {
  for (const proto::Proof& proof : block_.every_kind()) {
    write_file(directory_ / "proof", std::string(text_of(proto::encode_proof(proof))));
    write_file(directory_ / "proof.json", proof_text(proof));
    for (const char* name : {"proof", "proof.json"}) {
      const Ended ended = run_electrad(with_anchor({"check-proof", directory_ / name}));
      EXPECT_EQ(ended.exit_code, 0) << ended.error;
      EXPECT_THAT(ended.out, HasSubstr("proved: " + proof_sentence(proof)));
      EXPECT_THAT(ended.out, HasSubstr(to_hex(proto::header_hash(block_.header()))));
    }
  }
}

TEST_F(CheckProof, AnswersInJson) {
  write_file(directory_ / "proof", proof_text(block_.account(1)));
  const Ended ended = run_electrad(with_anchor({"check-proof", directory_ / "proof", "--json"}));
  ASSERT_EQ(ended.exit_code, 0) << ended.error;
  EXPECT_EQ(ended.json()["proved"], true);
  EXPECT_EQ(ended.json()["height"], "7");
  EXPECT_EQ(ended.json()["facts"]["balance"], "999751");
}

TEST_F(CheckProof, EndsWithTenAndNamesTheCheckThatFailed) {
  proto::Proof proof = block_.account(1);
  ++std::get<proto::AccountProof>(proof.content).account.leaf[8];
  write_file(directory_ / "proof", std::string(text_of(proto::encode_proof(proof))));
  write_file(directory_ / "proof.json", proof_text(proof));
  write_file(directory_ / "other", "something else");
  struct Case {
    const char* name;
    const char* problem;
  };
  for (const Case& c : {Case{"proof", "table's root"}, Case{"proof.json", "table's root"}, Case{"other", "no proof"}}) {
    const Ended ended = run_electrad(with_anchor({"check-proof", directory_ / c.name}));
    EXPECT_EQ(ended.exit_code, 10) << c.name;
    EXPECT_THAT(ended.error, HasSubstr(c.problem)) << c.name;
    EXPECT_EQ(ended.out, "") << c.name;
  }
}

TEST_F(CheckProof, TakesTheAnchorFromAGenesis) {
  const TemporaryDirectory home;
  const Ended made = run_electrad({"init", "--home", home.path().string()});
  ASSERT_EQ(made.exit_code, 0) << made.error;
  const std::string genesis = (home.path() / "config" / "genesis.json").string();
  write_file(directory_ / "proof", std::string(text_of(proto::encode_proof(block_.account(1)))));
  // The proof is of another chain, which only a reader of this genesis can tell.
  for (const Arguments& anchor : {Arguments{"--genesis", genesis}, Arguments{"--home", home.path().string()}}) {
    Arguments arguments = {"check-proof", directory_ / "proof"};
    arguments.insert(arguments.end(), anchor.begin(), anchor.end());
    const Ended ended = run_electrad(arguments);
    EXPECT_EQ(ended.exit_code, 10);
    EXPECT_THAT(ended.error, HasSubstr("another chain"));
  }
  // With the right hash the key is compared.
  const auto parsed = parse_genesis("genesis.json", read_file(genesis));
  ASSERT_TRUE(parsed);
  proto::Proof proof = block_.account(1);
  proof.genesis_hash = parsed->hash;
  write_file(directory_ / "proof", std::string(text_of(proto::encode_proof(proof))));
  const Ended ended = run_electrad({"check-proof", directory_ / "proof", "--genesis", genesis});
  EXPECT_EQ(ended.exit_code, 10);
  EXPECT_THAT(ended.error, HasSubstr("another key"));
}

TEST_F(CheckProof, RefusesWhatIsMissingOrMisspelled) {
  write_file(directory_ / "proof", std::string(text_of(proto::encode_proof(block_.account(1)))));
  const std::string hash = to_hex(block_.anchor().genesis_hash);
  const std::string key = to_hex(block_.anchor().gateway_key);
  struct Case {
    Arguments arguments;
    int exit_code;
  };
  const std::vector<Case> cases = {
      {{"check-proof"}, 2},
      {with_anchor({"check-proof", directory_ / "nothing"}), 1},
      {with_anchor({"check-proof", directory_.path().string()}), 1},
      {{"check-proof", directory_ / "proof", "--genesis-hash", hash}, 2},
      {{"check-proof", directory_ / "proof", "--gateway-key", key}, 2},
      {{"check-proof", directory_ / "proof", "--genesis-hash", "12", "--gateway-key", key}, 2},
      {{"check-proof", directory_ / "proof", "--genesis", directory_ / "nothing"}, 3},
      {{"check-proof", directory_ / "proof", "--home", directory_ / "nothing"}, 4},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(run_electrad(c.arguments).exit_code, c.exit_code) << testing::PrintToString(c.arguments);
  }
}

}  // namespace
}  // namespace electra::app
