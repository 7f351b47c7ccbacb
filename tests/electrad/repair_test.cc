// `electrad repair`: what it refuses, what it shows, and what it cuts. That a failing assertion leaves the note which it goes
// by is tested where one can be planted (tests/pipeline/named_execution_test.cc); here the note is written by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <memory>

#include "tests/electrad/program.h"

namespace electra::app {
namespace {

using testing::HasSubstr;

class Repair : public testing::Test {
 protected:
  void SetUp() override {
    home_ = directory_ / "home";
    ASSERT_EQ(run({"init"}).exit_code, 0);
  }
  Ended run(Arguments arguments) const {
    arguments.insert(arguments.end(), {"--home", home_});
    return run_electrad(arguments);
  }
  void start() {
    gateway_ = std::make_unique<Process>(Arguments{"start", "--home", home_, "--listen", "127.0.0.1:0"});
    ASSERT_TRUE(gateway_->listens()) << gateway_->error_so_far();
  }
  Ended end(int signal) {
    gateway_->signal(signal);
    Ended ended = gateway_->wait();
    gateway_.reset();
    return ended;
  }
  std::vector<nlohmann::json> records_of_journal() const {
    return run({"inspect", "journal", "--json"}).json()["records"];
  }
  void write_note(const std::string& batch, const std::string& acknowledged) const {
    write_file(home_ + "/journal/tripped", "batch " + batch + "\nmessage 1\nmessages 1\nslot 3\nsequence 1\nid " +
                                               std::string(64, 'a') + "\nacknowledged " + acknowledged + "\nend\n");
  }

  TemporaryDirectory directory_;
  std::string home_;
  std::unique_ptr<Process> gateway_;
};

TEST_F(Repair, CutsNothingWithoutANoteOfAFailure) {
  struct Case {
    Arguments arguments;
    int exit_code;
    const char* text;
  };
  const Case cases[] = {
      {{"repair"}, 2, "--cut-unacknowledged"},
      {{"repair", "--cut-unacknowledged"}, 6, "there is nothing to cut"},
      {{"repair", "--cut-unacknowledged", "--yes"}, 6, "there is nothing to cut"},
  };
  for (const Case& c : cases) {
    const Ended ended = run(c.arguments);
    EXPECT_EQ(ended.exit_code, c.exit_code);
    EXPECT_THAT(ended.error, HasSubstr(c.text));
  }
  start();
  EXPECT_EQ(run({"repair", "--cut-unacknowledged"}).exit_code, 4) << "a gateway serves this home";
}

TEST_F(Repair, RefusesWhatMayHaveBeenAcknowledged) {
  start();
  ASSERT_EQ(run({"tx", "bank", "send", "alice", "bob", "1elc"}).exit_code, 0);
  ASSERT_EQ(end(SIGTERM).exit_code, 0);  // in order: the watermark covers everything
  struct Case {
    const char* batch;
    const char* acknowledged;
    const char* text;
  };
  const Case cases[] = {
      {"1", "0", "known to be durable"},
      {"1", "1", "receipts up to batch 1 have left"},
      {"1", "unknown", "receipts may have left"},
      {"100000", "99999", "never reached the journal"},
  };
  for (const Case& c : cases) {
    write_note(c.batch, c.acknowledged);
    const Ended ended = run({"repair", "--cut-unacknowledged", "--yes"});
    EXPECT_EQ(ended.exit_code, 6) << c.text;
    EXPECT_THAT(ended.error, HasSubstr(c.text));
  }
  start();  // and all is there
  EXPECT_THAT(gateway_->error_so_far(), HasSubstr("assertion_failed_before"));
  EXPECT_THAT(run({"query", "bank", "balances", "bob", "--json"}).out, HasSubstr("1001000000"));
}

// What a gateway leaves that dies while the batch executes: its record, and none behind it that says it was durable.
TEST_F(Repair, ShowsTheTailAndCutsItWithYesOnly) {
  start();
  ASSERT_EQ(run({"tx", "bank", "send", "alice", "bob", "1uelectra"}).exit_code, 0);
  ASSERT_EQ(run({"tx", "bank", "send", "alice", "bob", "2uelectra"}).exit_code, 0);
  ASSERT_EQ(end(SIGTERM).exit_code, 0);
  const auto records = records_of_journal();
  const auto last =
      std::find_if(records.rbegin(), records.rend(), [](const auto& record) { return record["count"] == 1; });
  ASSERT_NE(last, records.rend());
  ASSERT_NE(last, records.rbegin()) << "a record behind it carries the watermark";
  const auto behind = std::prev(last);
  std::filesystem::resize_file(home_ + "/journal/000000000001.seg",
                               std::stoull((*behind)["offset"].get<std::string>()));
  const std::string batch = (*last)["batch"];
  ASSERT_NE((*last)["watermark"], batch);
  write_note(batch, std::to_string(std::stoull(batch) - 1));

  const Ended shown = run({"repair", "--cut-unacknowledged"});
  ASSERT_EQ(shown.exit_code, 0) << shown.error;
  EXPECT_THAT(shown.out, HasSubstr("nothing was changed"));
  EXPECT_THAT(shown.out, HasSubstr("batch " + batch + "  slot"));
  EXPECT_EQ(records_of_journal().back()["batch"], batch);

  const Ended cut = run({"repair", "--cut-unacknowledged", "--yes", "--json"});
  ASSERT_EQ(cut.exit_code, 0) << cut.error;
  EXPECT_EQ(cut.json()["cut"], true);
  EXPECT_EQ(cut.json()["firstBatch"], batch);
  EXPECT_EQ(cut.json()["messages"].size(), 1U);
  const auto left = records_of_journal();
  ASSERT_FALSE(left.empty()) << "the first transfer is there";
  EXPECT_EQ(left.back()["batch"], std::to_string(std::stoull(batch) - 1));
  EXPECT_EQ(run({"repair", "--cut-unacknowledged"}).exit_code, 6) << "there is nothing more to cut";
}

}  // namespace
}  // namespace electra::app
