// `electrad inspect` on a home as a gateway leaves it, and on what damage leaves of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <thread>

#include "tests/electrad/program.h"

namespace electra::app {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kConfig = R"(
genesis: {chain_id: test-7, time: 2016-01-04T00:00:00Z}
accounts:
  - {name: alice, coins: ["10elc"], roles: [owner, meter], phases: [1]}
  - {name: bob, coins: ["1elc"]}
clock: replay
listen: 127.0.0.1:0
)";
constexpr std::size_t kBlock = 4096;
constexpr std::size_t kHeader = 288;

// One home for all tests, made by a gateway that took three transfers of 1, 2 and 3 elc from alice to bob; each test looks
// at a copy. What the gateway answered last is kept.
class InspectTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    made_ = std::make_unique<TemporaryDirectory>();
    write_file(*made_ / "config.yml", kConfig);
    const std::string home = *made_ / "home";
    Process gateway({"serve", "--home", home, "--config", *made_ / "config.yml"});
    ASSERT_TRUE(gateway.listens()) << gateway.error_so_far();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (const char* amount : {"1elc", "2elc", "3elc"}) {
      const Ended sent = run_electrad({"tx", "bank", "send", "alice", "bob", amount, "--home", home});
      ASSERT_EQ(sent.exit_code, 0) << sent.error;
    }
    holder_ = run_electrad({"query", "holder", "alice", "--home", home, "--json"}).json()["holder"];
    account_ = run_electrad(
                   {"query", "account", std::to_string(holder_["walletAccount"].get<int>()), "--home", home, "--json"})
                   .json();
    // The block's end comes a moment later.
    while (run_electrad({"inspect", "block", "--home", home, "--json"}).out.find("\"totalMessages\": \"3\"") ==
           std::string::npos) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "no block was signed";
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    gateway.signal(SIGTERM);
    ASSERT_EQ(gateway.wait().exit_code, 0);
  }
  static void TearDownTestSuite() { made_.reset(); }

  void SetUp() override { fs::copy(*made_ / "home", home(), fs::copy_options::recursive); }

  [[nodiscard]] std::string home() const { return directory_ / "home"; }
  [[nodiscard]] std::string segment() const { return home() + "/journal/000000000001.seg"; }
  [[nodiscard]] std::string headers() const { return home() + "/blocks/headers.bin"; }
  [[nodiscard]] std::string wallet() const { return std::to_string(holder_["walletAccount"].get<int>()); }

  [[nodiscard]] Ended inspect(Arguments arguments, bool json = true) const {
    arguments.insert(arguments.begin(), "inspect");
    arguments.insert(arguments.end(), {"--home", home()});
    if (json) arguments.emplace_back("--json");
    return run_electrad(arguments);
  }

  static void flip(const std::string& file, std::size_t byte) {
    std::string bytes = read_file(file);
    ASSERT_LT(byte, bytes.size());
    bytes[byte] = static_cast<char>(bytes[byte] ^ 4);
    write_file(file, bytes);
  }

  TemporaryDirectory directory_;
  static inline std::unique_ptr<TemporaryDirectory> made_;
  static inline nlohmann::json holder_;
  static inline nlohmann::json account_;
};

TEST_F(InspectTest, ShowsTheBlockWithItsRecordsAndAValidSignature) {
  const Ended list = inspect({"block"});
  ASSERT_EQ(list.exit_code, 0) << list.error;
  ASSERT_EQ(list.json()["count"], std::to_string(list.json()["blocks"].size()));
  const Ended shown = inspect({"block", "1"});
  ASSERT_EQ(shown.exit_code, 0) << shown.error;
  const auto block = shown.json();
  EXPECT_EQ(block["height"], "1");
  EXPECT_EQ(block["signatureValid"], true);
  EXPECT_EQ(block["hash"], list.json()["blocks"][0]["hash"]);
  EXPECT_EQ(block["records"].size(), block["batches"].get<std::size_t>());
  EXPECT_EQ(block["records"].back()["batch"], block["lastBatch"]);
  EXPECT_EQ(block["records"].back()["flags"], "block");
  std::uint32_t messages = 0;
  for (const auto& record : block["records"]) messages += record["count"].get<std::uint32_t>();
  EXPECT_EQ(block["messages"], messages);
  EXPECT_EQ(inspect({"block", "--from", "2", "--limit", "1"}).exit_code, 0);
  EXPECT_THAT(inspect({"block", "99"}).error, HasSubstr("there is no block 99"));
  EXPECT_EQ(inspect({"block", "99"}).exit_code, 1);
}

TEST_F(InspectTest, TheStateOnDiskIsWhatTheGatewayAnswered) {
  const Ended meter = inspect({"meter", "alice"});
  ASSERT_EQ(meter.exit_code, 0) << meter.error;
  EXPECT_EQ(meter.json()["meter"], holder_);
  EXPECT_EQ(meter.json()["complete"], true);
  EXPECT_EQ(inspect({"meter", holder_["address"]}).json()["meter"], holder_);
  EXPECT_EQ(inspect({"meter", std::to_string(holder_["slot"].get<int>())}).json()["meter"], holder_);
  EXPECT_EQ(inspect({"account", wallet()}).json()["account"], account_);
}

TEST_F(InspectTest, TheStateIsShownAsItWasAfterABatchOrABlock) {
  struct Case {
    Arguments place;
    int exit_code;
    std::string balance;
  };
  for (const Case& test : {Case{{"--batch", "0"}, 0, "10000000"}, Case{{"--height", "0"}, 0, "10000000"},
                           Case{{"--batch", "1"}, 0, "9000000"}, Case{{"--height", "1"}, 0, ""}, Case{{}, 0, "4000000"},
                           Case{{"--batch", "1000"}, 1, ""}, Case{{"--height", "1000"}, 1, ""},
                           Case{{"--height", "1", "--batch", "1"}, 2, ""}}) {
    SCOPED_TRACE(testing::PrintToString(test.place));
    Arguments arguments = {"meter", "alice"};
    arguments.insert(arguments.end(), test.place.begin(), test.place.end());
    const Ended shown = inspect(arguments);
    EXPECT_EQ(shown.exit_code, test.exit_code) << shown.error;
    if (!test.balance.empty()) {
      EXPECT_EQ(shown.json()["meter"]["walletBalance"], test.balance);
    }
    if (test.exit_code == 0 && !test.place.empty()) {
      EXPECT_EQ(shown.json()[test.place[0] == "--batch" ? "batch" : "height"], test.place[1]);
    }
  }
  EXPECT_EQ(inspect({"meter", "nobody"}).exit_code, 1);
  EXPECT_EQ(inspect({"account", "65000"}).exit_code, 1);
}

TEST_F(InspectTest, EveryFaultIsToldInItsPlaceAndTheRecordsBehindItAreShown) {
  const auto whole = inspect({"journal"}).json();
  flip(segment(), kBlock + 300);  // batch 2's body
  const Ended json = inspect({"journal"});
  EXPECT_EQ(json.exit_code, 7);
  const auto document = json.json();
  EXPECT_EQ(document["records"].size(), whole["records"].size() - 1);
  ASSERT_EQ(document["faults"].size(), 1U);
  EXPECT_EQ(document["faults"][0]["finding"], "bad_body");
  EXPECT_EQ(document["faults"][0]["batch"], "2");
  EXPECT_EQ(document["faults"][0]["next"]["batch"], "3");
  EXPECT_EQ(document["damage"], document["faults"][0]);
  EXPECT_EQ(document["records"][1]["follows"], false);
  const Ended text = inspect({"journal"}, false);
  EXPECT_EQ(text.exit_code, 7);
  const std::size_t first = text.out.find(document["records"][0]["hash"].get<std::string>().substr(0, 16));
  const std::size_t fault = text.out.find("at offset 4096 (batch 2 expected)");
  const std::size_t next = text.out.find(document["records"][1]["hash"].get<std::string>().substr(0, 16));
  EXPECT_LT(first, fault);
  EXPECT_LT(fault, next);
  EXPECT_LT(next, text.out.size());
}

struct Case {
  const char* name;
  std::function<void(const std::string& home)> spoil;
  Arguments command;
  int exit_code;
  const char* out;    // must be in the output
  const char* error;  // must be in the error
};

TEST_F(InspectTest, DamagedEmptyForeignAndHalfWrittenHomesAreReadAsFarAsTheyGo) {
  const auto nothing = [](const std::string&) {};
  const auto no_journal = [](const std::string& home) { fs::remove_all(home + "/journal"); };
  const auto empty_journal = [](const std::string& home) { fs::remove(home + "/journal/000000000001.seg"); };
  const auto bad_body = [](const std::string& home) { flip(home + "/journal/000000000001.seg", kBlock + 300); };
  const auto bad_first = [](const std::string& home) { flip(home + "/journal/000000000001.seg", 300); };
  const auto torn = [](const std::string& home) {
    const std::string file = home + "/journal/000000000001.seg";
    const auto records = run_electrad({"inspect", "journal", "--home", home, "--json"}).json()["records"].size();
    flip(file, records * kBlock + 10);
  };
  const auto half = [](const std::string& home) {
    fs::resize_file(home + "/journal/000000000001.seg", 2 * kBlock + 99);
  };
  const auto foreign = [](const std::string& home) {
    std::string text = read_file(home + "/config/genesis.json");
    text.replace(text.find("test-7"), 6, "test-8");
    write_file(home + "/config/genesis.json", text);
  };
  const auto no_genesis = [](const std::string& home) { fs::remove(home + "/config/genesis.json"); };
  const auto odd_name = [](const std::string& home) { write_file(home + "/journal/2.seg", "?"); };
  const auto gap = [](const std::string& home) {
    fs::rename(home + "/journal/000000000001.seg", home + "/journal/000000000003.seg");
  };
  const auto no_blocks = [](const std::string& home) { fs::remove_all(home + "/blocks"); };
  const auto no_headers = [](const std::string& home) { fs::resize_file(home + "/blocks/headers.bin", 0); };
  const auto torn_header = [](const std::string& home) { fs::resize_file(home + "/blocks/headers.bin", kHeader - 1); };
  const auto bad_header = [](const std::string& home) { flip(home + "/blocks/headers.bin", 0); };
  const auto forged = [](const std::string& home) { flip(home + "/blocks/headers.bin", kHeader - 40); };
  const auto other_parent = [](const std::string& home) {
    const std::string hash = run_electrad({"inspect", "block", "1", "--home", home, "--json"}).json()["previousHash"];
    const std::string bytes = read_file(home + "/blocks/headers.bin");
    std::string wanted;
    for (std::size_t i = 0; i < hash.size(); i += 2) {
      wanted += static_cast<char>(std::stoi(hash.substr(i, 2), nullptr, 16));
    }
    flip(home + "/blocks/headers.bin", bytes.find(wanted));
  };
  const auto snapshot = [](const std::string& home) {
    fs::create_directories(home + "/snapshots");
    write_file(home + "/snapshots/s.bin", "12345");
  };
  const auto bad_snapshot = [](const std::string& home) {
    fs::create_directories(home + "/snapshots");
    write_file(home + "/snapshots/000000000002.snap", std::string(8192, 'x'));
  };
  const Case cases[] = {
      // the journal
      {"no journal", no_journal, {"journal"}, 4, "", "there is no journal here"},
      {"an empty journal", empty_journal, {"journal"}, 0, "0 records", ""},
      {"a bad body", bad_body, {"journal"}, 7, "the body of a durable record is damaged", "(batch 2 expected)"},
      {"a bad body, its record", bad_body, {"record", "2"}, 7, "", "batch 2 is not among the whole records"},
      {"a bad body, a record before", bad_body, {"record", "1"}, 0, "hash", ""},
      {"a bad body, a record behind", bad_body, {"record", "3"}, 7, "bodyHash", "(batch 2 expected)"},
      {"a torn tail", torn, {"journal"}, 0, "torn tail, cut at the next start", ""},
      {"a file that ends inside a record", half, {"journal"}, 0, "2 records", ""},
      {"a file that ends inside a record, one that is gone", half, {"record", "3"}, 1, "", "there is no batch 3"},
      {"another chain's genesis", foreign, {"journal"}, 7, "wrong_genesis", "the record is of another chain"},
      {"another chain's genesis, one record", foreign, {"record", "2"}, 7, "bodyHash", "of another chain"},
      {"no genesis", no_genesis, {"journal"}, 0, "durable up to batch", ""},
      {"a file that is no segment", odd_name, {"journal"}, 7, "its name is not that of a segment", "2.seg"},
      {"the first segment is not there", gap, {"journal"}, 7, "this segment is missing", "000000000001.seg"},
      // the state
      {"no journal", no_journal, {"meter", "alice"}, 4, "", "there is no journal here"},
      {"an empty journal", empty_journal, {"meter", "alice"}, 0, "10000000", ""},
      {"a bad body", bad_body, {"meter", "alice"}, 7, "9000000", "up to batch 1 only"},
      {"a bad body behind the place", bad_body, {"meter", "alice", "--batch", "1"}, 0, "9000000", ""},
      {"a bad body before the place", bad_body, {"meter", "alice", "--batch", "3"}, 7, "9000000", "up to batch 1 only"},
      {"a bad body, a holder that is not there",
       bad_body,
       {"meter", "none"},
       7,
       "",
       "there is no meter or other holder"},
      {"a torn tail", torn, {"account", "1"}, 0, "debitsPosted", ""},
      {"a file that ends inside a record", half, {"meter", "alice"}, 0, "batch     2", ""},
      {"another chain's genesis", foreign, {"meter", "alice"}, 7, "10000000", "of another chain"},
      {"no genesis", no_genesis, {"meter", "alice"}, 4, "", "there is no chain here"},
      // the blocks
      {"no blocks", no_blocks, {"block"}, 4, "", "there are no block headers here"},
      {"no blocks, one of them", no_blocks, {"block", "1"}, 4, "", "there are no block headers here"},
      {"an empty file", no_headers, {"block"}, 0, "0 blocks", ""},
      {"an empty file, one of them", no_headers, {"block", "1"}, 1, "", "there is no block 1"},
      {"a header that is half written", torn_header, {"block"}, 0, "287 bytes of an unfinished header", ""},
      {"a header of no known format", bad_header, {"block"}, 7, "these bytes are no block header", "height 1"},
      {"a header of no known format, shown", bad_header, {"block", "1"}, 7, "", "these bytes are no block header"},
      {"a forged signature",
       forged,
       {"block", "1"},
       7,
       "signatureValid    false",
       "the signature is not the gateway's"},
      {"another chain's header", other_parent, {"block"}, 7, "damage", "it belongs to another chain"},
      {"no journal, but headers", no_journal, {"block", "1"}, 7, "stateRoot", "there is no journal here"},
      {"a bad body in the block", bad_first, {"block", "1"}, 7, "stateRoot", "(batch 1 expected)"},
      {"no genesis", no_genesis, {"block", "1"}, 0, "signatureValid    null", ""},
      // snapshots
      {"none", nothing, {"snapshot"}, 0, "there is no snapshot", ""},
      {"a file of another name", snapshot, {"snapshot"}, 0, "there is no snapshot", ""},
      {"a file that is none", bad_snapshot, {"snapshot"}, 7, "damage", "does not begin as a snapshot does"},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(std::string(test.name) + ": " + testing::PrintToString(test.command));
    fs::remove_all(home());
    fs::copy(*made_ / "home", home(), fs::copy_options::recursive);
    test.spoil(home());
    const Ended shown = inspect(test.command, false);
    EXPECT_EQ(shown.exit_code, test.exit_code) << shown.out << shown.error;
    EXPECT_THAT(shown.out, HasSubstr(test.out));
    EXPECT_THAT(shown.error, HasSubstr(test.error));
    const Ended json = inspect(test.command, true);
    EXPECT_EQ(json.exit_code, test.exit_code);
    if (!json.out.empty()) {
      EXPECT_TRUE(json.json().is_object()) << json.out;
    }
    EXPECT_EQ(json.error.empty(), test.exit_code == 0) << json.error;
  }
}

}  // namespace
}  // namespace electra::app
