// The loader against a gateway that answers in the next turn: some, late, wrongly or not at all.
#include "bench/e2e/loader.h"

#include <gmock/gmock.h>

#include <deque>
#include <map>
#include <thread>

#include "bench/common/measure.h"
#include "meter-proto/encode.h"
#include "tests/bench/support.h"

namespace electra::bench {
namespace {

using testing::HasSubstr;

struct Message {
  std::uint32_t connection = 0;
  std::uint32_t slot = 0;
  std::uint64_t sequence = 0;
  Result result = Result::ok;
  bool repeated = false;
};

class FakeGateway final : public Transport {
 public:
  FakeGateway(const Scenario& scenario, std::uint32_t connections) : scenario_(scenario), under_way_(connections) {}

  // What the test may set.
  std::size_t answers_per_turn = SIZE_MAX;
  std::uint64_t dies_after = UINT64_MAX;  // answers; then it says nothing more
  std::function<void(Message&)> edit;     // before the answer is sent
  std::function<void()> before_turn;

  // What the test may read.
  std::map<std::pair<std::uint32_t, std::uint64_t>, int> seen;  // slot and sequence: how often
  std::uint64_t writes = 0;
  std::uint64_t largest_write = 0;
  std::uint64_t connection_max = 0;  // messages under way on a connection, of a sender
  std::uint64_t sender_max = 0;

  [[nodiscard]] std::uint32_t connections() const noexcept override {
    return static_cast<std::uint32_t>(under_way_.size());
  }

  void write(std::uint32_t connection, std::span<const iovec> pieces) override {
    std::uint64_t messages = 0;
    for (const iovec& piece : pieces) {
      for (const ByteSpan frame : frames_of({static_cast<const std::uint8_t*>(piece.iov_base), piece.iov_len})) {
        const auto envelope = envelope_of(frame);
        const bool repeated = ++seen[{envelope.slot, envelope.sequence}] > 1;
        waiting_.push_back({connection, envelope.slot, envelope.sequence, verdict(connection, envelope), repeated});
        connection_max = std::max(connection_max, ++under_way_[connection]);
        sender_max = std::max(sender_max, ++of_sender_[envelope.slot]);
        ++messages;
      }
    }
    ++writes;
    largest_write = std::max(largest_write, messages);
    written_.push_back(connection);
  }

  void turn(std::uint64_t, TransportUser& user) override {
    if (before_turn) before_turn();
    for (const std::uint32_t connection : std::exchange(written_, {})) user.on_written(connection);
    if (answered_ >= dies_after) return user.on_closed(0, "gone");
    for (std::size_t left = answers_per_turn; left > 0 && !waiting_.empty() && answered_ < dies_after; --left) {
      Message message = waiting_.front();
      waiting_.pop_front();
      --under_way_[message.connection];
      --of_sender_[message.slot];
      ++answered_;
      if (edit) edit(message);
      answer(message, user);
    }
  }

 private:
  [[nodiscard]] Result verdict(std::uint32_t connection, const strict::EnvelopeView& envelope) const {
    const Traffic& traffic = scenario_.traffic();
    const std::uint64_t position = (envelope.sequence - traffic.first_sequence) * traffic.senders_of(connection) +
                                   (envelope.slot - traffic.first_slot) / connections();
    return scenario_.forged(connection, position) ? Result::bad_signature : Result::ok;
  }

  static void answer(const Message& message, TransportUser& user) {
    std::array<std::uint8_t, proto::kSessionFrameBytesMax> out;
    const bool refusal = static_cast<int>(message.result) < 32 && message.result != Result::ok;
    const std::size_t size =
        refusal ? proto::encode_refusal_frame(
                      {.result = message.result, .slot = message.slot, .sequence = message.sequence, .text = "no"}, out)
                : proto::encode_receipt_frame({.slot = message.slot,
                                               .sequence = message.sequence,
                                               .result = message.result,
                                               .batch = 1,
                                               .repeated = message.repeated},
                                              out);
    user.on_frame(message.connection, ByteSpan(out).first(size).subspan(strict::kFrameHeaderBytes), wall_ns());
  }

  const Scenario& scenario_;
  std::deque<Message> waiting_;
  std::vector<std::uint32_t> written_;
  std::vector<std::uint64_t> under_way_;
  std::map<std::uint32_t, std::uint64_t> of_sender_;
  std::uint64_t answered_ = 0;
};

std::unique_ptr<Scenario> make(const ScenarioOptions& options) {
  auto made = Scenario::make(options);
  EXPECT_TRUE(made) << made.error();
  return std::move(*made);
}

Loader loader_of(const Scenario& scenario, const LoadOptions& options) {
  return Loader(scenario.traffic(), options, [&scenario](std::uint32_t stream, std::uint64_t position) {
    return scenario.forged(stream, position);
  });
}

void expect_all_once(const FakeGateway& gateway, std::uint64_t messages) {
  EXPECT_EQ(gateway.seen.size(), messages);
  for (const auto& [message, times] : gateway.seen) EXPECT_EQ(times, 1) << message.first << " " << message.second;
}

TEST(ClosedLoop, KeepsToItsBounds) {
  struct Case {
    std::uint32_t senders, connections, batch, depth;
    std::size_t answers_per_turn;
    std::uint64_t expected_connection_max, expected_sender_max;
  };
  const Case cases[] = {
      {4, 4, 1, 1, SIZE_MAX, 1, 1},      // one message at a time
      {40, 4, 10, 1, SIZE_MAX, 10, 1},   //
      {40, 4, 10, 3, 7, 30, 3},          // three writes under way
      {4, 4, 100, 1, 7, 64, 64},         // a sender has at most 64 in flight, whatever the batch
      {4, 2, 512, 2, 5, 128, 64},        //
      {1000, 1, 8189, 1, 100, 8189, 9},  // the largest write
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.batch);
    const auto scenario = make({.senders = c.senders, .connections = c.connections, .messages = 20'000});
    FakeGateway gateway(*scenario, c.connections);
    gateway.answers_per_turn = c.answers_per_turn;
    Loader loader = loader_of(*scenario, {.batch = c.batch, .depth = c.depth});
    const auto driven = loader.drive(gateway);
    ASSERT_TRUE(driven) << driven.error();
    expect_all_once(gateway, 20'000);
    EXPECT_EQ(loader.accepted(), 20'000U);
    EXPECT_EQ(gateway.connection_max, c.expected_connection_max);
    EXPECT_EQ(gateway.sender_max, c.expected_sender_max);
    EXPECT_LE(gateway.largest_write, c.batch);
    EXPECT_EQ(loader.latencies().sorted().size(), 20'000U);
  }
}

TEST(ClosedLoop, SendsOnlyAsManyAsItIsTold) {
  const auto scenario = make({.senders = 10, .connections = 4, .messages = 1000});
  FakeGateway gateway(*scenario, 4);
  Loader loader = loader_of(*scenario, {.batch = 8, .messages = 400});
  ASSERT_TRUE(loader.drive(gateway));
  expect_all_once(gateway, 400);
  EXPECT_EQ(loader.sent(), (std::vector<std::uint64_t>(4, 100)));
}

TEST(Loader, CountsForgedMessagesThatWereRefused) {
  const auto scenario = make({.senders = 10, .connections = 2, .messages = 1000, .forged_per_mille = 400});
  FakeGateway gateway(*scenario, 2);
  Loader loader = loader_of(*scenario, {.batch = 16});
  ASSERT_TRUE(loader.drive(gateway));
  EXPECT_GT(loader.refused(), 300U);
  EXPECT_EQ(loader.accepted() + loader.refused(), 1000U);
}

TEST(Loader, EndsAtAnAnswerThatIsWrong) {
  struct Case {
    const char* expected;
    std::function<void(Message&)> edit;
  };
  const Case cases[] = {
      {"got exceeds_credits", [](Message& m) { m.result = Result::exceeds_credits; }},
      {"got bad_signature", [](Message& m) { m.result = Result::bad_signature; }},
      {"were not sent there", [](Message& m) { m.slot += 1; }},  // another connection's sender
      {"were not sent there", [](Message& m) { m.slot = 1; }},
      {"were not sent there", [](Message& m) { m.sequence = 0; }},
      {"before its message was sent", [](Message& m) { m.sequence += 1000; }},
      {"answered twice", [](Message& m) { m.sequence = 1; }},
  };
  for (const Case& c : cases) {
    const auto scenario = make({.senders = 4, .connections = 2, .messages = 100});
    FakeGateway gateway(*scenario, 2);
    gateway.edit = c.edit;
    Loader loader = loader_of(*scenario, {.batch = 8});
    const auto driven = loader.drive(gateway);
    ASSERT_FALSE(driven) << c.expected;
    EXPECT_THAT(driven.error(), HasSubstr(c.expected));
  }
}

TEST(Loader, EndsAtAForgedMessageThatWasTaken) {
  const auto scenario = make({.senders = 4, .connections = 2, .messages = 100, .forged_per_mille = 500});
  FakeGateway gateway(*scenario, 2);
  gateway.edit = [](Message& m) { m.result = Result::ok; };
  Loader loader = loader_of(*scenario, {.batch = 8});
  const auto driven = loader.drive(gateway);
  ASSERT_FALSE(driven);
  EXPECT_THAT(driven.error(), HasSubstr("the forged message"));
}

TEST(Loader, SendsAgainWhatHasNoAnswerWhenTheGatewayDied) {
  const auto scenario = make({.senders = 6, .connections = 2, .messages = 3000});
  Loader loader = loader_of(*scenario, {.batch = 32, .depth = 2, .stop_after = 1000});
  FakeGateway first(*scenario, 2);
  first.answers_per_turn = 10;
  ASSERT_TRUE(loader.drive(first));
  EXPECT_EQ(loader.accepted(), 1000U);

  // The second one knows what the first one saw: it was durable, or it was not.
  loader.resume();
  FakeGateway second(*scenario, 2);
  second.seen = first.seen;
  ASSERT_TRUE(loader.drive(second));
  EXPECT_EQ(loader.accepted(), 3000U);
  EXPECT_EQ(second.seen.size(), 3000U);
  EXPECT_GT(loader.first_fresh_ns(), 0U);
  std::uint64_t again = 0;
  for (const auto& [message, times] : second.seen) again += times > 1 ? 1 : 0;
  EXPECT_EQ(again, first.seen.size() - 1000) << "just those without an answer";
  EXPECT_EQ(loader.repeated(), again);
}

// Of every seven messages and receipts one is lost, one comes twice, and answers come in another order.
TEST(Loader, SendsAgainWhatGotLostOnTheWay) {
  const auto scenario = make({.senders = 6, .connections = 2, .messages = 3000});
  class Lossy final : public Transport {
   public:
    explicit Lossy(FakeGateway& gateway) : gateway_(gateway) {}
    [[nodiscard]] std::uint32_t connections() const noexcept override { return gateway_.connections(); }
    void write(std::uint32_t connection, std::span<const iovec> pieces) override {
      ++writes_;
      if (writes_ % 7 == 3) {
        lost_.push_back(connection);
      } else {
        gateway_.write(connection, pieces);
      }
    }
    void turn(std::uint64_t timeout_ns, TransportUser& user) override {
      for (const std::uint32_t connection : std::exchange(lost_, {})) user.on_written(connection);
      Filter filter(user, answers_);
      gateway_.turn(timeout_ns, filter);
    }

   private:
    struct Filter final : TransportUser {
      Filter(TransportUser& to, std::uint64_t& count) : user(to), answers(count) {}
      void on_frame(std::uint32_t connection, ByteSpan body, std::uint64_t now_ns) override {
        ++answers;
        if (answers % 7 == 0) return;
        user.on_frame(connection, body, now_ns);
        if (answers % 7 == 1) user.on_frame(connection, body, now_ns);
      }
      void on_written(std::uint32_t connection) override { user.on_written(connection); }
      void on_closed(std::uint32_t connection, const std::string& reason) override {
        user.on_closed(connection, reason);
      }
      TransportUser& user;
      std::uint64_t& answers;
    };
    FakeGateway& gateway_;
    std::vector<std::uint32_t> lost_;
    std::uint64_t writes_ = 0;
    std::uint64_t answers_ = 0;
  };
  for (const double rate : {0.0, 20'000.0}) {
    FakeGateway gateway(*scenario, 2);
    Lossy lossy(gateway);
    Loader loader = loader_of(*scenario, {.batch = 32, .depth = 2, .rate = rate, .resend_after_ns = 2'000'000});
    const auto driven = loader.drive(lossy);
    ASSERT_TRUE(driven) << driven.error();
    EXPECT_EQ(loader.accepted(), 3000U);
    EXPECT_EQ(gateway.seen.size(), 3000U);
    EXPECT_GT(loader.resent(), 300U);
    EXPECT_GT(loader.repeated(), 0U);
    EXPECT_LE(gateway.sender_max, Loader::kInFlightMax);
    EXPECT_EQ(loader.latencies().sorted().size(), 3000U);
  }
}

TEST(Loader, SaysSoWhenTheConnectionEnds) {
  const auto scenario = make({.senders = 4, .connections = 2, .messages = 100});
  FakeGateway gateway(*scenario, 2);
  gateway.dies_after = 10;
  Loader loader = loader_of(*scenario, {.batch = 8});
  const auto driven = loader.drive(gateway);
  ASSERT_FALSE(driven);
  EXPECT_EQ(driven.error(), "connection 0: gone");
}

// The gateway stands still for 60 ms while 600 messages become due. Each of them must show how long it had to wait, not
// only those that happened to be under way.
TEST(OpenLoop, DoesNotOmitWhatAStandingGatewayDelays) {
  const auto scenario = make({.senders = 100, .connections = 4, .messages = 2000});
  FakeGateway gateway(*scenario, 4);
  bool stood = false;
  gateway.before_turn = [&stood] {
    if (!std::exchange(stood, true)) std::this_thread::sleep_for(std::chrono::milliseconds(60));
  };
  Loader loader = loader_of(*scenario, {.batch = 4, .rate = 10'000});
  const auto driven = loader.drive(gateway);
  ASSERT_TRUE(driven) << driven.error();
  expect_all_once(gateway, 2000);
  const auto sorted = loader.latencies().sorted();
  const auto waited = [&sorted](std::uint64_t ns) {
    return sorted.end() - std::ranges::lower_bound(sorted, ns / Latencies::kUnitNs);
  };
  // Due at t, answered after 60 ms: at least 60 ms - t. A burst of 4 every 0.4 ms.
  EXPECT_GE(waited(50'000'000), 100);
  EXPECT_GE(waited(30'000'000), 300);
  EXPECT_GE(waited(10'000'000), 500);
}

TEST(OpenLoop, StaysOpenWhileTheSendersWindowsAllow) {
  const auto scenario = make({.senders = 4, .connections = 2, .messages = 1000});
  FakeGateway gateway(*scenario, 2);
  gateway.answers_per_turn = 1;
  Loader loader = loader_of(*scenario, {.batch = 2, .rate = 1e9});  // all of it at once
  const auto driven = loader.drive(gateway);
  ASSERT_TRUE(driven) << driven.error();
  expect_all_once(gateway, 1000);
  EXPECT_EQ(gateway.sender_max, Loader::kInFlightMax);
}

}  // namespace
}  // namespace electra::bench
