// Restored copies: a gateway whose data is older, or another, than what its key has signed does not sign on; an operator's
// new epoch lets it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/pipeline/blocks_support.h"

namespace electra::pipeline {
namespace {

using namespace test;
using testing::AllOf;
using testing::HasSubstr;

namespace fs = std::filesystem;

// What `electrad start --new-epoch` signs; a test may put something else in its place.
struct EpochOrder {
  state::Slot sender = kOperator;
  std::string key = holder_name(kOperator);
  std::uint32_t epochs_more = 0;   // than the right one
  std::uint64_t heights_more = 0;  // likewise
};

EpochMessage epoch_message(const EpochOrder& order = {}) {
  return [order](const state::Machine& machine,
                 std::uint32_t epoch) -> std::expected<std::vector<std::uint8_t>, std::string> {
    strict::PayloadView payload;
    payload.operation = strict::BeginEpoch{.epoch = epoch + order.epochs_more,  // wraps: -1 is less
                                           .height = machine.height() + 1 + order.heights_more};
    auto frame = client::make_message_frame({.slot = order.sender}, machine.genesis_hash(),
                                            machine.holder(order.sender)->highest_sequence + 1, payload,
                                            Person(order.key).sign_function());
    if (!frame) return std::unexpected(frame.error());
    strict::FrameView view;
    EXPECT_EQ(strict::decode_frame(ByteSpan(*frame).subspan(strict::kFrameHeaderBytes), view), Result::ok);
    return std::vector<std::uint8_t>(view.message.begin(), view.message.end());
  };
}

class RestoredCopy : public testing::Test {
 protected:
  // "old" is a copy at height 3, "new" one at 8; the older one is put back.
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(chain_.live(3));
    chain_.save("old");
    ASSERT_NO_FATAL_FAILURE(chain_.live(5));
    chain_.save("new");
    chain_.restore("old");
  }

  [[nodiscard]] std::string error_of_start(const EpochMessage& begin_epoch = {}) const {
    GatewaySettings settings = chain_.settings();
    settings.begin_epoch = begin_epoch;
    return RunningGateway(settings).error();
  }

  // Begins a new epoch, makes `more` blocks after it, and stops.
  void begin_epoch(std::uint64_t more) const {
    GatewaySettings settings = chain_.settings();
    settings.begin_epoch = epoch_message();
    RunningGateway gateway(settings);
    ASSERT_EQ(gateway.error(), "");
    Client meter(gateway.port(), kM2);
    const std::uint64_t first = meter.hello().highest_sequence + 1;
    for (std::uint64_t i = 0; i < more; ++i) ASSERT_NO_FATAL_FAILURE(close_a_block(meter, first + i));
  }

  [[nodiscard]] std::vector<std::uint32_t> epochs() const {
    std::vector<std::uint32_t> epochs;
    for (const proto::SignedHeader& header : headers_in(chain_.headers_file())) epochs.push_back(header.header.epoch);
    return epochs;
  }

  BlockChain chain_;
};

using Epochs = std::vector<std::uint32_t>;

TEST_F(RestoredCopy, IsRefusedWithBothHeightsAndTheWayOn) {
  const Bytes record = file_bytes(chain_.signed_file());
  const Bytes headers = file_bytes(chain_.headers_file());
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(error_of_start(),
                AllOf(HasSubstr("signed height 8"), HasSubstr("ends at height 3"),
                      HasSubstr(chain_.signed_file().string()), HasSubstr("older copy"), HasSubstr("--new-epoch")));
  }
  EXPECT_EQ(file_bytes(chain_.signed_file()), record);
  EXPECT_EQ(file_bytes(chain_.headers_file()), headers);
  chain_.restore("new");  // the advice: restore the newer journal
  ASSERT_NO_FATAL_FAILURE(chain_.live(1));
  EXPECT_EQ(epochs(), Epochs(9, 0));
}

TEST_F(RestoredCopy, OfTheJournalAloneIsRefusedEvenWithoutTheRecordBesideTheKey) {
  fs::copy(chain_.directory.path() / "new" / "blocks", chain_.data() / "blocks",
           fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  EXPECT_THAT(error_of_start(), HasSubstr("signed height 8"));
  fs::remove(chain_.signed_file());
  EXPECT_THAT(error_of_start(), AllOf(HasSubstr(chain_.headers_file().string()), HasSubstr("up to height 8"),
                                      HasSubstr("ends at height 3"), HasSubstr("--new-epoch")));
  ASSERT_NO_FATAL_FAILURE(begin_epoch(1));
  EXPECT_EQ(epochs(), (Epochs{0, 0, 0, 1, 1}));
  EXPECT_EQ(audit_problems(chain_), "");
}

TEST_F(RestoredCopy, WithAnotherHistoryOfTheSameHeightIsRefused) {
  // The same copy lives on without the record, which knows of the first history.
  const Bytes record = file_bytes(chain_.signed_file());
  fs::remove(chain_.signed_file());
  ASSERT_NO_FATAL_FAILURE(chain_.live(5, kP1));
  for (int more = 0; more < 2; ++more) {
    SCOPED_TRACE(more);
    write_bytes(chain_.signed_file(), record);
    EXPECT_THAT(error_of_start(),
                AllOf(HasSubstr("signed height 8"), HasSubstr("another history"), HasSubstr("--new-epoch")));
    fs::remove(chain_.signed_file());
    ASSERT_NO_FATAL_FAILURE(chain_.live(1, kP1));
  }
}

TEST_F(RestoredCopy, GoesOnInANewEpochThatAnOperatorSigned) {
  ASSERT_NO_FATAL_FAILURE(begin_epoch(2));
  EXPECT_EQ(epochs(), (Epochs{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(audit_problems(chain_), "");
  const Bytes headers = file_bytes(chain_.headers_file());
  ASSERT_NO_FATAL_FAILURE(chain_.live(2));  // without the order: the epoch is in the journal
  EXPECT_EQ(epochs(), (Epochs{0, 0, 0, 1, 1, 1, 1, 1}));
  const Bytes after = file_bytes(chain_.headers_file());
  EXPECT_TRUE(std::equal(headers.begin(), headers.end(), after.begin()));
  EXPECT_EQ(audit_problems(chain_), "");

  // The history that was given up is refused from now on.
  chain_.restore("new");
  EXPECT_THAT(error_of_start(), AllOf(HasSubstr("in epoch 1"), HasSubstr("another history")));
}

TEST_F(RestoredCopy, TwiceGoesOnInEpochTwo) {
  ASSERT_NO_FATAL_FAILURE(begin_epoch(2));
  chain_.restore("old");
  EXPECT_THAT(error_of_start(), HasSubstr("in epoch 1"));
  ASSERT_NO_FATAL_FAILURE(begin_epoch(1));
  EXPECT_EQ(epochs(), (Epochs{0, 0, 0, 2, 2}));
  EXPECT_EQ(audit_problems(chain_), "");
}

// The key signed (epoch 1, height 4) last; headers of epoch 0 up to height 78, more than are signed at once, have to be signed
// again.
TEST_F(RestoredCopy, WithoutItsHeadersGetsThemAgainAlthoughALaterEpochBeganBelow) {
  chain_.restore("new");
  ASSERT_NO_FATAL_FAILURE(chain_.live(70));
  chain_.save("long");
  chain_.restore("old");
  ASSERT_NO_FATAL_FAILURE(begin_epoch(0));
  chain_.restore("long");
  const Bytes headers = file_bytes(chain_.headers_file());
  fs::remove(chain_.headers_file());
  ASSERT_NO_FATAL_FAILURE(begin_epoch(1));
  Epochs expected(78, 0);
  expected.insert(expected.end(), {2, 2});
  EXPECT_EQ(epochs(), expected);
  const Bytes after = file_bytes(chain_.headers_file());
  ASSERT_GE(after.size(), headers.size());
  EXPECT_TRUE(std::equal(headers.begin(), headers.end(), after.begin()));
  EXPECT_EQ(audit_problems(chain_), "");
}

// Batches of a block under way in the copy become part of the new epoch's first block.
TEST_F(RestoredCopy, WithABlockUnderWayClosesItWithTheNewEpoch) {
  chain_.restore("new");
  GatewaySettings settings = chain_.settings(3600s);
  {
    RunningGateway gateway(settings);
    ASSERT_EQ(gateway.error(), "");
    Client meter(gateway.port(), kM2);
    ASSERT_TRUE(meter.ask(meter.hello().highest_sequence + 1, reading(0, 1)).receipt);
    chain_.save("open");  // of a gateway that is running
    ASSERT_TRUE(meter.ask(meter.hello().highest_sequence + 2, reading(0, 1)).receipt);
  }
  chain_.restore("open");
  EXPECT_THAT(error_of_start(), AllOf(HasSubstr("signed height 9"), HasSubstr("ends at height 8")));
  ASSERT_NO_FATAL_FAILURE(begin_epoch(0));
  const auto headers = headers_in(chain_.headers_file());
  ASSERT_EQ(headers.size(), 9U);
  EXPECT_EQ(headers.back().header.epoch, 1U);
  EXPECT_EQ(headers.back().header.messages, 2U) << "the reading and the operator's message";
  EXPECT_EQ(audit_problems(chain_), "");
}

TEST_F(RestoredCopy, BeginsNoEpochOnAnOrderThatIsNotRightAndWritesNothing) {
  struct Case {
    const char* name;
    EpochOrder order;
    const char* text;
  };
  const Case cases[] = {
      {"an auditor's", {.sender = kAuditor, .key = holder_name(kAuditor)}, "not an active operator's"},
      {"the gateway's", {.sender = kGrid, .key = holder_name(kGrid)}, "not an active operator's"},
      {"another key's", {.key = holder_name(kAlice)}, "bad signature"},
      {"the epoch that the key has signed", {.epochs_more = static_cast<std::uint32_t>(-1)}, "epoch 1"},
      {"a later epoch", {.epochs_more = 1}, "epoch 1"},
      {"a later height", {.heights_more = 1}, "height 4"},
  };
  const std::uint64_t records = record_count(chain_.data());
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(error_of_start(epoch_message(c.order)), HasSubstr(c.text));
  }
  EXPECT_THAT(error_of_start([](const state::Machine&, std::uint32_t) {
                return std::expected<std::vector<std::uint8_t>, std::string>(std::unexpected("no such key"));
              }),
              HasSubstr("no such key"));
  EXPECT_THAT(error_of_start([](const state::Machine&, std::uint32_t) {
                return std::expected<std::vector<std::uint8_t>, std::string>({1, 2, 3});
              }),
              HasSubstr("not strictly encoded"));
  EXPECT_EQ(record_count(chain_.data()), records);
  EXPECT_EQ(headers_in(chain_.headers_file()).size(), 3U);
  ASSERT_NO_FATAL_FAILURE(begin_epoch(0));
  EXPECT_EQ(epochs(), (Epochs{0, 0, 0, 1}));
}

TEST_F(RestoredCopy, NoEpochBeginsWhereNoneIsNeeded) {
  chain_.restore("new");
  EXPECT_THAT(error_of_start(epoch_message()), HasSubstr("not needed"));
  BlockChain fresh;
  GatewaySettings settings = fresh.settings();
  settings.begin_epoch = epoch_message();
  EXPECT_THAT(RunningGateway(settings).error(), HasSubstr("not needed"));
  // Nor a second time.
  chain_.restore("old");
  ASSERT_NO_FATAL_FAILURE(begin_epoch(0));
  EXPECT_THAT(error_of_start(epoch_message()), HasSubstr("not needed"));
}

}  // namespace
}  // namespace electra::pipeline
