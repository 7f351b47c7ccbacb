// A key that is slow, dead for a while or dead at the end: receipts do not wait for it, and no header is lost or skipped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/pipeline/blocks_support.h"

namespace electra::pipeline {
namespace {

using namespace test;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

// Without a question to the gateway, which would be bytes to read.
void wait_until_closed(const BlockChain& chain, std::size_t blocks) {
  const auto deadline = Clock::now() + kPatience;
  while (closing_batches(chain.data()).size() < blocks && Clock::now() < deadline) std::this_thread::sleep_for(5ms);
  std::this_thread::sleep_for(50ms);  // on disk, and soon the gateway knows
}

bool all_signed(const wire::Status& status) { return status.signed_height() == status.height(); }
bool has_problem(const wire::Status& status) { return !status.signer_problem().empty(); }

// A gateway whose key the test holds.
struct SignedChain {
  explicit SignedChain(std::chrono::milliseconds delay = 0ms) : signer(std::make_shared<FaultySigner>(delay)) {}
  [[nodiscard]] GatewaySettings settings() const {
    GatewaySettings settings = chain.settings();
    settings.blocks.signer = signer;
    return settings;
  }
  BlockChain chain;
  std::shared_ptr<FaultySigner> signer;
};

TEST(GatewaySigner, ASlowKeyDelaysHeadersAndNoReceipt) {
  constexpr auto kDelay = 300ms;
  SignedChain slow(kDelay);
  RunningGateway gateway(slow.settings());
  ASSERT_EQ(gateway.error(), "");
  Client meter(gateway.port(), kM2);
  constexpr std::uint64_t kBlocks = 5;
  const auto begin = Clock::now();
  for (std::uint64_t sequence = 1; sequence <= kBlocks; ++sequence) {
    ASSERT_NO_FATAL_FAILURE(close_a_block(meter, sequence));
  }
  EXPECT_LT(Clock::now() - begin, kBlocks * kDelay) << "receipts waited for signatures";
  EXPECT_LT(meter.status().signed_height(), kBlocks);
  EXPECT_EQ(meter.status().signer_problem(), "") << "slow is no problem";
  wait_for_status(meter, [](const wire::Status& status) { return status.signed_height() == kBlocks; });
  EXPECT_GE(Clock::now() - begin, kBlocks * kDelay);
  gateway.stop();
  EXPECT_EQ(headers_in(slow.chain.headers_file()).size(), kBlocks);
  EXPECT_EQ(slow.signer->count(), kBlocks);
}

TEST(GatewaySigner, HeadersOfADeadKeyQueueInOrderAndAreAllSignedWhenItWorks) {
  SignedChain dead;
  dead.signer->set_dead(true);
  GatewaySettings settings = dead.settings();
  std::vector<std::string> log;  // of the signer's thread, which has ended when it is looked at
  settings.blocks.on_signer_problem = [&log](const std::string& text) { log.push_back(text); };
  {
    RunningGateway gateway(settings);
    ASSERT_EQ(gateway.error(), "");
    Client meter(gateway.port(), kM2);
    for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) {
      ASSERT_NO_FATAL_FAILURE(close_a_block(meter, sequence));
    }
    const wire::Status status = wait_for_status(meter, has_problem);
    EXPECT_EQ(status.height(), 5U);
    EXPECT_EQ(status.signed_height(), 0U);
    EXPECT_THAT(status.signer_problem(), HasSubstr("block 1"));
    EXPECT_THAT(status.signer_problem(), HasSubstr(crypto::sign_error_text(crypto::SignError::unavailable)));
    EXPECT_TRUE(headers_in(dead.chain.headers_file()).empty());

    dead.signer->set_dead(false);
    EXPECT_EQ(wait_for_status(meter, all_signed).signer_problem(), "");
    ASSERT_NO_FATAL_FAILURE(close_a_block(meter, 6));
  }
  // Told once when it began and once when it was over.
  ASSERT_EQ(log.size(), 2U);
  EXPECT_THAT(log[0], HasSubstr("block 1 cannot be signed"));
  EXPECT_EQ(log[1], "");
  const auto headers = headers_in(dead.chain.headers_file());
  ASSERT_EQ(headers.size(), 6U);
  for (std::size_t i = 0; i < headers.size(); ++i) EXPECT_EQ(headers[i].header.height, i + 1);
  EXPECT_EQ(audit_problems(dead.chain), "");
}

TEST(GatewaySigner, WithTooManyHeadersWaitingForADeadKeyMessagesAreRefusedAndQuestionsAnswered) {
  SignedChain dead;
  dead.signer->set_dead(true);
  GatewaySettings settings = dead.settings();
  settings.blocks.unsigned_max = 3;
  RunningGateway gateway(settings);
  ASSERT_EQ(gateway.error(), "");
  Client meter(gateway.port(), kM2);
  for (std::uint64_t sequence = 1; sequence <= 2; ++sequence) {
    ASSERT_NO_FATAL_FAILURE(close_a_block(meter, sequence));
  }
  wait_for_status(meter, has_problem);
  // The third block is closed without a question: the next bytes find a gateway that is full.
  ASSERT_TRUE(meter.ask(3, reading(0, 1)).receipt);
  wait_until_closed(dead.chain, 3);
  wait_for_status(meter, [](const wire::Status& status) { return status.height() == 3; });
  const Bytes frame = meter.frame(4, reading(0, 1));
  const Reply refused = meter.ask_frame(frame, 4);
  EXPECT_FALSE(refused.receipt);
  EXPECT_EQ(refused.result, Result::overloaded) << "which means: send the same bytes again later";
  const wire::Status status = meter.status();
  EXPECT_EQ(status.height(), 3U);
  EXPECT_EQ(status.signed_height(), 0U);
  EXPECT_NE(status.signer_problem(), "");
  EXPECT_TRUE(Client(gateway.port(), kAlice).connected()) << "sessions still open";
  EXPECT_FALSE(journal_messages(dead.chain.data()).contains({kM2, 4}));

  dead.signer->set_dead(false);
  wait_for_status(meter, all_signed);
  EXPECT_TRUE(meter.ask_frame(frame, 4).receipt);
  gateway.stop();
  EXPECT_EQ(headers_in(dead.chain.headers_file()).size(), 4U);
  EXPECT_EQ(audit_problems(dead.chain), "");
}

TEST(GatewaySigner, WithTooManyHeadersWaitingForASlowKeyMessagesWaitUnreadUntilItHasCaughtUp) {
  SignedChain slow;
  slow.signer->set_held(true);
  GatewaySettings settings = slow.settings();
  settings.blocks.unsigned_max = 2;
  RunningGateway gateway(settings);
  ASSERT_EQ(gateway.error(), "");
  Client meter(gateway.port(), kM2);
  ASSERT_NO_FATAL_FAILURE(close_a_block(meter, 1));
  ASSERT_TRUE(meter.ask(2, reading(0, 1)).receipt);
  // The second block is closed without anybody asking: this makes the gateway full.
  wait_until_closed(slow.chain, 2);
  meter.send(3, reading(0, 1));
  const auto early = meter.tcp().wait_event(300ms);
  EXPECT_FALSE(early.has_value()) << "an answer came while two headers waited";
  EXPECT_FALSE(journal_messages(slow.chain.data()).contains({kM2, 3}));
  slow.signer->set_held(false);
  const auto reply = meter.next_reply();
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->receipt) << "without being sent again";
  gateway.stop();
  EXPECT_EQ(headers_in(slow.chain.headers_file()).size(), 3U);
}

TEST(GatewaySigner, AStopWithADeadKeyEndsAndTheNextStartSignsWhatIsMissing) {
  SignedChain dead;
  {
    RunningGateway gateway(dead.settings());
    ASSERT_EQ(gateway.error(), "");
    Client meter(gateway.port(), kM2);
    ASSERT_NO_FATAL_FAILURE(close_a_block(meter, 1));
    wait_for_status(meter, all_signed);
    dead.signer->set_dead(true);
    for (std::uint64_t sequence = 2; sequence <= 4; ++sequence) {
      ASSERT_NO_FATAL_FAILURE(close_a_block(meter, sequence));
    }
    wait_for_status(meter, has_problem);
    const auto begin = Clock::now();
    gateway.stop();
    EXPECT_LT(Clock::now() - begin, kPatience);
    EXPECT_EQ(gateway.reason(), StopReason::requested);
    EXPECT_EQ(gateway.counters().height, 4U);
  }
  EXPECT_EQ(headers_in(dead.chain.headers_file()).size(), 1U);
  const std::uint64_t records = record_count(dead.chain.data());
  {
    RunningGateway gateway(dead.chain.settings());
    ASSERT_EQ(gateway.error(), "");
    EXPECT_EQ(gateway.facts().height, 4U);
    EXPECT_EQ(gateway.facts().headers_text, "");
    Client meter(gateway.port(), kM2);
    wait_for_status(meter, all_signed);
  }
  EXPECT_EQ(headers_in(dead.chain.headers_file()).size(), 4U);
  EXPECT_EQ(record_count(dead.chain.data()), records) << "signing adds nothing to the journal";
  EXPECT_EQ(audit_problems(dead.chain), "");
}

}  // namespace
}  // namespace electra::pipeline
