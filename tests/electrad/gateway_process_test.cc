// The whole program as users run it: a gateway in one process, questions and messages from others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>
#include <sstream>
#include <thread>

#include "crypto-offload/verifier.h"
#include "tests/electrad/program.h"
#include "tests/electrad/relay.h"

namespace electra::app {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Time stands at the genesis until somebody ticks, so that every answer is known beforehand.
constexpr const char* kConfig = R"(
genesis: {chain_id: test-7, time: 2016-01-04T00:00:00Z}
accounts:
  - {name: alice, coins: ["10elc"], roles: [owner, meter], phases: [1]}
  - {name: bob, coins: ["1elc"]}
meters:
  - {serial: FLAT-1, phases: [1, 2, 3], owner: bob}
clock: replay
listen: 127.0.0.1:0
)";
const std::string kGenesisTime = "1451865600";

class GatewayProcess : public testing::Test {
 protected:
  void SetUp() override {
    write_file(directory_ / "config.yml", kConfig);
    home_ = directory_ / "home";
  }

  // `serve` makes the chain the first time.
  void start(const std::string& command = "serve") {
    Arguments arguments = {command, "--home", home_};
    if (command == "serve") arguments.insert(arguments.end(), {"--config", directory_ / "config.yml"});
    gateway_ = std::make_unique<Process>(arguments);
    ASSERT_TRUE(gateway_->listens()) << gateway_->error_so_far();
  }

  Ended stop(int signal = SIGTERM) {
    gateway_->signal(signal);
    Ended ended = gateway_->wait();
    gateway_.reset();
    return ended;
  }

  Ended run(Arguments arguments) const {
    arguments.insert(arguments.end(), {"--home", home_, "--json"});
    return run_electrad(arguments);
  }

  Ended record(const std::string& whin, const std::string& sequence = "0", Arguments more = {}) const {
    Arguments arguments = {"tx",    "meter", "record", kGenesisTime, "1",     whin,         "0",     "230000",
                           "50000", "958",   "16",     "--from",     "alice", "--sequence", sequence};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }

  std::string balance_of(const std::string& name) const {
    const Ended ended = run({"query", "bank", "balances", name});
    EXPECT_EQ(ended.exit_code, 0) << ended.error;
    return ended.exit_code == 0 ? ended.json()["balances"][0]["amount"].get<std::string>() : "";
  }

  std::uint16_t port() const {
    const std::string address = read_file(home_ + "/address");
    return static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
  }

  TemporaryDirectory directory_;
  std::string home_;
  std::unique_ptr<Process> gateway_;
};

TEST_F(GatewayProcess, ServeMakesAChainThatAnswersAtOnce) {
  start();
  const Ended cycle = run({"query", "meter", "currentcycle-id"});
  ASSERT_EQ(cycle.exit_code, 0) << cycle.error;
  EXPECT_EQ(cycle.json(), nlohmann::json({{"cycleID", "1"},
                                          {"begin", "1451865600"},
                                          {"end", "1451869199"},
                                          {"whin", "0"},
                                          {"whout", "0"},
                                          {"moneyin", "0"},
                                          {"moneyout", "0"},
                                          {"curency", "uelectra"}}));
  EXPECT_EQ(run({"query", "meter", "params"}).json()["params"]["retailPrice"], "300");
  const auto status = run({"query", "status"}).json();
  EXPECT_EQ(status["chainId"], "test-7");
  EXPECT_EQ(status["clock"], "replay");
  EXPECT_EQ(status["holders"], 5);
  const auto directory = run({"query", "meter", "list-meterdirectory"}).json();
  ASSERT_EQ(directory["meterdirectory"].size(), 3U);
  EXPECT_EQ(directory["meterdirectory"][2]["barcodeserial"], "FLAT-1");
  EXPECT_EQ(directory["meterdirectory"][2]["triphased"], true);
  const std::string device = directory["meterdirectory"][2]["deviceID"];
  EXPECT_EQ(run({"query", "meter", "show-meterdirectory", device, "FLAT-1"}).json()["meterdirectory"],
            directory["meterdirectory"][2]);
  EXPECT_EQ(run({"query", "meter", "show-meterdirectory", device, "alice"}).exit_code, 6);
  EXPECT_EQ(run({"query", "meter", "list-billingcycles"}).json()["billingcycles"].size(), 1U);
  EXPECT_EQ(run({"query", "meter", "show-billingcycles", "1"}).json()["billingcycles"]["state"], "open");
  EXPECT_EQ(run({"query", "meter", "show-billingcycles", "2"}).exit_code, 6);
  EXPECT_EQ(run({"query", "holder", "nobody"}).exit_code, 6);
  EXPECT_EQ(stop().exit_code, 0);
}

TEST_F(GatewayProcess, WhatIsForEverybodyNeedsNoKey) {
  start();
  const std::string node = "127.0.0.1:" + std::to_string(port());
  for (const Arguments& question : {Arguments{"query", "status"},
                                    {"query", "meter", "currentcycle-id"},
                                    {"query", "meter", "params"},
                                    {"query", "meter", "list-billingcycles"}}) {
    Arguments arguments = question;
    arguments.insert(arguments.end(), {"--node", node, "--home", directory_ / "empty", "--json"});
    const Ended ended = run_electrad(arguments);
    EXPECT_EQ(ended.exit_code, 0) << ended.error;
    EXPECT_TRUE(ended.json().is_object()) << ended.out;
  }
  const Ended ended = run_electrad({"query", "holder", "alice", "--node", node, "--home", directory_ / "empty"});
  EXPECT_EQ(ended.exit_code, 4) << "a holder's data needs a key";
  EXPECT_EQ(run({"query", "status", "--from", "alice"}).exit_code, 0);
}

TEST_F(GatewayProcess, ASilentGatewayIsGivenUpInTime) {
  start();
  gateway_->signal(SIGSTOP);
  for (const Arguments& question : {Arguments{"query", "status"}, {"query", "digest"}}) {
    Arguments arguments = question;
    arguments.insert(arguments.end(), {"--timeout", "0.3"});
    EXPECT_EQ(run(arguments).exit_code, 5);
  }
  const Ended sent = record("3500", "0", {"--timeout", "0.3"});
  EXPECT_EQ(sent.exit_code, 5);
  gateway_->signal(SIGCONT);
  EXPECT_EQ(run({"query", "status"}).exit_code, 0);
}

TEST_F(GatewayProcess, SomeoneElsesDataIsNotShown) {
  start();
  EXPECT_EQ(run({"query", "holder", "alice", "--from", "alice"}).exit_code, 0);
  EXPECT_EQ(run({"query", "holder", "FLAT-1", "--from", "bob"}).exit_code, 0) << "its owner";
  const Ended refused = run({"query", "holder", "alice", "--from", "bob"});
  EXPECT_EQ(refused.exit_code, 6);
  EXPECT_THAT(refused.error, HasSubstr("not_permitted"));
}

TEST_F(GatewayProcess, AReadingIsTakenOnceAndAnsweredAsOftenAsItIsSent) {
  start();
  const Ended first = record("3500");
  ASSERT_EQ(first.exit_code, 0) << first.error;
  EXPECT_EQ(first.json()["result"], "ok");
  EXPECT_EQ(first.json()["sequence"], "1");
  EXPECT_EQ(first.json()["repeated"], false);
  const Ended again = record("3500", "1");
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_EQ(again.json()["repeated"], true);
  EXPECT_EQ(again.json()["messageId"], first.json()["messageId"]);
  EXPECT_EQ(again.json()["batch"], first.json()["batch"]);
  const Ended other = record("3501", "1");
  EXPECT_EQ(other.exit_code, 6);
  EXPECT_EQ(other.json()["result"], "sequence_used");
  const auto holder = run({"query", "holder", "alice"}).json()["holder"];
  EXPECT_EQ(holder["registers"][0]["whin"], "3500");
  EXPECT_EQ(holder["lastReadingTime"], kGenesisTime);
}

TEST_F(GatewayProcess, ABlockIsShownAndItsSignatureChecked) {
  start();
  auto status = run({"query", "status"}).json();
  EXPECT_EQ(status["height"], "0");
  EXPECT_EQ(status["epoch"], 0);
  EXPECT_EQ(run({"query", "block"}).exit_code, 6) << "there is none yet";
  ASSERT_EQ(record("3500").exit_code, 0);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (status["signedHeight"] != "1" && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    status = run({"query", "status"}).json();
  }
  ASSERT_EQ(status["signedHeight"], "1") << status;
  EXPECT_EQ(status["height"], "1");
  EXPECT_EQ(status["signerProblem"], "");
  EXPECT_EQ(status["diskProblem"], "");

  const Ended newest = run({"query", "block"});
  ASSERT_EQ(newest.exit_code, 0) << newest.error;
  EXPECT_EQ(run({"query", "block", "1"}).out, newest.out);
  const auto block = newest.json();
  EXPECT_EQ(block["height"], "1");
  EXPECT_EQ(block["messages"], 1);
  EXPECT_EQ(block["previousHash"], status["genesisHash"]);
  EXPECT_EQ(block["signatureValid"], true);
  const auto inspected = run({"inspect", "block", "1"}).json();
  for (const auto& [key, value] : block.items()) EXPECT_EQ(inspected[key], value) << key;
  EXPECT_EQ(run({"query", "digest"}).json()["stateRoot"].get<std::string>().size(), 64U);
  const Ended beyond = run({"query", "block", "2"});
  EXPECT_EQ(beyond.exit_code, 6);
  EXPECT_THAT(beyond.error, HasSubstr("block 2"));

  const std::string node = "127.0.0.1:" + std::to_string(port());
  const Ended shown = run_electrad({"query", "block", "--home", home_});
  EXPECT_THAT(shown.out, testing::ContainsRegex("signature +good"));
  const Ended elsewhere = run_electrad({"query", "block", "--home", directory_ / "empty", "--node", node});
  EXPECT_EQ(elsewhere.exit_code, 0) << elsewhere.error;
  EXPECT_THAT(elsewhere.out, testing::ContainsRegex("signature +not checked"));

  std::string headers = read_file(home_ + "/blocks/headers.bin");
  headers.back() = static_cast<char>(headers.back() ^ 1);
  write_file(home_ + "/blocks/headers.bin", headers);
  const Ended forged = run({"query", "block"});
  EXPECT_EQ(forged.exit_code, 10);
  EXPECT_EQ(forged.json()["signatureValid"], false);
  EXPECT_THAT(forged.error, HasSubstr("not signed by the gateway's key"));
}

TEST_F(GatewayProcess, ThreePhasesAreRecordedTogether) {
  start();
  const Ended ended =
      run({"tx",     "meter", "record-3", kGenesisTime, "10", "1", "230000", "50000", "990", "5", "20",     "2",
           "231000", "50000", "980",      "6",          "30", "3", "232000", "50000", "970", "7", "--from", "FLAT-1"});
  ASSERT_EQ(ended.exit_code, 0) << ended.error;
  const auto registers = run({"query", "holder", "FLAT-1"}).json()["holder"]["registers"];
  ASSERT_EQ(registers.size(), 3U);
  EXPECT_EQ(registers[0]["whin"], "10");
  EXPECT_EQ(registers[2]["whout"], "3");
}

TEST_F(GatewayProcess, MoneyMovesOrIsRefusedWithAReason) {
  start();
  const Ended sent = run({"tx", "bank", "send", "alice", "bob", "1.5elc"});
  ASSERT_EQ(sent.exit_code, 0) << sent.error;
  EXPECT_EQ(balance_of("alice"), "8500000");
  EXPECT_EQ(balance_of("bob"), "2500000");
  const Ended refused = run({"tx", "bank", "send", "bob", "alice", "2500001uelectra"});
  EXPECT_EQ(refused.exit_code, 6);
  EXPECT_EQ(refused.json()["result"], "exceeds_credits");
  EXPECT_THAT(refused.error, HasSubstr("has not enough credit"));
  EXPECT_EQ(balance_of("bob"), "2500000");
  const std::string address = run({"keys", "show", "alice"}).json()["address"];
  EXPECT_EQ(run({"tx", "bank", "send", "bob", address, "2500000uelectra"}).exit_code, 0);
  EXPECT_EQ(balance_of(address), "11000000");
  EXPECT_EQ(run({"tx", "bank", "send", "nobody", "alice", "1elc"}).exit_code, 4);
  EXPECT_EQ(run({"tx", "bank", "send", "alice", "nobody", "1elc"}).exit_code, 6);
}

TEST_F(GatewayProcess, AMeterIsRegisteredProvesItsKeyAndIsSuspended) {
  start();
  ASSERT_EQ(run({"keys", "add", "m17"}).exit_code, 0);
  const std::string key = run({"keys", "show", "m17"}).json()["publicKey"];
  const Ended registered = run({"tx", "directory", "register", "M-17", key, "--phases", "1,2,3", "--owner", "bob"});
  ASSERT_EQ(registered.exit_code, 0) << registered.error;
  EXPECT_EQ(registered.json()["registeredSlot"], "6");
  EXPECT_EQ(run({"query", "holder", "M-17"}).json()["holder"]["status"], "pending");
  ASSERT_EQ(run({"tx", "directory", "prove", "--from", "m17"}).exit_code, 0);
  EXPECT_EQ(run({"query", "holder", "M-17"}).json()["holder"]["status"], "active");
  ASSERT_EQ(run({"tx", "directory", "set-status", "M-17", "suspended"}).exit_code, 0);
  const auto holder = run({"query", "holder", "M-17"}).json()["holder"];
  EXPECT_EQ(holder["status"], "suspended");
  EXPECT_EQ(holder["phases"], (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(run({"tx", "directory", "register", "M-18", key}).json()["result"], "key_taken");
  EXPECT_EQ(run({"tx", "directory", "register", "M-18", key, "--from", "alice"}).json()["result"], "no_role");
}

TEST_F(GatewayProcess, ALostReceiptIsAskedForAgainWithTheSameBytes) {
  start();
  const LossyRelay relay(port());
  const Ended ended = record("3500", "0", {"--node", "127.0.0.1:" + std::to_string(relay.port())});
  ASSERT_EQ(ended.exit_code, 0) << ended.error;
  EXPECT_EQ(relay.connections(), 2U);
  EXPECT_EQ(ended.json()["result"], "ok");
  EXPECT_EQ(ended.json()["sequence"], "1");
  EXPECT_EQ(ended.json()["repeated"], true);
}

TEST_F(GatewayProcess, StopsOnASignalAndContinuesWhereItStopped) {
  start();
  ASSERT_EQ(record("3500").exit_code, 0);
  ASSERT_EQ(run({"tx", "bank", "send", "alice", "bob", "1elc"}).exit_code, 0);
  const auto digest = run({"query", "digest"}).json();
  const Ended first = stop(SIGTERM);
  EXPECT_EQ(first.exit_code, 0) << first.error;
  EXPECT_THAT(first.error, HasSubstr("event=stopped reason=signal"));
  EXPECT_FALSE(fs::exists(home_ + "/address"));

  start("start");
  const auto after = run({"query", "digest"}).json();
  EXPECT_EQ(after["settlement"], digest["settlement"]);
  EXPECT_EQ(balance_of("bob"), "2000000");
  EXPECT_EQ(record("3500", "1").json()["repeated"], true);
  const Ended second = stop(SIGINT);
  EXPECT_EQ(second.exit_code, 0) << second.error;

  start("start");
  ASSERT_EQ(record("3600", "0").exit_code, 6) << "another reading of the same instant";
  EXPECT_EQ(stop(SIGKILL).exit_code, 128 + SIGKILL);
  start();  // `serve` continues a chain, and an address file left by a kill is no obstacle
  EXPECT_EQ(balance_of("bob"), "2000000");
  EXPECT_EQ(stop().exit_code, 0);
}

TEST_F(GatewayProcess, TheFirstLinesOfItsLogSayWhatRuns) {
  write_file(directory_ / "config.yml", std::string(kConfig) + "log: {format: json}\n");
  start();
  const Ended ended = stop();
  std::istringstream lines(ended.error);
  std::vector<std::string> events;
  nlohmann::json facts;
  for (std::string line; std::getline(lines, line);) {
    const auto entry = nlohmann::json::parse(line, nullptr, false);
    if (line.starts_with("warning: ")) continue;  // of the development seed, for people
    ASSERT_TRUE(entry.is_object()) << line;
    EXPECT_TRUE(entry.contains("time") && entry.contains("level")) << line;
    facts.update(entry);
    if (entry["event"] != "tables") events.push_back(entry["event"]);  // comes when they are made, beside the rest
  }
  EXPECT_EQ(events,
            (std::vector<std::string>{"chain", "recovered", "memory", "verifier", "state", "listening", "stopped"}));
  EXPECT_EQ(facts["genesis"].get<std::string>().size(), 64U);
  EXPECT_GT(facts["state_bytes"].get<std::uint64_t>(), 0U);
  EXPECT_EQ(facts["backend"].get<std::string>(), crypto::backend_names().front());
  EXPECT_TRUE(facts.contains("table_kib") && facts.contains("tables")) << "how large a key's table is, and why";
  EXPECT_THAT(facts["address"].get<std::string>(), HasSubstr("127.0.0.1:"));
}

TEST_F(GatewayProcess, ASecondGatewayInTheSameHomeIsRefused) {
  start();
  const Ended second = run({"start"});
  EXPECT_EQ(second.exit_code, 4);
  EXPECT_THAT(second.error, HasSubstr(home_));
  EXPECT_TRUE(fs::exists(home_ + "/address")) << "the first one serves on";
  EXPECT_EQ(run({"query", "status"}).exit_code, 0);
}

TEST_F(GatewayProcess, AKeyThatCameAfterGenesisIsWarnedOf) {
  ASSERT_EQ(run({"init", "--config", directory_ / "config.yml"}).exit_code, 0);
  write_file(home_ + "/config/config.yml", std::string(kConfig) + "prices: {retail: 301}\n");
  start("start");
  EXPECT_THAT(stop().error, HasSubstr("event=key_without_effect"));
}

TEST_F(GatewayProcess, TheJournalIsInspectedWhileItServes) {
  start();
  ASSERT_EQ(record("3500").exit_code, 0);
  const Ended journal = run({"inspect", "journal"});
  ASSERT_EQ(journal.exit_code, 0) << journal.error;
  EXPECT_EQ(journal.json()["messages"], "1");
  const auto records = journal.json()["records"];
  const auto with_message =
      std::find_if(records.begin(), records.end(), [](const nlohmann::json& entry) { return entry["count"] == 1; });
  ASSERT_NE(with_message, records.end());
  const auto shown = run({"inspect", "record", with_message->at("batch")}).json();
  EXPECT_EQ(shown["hash"], with_message->at("hash"));
  EXPECT_EQ(shown["messages"][0]["reading"]["phases"][0]["whin"], "3500");
  EXPECT_EQ(shown["messages"][0]["sequence"], "1");
}

TEST_F(GatewayProcess, DamageIsNamedAndNothingStarts) {
  start();
  for (const char* whin : {"1", "2", "3"}) static_cast<void>(record(whin));
  ASSERT_EQ(stop().exit_code, 0);
  const std::string segment = home_ + "/journal/000000000001.seg";
  std::string bytes = read_file(segment);
  bytes[300] = static_cast<char>(bytes[300] ^ 1);  // in the first record's body; later watermarks cover it
  write_file(segment, bytes);
  const Ended started = run({"start"});
  EXPECT_EQ(started.exit_code, 8);
  EXPECT_THAT(started.error, HasSubstr("000000000001.seg"));
  EXPECT_THAT(started.error, HasSubstr("batch 1"));
  const Ended inspected = run({"inspect", "journal"});
  EXPECT_EQ(inspected.exit_code, 7);
  EXPECT_EQ(inspected.json()["damage"]["batch"], "1");
  EXPECT_EQ(inspected.json()["damage"]["offset"], "0");
  EXPECT_EQ(read_file(segment), bytes) << "looking changes nothing";
}

TEST_F(GatewayProcess, TheGenesisOfAnotherChainIsRefused) {
  start();
  ASSERT_EQ(record("3500").exit_code, 0);
  ASSERT_EQ(stop().exit_code, 0);
  write_file(directory_ / "other.yml", std::string(kConfig) + "prices: {retail: 301}\n");
  ASSERT_EQ(run_electrad({"init", "--home", directory_ / "other", "--config", directory_ / "other.yml"}).exit_code, 0);
  write_file(home_ + "/config/genesis.json", read_file(directory_ / "other/config/genesis.json"));
  const Ended started = run({"start"});
  EXPECT_EQ(started.exit_code, 8);
  EXPECT_THAT(started.error, HasSubstr("genesis"));
}

TEST_F(GatewayProcess, AnAddressInUseIsNamed) {
  start();
  const std::string address = "127.0.0.1:" + std::to_string(port());
  ASSERT_EQ(run_electrad({"init", "--home", directory_ / "other"}).exit_code, 0);
  const Ended second = run_electrad({"start", "--home", directory_ / "other", "--listen", address});
  EXPECT_EQ(second.exit_code, 8);
  EXPECT_THAT(second.error, HasSubstr(std::to_string(port())));
}

}  // namespace
}  // namespace electra::app
