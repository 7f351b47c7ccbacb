// One answer for every message, over broken, silent and overloaded connections.
#include "engine/electrad/meter/exchange.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "crypto-offload/software_signer.h"
#include "engine/electrad/meter/meter_key.h"
#include "engine/electrad/meter/roster.h"
#include "tests/meter/fake_gateway.h"

namespace electra::player {
namespace {

using std::chrono::milliseconds;

struct Outcome {
  std::vector<std::size_t> answers;  // for each message
  std::size_t repeated = 0;
  std::size_t refused = 0;  // by the chain
  std::size_t after_reconnect = 0;
  std::string error;
};

class ExchangeTest : public ::testing::Test {
 protected:
  LinkOptions options(const FakeGateway& gateway, milliseconds retry_for = milliseconds(5'000)) const {
    return {.host = "127.0.0.1",
            .port = gateway.port(),
            .retry_for = retry_for,
            .answer_timeout = milliseconds(300),
            .stop = nullptr};
  }

  Outcome exchange(const LinkOptions& options, std::uint64_t messages, std::size_t window = 64) {
    Outcome outcome;
    auto link = GatewayLink::open(options, {.slot = 1}, key_.sign_function());
    if (!link) {
      outcome.error = link.error();
      return outcome;
    }
    MeterSender sender;
    sender.key = &key_;
    sender.slot = 1;
    ReadingBatch batch;
    batch.begin(link->chain().genesis_hash, true);
    for (std::uint64_t i = 0; i < messages; ++i) EXPECT_TRUE(batch.add(sender, 100 + i, 900, {i, 0}));
    EXPECT_TRUE(batch.sign());
    outcome.answers.resize(messages);
    ExchangeHooks hooks;
    hooks.on_answer = [&](const Answer& answer) {
      ++outcome.answers[answer.index];
      outcome.repeated += answer.repeated ? 1 : 0;
      outcome.refused += answer.result == Result::ok ? 0 : 1;
    };
    hooks.after_reconnect = [&]() -> std::expected<void, std::string> {
      ++outcome.after_reconnect;
      return {};
    };
    Exchange exchange(*link, window);
    const auto messages_out = batch.messages();
    if (auto done = exchange.run(messages_out, hooks); !done) outcome.error = done.error();
    return outcome;
  }

  MeterKey key_{"phrase", "H001"};
};

TEST_F(ExchangeTest, EveryMessageIsAnsweredOnce) {
  FakeGateway gateway(Scripts{{}});
  const Outcome outcome = exchange(options(gateway), 200);
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.answers, std::vector<std::size_t>(200, 1));
  EXPECT_EQ(outcome.repeated, 0U);
  EXPECT_EQ(outcome.refused, 20U);  // the fake refuses sequences that end in 9
  EXPECT_EQ(gateway.connections(), 1U);
}

TEST_F(ExchangeTest, ABrokenConnectionIsReplacedAndTheSameBytesAreSentAgain) {
  FakeGateway gateway(
      {{.envelopes_before_drop = 30, .receipts_before_silence = 20}, {.envelopes_before_drop = 40}, {}});
  const Outcome outcome = exchange(options(gateway), 100);
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.answers, std::vector<std::size_t>(100, 1));
  EXPECT_GE(outcome.repeated, 10U);  // taken without a receipt by the first connection
  EXPECT_EQ(outcome.after_reconnect, 2U);
  EXPECT_EQ(gateway.connections(), 3U);
  EXPECT_TRUE(gateway.bytes_never_changed());
  EXPECT_EQ(gateway.arrivals().size(), 100U);
}

TEST_F(ExchangeTest, ASilentConnectionIsGivenUp) {
  FakeGateway gateway(Scripts{{.receipts_before_silence = 5}, {}});
  const Outcome outcome = exchange(options(gateway), 20);
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.answers, std::vector<std::size_t>(20, 1));
  EXPECT_EQ(outcome.repeated, 15U);
  EXPECT_EQ(gateway.connections(), 2U);
}

TEST_F(ExchangeTest, AnOverloadedGatewayGetsTheMessagesAgainLater) {
  FakeGateway gateway(Scripts{{.overloaded = 70}});
  const Outcome outcome = exchange(options(gateway), 50);
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.answers, std::vector<std::size_t>(50, 1));
  EXPECT_EQ(gateway.connections(), 1U);
}

TEST_F(ExchangeTest, ASmallWindowStillSendsEverything) {
  FakeGateway gateway(Scripts{{}});
  const Outcome outcome = exchange(options(gateway), 300, 1);
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.answers, std::vector<std::size_t>(300, 1));
}

TEST_F(ExchangeTest, NothingToSendIsDoneAtOnce) {
  FakeGateway gateway(Scripts{{}});
  EXPECT_EQ(exchange(options(gateway), 0).error, "");
}

TEST_F(ExchangeTest, WithoutAnyProgressItGivesUp) {
  FakeGateway gateway(Scripts{{.receipts_before_silence = 0}});
  const Outcome outcome = exchange(options(gateway, milliseconds(700)), 3);
  EXPECT_NE(outcome.error.find("given up with 3 messages unanswered"), std::string::npos) << outcome.error;
}

TEST_F(ExchangeTest, AGatewayThatIsNotThereIsNamed) {
  LinkOptions nobody{.host = "127.0.0.1", .port = 1, .retry_for = milliseconds(50), .stop = nullptr};
  const Outcome outcome = exchange(nobody, 1);
  EXPECT_NE(outcome.error.find("127.0.0.1:1"), std::string::npos) << outcome.error;
}

TEST(GatewayLink, TicksOnlyForwards) {
  FakeGateway gateway(Scripts{{}});
  const MeterKey key("phrase", "GRID");
  auto link = GatewayLink::open({.host = "127.0.0.1", .port = gateway.port(), .stop = nullptr}, {.slot = 1},
                                key.sign_function());
  ASSERT_TRUE(link) << link.error();
  EXPECT_TRUE(link->tick(1'000));
  EXPECT_TRUE(link->tick(1'000));
  EXPECT_TRUE(link->tick(500));
  EXPECT_TRUE(link->tick(2'000));
  EXPECT_EQ(gateway.ticks(), (std::vector<std::uint64_t>{1'000, 2'000}));
}

TEST(ParseEndpoint, WantsHostAndPort) {
  struct Case {
    const char* text;
    bool valid;
    const char* host;
    std::uint16_t port;
  };
  constexpr Case cases[] = {
      {"127.0.0.1:26600", true, "127.0.0.1", 26600},
      {"[::1]:1", true, "::1", 1},
      {"gateway.example:65535", true, "gateway.example", 65535},
      {"127.0.0.1", false, "", 0},
      {":26600", false, "", 0},
      {"host:", false, "", 0},
      {"host:0", false, "", 0},
      {"host:65536", false, "", 0},
      {"host:1x", false, "", 0},
      {"", false, "", 0},
  };
  for (const Case& c : cases) {
    LinkOptions options;
    EXPECT_EQ(parse_endpoint(c.text, options).has_value(), c.valid) << c.text;
    if (c.valid) {
      EXPECT_EQ(options.host, c.host) << c.text;
      EXPECT_EQ(options.port, c.port) << c.text;
    }
  }
}

TEST(MeterKey, SignsWhatTheSoftwareSignerSigns) {
  // RFC 8032 signatures are deterministic, so two programs with one seed send the same bytes.
  const MeterKey key("phrase", "H001");
  const crypto::SoftwareSigner signer(crypto::derive_development_seed("phrase", "H001"));
  EXPECT_EQ(key.public_key(), signer.public_key());
  const Bytes32 genesis{5};
  const Bytes32 payload{6};
  const auto ours = key.sign_function()(proto::SignatureKind::message, genesis, 77, payload);
  const auto theirs = signer.sign(proto::SignatureKind::message, genesis, 77, payload);
  ASSERT_TRUE(ours && theirs);
  EXPECT_EQ(*ours, *theirs);
}

// Whatever is signed together, the bytes on the wire are those of a message made alone.
TEST(ReadingBatch, HasTheFramesAndIdsOfReadingsSignedOneByOne) {
  const Bytes32 genesis{5};
  std::deque<MeterKey> keys;
  std::vector<MeterSender> senders;
  for (std::uint32_t i = 0; i < 5; ++i) {
    senders.push_back({.serial = "M",
                       .key = &keys.emplace_back("phrase", std::to_string(i)),
                       .slot = 10 * i + 1,
                       .key_generation = i + 1,
                       .phases = i % 2 == 0 ? 1U : 7U,
                       .plan = 0,
                       .holder = {}});
  }
  ReadingBatch batch;
  for (int round = 0; round < 2; ++round) {  // the second in memory that was used
    batch.begin(genesis, true);
    std::vector<std::vector<std::uint8_t>> expected;
    std::vector<Bytes32> ids;
    for (const std::size_t together : {1U, 7U, 0U, 80U}) {
      for (std::size_t i = 0; i < together; ++i) {
        const MeterSender& sender = senders[i % senders.size()];
        const std::uint64_t sequence = 1000 + expected.size();
        const Registers registers{.whin = 100'000 * i, .whout = i};
        ASSERT_TRUE(batch.add(sender, sequence, 900, registers));
        strict::PayloadView payload;
        payload.operation = make_reading(900, sender.phases, registers);
        const client::SignFunction sign = [&](proto::SignatureKind kind, const Bytes32& chain, std::uint64_t number,
                                              ByteSpan bytes) {
          const auto signature = sender.key->sign_function()(kind, chain, number, bytes);
          std::vector<std::uint8_t> buffer(proto::kSigningPrefixBytes + bytes.size());
          ids.push_back(
              proto::message_id(sender.key->public_key(), *signature,
                                proto::signing_bytes(proto::signing_tag(kind, chain), number, bytes, buffer)));
          return signature;
        };
        expected.push_back(*client::make_message_frame({.slot = sender.slot, .key_generation = sender.key_generation},
                                                       genesis, sequence, payload, sign));
      }
      ASSERT_TRUE(batch.sign());
    }
    const std::vector<OutgoingMessage> messages = batch.messages();
    ASSERT_EQ(messages.size(), expected.size());
    for (std::size_t i = 0; i < messages.size(); ++i) {
      EXPECT_EQ(messages[i].sequence, 1000 + i);
      EXPECT_TRUE(equal_bytes(messages[i].frame, expected[i])) << "message " << i;
      EXPECT_EQ(batch.id(i), ids[i]) << "message " << i;
    }
  }
}

TEST(MakeReading, SpreadsEnergyOverThePhasesExactlyAndWithoutFalling) {
  std::array<std::uint64_t, 3> previous{};
  for (std::uint64_t wh = 0; wh < 50; ++wh) {
    const strict::Reading reading = make_reading(900, 7, {wh, 2 * wh});
    ASSERT_EQ(reading.count, 3U);
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(reading.items[i].phase, i + 1);
      EXPECT_GE(reading.items[i].whin, previous[i]);
      previous[i] = reading.items[i].whin;
      in += reading.items[i].whin;
      out += reading.items[i].whout;
    }
    EXPECT_EQ(in, wh);
    EXPECT_EQ(out, 2 * wh);
  }
  const strict::Reading single = make_reading(900, 2, {41, 0});
  ASSERT_EQ(single.count, 1U);
  EXPECT_EQ(single.items[0].phase, 2U);
  EXPECT_EQ(single.items[0].whin, 41U);
}

}  // namespace
}  // namespace electra::player
