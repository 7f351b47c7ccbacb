// What becomes of single messages: receipts, refusals, repetitions, keys that change, time that moves.
#include <gtest/gtest.h>

#include "meter-proto/address.h"
#include "meter-proto/encode.h"
#include "tests/pipeline/support.h"

namespace electra::pipeline {
namespace {

using namespace test;
using state::HolderStatus;

class GatewayMessages : public testing::Test {
 protected:
  TempDirectory directory_;
  RunningGateway gateway_{small_settings(directory_.path())};

  void SetUp() override { ASSERT_EQ(gateway_.error(), ""); }
};

TEST_F(GatewayMessages, ATransferIsAcknowledgedAndThenVisible) {
  Client alice(gateway_.port(), kAlice);
  Client boss(gateway_.port(), kOperator);
  const wire::Holder before = boss.holder(kBob);
  const Reply reply = alice.ask(1, transfer(alice.holder(kAlice).wallet_account(), before.wallet_account(), 250));
  EXPECT_TRUE(reply.receipt);
  EXPECT_EQ(reply.result, Result::ok);
  EXPECT_EQ(reply.body.slot, kAlice);
  EXPECT_FALSE(reply.body.repeated);
  EXPECT_EQ(boss.holder(kBob).wallet_balance(), before.wallet_balance() + 250);
  EXPECT_EQ(boss.status().messages(), 1U);
}

TEST_F(GatewayMessages, AReadingIsAcknowledgedAndThenVisible) {
  Client meter(gateway_.port(), kM2);
  EXPECT_EQ(meter.ask(1, reading(0, 1234)).result, Result::ok);
  const wire::Holder holder = meter.holder(kM2);
  EXPECT_EQ(holder.last_reading_time(), kGenesisS);
  ASSERT_EQ(holder.registers_size(), 3);
  EXPECT_EQ(holder.registers(0).whin(), 1234U);
  EXPECT_EQ(holder.highest_sequence(), 1U);
}

TEST_F(GatewayMessages, AMessageThatTheChainRefusesGetsAReceiptWithTheReason) {
  Client alice(gateway_.port(), kAlice);
  const state::AccountNumber wallet = alice.holder(kAlice).wallet_account();
  const Reply reply = alice.ask(1, transfer(wallet, wallet, 1));
  EXPECT_TRUE(reply.receipt);
  EXPECT_EQ(reply.result, Result::accounts_must_differ);
  EXPECT_EQ(journal_messages(directory_.path()).count({kAlice, 1}), 1U);
}

TEST_F(GatewayMessages, WhenAReceiptArrivesTheMessageIsOnDisk) {
  Client alice(gateway_.port(), kAlice);
  const state::AccountNumber from = alice.holder(kAlice).wallet_account();
  const state::AccountNumber to = Client(gateway_.port(), kBob).holder(kBob).wallet_account();
  for (std::uint64_t sequence = 1; sequence <= 60; ++sequence) {
    ASSERT_EQ(alice.ask(sequence, transfer(from, to, 1)).result, Result::ok);
    const auto messages = journal_messages(directory_.path());
    ASSERT_EQ(messages.size(), sequence);
    ASSERT_EQ(messages.count({kAlice, sequence}), 1U);
  }
}

TEST_F(GatewayMessages, TheSameMessageAgainGetsItsFirstAnswer) {
  Client alice(gateway_.port(), kAlice);
  Client boss(gateway_.port(), kOperator);
  const std::uint32_t from = alice.holder(kAlice).wallet_account();
  const std::uint32_t to = boss.holder(kBob).wallet_account();
  const Bytes frame = alice.frame(1, transfer(from, to, 10));
  const Reply first = alice.ask_frame(frame, 1);
  ASSERT_EQ(first.result, Result::ok);
  const std::int64_t balance = boss.holder(kBob).wallet_balance();
  for (int again = 0; again < 3; ++again) {
    Client later(gateway_.port(), kAlice);  // a meter that lost its connection sends the same bytes on a new one
    const Reply repeated = later.ask_frame(frame, 1);
    EXPECT_TRUE(repeated.body.repeated);
    EXPECT_EQ(repeated.result, Result::ok);
    EXPECT_EQ(repeated.body.batch, first.body.batch);
  }
  EXPECT_EQ(alice.ask(1, transfer(from, to, 11)).result, Result::sequence_used);
  EXPECT_EQ(boss.holder(kBob).wallet_balance(), balance);
}

TEST_F(GatewayMessages, TheSameMessageTwiceInOneWriteHappensOnce) {
  Client alice(gateway_.port(), kAlice);
  const std::uint32_t from = alice.holder(kAlice).wallet_account();
  const Bytes frame = alice.frame(1, transfer(from, Client(gateway_.port(), kBob).holder(kBob).wallet_account(), 10));
  alice.tcp().session().send_frame(frame);
  alice.send_frame(frame);
  const auto first = alice.next_reply();
  const auto second = alice.next_reply();
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(first->body.repeated);
  EXPECT_TRUE(second->body.repeated);
  EXPECT_EQ(second->result, Result::ok);
  EXPECT_EQ(second->body.batch, first->body.batch);
  EXPECT_EQ(alice.holder(kAlice).wallet_balance(), 1'000'000'000 - 10);
}

TEST_F(GatewayMessages, WhatNeverReachesTheChainIsRefusedByName) {
  const Person alice("alice");
  const Person stranger("stranger");
  const Bytes20 stranger_address = proto::address_of(stranger.public_key());
  const strict::PayloadView payload = reading(0, 1);
  struct Case {
    const char* what;
    Bytes frame;
    Result expected;
  };
  Bytes no_operation(proto::kClientBufferBytes);
  {
    const Bytes payload_bytes = {0x08, 0x05};  // not_after 5, and nothing to do
    const auto signature = alice.sign_function()(proto::SignatureKind::message, small_genesis().hash, 9, payload_bytes);
    strict::EnvelopeView envelope;
    envelope.slot = kAlice;
    envelope.key_generation = 1;
    envelope.sequence = 9;
    envelope.payload = payload_bytes;
    envelope.signature = *signature;
    no_operation.resize(proto::encode_envelope_frame(envelope, no_operation));
  }
  const Case cases[] = {
      {"a wrong signature", with_bad_signature(message_frame(alice, {.slot = kAlice}, 9, payload)),
       Result::bad_signature},
      {"another's key", message_frame(stranger, {.slot = kAlice}, 9, payload), Result::bad_signature},
      {"a slot that nobody has", message_frame(stranger, {.slot = 77}, 9, payload), Result::unknown_sender},
      {"an address that nobody has", message_frame(stranger, {.slot = 0, .address = stranger_address}, 9, payload),
       Result::unknown_sender},
      {"a key generation to come", message_frame(alice, {.slot = kAlice, .key_generation = 2}, 9, payload),
       Result::key_superseded},
      {"a payload without an operation", no_operation, Result::malformed_payload},
      {"rules that the program does not know",
       message_frame(alice, {.slot = kAlice}, 9,
                     {.not_after = 0, .operation = strict::ScheduleRules{.version = 2, .height = 100}}),
       Result::unknown_rules},
  };
  Client client(gateway_.port(), kAlice);
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    const Reply reply = client.ask_frame(c.frame, 9);
    EXPECT_FALSE(reply.receipt);
    EXPECT_EQ(reply.result, c.expected);
  }
  EXPECT_EQ(client.ask(9, transfer(1, 2, 1)).receipt, true);  // the sequence is still free
  gateway_.stop();
  const std::map<MessageName, int> expected = {{{kAlice, 9}, 1}};
  EXPECT_EQ(journal_messages(directory_.path()), expected);
  EXPECT_EQ(gateway_.counters().refused, std::size(cases));
}

TEST_F(GatewayMessages, TooManyBadSignaturesEndTheSession) {
  Client alice(gateway_.port(), kAlice);
  const Bytes bad = with_bad_signature(alice.frame(1, reading(0, 1)));
  for (int i = 0; i < 80; ++i) alice.tcp().session().send_frame(bad);
  alice.tcp().flush();
  std::size_t refusals = 0;
  while (const auto reply = alice.next_reply()) {
    EXPECT_EQ(reply->result, Result::bad_signature);
    ++refusals;
  }
  EXPECT_FALSE(alice.tcp().is_open());
  EXPECT_EQ(refusals, 65U);  // the budget of 64, and the one that was too many
  gateway_.stop();
  EXPECT_TRUE(journal_messages(directory_.path()).empty());
}

TEST_F(GatewayMessages, AMessageOfASuspendedHolderIsSupersededUntilItIsActiveAgain) {
  Client boss(gateway_.port(), kOperator);
  Client meter(gateway_.port(), kM2);
  const Bytes frame = meter.frame(1, reading(0, 7));
  ASSERT_EQ(boss.ask(1, set_status(kM2, HolderStatus::suspended)).result, Result::ok);
  EXPECT_EQ(meter.ask_frame(frame, 1).result, Result::key_superseded);
  ASSERT_EQ(boss.ask(2, set_status(kM2, HolderStatus::active)).result, Result::ok);
  const Reply reply = meter.ask_frame(frame, 1);
  EXPECT_EQ(reply.result, Result::ok);
  EXPECT_FALSE(reply.body.repeated);
}

TEST_F(GatewayMessages, AMessageVerifiedBeforeItsKeyWasSuspendedIsSupersededByExecution) {
  Client boss(gateway_.port(), kOperator);
  const Bytes of_meter = message_frame(Person("M2"), {.slot = kM2}, 1, reading(0, 7));
  boss.tcp().session().send_frame(boss.frame(1, set_status(kM2, HolderStatus::suspended)));
  boss.send_frame(of_meter);  // one write, one batch: verified together, executed one after the other
  const auto replies = boss.replies(2);
  ASSERT_EQ(replies.count({kM2, 1}), 1U);
  const Reply& reply = replies.at({kM2, 1});
  EXPECT_EQ(reply.result, Result::key_superseded);
  EXPECT_TRUE(reply.receipt);
  ASSERT_EQ(boss.ask(2, set_status(kM2, HolderStatus::active)).result, Result::ok);
  EXPECT_EQ(boss.ask_frame(of_meter, 1).result, Result::ok);  // key_superseded left the sequence unused
}

TEST_F(GatewayMessages, AMeterIsRegisteredInTwoSteps) {
  const Person person("NEW1");
  const Bytes20 address = proto::address_of(person.public_key());
  Client boss(gateway_.port(), kOperator);
  const strict::RegisterKey registration{
      .public_key = person.public_key(), .serial = "NEW1", .roles = state::kRoleMeter, .phases = 1};
  const Reply registered = boss.ask(1, {.not_after = 0, .operation = registration});
  ASSERT_EQ(registered.result, Result::ok);
  const auto slot = static_cast<state::Slot>(registered.body.detail);
  EXPECT_EQ(slot, kFirstExtra);

  Client meter(gateway_.port(), person, {.slot = 0, .address = address});
  ASSERT_TRUE(meter.connected()) << meter.error().text;
  EXPECT_EQ(meter.hello().slot, slot);
  EXPECT_EQ(meter.hello().status, static_cast<std::uint32_t>(HolderStatus::pending));
  ASSERT_TRUE(meter.hello().registration_id);
  EXPECT_EQ(meter.ask(1, reading(0, 5)).result, Result::not_active);
  const Bytes32 wrong{1};
  EXPECT_EQ(meter.ask(2, {.not_after = 0, .operation = strict::ProvePossession{.registration_id = wrong}}).result,
            Result::wrong_registration);
  const strict::ProvePossession proof{.registration_id = *meter.hello().registration_id};
  EXPECT_EQ(meter.ask(3, {.not_after = 0, .operation = proof}).result, Result::ok);
  EXPECT_EQ(meter.ask(4, reading(0, 5)).result, Result::ok);
  EXPECT_EQ(boss.holder(slot).status(), static_cast<std::uint32_t>(HolderStatus::active));
}

TEST_F(GatewayMessages, AKeyOutsideTheRuleIsNotRegistered) {
  Client boss(gateway_.port(), kOperator);
  Bytes32 identity{};  // the neutral element: of small order
  identity[0] = 1;
  const strict::RegisterKey registration{
      .public_key = identity, .serial = "BAD", .roles = state::kRoleMeter, .phases = 1};
  EXPECT_EQ(boss.ask(1, {.not_after = 0, .operation = registration}).result, Result::invalid_key);
}

TEST_F(GatewayMessages, TicksMoveTimeAndCloseCycles) {
  Client grid(gateway_.port(), kGrid);
  Client meter(gateway_.port(), kM2);
  Client producer(gateway_.port(), kP1);
  std::uint64_t sequence = 0;
  for (std::uint64_t boundary = 0; boundary <= 4; ++boundary) {
    ASSERT_EQ(grid.tick(kGenesisS + boundary * 900).result, Result::ok);
    ++sequence;
    ASSERT_EQ(meter.ask(sequence, reading(boundary, 100 * boundary)).result, Result::ok);
    ASSERT_EQ(producer.ask(sequence, reading(boundary, 0, 40 * boundary)).result, Result::ok);
    ASSERT_EQ(grid.ask(sequence, reading(boundary, 60 * boundary)).result, Result::ok);
  }
  EXPECT_EQ(grid.status().totals().cycles(), 0U);
  const strict::TickAnswer answer = grid.tick(kGenesisS + 3600 + 300);
  EXPECT_EQ(answer.result, Result::ok);
  EXPECT_GE(answer.time, (kGenesisS + 3900) * kSecondNs);
  const wire::Totals totals = grid.status().totals();
  EXPECT_EQ(totals.cycles(), 1U);
  EXPECT_EQ(totals.consumption_wh(), 400U);
  EXPECT_EQ(totals.generation_wh(), 160U);
  EXPECT_EQ(totals.matched_wh(), 160U);
  EXPECT_EQ(totals.import_wh(), 240U);
  EXPECT_EQ(totals.unaccounted_wh(), 0);
  // matched at (300 + 80) / 2, the rest at the retail price
  EXPECT_EQ(totals.consumers_pay(), 160U * 190 + 240U * 300);
  EXPECT_EQ(totals.producers_get(), 160U * 190);
}

TEST_F(GatewayMessages, OnlyOperatorAndGatewayMoveTime) {
  struct Case {
    state::Slot slot;
    std::uint64_t time_s;
    Result expected;
  };
  const Case cases[] = {
      {kGrid, kGenesisS + 10, Result::ok},
      {kOperator, kGenesisS + 20, Result::ok},
      {kAuditor, kGenesisS + 30, Result::not_permitted},
      {kAlice, kGenesisS + 30, Result::not_permitted},
      {kM2, kGenesisS + 30, Result::not_permitted},
      {kOperator, kGenesisS + 401 * 86'400, Result::invalid_field},
      {kOperator, kGenesisS, Result::ok},  // to the past: no error, no move
  };
  for (const Case& c : cases) EXPECT_EQ(Client(gateway_.port(), c.slot).tick(c.time_s).result, c.expected) << c.slot;
  EXPECT_LT(Client(gateway_.port(), kAlice).status().time(), (kGenesisS + 21) * kSecondNs);
}

TEST(GatewayInRealTime, TicksAreNotPermittedAndTimeRunsByItself) {
  TempDirectory directory;
  GatewaySettings settings = small_settings(directory.path());
  settings.replay_clock = false;
  settings.genesis.time_ns =
      static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch() / 1s) / 3600 * 3600 * kSecondNs;
  RunningGateway gateway(settings);
  ASSERT_EQ(gateway.error(), "");
  Client boss(gateway.port(), kOperator);
  EXPECT_EQ(boss.tick(kGenesisS + 10).result, Result::not_permitted);
  ASSERT_EQ(boss.ask(1, set_status(kM2, HolderStatus::suspended)).result, Result::ok);
  const std::uint64_t before = boss.status().time();
  std::this_thread::sleep_for(20ms);
  ASSERT_EQ(boss.ask(2, set_status(kM2, HolderStatus::active)).result, Result::ok);
  EXPECT_GE(boss.status().time(), before + 20'000'000);
}

}  // namespace
}  // namespace electra::pipeline
