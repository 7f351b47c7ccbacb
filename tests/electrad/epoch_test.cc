// A home whose data was put back from an older copy: what `electrad start` says, and how an operator lets it go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <memory>

#include "tests/electrad/program.h"

namespace electra::app {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kConfig = R"(
genesis: {chain_id: test-8, time: 2016-01-04T00:00:00Z}
accounts:
  - {name: alice, coins: ["10elc"], roles: [owner, meter], phases: [1]}
clock: replay
listen: 127.0.0.1:0
)";

class RestoredHome : public testing::Test {
 protected:
  // The data at height 3 were lost; what is there again is a copy of height 1.
  void SetUp() override {
    write_file(directory_ / "config.yml", kConfig);
    ASSERT_EQ(run({"init", "--config", directory_ / "config.yml"}).exit_code, 0);
    ASSERT_NO_FATAL_FAILURE(live_a_block());
    copy_data(home(), directory_ / "copy");
    ASSERT_NO_FATAL_FAILURE(live_a_block());
    ASSERT_NO_FATAL_FAILURE(live_a_block());
    copy_data(directory_ / "copy", home());
  }

  [[nodiscard]] std::string home() const { return directory_ / "home"; }

  [[nodiscard]] Ended run(Arguments arguments) const {
    arguments.insert(arguments.end(), {"--home", home(), "--json"});
    return run_electrad(arguments);
  }

  static void copy_data(const fs::path& from, const fs::path& to) {
    for (const char* part : {"journal", "blocks"}) {
      fs::remove_all(to / part);
      fs::create_directories(to);
      fs::copy(from / part, to / part, fs::copy_options::recursive);
    }
  }

  void start(const Arguments& more = {}) {
    Arguments arguments = {"start", "--home", home()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    gateway_ = std::make_unique<Process>(arguments);
    ASSERT_TRUE(gateway_->listens()) << gateway_->error_so_far();
  }

  void stop() {
    gateway_->signal(SIGTERM);
    const Ended ended = gateway_->wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.error;
    gateway_.reset();
  }

  // A stop closes the block.
  void live_a_block(const Arguments& more = {}) {
    ASSERT_NO_FATAL_FAILURE(start(more));
    const Ended sent = run({"tx", "bank", "send", "alice", "operator", "1uelectra"});
    EXPECT_EQ(sent.exit_code, 0) << sent.error;
    stop();
  }

  [[nodiscard]] std::vector<int> epochs() const {
    std::vector<int> epochs;
    const auto document = run({"inspect", "block"}).json();
    for (const auto& block : document["blocks"]) epochs.push_back(block["epoch"]);
    return epochs;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Process> gateway_;
};

TEST_F(RestoredHome, IsNotStartedOnAndTheTextSaysWhatToDo) {
  const Ended refused = run_electrad({"start", "--home", home()});
  EXPECT_EQ(refused.exit_code, 8);
  EXPECT_THAT(refused.error, AllOf(HasSubstr("signed height 3"), HasSubstr("ends at height 1"),
                                   HasSubstr("keys/GRID.signed"), HasSubstr("electrad start --new-epoch NAME")));
  EXPECT_EQ(epochs(), std::vector<int>{0}) << "nothing was written";
}

TEST_F(RestoredHome, GoesOnInTheNewEpochThatAnOperatorBegins) {
  ASSERT_NO_FATAL_FAILURE(start({"--new-epoch", "operator"}));
  EXPECT_EQ(run({"query", "status"}).json()["epoch"], 1);
  EXPECT_EQ(run({"tx", "bank", "send", "alice", "operator", "1uelectra"}).exit_code, 0);
  stop();
  EXPECT_EQ(epochs(), (std::vector<int>{0, 1, 1}));
  const Ended again = run_electrad({"start", "--home", home(), "--new-epoch", "operator"});
  EXPECT_EQ(again.exit_code, 8);
  EXPECT_THAT(again.error, HasSubstr("a new epoch is not needed"));
  ASSERT_NO_FATAL_FAILURE(live_a_block());
  EXPECT_EQ(epochs(), (std::vector<int>{0, 1, 1, 1}));
  const Ended verified = run({"verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.error;
  EXPECT_EQ(verified.json()["height"], "4");
}

TEST_F(RestoredHome, NeedsTheKeyOfAnOperator) {
  const Ended unknown = run_electrad({"start", "--home", home(), "--new-epoch", "nobody"});
  EXPECT_EQ(unknown.exit_code, 8);
  EXPECT_THAT(unknown.error, HasSubstr("there is no key named \"nobody\""));
  const Ended other = run_electrad({"start", "--home", home(), "--new-epoch", "alice"});
  EXPECT_EQ(other.exit_code, 8);
  EXPECT_THAT(other.error, HasSubstr("the key \"alice\" is not an operator's"));
  EXPECT_EQ(epochs(), std::vector<int>{0});
  EXPECT_EQ(run({"inspect", "journal"}).json()["messages"], "1") << "the journal is as it was";
}

}  // namespace
}  // namespace electra::app
