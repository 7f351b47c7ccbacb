// `electrad prove` on the home of a real gateway, and `check-proof` on what it made.
#include <gmock/gmock.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <thread>

#include "meter-proto/base/bytes.h"
#include "tests/electrad/program.h"

namespace electra::app {
namespace {

using testing::HasSubstr;

constexpr const char* kConfig = R"(
genesis: {chain_id: proofs, time: 2016-01-04T00:00:00Z}
accounts:
  - {name: alice, coins: ["10elc"], roles: [owner, meter], phases: [1]}
  - {name: bob, coins: ["1elc"]}
clock: replay
listen: 127.0.0.1:0
blocks: {interval: 1s}
)";

// Three blocks or more: transfers of alice with the sequences 1 (ok) and 2 (too much), a reading with 3.
class ProofProcess : public testing::Test {
 protected:
  void SetUp() override {
    write_file(directory_ / "config.yml", kConfig);
    home_ = directory_ / "home";
    Process gateway({"serve", "--home", home_, "--config", directory_ / "config.yml"});
    ASSERT_TRUE(gateway.listens()) << gateway.error_so_far();
    ASSERT_EQ(run({"tx", "bank", "send", "alice", "bob", "1elc"}).exit_code, 0);
    wait_for_block_of("1");
    ASSERT_EQ(run({"tx", "bank", "send", "alice", "bob", "100elc"}).exit_code, 6);
    wait_for_block_of("2");
    ASSERT_EQ(run({"tx", "meter", "record", "1451865600", "1", "4711", "12", "230000", "50000", "958", "16", "--from",
                   "alice"})
                  .exit_code,
              0);
    wait_for_block_of("3");
    gateway.signal(SIGTERM);
    ASSERT_EQ(gateway.wait().exit_code, 0);
  }

  // Also shows that a proof can be made while the gateway serves.
  void wait_for_block_of(const std::string& sequence) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    Ended ended;
    do {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      ended = run({"prove", "message", "alice", sequence});
    } while (ended.exit_code != 0 && std::chrono::steady_clock::now() < deadline);
    ASSERT_EQ(ended.exit_code, 0) << ended.error;
  }

  Ended run(Arguments arguments) const {
    arguments.insert(arguments.end(), {"--home", home_, "--json"});
    return run_electrad(arguments);
  }

  // The proof in a file of that name.
  Ended prove(Arguments arguments, const std::string& name) const {
    arguments.insert(arguments.begin(), "prove");
    arguments.insert(arguments.end(), {"--out", directory_ / name});
    return run(arguments);
  }

  Ended check(const std::string& name) const {
    return run_electrad({"check-proof", directory_ / name, "--genesis", home_ + "/config/genesis.json", "--json"});
  }

  TemporaryDirectory directory_;
  std::string home_;
};

TEST_F(ProofProcess, EveryKindIsMadeAndTrueInBothForms) {
  struct Case {
    Arguments arguments;
    const char* fact;
    const char* value;
  };
  const std::vector<Case> cases = {
      {{"message", "alice", "1"}, "resultName", "ok"},
      {{"message", "alice", "2"}, "resultName", "exceeds_credits"},
      {{"message", "alice", "3"}, "operation", "reading"},
      {{"balance", "alice"}, "balance", "9000000"},
      {{"balance", "alice", "--height", "1"}, "balance", "9000000"},
      {{"balance", "bob"}, "balance", "2000000"},
      {{"balance", "1"}, "asset", "uelectra"},
      {{"registers", "alice"}, "serial", "alice"},
      {{"holder", "4"}, "serial", "bob"},
      {{"absent", "slot", "5"}, "slots", "4"},
      {{"absent", "account", "900"}, "accounts", nullptr},
  };
  for (const Case& c : cases) {
    for (const char* format : {"binary", "json"}) {
      Arguments arguments = c.arguments;
      arguments.insert(arguments.end(), {"--format", format});
      const Ended made = prove(arguments, "proof");
      ASSERT_EQ(made.exit_code, 0) << testing::PrintToString(arguments) << made.error;
      const Ended checked = check("proof");
      ASSERT_EQ(checked.exit_code, 0) << testing::PrintToString(arguments) << checked.error;
      EXPECT_EQ(checked.json()["proved"], true);
      if (c.value != nullptr) {
        EXPECT_EQ(checked.json()["facts"][c.fact], c.value) << testing::PrintToString(arguments);
      }
      EXPECT_EQ(read_file(directory_ / "proof").starts_with("ELECTRAP"), format == std::string("binary"));
    }
  }
  EXPECT_EQ(prove({"registers", "alice"}, "registers").exit_code, 0);
  EXPECT_EQ(check("registers").json()["facts"]["registers"][0]["whin"], "4711");
  EXPECT_EQ(prove({"message", "alice", "1"}, "transfer").exit_code, 0);
  EXPECT_EQ(check("transfer").json()["facts"]["message"]["transfers"][0]["amount"], "1000000");
}

TEST_F(ProofProcess, TheSameProofAgainHasTheSameBytes) {
  for (const Arguments& arguments : {Arguments{"message", "alice", "1"}, Arguments{"registers", "alice"}}) {
    ASSERT_EQ(prove(arguments, "first").exit_code, 0);
    ASSERT_EQ(prove(arguments, "second").exit_code, 0);
    EXPECT_EQ(read_file(directory_ / "first"), read_file(directory_ / "second"));
  }
}

TEST_F(ProofProcess, WhatIsNotThereIsNotProved) {
  struct Case {
    Arguments arguments;
    int exit_code;
    const char* text;
  };
  const std::vector<Case> cases = {
      {{"message", "alice", "9"}, 1, "no signed block"},
      {{"message", "alice", "1", "--height", "2"}, 1, "of height 2"},
      {{"message", "alice", "1", "--message-id", std::string(64, '0')}, 1, "this id"},
      {{"message", "alice", "1", "--message-id", "12"}, 2, "hexadecimal"},
      {{"message", "nobody", "1"}, 1, "no signed block"},
      {{"balance", "900"}, 1, "prove absent account 900"},
      {{"balance", "nobody"}, 1, "no holder nobody"},
      {{"balance", "alice", "--height", "900"}, 1, "the newest has height"},
      {{"balance", "alice", "--height", "0"}, 1, "no signed header of height 0"},
      {{"registers", "operator"}, 1, "has no meter"},
      {{"holder", "900"}, 1, "no holder 900"},
      {{"absent", "slot", "2"}, 1, "slot 2 is there"},
      {{"absent", "slot", "0"}, 2, "begin with 1"},
      {{"absent", "account", "1"}, 1, "account 1 is there"},
  };
  for (const Case& c : cases) {
    const Ended ended = prove(c.arguments, "proof");
    EXPECT_EQ(ended.exit_code, c.exit_code) << testing::PrintToString(c.arguments);
    EXPECT_THAT(ended.error, HasSubstr(c.text)) << testing::PrintToString(c.arguments);
    EXPECT_FALSE(std::filesystem::exists(directory_ / "proof")) << testing::PrintToString(c.arguments);
  }
  const Ended nowhere = run_electrad({"prove", "balance", "1", "--home", directory_ / "nowhere"});
  EXPECT_EQ(nowhere.exit_code, 4);
}

TEST_F(ProofProcess, HeadersThatTheJournalDoesNotMakeAreNotUsed) {
  const std::string file = home_ + "/blocks/headers.bin";
  const std::string good = read_file(file);
  ASSERT_GE(good.size(), 2 * 288u);
  std::string flipped = good;
  flipped[170] ^= 1;  // the state root of height 1
  write_file(file, flipped);
  EXPECT_EQ(prove({"balance", "alice", "--height", "1"}, "proof").exit_code, 10);
  EXPECT_EQ(prove({"balance", "alice", "--height", "2"}, "proof").exit_code, 0);
  write_file(file, good.substr(288, 288) + good.substr(288));  // height 2 in the place of height 1
  EXPECT_EQ(prove({"balance", "alice", "--height", "1"}, "proof").exit_code, 10);
  write_file(file, good + good.substr(good.size() - 288));  // more headers than the journal has blocks
  EXPECT_EQ(prove({"balance", "alice"}, "proof").exit_code, 10);
  write_file(file, "");
  EXPECT_EQ(prove({"balance", "alice"}, "proof").exit_code, 1);
}

}  // namespace
}  // namespace electra::app
