// Ends and beginnings: graceful stop, restart, and what a gateway refuses to start on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "io/journal/journal_reader.h"
#include "tests/pipeline/support.h"

namespace electra::pipeline {
namespace {

using namespace test;
using testing::HasSubstr;

// `came_in_time`: whether the stop came before everything was answered; else the round has shown nothing.
void stop_under_load(std::uint64_t wait_for, bool& came_in_time) {
  SCOPED_TRACE(wait_for);
  TempDirectory directory;
  GatewaySettings settings = small_settings(directory.path());
  settings.batch_messages_max = 32;
  settings.batches_max = 2;
  settings.verifier.backend = "sodium";  // 2000 messages are then 40 ms of work or more
  RunningGateway gateway(settings);
  ASSERT_EQ(gateway.error(), "");
  Client meter(gateway.port(), kM2);
  constexpr std::uint64_t kMessages = 2000;
  for (std::uint64_t sequence = 1; sequence <= kMessages; ++sequence) {
    meter.tcp().session().send_frame(meter.frame(sequence, reading(0, 1)));
  }
  meter.tcp().flush();
  auto replies = meter.replies(wait_for);
  gateway.request_stop();
  replies.merge(meter.replies(kMessages));
  gateway.join();
  EXPECT_EQ(gateway.reason(), StopReason::requested);

  std::map<MessageName, int> receipts;
  for (const auto& [name, reply] : replies) {
    EXPECT_TRUE(reply.receipt);
    receipts[name] = 1;
  }
  EXPECT_EQ(receipts, journal_messages(directory.path()));
  EXPECT_GE(receipts.size(), wait_for);
  came_in_time = receipts.size() < kMessages;
}

// A machine that stalls between the last frame and the stop may make one round worthless, and not ten.
TEST(GatewayStop, AnswersEverythingThatItTookBeforeItEnds) {
  for (const std::uint64_t wait_for : {0U, 1U, 40U}) {
    bool came_in_time = false;
    for (int round = 0; round < 10 && !came_in_time; ++round) {
      ASSERT_NO_FATAL_FAILURE(stop_under_load(wait_for, came_in_time));
    }
    EXPECT_TRUE(came_in_time) << "everything was answered before each stop";
  }
}

TEST(GatewayStop, LeavesTheWatermarkAtTheLastMessage) {
  TempDirectory directory;
  {
    RunningGateway gateway(small_settings(directory.path()));
    EXPECT_EQ(Client(gateway.port(), kM2).ask(1, reading(0, 1)).result, Result::ok);
  }
  const auto recovered = io::recover_journal(directory.path(), small_genesis().hash, nullptr);
  ASSERT_TRUE(recovered) << recovered.error().text();
  EXPECT_FALSE(recovered->position.watermark_behind);
  EXPECT_FALSE(recovered->tail_cut);
}

TEST(GatewayStop, WithoutTrafficLeavesAnEmptyJournal) {
  TempDirectory directory;
  {
    RunningGateway gateway(small_settings(directory.path()));
    ASSERT_EQ(gateway.error(), "");
  }
  EXPECT_TRUE(journal_messages(directory.path()).empty());
  RunningGateway again(small_settings(directory.path()));
  EXPECT_EQ(again.error(), "");
  EXPECT_EQ(again.facts().records, 0U);
}

TEST(GatewayRestart, ContinuesWhereItStopped) {
  TempDirectory directory;
  Bytes frame;
  std::uint64_t first_batch = 0;
  Bytes32 digest{};
  Bytes32 settlement{};
  std::uint64_t batches = 0;
  {
    RunningGateway gateway(small_settings(directory.path()));
    Client meter(gateway.port(), kM2);
    Client boss(gateway.port(), kOperator);
    frame = meter.frame(1, reading(0, 1));
    first_batch = meter.ask_frame(frame, 1).body.batch;
    ASSERT_EQ(boss.tick(kGenesisS + 900).result, Result::ok);
    ASSERT_EQ(meter.ask(2, reading(1, 100)).result, Result::ok);
    ASSERT_EQ(boss.ask(1, set_status(kBob, state::HolderStatus::suspended)).result, Result::ok);
    gateway.stop();
    digest = gateway.digest();
    settlement = gateway.settlement_digest();
    batches = gateway.batch_number();
  }
  for (int round = 0; round < 2; ++round) {
    RunningGateway gateway(small_settings(directory.path()));
    ASSERT_EQ(gateway.error(), "");
    EXPECT_EQ(gateway.facts().messages, 3U);
    EXPECT_EQ(gateway.facts().records, batches);
    EXPECT_EQ(gateway.facts().cut_text, "");
    gateway.stop();
    EXPECT_EQ(gateway.digest(), digest);
    EXPECT_EQ(gateway.settlement_digest(), settlement);
    EXPECT_EQ(gateway.batch_number(), batches);
  }
  RunningGateway gateway(small_settings(directory.path()));
  EXPECT_FALSE(Client(gateway.port(), kBob).connected());  // still suspended
  Client meter(gateway.port(), kM2);
  EXPECT_EQ(meter.hello().highest_sequence, 2U);
  EXPECT_GE(meter.tcp().chain().time_ns, (kGenesisS + 900) * kSecondNs);
  const Reply repeated = meter.ask_frame(frame, 1);
  EXPECT_TRUE(repeated.body.repeated);
  EXPECT_EQ(repeated.body.batch, first_batch);
  EXPECT_EQ(meter.ask(3, reading(1, 100)).result, Result::duplicate_reading);
}

TEST(GatewayStart, RefusesTheJournalOfAnotherChain) {
  TempDirectory directory;
  {
    RunningGateway gateway(small_settings(directory.path()));
    EXPECT_EQ(Client(gateway.port(), kM2).ask(1, reading(0, 1)).result, Result::ok);
  }
  RunningGateway other(small_settings(directory.path(), 1));
  EXPECT_THAT(other.error(), HasSubstr("genesis"));
}

TEST(GatewayStart, RefusesADirectoryThatAnotherGatewayWritesTo) {
  TempDirectory directory;
  RunningGateway first(small_settings(directory.path()));
  ASSERT_EQ(first.error(), "");
  RunningGateway second(small_settings(directory.path()));
  EXPECT_THAT(second.error(), HasSubstr(directory.path().string()));
  EXPECT_THAT(second.error(), HasSubstr("in use"));
  EXPECT_EQ(Client(first.port(), kM2).ask(1, reading(0, 1)).result, Result::ok);
}

TEST(GatewayStart, RefusesAPortThatIsTaken) {
  TempDirectory directory;
  TempDirectory other;
  RunningGateway first(small_settings(directory.path()));
  GatewaySettings settings = small_settings(other.path());
  settings.listen_port = first.port();
  RunningGateway second(settings);
  EXPECT_THAT(second.error(), HasSubstr(std::to_string(first.port())));
}

TEST(GatewayStart, RefusesADamagedJournalAndNamesThePlace) {
  TempDirectory directory;
  {
    RunningGateway gateway(small_settings(directory.path()));
    Client meter(gateway.port(), kM2);
    for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) {
      ASSERT_TRUE(meter.ask(sequence, reading(0, 1)).receipt);
    }
  }
  const auto segment = directory.path() / "000000000001.seg";
  {
    std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(2 * 4096 + 300);  // in the body of the third record, which later watermarks cover
    const char byte = static_cast<char>(file.get() ^ 1);
    file.seekp(2 * 4096 + 300);
    file.put(byte);
  }
  RunningGateway gateway(small_settings(directory.path()));
  EXPECT_THAT(gateway.error(), HasSubstr(segment.string()));
  EXPECT_THAT(gateway.error(), HasSubstr(std::to_string(2 * 4096)));
}

TEST(GatewayStart, CutsATornTailAndSaysSo) {
  TempDirectory directory;
  {
    RunningGateway gateway(small_settings(directory.path()));
    EXPECT_EQ(Client(gateway.port(), kM2).ask(1, reading(0, 1)).result, Result::ok);
  }
  {
    // Behind the last record: what a write that never ended may leave.
    const auto recovered = io::recover_journal(directory.path(), small_genesis().hash, nullptr);
    ASSERT_TRUE(recovered);
    std::fstream file(directory.path() / "000000000001.seg", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(recovered->position.offset));
    file.write("ELECTRAJ and then nothing more", 30);
  }
  RunningGateway gateway(small_settings(directory.path()));
  ASSERT_EQ(gateway.error(), "");
  EXPECT_NE(gateway.facts().cut_text, "");
  EXPECT_EQ(gateway.facts().messages, 1U);
  EXPECT_EQ(Client(gateway.port(), kM2).ask(2, reading(0, 1)).result, Result::duplicate_reading);
}

TEST(GatewayStart, RefusesAGenesisThatCannotBe) {
  TempDirectory directory;
  GatewaySettings no_gateway = small_settings(directory.path());
  no_gateway.genesis.holders[0].roles = state::kRoleMeter;
  EXPECT_THAT(RunningGateway(no_gateway).error(), HasSubstr("genesis"));
  GatewaySettings bad_key = small_settings(directory.path());
  bad_key.genesis.holders[4].public_key = {1};
  EXPECT_THAT(RunningGateway(bad_key).error(), HasSubstr("key"));
}

TEST(GatewayStart, RefusesSettingsOutOfRange) {
  TempDirectory directory;
  for (const auto& [batches, messages] : {std::pair{1U, 100U}, {65U, 100U}, {4U, 1U}, {4U, 8193U}}) {
    GatewaySettings settings = small_settings(directory.path());
    settings.batches_max = batches;
    settings.batch_messages_max = messages;
    EXPECT_THAT(RunningGateway(settings).error(), HasSubstr("is not in")) << batches << " " << messages;
  }
  GatewaySettings settings = small_settings(directory.path());
  settings.verifier.backend = "no such backend";
  EXPECT_THAT(RunningGateway(settings).error(), HasSubstr("sodium"));
}

}  // namespace
}  // namespace electra::pipeline
