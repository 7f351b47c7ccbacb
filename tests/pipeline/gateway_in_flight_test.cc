// Several records on their way to a slow disk at once: order, questions, and the limit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "bench/e2e/slow_device.h"
#include "tests/pipeline/support.h"

namespace electra::pipeline {
namespace {

using namespace test;
using namespace std::chrono_literals;

using InFlightMax = std::atomic<std::uint32_t>;

// On a disk whose records become durable late, and the newest first.
GatewaySettings slow_settings(const std::filesystem::path& directory, InFlightMax& max, std::uint32_t in_flight) {
  GatewaySettings settings = small_settings(directory);
  settings.records_in_flight = in_flight;
  settings.parallel_batch_min = 1;  // small batches are two at most
  settings.other_device = [&max](io::Loop& loop) {
    return bench::slow_device(loop, {.delay_ns = 20'000'000, .newest_first = true, .under_way_max = &max});
  };
  return settings;
}

// So that each finds a record under way and makes one of its own.
void send_one_by_one(Client& meter, std::uint64_t count) {
  for (std::uint64_t sequence = 1; sequence <= count; ++sequence) {
    meter.send(sequence, reading(0, sequence));
    meter.tcp().flush();
    std::this_thread::sleep_for(1ms);
  }
}

TEST(RecordsInFlight, AreAsManyAsAllowedAndNoMore) {
  for (const std::uint32_t allowed : {1U, 2U, 4U}) {
    TempDirectory directory;
    InFlightMax in_flight_max{0};
    RunningGateway gateway(slow_settings(directory.path(), in_flight_max, allowed));
    ASSERT_EQ(gateway.error(), "");
    Client meter(gateway.port(), kM2);
    send_one_by_one(meter, 30);
    EXPECT_EQ(meter.replies(30).size(), 30U);
    EXPECT_EQ(in_flight_max.load(), allowed);
  }
}

TEST(RecordsInFlight, AreTwoAtMostWhileBatchesAreSmall) {
  TempDirectory directory;
  InFlightMax in_flight_max{0};
  GatewaySettings settings = slow_settings(directory.path(), in_flight_max, 4);
  settings.parallel_batch_min = 64;
  RunningGateway gateway(std::move(settings));
  ASSERT_EQ(gateway.error(), "");
  Client meter(gateway.port(), kM2);
  send_one_by_one(meter, 30);
  EXPECT_EQ(meter.replies(30).size(), 30U);
  EXPECT_EQ(in_flight_max.load(), 2U);
}

TEST(RecordsInFlight, GiveTheirReceiptsInOrderThoughTheDiskEndsTheLastFirst) {
  TempDirectory directory;
  InFlightMax in_flight_max{0};
  RunningGateway gateway(slow_settings(directory.path(), in_flight_max, 4));
  ASSERT_EQ(gateway.error(), "");
  Client meter(gateway.port(), kM2);
  send_one_by_one(meter, 40);
  std::uint64_t batch = 0;
  for (std::uint64_t sequence = 1; sequence <= 40; ++sequence) {
    const auto reply = meter.next_reply();
    ASSERT_TRUE(reply && reply->receipt);
    EXPECT_EQ(reply->body.sequence, sequence);
    EXPECT_GE(reply->body.batch, batch);
    batch = reply->body.batch;
  }
  EXPECT_GT(in_flight_max.load(), 1U);
}

// Messages keep records under way all the time; a question needs a moment without one, and gets it.
TEST(RecordsInFlight, LetAQuestionThrough) {
  TempDirectory directory;
  InFlightMax in_flight_max{0};
  RunningGateway gateway(slow_settings(directory.path(), in_flight_max, 4));
  ASSERT_EQ(gateway.error(), "");
  Client asker(gateway.port(), kAlice);
  std::atomic<bool> enough{false};
  std::atomic<std::uint64_t> sent{0};
  std::thread load([&] {
    Client meter(gateway.port(), kM2);
    std::uint64_t sequence = 0;
    std::uint64_t answered = 0;
    while (!enough.load()) {
      while (sequence - answered < 32) {
        ++sequence;
        meter.send(sequence, reading(0, sequence));
        meter.tcp().flush();
        std::this_thread::sleep_for(1ms);
      }
      ASSERT_TRUE(meter.next_reply());
      ++answered;
      sent.store(sequence);
    }
  });
  while (sent.load() < 64) std::this_thread::yield();
  for (int i = 0; i < 5; ++i) {
    const std::uint64_t before = sent.load();
    const auto status = asker.status();
    EXPECT_GT(status.batch(), 0U);
    EXPECT_LT(sent.load() - before, 2000U);  // it did not wait for the load to end
  }
  enough.store(true);
  load.join();
  EXPECT_GT(in_flight_max.load(), 1U);
}

}  // namespace
}  // namespace electra::pipeline
