// Messages by datagram on the meter's side: when they are sent, sent again, and what ends that.
#include "meter-proto/client/resend_queue.h"

#include <gtest/gtest.h>

#include <set>

#include "meter-proto/encode.h"
#include "tests/meter-proto/support.h"

namespace electra::client {
namespace {

using test::Bytes;

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint32_t kSlot = 7;

ResendQueue::Options options() {
  return {.slot = kSlot, .first_wait_ns = 100 * kMs, .wait_ns_max = 1000 * kMs, .seed = kSlot};
}

// The queue does not look into frames.
Bytes frame(std::uint8_t mark, std::size_t size = 150) { return Bytes(size, mark); }

Bytes receipt(std::uint64_t sequence, std::uint32_t slot = kSlot, Result result = Result::ok) {
  Bytes out(proto::kSessionFrameBytesMax);
  out.resize(proto::encode_receipt_frame({.slot = slot, .sequence = sequence, .result = result, .batch = 3}, out));
  return out;
}
Bytes refusal(std::uint64_t sequence, Result result) {
  Bytes out(proto::kSessionFrameBytesMax);
  out.resize(proto::encode_refusal_frame({.result = result, .slot = kSlot, .sequence = sequence, .text = {}}, out));
  return out;
}

// The marks of the frames that the next datagram carries.
std::vector<int> sent(ResendQueue& queue, std::uint64_t now_ns, std::size_t frame_bytes = 150) {
  std::vector<int> marks;
  const ByteSpan datagram = queue.next_datagram(now_ns);
  EXPECT_EQ(datagram.size() % frame_bytes, 0U);
  for (std::size_t i = 0; i < datagram.size(); i += frame_bytes) marks.push_back(datagram[i]);
  return marks;
}

TEST(ResendQueue, SendsAtOnceAndThenNotUntilTheTimeIsUp) {
  ResendQueue queue(options());
  EXPECT_EQ(queue.next_due_ns(), UINT64_MAX);
  ASSERT_TRUE(queue.add(1, frame(1), 0));
  EXPECT_EQ(queue.next_due_ns(), 0U);
  EXPECT_EQ(sent(queue, 0), std::vector<int>{1});
  EXPECT_TRUE(queue.next_datagram(79 * kMs).empty());
  EXPECT_GE(queue.next_due_ns(), 80 * kMs);
  EXPECT_LE(queue.next_due_ns(), 120 * kMs);
  EXPECT_EQ(sent(queue, 120 * kMs), std::vector<int>{1});
  EXPECT_EQ(queue.sent_again(), 1U);
}

TEST(ResendQueue, WaitsTwiceAsLongEachTimeUpToTheBound) {
  ResendQueue queue(options());
  ASSERT_TRUE(queue.add(1, frame(1), 0));
  std::uint64_t now_ns = 0;
  for (const std::uint64_t expected_ms : {100, 200, 400, 800, 1000, 1000}) {
    EXPECT_EQ(sent(queue, now_ns).size(), 1U);
    const std::uint64_t wait_ns = queue.next_due_ns() - now_ns;
    EXPECT_GE(wait_ns, expected_ms * kMs * 4 / 5);
    EXPECT_LE(wait_ns, expected_ms * kMs * 6 / 5);
    now_ns = queue.next_due_ns();
  }
}

TEST(ResendQueue, KeepsMetersApart) {
  std::set<std::uint64_t> dues;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    ResendQueue::Options other = options();
    other.seed = seed;
    ResendQueue queue(other);
    ASSERT_TRUE(queue.add(1, frame(1), 0));
    (void)queue.next_datagram(0);
    dues.insert(queue.next_due_ns() / kMs);
  }
  EXPECT_GT(dues.size(), 20U);
}

TEST(ResendQueue, PacksWholeFramesIntoADatagram) {
  ResendQueue queue(options());
  for (std::uint8_t i = 1; i <= 20; ++i) ASSERT_TRUE(queue.add(i, frame(i), 0));
  EXPECT_EQ(sent(queue, 0), (std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(sent(queue, 0), (std::vector<int>{10, 11, 12, 13, 14, 15, 16, 17, 18}));
  EXPECT_EQ(sent(queue, 0), (std::vector<int>{19, 20}));
  EXPECT_TRUE(queue.next_datagram(0).empty());
}

TEST(ResendQueue, TakesWhatTheGatewaysWindowTakes) {
  ResendQueue queue(options());
  ASSERT_TRUE(queue.add(10, frame(1), 0));
  struct Case {
    const char* what;
    std::uint64_t sequence;
    bool expected;
  };
  for (const Case& c : {Case{"the same again", 10, false}, Case{"a lower one", 9, false}, Case{"the next", 11, true},
                        Case{"with a gap", 73, true}, Case{"64 behind the oldest", 74, false}}) {
    EXPECT_EQ(queue.add(c.sequence, frame(2), 0), c.expected) << c.what;
  }
  (void)queue.next_datagram(0);
  queue.receive(receipt(11));
  EXPECT_FALSE(queue.add(74, frame(3), 0)) << "the oldest has no receipt yet";
  queue.receive(receipt(10));
  EXPECT_TRUE(queue.add(74, frame(3), 0));
}

TEST(ResendQueue, AnAnswerEndsTheSendingOfItsMessageOnly) {
  ResendQueue queue(options());
  for (std::uint8_t i = 1; i <= 4; ++i) ASSERT_TRUE(queue.add(i, frame(i), 0));
  (void)queue.next_datagram(0);
  Bytes answers = receipt(2, kSlot, Result::exceeds_credits);
  const Bytes more = refusal(3, Result::sequence_used);
  answers.insert(answers.end(), more.begin(), more.end());
  queue.receive(answers);
  const auto first = queue.next_answer();
  ASSERT_TRUE(first);
  EXPECT_EQ(std::get<strict::Receipt>(*first).sequence, 2U);
  EXPECT_EQ(std::get<strict::Receipt>(*first).result, Result::exceeds_credits);
  const auto second = queue.next_answer();
  ASSERT_TRUE(second);
  EXPECT_EQ(std::get<Refusal>(*second).sequence, 3U);
  EXPECT_EQ(std::get<Refusal>(*second).result, Result::sequence_used);
  EXPECT_FALSE(queue.next_answer());
  EXPECT_EQ(sent(queue, 500 * kMs), (std::vector<int>{1, 4}));
  EXPECT_EQ(queue.under_way(), 2U);
}

TEST(ResendQueue, IgnoresWhatIsNoAnswerToItsMessages) {
  ResendQueue queue(options());
  ASSERT_TRUE(queue.add(1, frame(1), 0));
  queue.receive(receipt(1));
  EXPECT_EQ(queue.ignored(), 1U) << "it was not sent yet";
  (void)queue.next_datagram(0);
  Bytes cut = receipt(1);
  cut.pop_back();
  const Bytes hostile[] = {{1, 2},        {0xff, 0xff, 0xff, 0xff, 0}, Bytes(40),         cut,
                           receipt(2),    receipt(1, kSlot + 1),       Bytes(1472, 0x55), {1, 0, 0, 0, 9},
                           frame(1, 1472)};
  for (const Bytes& datagram : hostile) queue.receive(datagram);
  EXPECT_FALSE(queue.next_answer());
  EXPECT_GE(queue.ignored(), std::size(hostile));
  EXPECT_EQ(queue.under_way(), 1U);
  queue.receive(receipt(1));
  EXPECT_TRUE(queue.next_answer());
  queue.receive(receipt(1));  // once more
  EXPECT_FALSE(queue.next_answer());
}

}  // namespace
}  // namespace electra::client
