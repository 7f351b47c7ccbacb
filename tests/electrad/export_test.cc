// `electrad export blocks` and `electrad init --from`, as users run them: a chain moves to another home and goes on there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <thread>

#include "tests/electrad/program.h"

namespace electra::app {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kConfig = R"(
genesis: {chain_id: test-7, time: 2016-01-04T00:00:00Z}
accounts:
  - {name: alice, coins: ["10elc"], roles: [owner, meter], phases: [1]}
  - {name: bob, coins: ["1elc"]}
clock: replay
listen: 127.0.0.1:0
)";

std::unique_ptr<Process> start(const Arguments& arguments) {
  auto gateway = std::make_unique<Process>(arguments);
  EXPECT_TRUE(gateway->listens()) << gateway->error_so_far();
  return gateway;
}

// One home for all tests, made by a gateway that took some transfers and was exported while it served; each test looks at a
// copy.
class ExportTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    made_ = std::make_unique<TemporaryDirectory>();
    write_file(*made_ / "config.yml", kConfig);
    const std::string home = *made_ / "home";
    const auto gateway = start({"serve", "--home", home, "--config", *made_ / "config.yml"});
    for (const char* amount : {"1elc", "2elc"}) {
      const Ended sent = run_electrad({"tx", "bank", "send", "alice", "bob", amount, "--home", home});
      ASSERT_EQ(sent.exit_code, 0) << sent.error;
    }
    ASSERT_NO_FATAL_FAILURE(export_until("2", "live.blocks", live_));
    ASSERT_EQ(run_electrad({"tx", "bank", "send", "bob", "alice", "0.5elc", "--home", home}).exit_code, 0);
    ASSERT_NO_FATAL_FAILURE(export_until("3", "longer.blocks", all_));
    gateway->signal(SIGTERM);
    ASSERT_EQ(gateway->wait().exit_code, 0);
    all_ = run_electrad({"export", "blocks", "--out", *made_ / "all.blocks", "--home", home, "--json"});
    ASSERT_EQ(all_.exit_code, 0) << all_.error;
  }
  // The block's end and its header come a moment after its messages, while the gateway serves.
  static void export_until(const std::string& messages, const std::string& name, Ended& exported) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    do {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << exported.error;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      fs::remove(*made_ / name);
      exported = run_electrad({"export", "blocks", "--out", *made_ / name, "--home", *made_ / "home", "--json"});
    } while (exported.exit_code != 0 || exported.json()["messages"] != messages);
  }
  static void TearDownTestSuite() { made_.reset(); }

  void SetUp() override {
    ASSERT_NE(made_, nullptr);
    fs::copy(*made_ / "home", home(), fs::copy_options::recursive);
    fs::copy(*made_ / "all.blocks", blocks());
  }

  [[nodiscard]] std::string home() const { return directory_ / "home"; }
  [[nodiscard]] std::string copy() const { return directory_ / "copy"; }
  [[nodiscard]] std::string blocks() const { return directory_ / "all.blocks"; }

  [[nodiscard]] Ended export_blocks(Arguments more, const std::string& name = "out.blocks") const {
    Arguments arguments = {"export", "blocks", "--out", directory_ / name, "--home", home(), "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_electrad(arguments);
  }
  [[nodiscard]] Ended init_from(const Arguments& files) const {
    Arguments arguments = {"init", "--home", copy(), "--json", "--from"};
    arguments.insert(arguments.end(), files.begin(), files.end());
    return run_electrad(arguments);
  }
  // Nothing that could be taken for a chain, and no private key.
  void expect_no_chain() const {
    EXPECT_FALSE(fs::exists(copy() + "/config/genesis.json"));
    EXPECT_TRUE(!fs::exists(copy() + "/journal") || fs::is_empty(copy() + "/journal"));
    EXPECT_FALSE(fs::exists(copy() + "/blocks/headers.bin"));
    EXPECT_FALSE(fs::exists(copy() + "/import"));
    EXPECT_EQ(run_electrad({"start", "--home", copy()}).exit_code, 4);
  }
  static void flip(const std::string& file, std::size_t byte) {
    std::string bytes = read_file(file);
    ASSERT_LT(byte, bytes.size());
    bytes[byte] = static_cast<char>(bytes[byte] ^ 4);
    write_file(file, bytes);
  }
  // Where the first block begins.
  [[nodiscard]] std::size_t first_block() const { return 64 + fs::file_size(home() + "/config/genesis.json"); }

  static inline std::unique_ptr<TemporaryDirectory> made_;
  static inline Ended live_;
  static inline Ended all_;
  TemporaryDirectory directory_;
};

TEST_F(ExportTest, WorksWhileAGatewayServesAndEndsWithASignedBlock) {
  EXPECT_EQ(live_.json()["chainId"], "test-7");
  EXPECT_EQ(live_.json()["firstHeight"], "1");
  const Ended verified = run_electrad({"verify", *made_ / "live.blocks", "--json"});
  ASSERT_EQ(verified.exit_code, 0) << verified.error;
  EXPECT_EQ(verified.json()["messages"], "2");
  EXPECT_EQ(verified.json()["height"], live_.json()["lastHeight"]);
  EXPECT_EQ(verified.json()["headerHash"], live_.json()["lastHeaderHash"]);
  EXPECT_EQ(verified.json()["openBatches"], "0");
}

TEST_F(ExportTest, MovesAChainThatGoesOnInItsNewHome) {
  const Ended made = init_from({blocks()});
  ASSERT_EQ(made.exit_code, 0) << made.error;
  EXPECT_EQ(made.json()["blocks"], all_.json()["lastHeight"]);
  EXPECT_EQ(made.json()["batches"], all_.json()["batches"]);
  EXPECT_EQ(made.json()["messages"], all_.json()["messages"]);
  EXPECT_EQ(made.json()["genesisHash"], all_.json()["genesisHash"]);
  EXPECT_EQ(made.json()["lastHeaderHash"], all_.json()["lastHeaderHash"]);
  EXPECT_EQ(made.json()["gatewayKeyPresent"], false);
  EXPECT_EQ(read_file(copy() + "/config/genesis.json"), read_file(home() + "/config/genesis.json"));
  const std::string headers = read_file(home() + "/blocks/headers.bin");
  EXPECT_EQ(read_file(copy() + "/blocks/headers.bin"), headers);
  EXPECT_FALSE(fs::exists(copy() + "/import"));
  const Ended verified = run_electrad({"verify", copy(), "--json"});
  ASSERT_EQ(verified.exit_code, 0) << verified.error;
  EXPECT_EQ(verified.json()["stateRoot"], made.json()["stateRoot"]);

  // It serves once the gateway's key is there, from where the blocks end.
  const Ended keyless = run_electrad({"start", "--home", copy(), "--listen", "127.0.0.1:0"});
  EXPECT_EQ(keyless.exit_code, 4);
  EXPECT_EQ(made.json()["gatewayKeyFile"], copy() + "/keys/GRID.key");
  fs::remove_all(copy() + "/keys");
  fs::copy(home() + "/keys", copy() + "/keys", fs::copy_options::recursive);
  const auto gateway = start({"start", "--home", copy(), "--listen", "127.0.0.1:0"});
  const Ended balance = run_electrad({"query", "bank", "balances", "bob", "--home", copy(), "--json"});
  ASSERT_EQ(balance.exit_code, 0) << balance.error;
  EXPECT_EQ(balance.json()["balances"][0]["amount"], "3500000");
  EXPECT_EQ(run_electrad({"tx", "bank", "send", "alice", "bob", "1elc", "--home", copy()}).exit_code, 0);
  gateway->signal(SIGTERM);
  EXPECT_EQ(gateway->wait().exit_code, 0);
  EXPECT_EQ(run_electrad({"verify", copy(), "--unfinished"}).exit_code, 0);
  EXPECT_EQ(read_file(copy() + "/blocks/headers.bin").substr(0, headers.size()), headers);
}

TEST_F(ExportTest, WritesPartsThatAreOneChain) {
  const std::string last = all_.json()["lastHeight"];
  ASSERT_NE(last, "1");
  ASSERT_EQ(export_blocks({"--to", "1"}, "1.blocks").exit_code, 0);
  ASSERT_EQ(export_blocks({"--from", "2", "--to", last}, "2.blocks").exit_code, 0);
  EXPECT_EQ(init_from({directory_ / "2.blocks"}).exit_code, 10);
  EXPECT_EQ(init_from({directory_ / "2.blocks", directory_ / "1.blocks"}).exit_code, 10);
  const Ended made = init_from({directory_ / "1.blocks", directory_ / "2.blocks"});
  ASSERT_EQ(made.exit_code, 0) << made.error;
  EXPECT_EQ(made.json()["lastHeaderHash"], all_.json()["lastHeaderHash"]);
}

TEST_F(ExportTest, RefusesWhatCannotBeWritten) {
  struct Case {
    Arguments more;
    int exit_code;
    const char* text;
  };
  write_file(directory_ / "there.blocks", "mine");
  const std::vector<Case> cases = {
      {{"--from", "0"}, 2, "--from"},          {{"--to", "0"}, 2, "--to"},
      {{"--from", "-1"}, 2, "--from"},         {{"--to", "1000000"}, 1, "not there"},
      {{"--from", "1000000"}, 1, "not there"}, {{"--home", directory_ / "nowhere"}, 4, "no chain"},
  };
  for (const Case& row : cases) {
    Arguments arguments = {"export", "blocks", "--out", directory_ / "out.blocks"};
    if (row.more.front() != "--home") arguments.insert(arguments.end(), {"--home", home()});
    arguments.insert(arguments.end(), row.more.begin(), row.more.end());
    const Ended ended = run_electrad(arguments);
    EXPECT_EQ(ended.exit_code, row.exit_code) << row.more.front() << ended.error;
    EXPECT_THAT(ended.error, HasSubstr(row.text));
    EXPECT_FALSE(fs::exists(directory_ / "out.blocks"));
    EXPECT_FALSE(fs::exists(directory_ / "out.blocks.new"));
  }
  const Ended there = export_blocks({}, "there.blocks");
  EXPECT_EQ(there.exit_code, 1);
  EXPECT_THAT(there.error, HasSubstr("not replaced"));
  EXPECT_EQ(read_file(directory_ / "there.blocks"), "mine");
  EXPECT_EQ(run_electrad({"export", "blocks", "--home", home()}).exit_code, 2);  // where to?
  EXPECT_EQ(run_electrad({"export", "--home", home()}).exit_code, 2);            // what?
}

TEST_F(ExportTest, ExportsNothingOfADamagedJournal) {
  const std::string segment = home() + "/journal/000000000001.seg";
  flip(segment, 300);
  const Ended ended = export_blocks({});
  EXPECT_EQ(ended.exit_code, 7);
  EXPECT_THAT(ended.error, HasSubstr(segment));
  EXPECT_FALSE(fs::exists(directory_ / "out.blocks"));
  flip(segment, 300);
  flip(home() + "/blocks/headers.bin", 100);
  const Ended headers = export_blocks({});
  EXPECT_EQ(headers.exit_code, 7);
  EXPECT_THAT(headers.error, HasSubstr("headers.bin"));
  flip(home() + "/blocks/headers.bin", 100);
  EXPECT_EQ(export_blocks({}).exit_code, 0);
}

TEST_F(ExportTest, ImportsNothingThatIsNotTrue) {
  const std::string good = read_file(blocks());
  const std::size_t block = first_block();
  struct Case {
    const char* what;
    std::size_t byte;
  };
  const std::vector<Case> cases = {
      {"the genesis", 40},
      {"the block's length", block},
      {"the header's version", block + 4},
      {"a transaction root", block + 4 + 130},
      {"a state root", block + 4 + 170},
      {"the header's signature", block + 4 + 230},
      {"the last byte: in a message or a length", good.size() - 1},
      {"the middle", (block + good.size()) / 2},
  };
  for (const Case& row : cases) {
    flip(blocks(), row.byte);
    const Ended ended = init_from({blocks()});
    EXPECT_EQ(ended.exit_code, 10) << row.what << ": " << ended.error;
    EXPECT_THAT(ended.error, HasSubstr(blocks())) << row.what;
    expect_no_chain();
    write_file(blocks(), good);
  }
  write_file(blocks(), good.substr(0, good.size() - 1));
  EXPECT_EQ(init_from({blocks()}).exit_code, 10);
  EXPECT_EQ(init_from({directory_ / "missing.blocks"}).exit_code, 1);
  expect_no_chain();
  write_file(blocks(), good);
  EXPECT_EQ(init_from({blocks()}).exit_code, 0);
}

TEST_F(ExportTest, KeepsAHomeThatHasAChain) {
  ASSERT_EQ(init_from({blocks()}).exit_code, 0);
  const Ended again = init_from({blocks()});
  EXPECT_EQ(again.exit_code, 4);
  EXPECT_THAT(again.error, HasSubstr("a chain is here already"));
  EXPECT_EQ(run_electrad({"verify", copy()}).exit_code, 0);
}

TEST_F(ExportTest, BeginsAgainAfterAnImportThatWasInterrupted) {
  // Everything is in its place but the genesis: the last moment there is.
  fs::create_directories(copy() + "/import");
  fs::create_directories(copy() + "/config");
  fs::copy(home() + "/journal", copy() + "/journal", fs::copy_options::recursive);
  fs::create_directories(copy() + "/blocks");
  fs::copy(home() + "/blocks/headers.bin", copy() + "/blocks/headers.bin");
  write_file(copy() + "/config/genesis.json.new", "half");
  EXPECT_EQ(run_electrad({"start", "--home", copy()}).exit_code, 4);
  const Ended made = init_from({blocks()});
  ASSERT_EQ(made.exit_code, 0) << made.error;
  EXPECT_EQ(run_electrad({"verify", copy()}).exit_code, 0);
}

TEST_F(ExportTest, LeavesNoHalfChainWhenItIsKilled) {
  bool finished = false;
  for (int wait_ms = 0; !finished; wait_ms += 2) {
    ASSERT_LT(wait_ms, 2000);
    Process import({"init", "--home", copy(), "--from", blocks()});
    std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
    import.signal(SIGKILL);
    finished = import.wait().exit_code == 0;
    // A genesis is there only beside everything else.
    if (!fs::exists(copy() + "/config/genesis.json")) continue;
    EXPECT_EQ(run_electrad({"verify", copy()}).exit_code, 0) << "killed after " << wait_ms << " ms";
    finished = true;
  }
}

TEST_F(ExportTest, TakesTheGivenConfiguration) {
  write_file(directory_ / "mine.yml", std::string(kConfig) + "log: {level: warning}\n");
  const Ended made = run_electrad({"init", "--home", copy(), "--from", blocks(), "--config", directory_ / "mine.yml"});
  ASSERT_EQ(made.exit_code, 0) << made.error;
  EXPECT_THAT(made.out, HasSubstr("keys/GRID.key"));
  EXPECT_THAT(made.out, Not(HasSubstr("development seed")));
  EXPECT_EQ(read_file(copy() + "/config/config.yml"), read_file(directory_ / "mine.yml"));
  write_file(directory_ / "bad.yml", "no_such_key: 1\n");
  fs::remove_all(copy());
  EXPECT_EQ(run_electrad({"init", "--home", copy(), "--from", blocks(), "--config", directory_ / "bad.yml"}).exit_code,
            3);
  EXPECT_FALSE(fs::exists(copy()));
}

}  // namespace
}  // namespace electra::app
