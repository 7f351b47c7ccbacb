// Clients that do not keep to the protocol, by mistake or on purpose. Each loses its own session and nothing else.
#include <gtest/gtest.h>

#include <random>

#include "meter-proto/encode.h"
#include "tests/pipeline/raw_session.h"
#include "tests/pipeline/support.h"

namespace electra::pipeline {
namespace {

using namespace test;

Bytes framed(std::uint32_t length, const Bytes& body) {
  Bytes frame(4);
  store_le32(frame.data(), length);
  frame.insert(frame.end(), body.begin(), body.end());
  return frame;
}
Bytes framed(const Bytes& body) { return framed(static_cast<std::uint32_t>(body.size()), body); }

Bytes frame_of(strict::FrameKind kind, const Bytes& message) {
  Bytes frame(proto::kClientBufferBytes);
  frame.resize(proto::encode_frame(kind, message, frame));
  return frame;
}

// The gateway still takes and answers somebody's messages.
void expect_serving(std::uint16_t port, std::uint64_t sequence) {
  Client meter(port, kM2);
  ASSERT_TRUE(meter.connected()) << meter.error().text;
  const Reply reply = meter.ask(sequence, reading(sequence, sequence));
  EXPECT_TRUE(reply.receipt);
}

class HostileClient : public testing::Test {
 protected:
  static GatewaySettings settings(const std::filesystem::path& directory, std::uint32_t extra = 0) {
    GatewaySettings settings = small_settings(directory, extra);
    settings.hello_timeout_s = 1;
    return settings;
  }

  TempDirectory directory_;
};

TEST_F(HostileClient, WhatIsNotAFrameEndsItsSessionOnly) {
  RunningGateway gateway(settings(directory_.path()));
  ASSERT_EQ(gateway.error(), "");
  std::mt19937 random(7);
  Bytes garbage(20'000);
  for (auto& byte : garbage) byte = static_cast<std::uint8_t>(random());
  const Bytes message = message_frame(Person("alice"), {.slot = kAlice}, 1, reading(0, 1));
  Bytes two_fields(message.begin() + 4, message.end());
  two_fields.insert(two_fields.end(), message.begin() + 4, message.end());
  Bytes trailing(message.begin() + 4, message.end());
  trailing.push_back(0);

  struct Case {
    const char* what;
    Bytes bytes;
  };
  const Case cases[] = {
      {"random bytes", garbage},
      {"text of another protocol", Bytes(400, 'G')},
      {"a length of 4 GiB", framed(0xffffffff, {})},
      {"a length one above the limit", framed(strict::kFrameBytesMax + 1, {})},
      {"an empty frame", framed({})},
      {"a frame of zeros", framed(Bytes(100))},
      {"a frame with two messages", framed(two_fields)},
      {"a byte behind the message", framed(trailing)},
      {"an unknown kind", framed({0x5a, 0x00})},
      {"an empty envelope", frame_of(strict::FrameKind::envelope, {})},
      {"an empty hello", frame_of(strict::FrameKind::hello, {})},
      {"a query that protobuf cannot read", frame_of(strict::FrameKind::query, {0xff, 0xff, 0xff})},
      {"a tick with a field too many", frame_of(strict::FrameKind::tick, {0x10, 0x01})},
      {"the gateway's welcome", frame_of(strict::FrameKind::welcome, {})},
      {"the gateway's hello answer", frame_of(strict::FrameKind::hello_answer, {})},
      {"the gateway's receipt", frame_of(strict::FrameKind::receipt, {})},
      {"the gateway's refusal", frame_of(strict::FrameKind::refusal, {})},
      {"the gateway's query answer", frame_of(strict::FrameKind::query_answer, {})},
      {"the gateway's tick answer", frame_of(strict::FrameKind::tick_answer, {})},
  };
  std::uint64_t sequence = 0;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    RawSocket before_hello(gateway.port());
    before_hello.send(c.bytes);
    EXPECT_TRUE(before_hello.closed_by_gateway(kPatience));

    Client opened(gateway.port(), kAlice);
    ASSERT_TRUE(opened.connected()) << opened.error().text;
    opened.send_frame(c.bytes);
    EXPECT_TRUE(opened.closed_by_gateway());
    expect_serving(gateway.port(), ++sequence);
  }
}

TEST_F(HostileClient, ARefusalNamesTheReasonBeforeTheSessionEnds) {
  RunningGateway gateway(settings(directory_.path()));
  struct Case {
    Bytes bytes;
    Result expected;
  };
  const Case cases[] = {{framed(0xffffffff, {}), Result::frame_too_large}, {framed({}), Result::malformed_frame}};
  for (const Case& c : cases) {
    Client client(gateway.port(), kAlice);
    ASSERT_TRUE(client.connected());
    client.send_frame(c.bytes);
    const auto reply = client.next_reply();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->result, c.expected);
    EXPECT_TRUE(client.closed_by_gateway());
  }
}

TEST_F(HostileClient, HalfAFrameAndGoneLeavesNoTrace) {
  RunningGateway gateway(settings(directory_.path()));
  const Bytes message = message_frame(Person("alice"), {.slot = kAlice}, 1, reading(0, 1));
  for (const std::size_t part : {std::size_t{1}, std::size_t{4}, std::size_t{5}, message.size() - 1}) {
    Client client(gateway.port(), kAlice);
    ASSERT_TRUE(client.connected());
    client.send_frame(Bytes(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(part)));
  }
  expect_serving(gateway.port(), 1);
  gateway.stop();
  const std::map<MessageName, int> expected = {{{kM2, 1}, 1}};
  EXPECT_EQ(journal_messages(directory_.path()), expected);
}

TEST_F(HostileClient, FramesMayArriveByteByByte) {
  RunningGateway gateway(settings(directory_.path()));
  Client meter(gateway.port(), kM2);
  ASSERT_TRUE(meter.connected());
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {
    for (const std::uint8_t byte : meter.frame(sequence, reading(0, 1))) {
      meter.tcp().session().send_frame({&byte, 1});
      meter.tcp().flush();
    }
    const auto reply = meter.next_reply();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->result, sequence == 1 ? Result::ok : Result::duplicate_reading);
    EXPECT_EQ(reply->body.sequence, sequence);
  }
}

TEST_F(HostileClient, WhoSaysNothingIsSentAway) {
  RunningGateway gateway(settings(directory_.path()));
  std::vector<std::unique_ptr<RawSocket>> silent;
  for (int i = 0; i < 5; ++i) silent.push_back(std::make_unique<RawSocket>(gateway.port()));
  Client client(gateway.port(), kAlice);  // said hello: stays
  const auto begin = std::chrono::steady_clock::now();
  for (auto& socket : silent) EXPECT_TRUE(socket->closed_by_gateway(kPatience));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 500ms);
  EXPECT_EQ(client.status().batch(), 0U);
}

TEST_F(HostileClient, MoreConnectionsThanTheLimitAreTurnedAwayAndThePlaceIsFreeAgainLater) {
  GatewaySettings few = settings(directory_.path());
  few.connections_max = 3;
  RunningGateway gateway(few);
  {
    Client a(gateway.port(), kAlice), b(gateway.port(), kBob), c(gateway.port(), kM2);
    ASSERT_TRUE(a.connected() && b.connected() && c.connected());
    RawSocket fourth(gateway.port());
    EXPECT_TRUE(fourth.closed_by_gateway(kPatience));
    EXPECT_EQ(a.status().batch(), 0U);
  }
  bool again = false;
  for (int attempt = 0; attempt < 100 && !again; ++attempt) {
    again = Client(gateway.port(), kAlice).connected();
    if (!again) std::this_thread::sleep_for(20ms);
  }
  EXPECT_TRUE(again);
}

TEST_F(HostileClient, WhoAsksTooMuchAtOnceIsRefusedAsOverload) {
  RunningGateway gateway(settings(directory_.path()));
  Client client(gateway.port(), kAlice);
  wire::Query query;
  query.mutable_status();
  for (int i = 0; i < 100; ++i) client.tcp().session().send_query(query);
  client.tcp().flush();
  bool overloaded = false;
  while (const auto reply = client.next_reply()) overloaded = overloaded || reply->result == Result::overloaded;
  EXPECT_TRUE(overloaded);
  EXPECT_FALSE(client.tcp().is_open());
  expect_serving(gateway.port(), 1);
}

// Asks for lists of 100 KiB and reads none of them, while a meter does its work.
TEST_F(HostileClient, WhoNeverReadsIsClosedAndSlowsNobody) {
  RunningGateway gateway(settings(directory_.path(), 500));
  ASSERT_EQ(gateway.error(), "");
  RawSocket glutton(gateway.port(), 4096);
  ASSERT_NO_FATAL_FAILURE(open_session(glutton, kOperator));
  wire::Query query;
  query.mutable_holders()->set_limit(1000);
  const std::string text = query.SerializeAsString();
  const Bytes question = frame_of(strict::FrameKind::query, Bytes(text.begin(), text.end()));

  Client meter(gateway.port(), kM2);
  ASSERT_TRUE(meter.connected());
  std::uint64_t sequence = 0;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!glutton.hung_up() && std::chrono::steady_clock::now() < deadline) {
    for (int i = 0; i < 4; ++i) glutton.send(question);
    ++sequence;
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(meter.ask(sequence, reading(0, 1)).receipt);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  }
  EXPECT_TRUE(glutton.hung_up());
  EXPECT_TRUE(meter.ask(++sequence, reading(0, 1)).receipt);
  gateway.stop();
  EXPECT_EQ(gateway.reason(), StopReason::requested);
}

}  // namespace
}  // namespace electra::pipeline
