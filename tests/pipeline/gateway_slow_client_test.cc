// Clients that do not read, hardly read, die, or send more than their share. What they lose is theirs alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "bench/e2e/slow_device.h"
#include "meter-proto/encode.h"
#include "tests/pipeline/raw_session.h"
#include "tests/pipeline/support.h"

namespace electra::pipeline {
namespace {

using namespace test;

constexpr int kSmallWindow = 4096;

// One message many times over: executed once, answered every time.
Bytes repeated(state::Slot slot, int times) {
  const Bytes frame = message_frame(Person(holder_name(slot)), {.slot = slot}, 1, reading(0, 1));
  Bytes all;
  for (int i = 0; i < times; ++i) all.insert(all.end(), frame.begin(), frame.end());
  return all;
}

std::uint64_t closed(const RunningGateway& gateway, io::CloseReason reason) {
  return gateway.counters().closed[static_cast<std::size_t>(reason)];
}

class SlowClient : public testing::Test {
 protected:
  TempDirectory directory_;
};

TEST_F(SlowClient, WhoSendsAndNeverReadsIsClosedAtItsBoundWhileOthersGetTheirReceipts) {
  GatewaySettings settings = small_settings(directory_.path());
  settings.output_bytes_max = 64 * 1024;
  RunningGateway gateway(settings);
  ASSERT_EQ(gateway.error(), "");
  RawSocket glutton(gateway.port(), kSmallWindow);
  ASSERT_NO_FATAL_FAILURE(open_session(glutton, kM1));
  Client meter(gateway.port(), kM2);
  ASSERT_TRUE(meter.connected());
  const Bytes messages = repeated(kM1, 500);
  std::uint64_t sequence = 0;
  std::uint64_t sent = 0;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!glutton.hung_up() && std::chrono::steady_clock::now() < deadline) {
    if (glutton.send(messages)) sent += 500;
    ASSERT_TRUE(meter.ask(++sequence, reading(0, 1)).receipt);
  }
  ASSERT_TRUE(glutton.hung_up());
  EXPECT_TRUE(meter.ask(++sequence, reading(0, 1)).receipt);
  gateway.stop();
  EXPECT_EQ(gateway.reason(), StopReason::requested);
  EXPECT_EQ(closed(gateway, io::CloseReason::output_full), 1U);
  // What it wrote before it was closed is in the chain all the same.
  EXPECT_GE(journal_messages(directory_.path()).at({kM1, 1}), 1);
  EXPECT_LE(gateway.counters().messages, sent + 500 + sequence);
}

TEST_F(SlowClient, WhoTakesNothingForTooLongIsClosedAsStalled) {
  GatewaySettings settings = small_settings(directory_.path());
  settings.output_bytes_max = std::size_t{32} << 20;
  settings.output_stall_ns = 200'000'000;
  RunningGateway gateway(settings);
  RawSocket silent(gateway.port(), kSmallWindow);
  ASSERT_NO_FATAL_FAILURE(open_session(silent, kM1));
  Client meter(gateway.port(), kM2);
  std::uint64_t sequence = 0;
  const Bytes messages = repeated(kM1, 2000);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!silent.hung_up() && std::chrono::steady_clock::now() < deadline) {
    silent.send(messages);  // until their receipts are more than the kernel keeps for it, and then for the stall's time
    ASSERT_TRUE(meter.ask(++sequence, reading(0, 1)).receipt);
  }
  gateway.stop();
  EXPECT_EQ(closed(gateway, io::CloseReason::output_stalled), 1U);
  EXPECT_EQ(closed(gateway, io::CloseReason::output_full), 0U);
}

TEST_F(SlowClient, WhoReadsLateGetsEveryReceipt) {
  RunningGateway gateway(small_settings(directory_.path()));
  RawSocket late(gateway.port(), kSmallWindow);
  ASSERT_NO_FATAL_FAILURE(open_session(late, kM1));
  constexpr int kMessages = 20'000;  // their receipts fit into its bound
  ASSERT_TRUE(late.send(repeated(kM1, kMessages)));
  Client meter(gateway.port(), kM2);
  for (std::uint64_t sequence = 1; sequence <= 20; ++sequence) {
    ASSERT_TRUE(meter.ask(sequence, reading(0, 1)).receipt);
  }
  for (int i = 0; i < kMessages; ++i) ASSERT_TRUE(late.read_frame(kPatience)) << i;
  gateway.stop();
  EXPECT_EQ(gateway.counters().messages, kMessages + 20U);
}

TEST_F(SlowClient, TheReceiptsOfOneThatDiedBlockNobody) {
  RunningGateway gateway(small_settings(directory_.path()));
  Client meter(gateway.port(), kM2);
  std::uint64_t sequence = 0;
  for (int round = 0; round < 10; ++round) {
    RawSocket dying(gateway.port(), kSmallWindow);
    ASSERT_NO_FATAL_FAILURE(open_session(dying, kM1));
    ASSERT_TRUE(dying.send(repeated(kM1, 300)));
    dying.reset();  // its receipts find nobody
    ASSERT_TRUE(meter.ask(++sequence, reading(0, 1)).receipt);
  }
  // It may come again and hears what became of its message.
  Client again(gateway.port(), kM1);
  ASSERT_TRUE(again.connected());
  const Reply reply = again.ask(1, reading(0, 1));
  EXPECT_TRUE(reply.receipt);
  gateway.stop();
  EXPECT_EQ(gateway.reason(), StopReason::requested);
}

TEST_F(SlowClient, HalfAFrameHoldsNobodyUp) {
  RunningGateway gateway(small_settings(directory_.path()));
  std::vector<std::unique_ptr<RawSocket>> halves;
  const Bytes frame = repeated(kM1, 1);
  for (int i = 0; i < 20; ++i) {
    halves.push_back(std::make_unique<RawSocket>(gateway.port()));
    ASSERT_NO_FATAL_FAILURE(open_session(*halves.back(), kM1));
    ASSERT_TRUE(halves.back()->send(ByteSpan(frame).first(frame.size() / 2)));
  }
  Client meter(gateway.port(), kM2);
  for (std::uint64_t sequence = 1; sequence <= 20; ++sequence) {
    ASSERT_TRUE(meter.ask(sequence, reading(0, 1)).receipt);
  }
  // And each can end its frame.
  for (const auto& half : halves) {
    ASSERT_TRUE(half->send(ByteSpan(frame).subspan(frame.size() / 2)));
    EXPECT_TRUE(half->read_frame(kPatience));
  }
}

// The flood is more than all receive buffers hold, and the disk so slow that the pool is empty all the time. One behind the
// other, the small message would wait for 8 MiB of the flood: more than 100 batches.
TEST_F(SlowClient, AFloodKeepsASmallMessageWaitingForAFewBatchesOnly) {
  GatewaySettings settings = small_settings(directory_.path());
  settings.batch_messages_max = 512;
  settings.batches_max = 2;
  settings.records_in_flight = 1;
  settings.other_device = [](io::Loop& loop) { return bench::slow_device(loop, {.delay_ns = 20'000'000}); };
  RunningGateway gateway(settings);
  ASSERT_EQ(gateway.error(), "");
  Client meter(gateway.port(), kM2);
  RawSocket flood(gateway.port());
  ASSERT_NO_FATAL_FAILURE(open_session(flood, kM1));
  const Bytes messages = repeated(kM1, 400);
  std::atomic<std::size_t> flooded{0};
  std::thread flooding([&] {
    while (flood.send(messages)) flooded += messages.size();
  });
  while (flooded.load() < (std::size_t{9} << 20)) std::this_thread::sleep_for(1ms);
  std::uint64_t last = meter.ask(1, reading(0, 1)).body.batch;
  for (std::uint64_t sequence = 2; sequence <= 10; ++sequence) {
    const Reply reply = meter.ask(sequence, reading(0, 1));
    ASSERT_TRUE(reply.receipt);
    EXPECT_LT(reply.body.batch, last + 40) << sequence;
    last = reply.body.batch;
  }
  gateway.stop();
  flooding.join();
}

}  // namespace
}  // namespace electra::pipeline
