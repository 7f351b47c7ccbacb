// `electrad snapshot`: a copy taken while a gateway serves starts elsewhere, with all that was acknowledged before.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "engine/electrad/hot_backup.h"
#include "tests/electrad/program.h"

namespace electra::app {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kConfig = R"(
genesis: {chain_id: test-8, time: 2016-01-04T00:00:00Z}
development_seed: "a seed that nobody else has"
accounts:
  - {name: alice, coins: ["1000elc"], roles: [owner, meter], phases: [1]}
  - {name: bob, coins: ["1elc"]}
clock: replay
listen: 127.0.0.1:0
snapshots: {every: 64KiB}
)";

std::unique_ptr<Process> start(const Arguments& arguments) {
  auto gateway = std::make_unique<Process>(arguments);
  EXPECT_TRUE(gateway->listens()) << gateway->error_so_far();
  return gateway;
}

std::string balance_of(const std::string& home, const std::string& name) {
  const Ended shown = run_electrad({"inspect", "meter", name, "--home", home, "--json"});
  EXPECT_EQ(shown.exit_code, 0) << shown.error;
  const auto json = shown.json();
  return json.is_object() ? json["meter"]["walletBalance"].dump() : std::string();
}

// The names of its whole snapshots, oldest first.
std::vector<std::string> snapshots_of(const std::string& home) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(home + "/snapshots")) {
    if (entry.path().extension() == ".snap") names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  return names;
}

// A home with snapshots, and a copy that was made while its gateway served.
class SnapshotCommand : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    made_ = std::make_unique<TemporaryDirectory>();
    write_file(*made_ / "config.yml", kConfig);
    const auto gateway = start({"serve", "--home", home(), "--config", *made_ / "config.yml"});
    // Two, so that there is one before the newest.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (snapshots_of(home()).size() < 2) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << gateway->error_so_far();
      ASSERT_NO_FATAL_FAILURE(send());
    }
    live_ = run_electrad({"snapshot", "--out", *made_ / "live", "--home", home(), "--json"});
    ASSERT_EQ(live_.exit_code, 0) << live_.error;
    at_copy_ = sent_;
    for (int i = 0; i < 3; ++i) send();
    gateway->signal(SIGTERM);
    ASSERT_EQ(gateway->wait().exit_code, 0);
  }
  static void TearDownTestSuite() { made_.reset(); }
  static void send() {
    const Ended sent = run_electrad({"tx", "bank", "send", "alice", "bob", "1elc", "--home", home()});
    ASSERT_EQ(sent.exit_code, 0) << sent.error;
    ++sent_;
  }

  void SetUp() override { ASSERT_NE(made_, nullptr); }
  [[nodiscard]] static std::string home() { return *made_ / "home"; }
  // Of the live copy, with the key that a gateway needs.
  [[nodiscard]] std::string copy_with_key() const {
    fs::copy(*made_ / "live", directory_ / "copy", fs::copy_options::recursive);
    fs::create_directories(directory_ / "copy/keys");
    fs::copy(home() + "/keys/GRID.key", directory_ / "copy/keys/GRID.key");
    return directory_ / "copy";
  }
  [[nodiscard]] Ended snapshot(const std::string& out, const std::string& of = home()) const {
    return run_electrad({"snapshot", "--out", out, "--home", of, "--json"});
  }

  static inline std::unique_ptr<TemporaryDirectory> made_;
  static inline Ended live_;
  static inline std::uint64_t sent_ = 0;
  static inline std::uint64_t at_copy_ = 0;
  TemporaryDirectory directory_;
};

TEST_F(SnapshotCommand, CopiesARunningHomeAndTheCopyVerifies) {
  const auto json = live_.json();
  EXPECT_EQ(json["chainId"], "test-8");
  EXPECT_NE(json["snapshotBatch"], "0");
  const Ended verified = run_electrad({"verify", *made_ / "live", "--unfinished", "--json"});
  EXPECT_EQ(verified.exit_code, 0) << verified.error;
  EXPECT_EQ(balance_of(*made_ / "live", "bob"), "\"" + std::to_string((at_copy_ + 1) * 1'000'000) + "\"");
  const Ended inspected = run_electrad({"inspect", "snapshot", "--home", *made_ / "live", "--json"});
  EXPECT_EQ(inspected.exit_code, 0) << inspected.error;
  EXPECT_EQ(inspected.json()["snapshots"][0]["batch"], json["snapshotBatch"]);
}

TEST_F(SnapshotCommand, StartsElsewhereFromTheSnapshotAndGoesOn) {
  const std::string copy = copy_with_key();
  {
    const auto gateway = start({"start", "--home", copy});
    EXPECT_THAT(gateway->error_so_far(), HasSubstr("event=restored"));
    for (const char* name : {"/keys/alice.key", "/keys/operator.key"}) fs::copy(home() + name, copy + name);
    const Ended sent = run_electrad({"tx", "bank", "send", "alice", "bob", "1elc", "--home", copy});
    EXPECT_EQ(sent.exit_code, 0) << sent.error;
    gateway->signal(SIGTERM);
    EXPECT_EQ(gateway->wait().exit_code, 0);
  }
  EXPECT_EQ(balance_of(copy, "bob"), "\"" + std::to_string((at_copy_ + 2) * 1'000'000) + "\"");
  EXPECT_EQ(run_electrad({"verify", copy}).exit_code, 0);
}

TEST_F(SnapshotCommand, IsRefusedElsewhereByAKeyThatHasSignedMore) {
  const std::string copy = copy_with_key();
  fs::copy(home() + "/keys/GRID.signed", copy + "/keys/GRID.signed");
  const Ended refused = run_electrad({"start", "--home", copy});
  EXPECT_EQ(refused.exit_code, 8);
  EXPECT_THAT(refused.error, AllOf(HasSubstr("older copy"), HasSubstr("--new-epoch")));
  fs::copy(home() + "/keys/operator.key", copy + "/keys/operator.key");
  const auto gateway = start({"start", "--home", copy, "--new-epoch", "operator"});
  gateway->signal(SIGTERM);
  EXPECT_EQ(gateway->wait().exit_code, 0);
  EXPECT_EQ(run_electrad({"verify", copy}).exit_code, 0);
}

TEST_F(SnapshotCommand, CopiesNoSecret) {
  const std::string live = *made_ / "live";
  EXPECT_FALSE(fs::exists(live + "/keys"));
  for (const auto& entry : fs::recursive_directory_iterator(live)) {
    if (!entry.is_regular_file()) continue;
    EXPECT_THAT(entry.path().filename().string(), Not(testing::EndsWith(".key")));
    EXPECT_THAT(read_file(entry.path()), Not(HasSubstr("a seed that nobody else has"))) << entry.path();
  }
}

TEST_F(SnapshotCommand, CopiesAStoppedHomeAndOneWithoutSnapshots) {
  const Ended stopped = snapshot(directory_ / "stopped");
  ASSERT_EQ(stopped.exit_code, 0) << stopped.error;
  EXPECT_EQ(run_electrad({"verify", directory_ / "stopped"}).exit_code, 0);
  EXPECT_EQ(balance_of(directory_ / "stopped", "bob"), "\"" + std::to_string((sent_ + 1) * 1'000'000) + "\"");

  fs::copy(home(), directory_ / "plain", fs::copy_options::recursive);
  fs::remove_all(directory_ / "plain/snapshots");
  const Ended whole = snapshot(directory_ / "whole", directory_ / "plain");
  ASSERT_EQ(whole.exit_code, 0) << whole.error;
  EXPECT_EQ(whole.json()["snapshotBatch"], "0");
  EXPECT_EQ(run_electrad({"verify", directory_ / "whole"}).exit_code, 0);
  EXPECT_EQ(balance_of(directory_ / "whole", "bob"), balance_of(directory_ / "stopped", "bob"));
}

TEST_F(SnapshotCommand, LeavesNothingWhereItCannotCopy) {
  const auto empty_or_missing = [](const std::string& path) { return !fs::exists(path) || fs::is_empty(path); };
  // There is something already.
  fs::create_directories(directory_ / "full");
  write_file(directory_ / "full/notes", "mine");
  EXPECT_EQ(snapshot(directory_ / "full").exit_code, 4);
  EXPECT_EQ(read_file(directory_ / "full/notes"), "mine");
  // No chain.
  fs::create_directories(directory_ / "nothing");
  EXPECT_EQ(snapshot(directory_ / "a", directory_ / "nothing").exit_code, 4);
  EXPECT_TRUE(empty_or_missing(directory_ / "a"));
  // A damaged journal.
  fs::copy(home(), directory_ / "bad", fs::copy_options::recursive);
  fs::remove_all(directory_ / "bad/snapshots");
  std::string bytes = read_file(directory_ / "bad/journal/000000000001.seg");
  bytes[4096 + 300] = static_cast<char>(bytes[4096 + 300] ^ 1);
  write_file(directory_ / "bad/journal/000000000001.seg", bytes);
  const Ended damaged = snapshot(directory_ / "b", directory_ / "bad");
  EXPECT_EQ(damaged.exit_code, 7) << damaged.error;
  EXPECT_TRUE(empty_or_missing(directory_ / "b"));
}

TEST_F(SnapshotCommand, TakesTheSnapshotBeforeADamagedOne) {
  const std::string copy = directory_ / "copy";
  fs::copy(home(), copy, fs::copy_options::recursive);
  const std::vector<std::string> names = snapshots_of(copy);
  ASSERT_GE(names.size(), 2U);
  std::string bytes = read_file(copy + "/snapshots/" + names.back());
  bytes[5000] = static_cast<char>(bytes[5000] ^ 1);
  write_file(copy + "/snapshots/" + names.back(), bytes);
  const Ended taken = snapshot(directory_ / "out", copy);
  ASSERT_EQ(taken.exit_code, 0) << taken.error;
  EXPECT_TRUE(fs::exists(directory_ / ("out/snapshots/" + names[names.size() - 2])));
  EXPECT_FALSE(fs::exists(directory_ / ("out/snapshots/" + names.back())));
  // The auditor names it.
  const Ended verified = run_electrad({"verify", copy, "--json"});
  EXPECT_EQ(verified.exit_code, 10);
  EXPECT_THAT(verified.error, HasSubstr(names.back()));
}

struct SeedCase {
  const char* name;
  const char* text;
  bool good;
};
TEST(WithoutDevelopmentSeed, TakesItOutInWhateverFormItStands) {
  const SeedCase cases[] = {
      {"none", "log: {level: info}\n", true},
      {"quoted", "development_seed: \"secret seed\"\nlog: {level: info}\n", true},
      {"plain, at the end without a newline", "log: {level: info}\ndevelopment_seed: secret seed", true},
      {"blanks before the colon", "development_seed : secret seed\n", true},
      {"over several lines", "development_seed: >\n  secret\n  seed\nlog: {level: info}\n", true},
      {"the key in quotes", "\"development_seed\": secret seed\n", false},
      {"a flow mapping", "{development_seed: secret seed}\n", false},
  };
  for (const SeedCase& test : cases) {
    SCOPED_TRACE(test.name);
    const auto kept = without_development_seed("config.yml", test.text);
    EXPECT_EQ(kept.has_value(), test.good);
    if (kept) {
      EXPECT_THAT(*kept, Not(HasSubstr("secret")));
      EXPECT_EQ(kept->find("log") != std::string::npos, std::string(test.text).find("log") != std::string::npos);
    } else {
      EXPECT_THAT(kept.error(), HasSubstr("cannot be taken out"));
    }
  }
}

}  // namespace
}  // namespace electra::app
