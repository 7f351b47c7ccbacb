// What one sender may write: refused before the journal, for now, and nobody else notices.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/pipeline/support.h"

namespace electra::pipeline {
namespace {

using namespace test;

constexpr std::uint64_t kBurst = 20;

class SenderLimit : public testing::Test {
 protected:
  SenderLimit() {
    settings_ = small_settings(directory_.path());
    settings_.sender_burst = kBurst;
    settings_.sender_messages_per_second = 1;
  }
  TempDirectory directory_;
  GatewaySettings settings_;
};

std::map<MessageName, Reply> send_readings(Client& client, std::uint64_t first, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    client.tcp().session().send_frame(client.frame(first + i, reading(0, 1)));
  }
  client.tcp().flush();
  return client.replies(count);
}

std::uint64_t receipts(const std::map<MessageName, Reply>& replies) {
  return static_cast<std::uint64_t>(std::ranges::count_if(replies, [](const auto& r) { return r.second.receipt; }));
}

TEST_F(SenderLimit, IsABurstAndThenARateAndTheSessionStaysOpen) {
  RunningGateway gateway(settings_);
  ASSERT_EQ(gateway.error(), "");
  EXPECT_GT(gateway.facts().senders_bytes, 0U);
  Client meter(gateway.port(), kM2);
  const auto begin = std::chrono::steady_clock::now();
  const auto replies = send_readings(meter, 1, kBurst + 200);  // more refusals than a session may cause
  const auto seconds = std::chrono::steady_clock::now() - begin;
  ASSERT_EQ(replies.size(), kBurst + 200);
  EXPECT_GE(receipts(replies), kBurst);
  EXPECT_LE(receipts(replies), kBurst + 1 + static_cast<std::uint64_t>(seconds / 1s));
  for (const auto& [name, reply] : replies) {
    EXPECT_EQ(reply.receipt, reply.result != Result::overloaded) << name.second;
  }
  EXPECT_TRUE(meter.tcp().is_open());
  // The same bytes are taken when a token has come.
  const std::uint64_t last = kBurst + 200;
  Reply again = meter.ask(last, reading(0, 1));
  while (!again.receipt && std::chrono::steady_clock::now() < begin + kPatience) {
    std::this_thread::sleep_for(100ms);
    again = meter.ask(last, reading(0, 1));
  }
  EXPECT_TRUE(again.receipt);
  gateway.stop();
  EXPECT_GE(gateway.counters().refused_by_rate, 150U);
  EXPECT_EQ(gateway.counters().refused, gateway.counters().refused_by_rate);
  EXPECT_EQ(journal_messages(directory_.path()).size(), gateway.counters().messages);
}

TEST_F(SenderLimit, IsOfTheMessagesSenderWhateverSessionBringsThem) {
  RunningGateway gateway(settings_);
  Client relay(gateway.port(), kAlice);
  for (const state::Slot slot : {kM1, kM2, kP1}) {
    for (std::uint64_t sequence = 1; sequence <= kBurst; ++sequence) {
      relay.tcp().session().send_frame(
          message_frame(Person(holder_name(slot)), {.slot = slot}, sequence, reading(0, 1)));
    }
  }
  relay.tcp().flush();
  EXPECT_EQ(receipts(relay.replies(3 * kBurst)), 3 * kBurst);
}

TEST_F(SenderLimit, IsNotForTheGatewayAndOperators) {
  RunningGateway gateway(settings_);
  for (const state::Slot slot : {kGrid, kOperator}) {
    Client client(gateway.port(), slot);
    EXPECT_EQ(receipts(send_readings(client, 1, 5 * kBurst)), 5 * kBurst) << holder_name(slot);
  }
}

TEST_F(SenderLimit, IsNotUsedUpByForgeries) {
  settings_.refusals_max = 10'000;
  RunningGateway gateway(settings_);
  Client forger(gateway.port(), kAlice);
  for (std::uint64_t sequence = 1; sequence <= 10 * kBurst; ++sequence) {
    const Bytes frame = message_frame(Person(holder_name(kM2)), {.slot = kM2}, sequence, reading(0, 1));
    const Reply reply = forger.ask_frame(with_bad_signature(frame), sequence);
    EXPECT_EQ(reply.result, Result::bad_signature) << sequence;
  }
  Client meter(gateway.port(), kM2);
  EXPECT_EQ(receipts(send_readings(meter, 1, kBurst)), kBurst);
}

TEST_F(SenderLimit, IsOffUnlessItIsSet) {
  settings_.sender_messages_per_second = 0;
  RunningGateway gateway(settings_);
  EXPECT_EQ(gateway.facts().senders_bytes, 0U);
  Client meter(gateway.port(), kM2);
  EXPECT_EQ(receipts(send_readings(meter, 1, 50 * kBurst)), 50 * kBurst);
}

}  // namespace
}  // namespace electra::pipeline
