// Many messages: large batches through the verify stage, an exhausted pool, many connections, an io thread that sleeps.
#include <gtest/gtest.h>

#include "tests/pipeline/support.h"

namespace electra::pipeline {
namespace {

using namespace test;

struct Wallets {
  std::uint32_t alice;
  std::uint32_t bob;
};
Wallets wallets(std::uint16_t port) {
  Client boss(port, kOperator);
  return {boss.holder(kAlice).wallet_account(), boss.holder(kBob).wallet_account()};
}

TEST(GatewayTraffic, ALargeBatchGoesThroughTheStageWithItsBadSignaturesSortedOut) {
  TempDirectory directory;
  RunningGateway gateway(small_settings(directory.path()));
  ASSERT_EQ(gateway.error(), "");
  constexpr std::uint64_t kMessages = 600;
  const auto is_bad = [](std::uint64_t sequence) { return sequence % 15 == 0; };  // 40, within the session's budget
  const Wallets accounts = wallets(gateway.port());
  Client alice(gateway.port(), kAlice);
  for (std::uint64_t sequence = 1; sequence <= kMessages; ++sequence) {
    const Bytes frame = alice.frame(sequence, transfer(accounts.alice, accounts.bob, sequence));
    alice.tcp().session().send_frame(is_bad(sequence) ? with_bad_signature(frame) : frame);
  }
  alice.tcp().flush();
  const auto replies = alice.replies(kMessages);
  ASSERT_EQ(replies.size(), kMessages);
  std::uint64_t moved = 0;
  for (const auto& [name, reply] : replies) {
    const bool bad = is_bad(name.second);
    EXPECT_EQ(reply.result, bad ? Result::bad_signature : Result::ok) << name.second;
    EXPECT_EQ(reply.receipt, !bad);
    if (!bad) moved += name.second;
  }
  EXPECT_EQ(alice.holder(kAlice).wallet_balance(), 1'000'000'000 - static_cast<std::int64_t>(moved));
  gateway.stop();
  const auto journal = journal_messages(directory.path());
  EXPECT_EQ(journal.size(), kMessages - kMessages / 15);
  for (const auto& [name, count] : journal) {
    EXPECT_FALSE(is_bad(name.second));
    EXPECT_EQ(count, 1);
  }
  EXPECT_GE(gateway.counters().largest_batch, 64U);
  EXPECT_EQ(gateway.counters().refused, kMessages / 15);
  EXPECT_EQ(gateway.counters().messages, kMessages - kMessages / 15);
}

TEST(GatewayTraffic, ABatchOfOnlyBadSignaturesLeavesNoRecord) {
  TempDirectory directory;
  GatewaySettings settings = small_settings(directory.path());
  settings.parallel_batch_min = 8;
  RunningGateway gateway(settings);
  for (int round = 0; round < 2; ++round) {
    Client alice(gateway.port(), kAlice);
    for (std::uint64_t sequence = 1; sequence <= 50; ++sequence) {
      alice.tcp().session().send_frame(with_bad_signature(alice.frame(sequence, reading(0, 1))));
    }
    alice.tcp().flush();
    EXPECT_EQ(alice.replies(50).size(), 50U);
  }
  Client boss(gateway.port(), kOperator);
  EXPECT_EQ(boss.status().batch(), 0U);
  gateway.stop();
  EXPECT_EQ(gateway.batch_number(), 0U);
  EXPECT_EQ(gateway.counters().refused, 100U);
}

struct Pool {
  const char* name;
  std::uint32_t batches;
  std::uint32_t messages;
  std::uint32_t parallel_min;
};

class ExhaustedPool : public testing::TestWithParam<Pool> {};

// Each of three clients sends all it has before it reads an answer: the gateway's pool is empty most of the time.
TEST_P(ExhaustedPool, HoldsSendersBackAndLosesNothing) {
  TempDirectory directory;
  GatewaySettings settings = small_settings(directory.path());
  settings.batches_max = GetParam().batches;
  settings.batch_messages_max = GetParam().messages;
  settings.parallel_batch_min = GetParam().parallel_min;
  RunningGateway gateway(settings);
  ASSERT_EQ(gateway.error(), "");
  constexpr std::uint64_t kMessages = 300;
  const Wallets accounts = wallets(gateway.port());
  const state::Slot slots[] = {kAlice, kBob, kM2};
  std::vector<std::thread> threads;
  for (const state::Slot slot : slots) {
    threads.emplace_back([&, slot] {
      Client client(gateway.port(), slot);
      ASSERT_TRUE(client.connected()) << client.error().text;
      const bool alice = slot == kAlice;
      for (std::uint64_t sequence = 1; sequence <= kMessages; ++sequence) {
        // M2's are the shortest messages there are: as many as can be in a piece of bytes.
        const auto payload =
            slot == kM2 ? set_status(0, state::HolderStatus::none)
                        : transfer(alice ? accounts.alice : accounts.bob, alice ? accounts.bob : accounts.alice, 1);
        client.tcp().session().send_frame(client.frame(sequence, payload));
      }
      client.tcp().flush();
      const auto replies = client.replies(kMessages);
      EXPECT_EQ(replies.size(), kMessages);
      for (const auto& [name, reply] : replies) EXPECT_TRUE(reply.receipt) << result_name(reply.result);
    });
  }
  for (std::thread& thread : threads) thread.join();
  gateway.stop();
  EXPECT_EQ(gateway.reason(), StopReason::requested);
  const auto journal = journal_messages(directory.path());
  EXPECT_EQ(journal.size(), 3 * kMessages);
  for (const auto& [name, count] : journal) EXPECT_EQ(count, 1);
  EXPECT_LE(gateway.counters().largest_batch, GetParam().messages);
}

INSTANTIATE_TEST_SUITE_P(Pools, ExhaustedPool,
                         testing::Values(Pool{"smallest", 2, 2, 64}, Pool{"smallest_through_the_stage", 2, 2, 2},
                                         Pool{"odd", 2, 3, 2}, Pool{"narrow", 3, 10, 8}, Pool{"wide", 2, 100, 64}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(GatewayTraffic, ManyConnectionsAreServedSideBySide) {
  TempDirectory directory;
  GatewaySettings settings = small_settings(directory.path(), 200);
  settings.connections_max = 256;
  RunningGateway gateway(settings);
  ASSERT_EQ(gateway.error(), "");
  std::vector<std::unique_ptr<Client>> clients;
  for (state::Slot slot = kFirstExtra; slot < kFirstExtra + 200; ++slot) {
    clients.push_back(std::make_unique<Client>(gateway.port(), slot));
    ASSERT_TRUE(clients.back()->connected()) << clients.back()->error().text;
  }
  for (std::uint64_t round = 1; round <= 3; ++round) {
    for (auto& client : clients) {
      client->tcp().session().send_frame(client->frame(round, reading(0, 5)));
      client->tcp().flush();
    }
    for (auto& client : clients) {
      const auto reply = client->next_reply();
      ASSERT_TRUE(reply);
      EXPECT_EQ(reply->result, round == 1 ? Result::ok : Result::duplicate_reading);
    }
  }
}

// One connection may carry the messages of any number of senders, as a concentrator does.
TEST(GatewayTraffic, OneConnectionCarriesManySenders) {
  TempDirectory directory;
  RunningGateway gateway(small_settings(directory.path(), 100));
  Client grid(gateway.port(), kGrid);
  ASSERT_TRUE(grid.connected());
  for (state::Slot slot = kFirstExtra; slot < kFirstExtra + 100; ++slot) {
    auto frame = client::make_message_frame({.slot = slot}, small_genesis(100).hash, 1, reading(0, slot),
                                            Person(holder_name(slot)).sign_function());
    ASSERT_TRUE(frame);
    grid.tcp().session().send_frame(*frame);
  }
  grid.tcp().flush();
  const auto replies = grid.replies(100);
  EXPECT_EQ(replies.size(), 100U);
  for (const auto& [name, reply] : replies) EXPECT_EQ(reply.result, Result::ok);
}

#ifndef ELECTRA_SANITIZED

TEST(GatewayTraffic, AnIdleGatewaySleeps) {
  TempDirectory directory;
  RunningGateway gateway(small_settings(directory.path()));
  Client meter(gateway.port(), kM2);
  ASSERT_EQ(meter.ask(1, reading(0, 5)).result, Result::ok);
  std::this_thread::sleep_for(100ms);  // the watermark goes out meanwhile
  const auto begin = gateway.io_cpu_time();
  std::this_thread::sleep_for(500ms);
  EXPECT_LT(gateway.io_cpu_time() - begin, 10ms);
}

// Batches that are verified for long, with the watermark of the one before due all the while: waiting for either must not
// keep a core busy, least of all one that the stage could use. Measured in CPU time, so that other programs don't matter.
TEST(GatewayTraffic, TheIoThreadSleepsWhileTheStageVerifies) {
  TempDirectory directory;
  GatewaySettings settings = small_settings(directory.path());
  settings.verify_threads = 1;
  settings.verifier.backend = "sodium";  // slow on every machine
  RunningGateway gateway(settings);
  const Wallets accounts = wallets(gateway.port());
  Client alice(gateway.port(), kAlice);
  constexpr std::uint64_t kMessages = 6000;
  std::vector<Bytes> frames;
  for (std::uint64_t sequence = 1; sequence <= kMessages; ++sequence) {
    frames.push_back(alice.frame(sequence, transfer(accounts.alice, accounts.bob, 1)));
  }
  ASSERT_EQ(alice.ask_frame(frames[0], 1).result, Result::ok);
  for (std::size_t i = 1; i < frames.size(); ++i) alice.tcp().session().send_frame(frames[i]);
  const auto begin = gateway.io_cpu_time();
  alice.tcp().flush();
  ASSERT_EQ(alice.replies(kMessages - 1).size(), kMessages - 1);
  const auto io_time = gateway.io_cpu_time() - begin;
  gateway.stop();
  EXPECT_LT(io_time, std::chrono::nanoseconds(gateway.counters().verify_ns) / 2);
}

#endif

}  // namespace
}  // namespace electra::pipeline
