// Messages by datagram: who gets a receipt, what is dropped in silence, and that neither disturbs anybody.
#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <set>

#include "meter-proto/address.h"
#include "meter-proto/encode.h"
#include "tests/pipeline/raw_datagrams.h"
#include "tests/pipeline/support.h"

namespace electra::pipeline {
namespace {

using namespace test;

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes reading_of(state::Slot slot, std::uint64_t sequence, std::uint64_t whin = 0) {
  return message_frame(Person(holder_name(slot)), {.slot = slot}, sequence, reading(0, whin));
}

class Datagrams : public testing::Test {
 protected:
  static GatewaySettings settings(const std::filesystem::path& directory, std::uint32_t extra = 0) {
    GatewaySettings settings = small_settings(directory, extra);
    settings.listen_udp = true;
    return settings;
  }

  // All answers until `count` came or kPatience is over.
  static std::vector<DatagramAnswer> answers(RawDatagrams& socket, std::size_t count) {
    std::vector<DatagramAnswer> out;
    while (out.size() < count) {
      const auto datagram = socket.receive(kPatience);
      if (!datagram) break;
      EXPECT_LE(datagram->size(), io::kDatagramBytesMax);
      const auto some = answers_in(*datagram);
      EXPECT_TRUE(some) << "something else than receipts and refusals";
      if (some) out.insert(out.end(), some->begin(), some->end());
    }
    return out;
  }
  static DatagramAnswer ask(RawDatagrams& socket, const Bytes& datagram) {
    socket.send(datagram);
    const auto some = answers(socket, 1);
    EXPECT_EQ(some.size(), 1U);
    return some.empty() ? DatagramAnswer{} : some.front();
  }
  TempDirectory directory_;
};

TEST_F(Datagrams, AMessageIsExecutedAndItsReceiptComesBack) {
  RunningGateway gateway(settings(directory_.path()));
  ASSERT_EQ(gateway.error(), "");
  RawDatagrams meter(gateway.port());
  const DatagramAnswer answer = ask(meter, reading_of(kM2, 1, 17));
  EXPECT_TRUE(answer.receipt);
  EXPECT_EQ(answer.slot, kM2);
  EXPECT_EQ(answer.sequence, 1U);
  EXPECT_EQ(answer.result, Result::ok);
  EXPECT_EQ(answer.batch, 1U);
  EXPECT_FALSE(answer.repeated);
  Client alice(gateway.port(), kOperator);
  EXPECT_EQ(alice.holder(kM2).registers(0).whin(), 17U);
}

TEST_F(Datagrams, TheSameMessageAgainGetsItsFirstAnswerAndLeavesNoTrace) {
  RunningGateway gateway(settings(directory_.path()));
  RawDatagrams meter(gateway.port());
  const Bytes message = reading_of(kM2, 1, 17);
  const DatagramAnswer first = ask(meter, message);
  RawDatagrams elsewhere(gateway.port());  // whoever has captured it
  for (int i = 0; i < 20; ++i) {
    const DatagramAnswer again = ask(i % 2 == 0 ? meter : elsewhere, message);
    EXPECT_TRUE(again.receipt);
    EXPECT_TRUE(again.repeated);
    EXPECT_EQ(again.result, first.result);
    EXPECT_EQ(again.batch, first.batch);
  }
  gateway.stop();
  EXPECT_EQ(gateway.counters().messages, 1U);
  EXPECT_EQ(gateway.counters().datagrams.repeated, 20U);
  EXPECT_EQ(journal_messages(directory_.path()), (std::map<MessageName, int>{{{kM2, 1}, 1}}));
}

TEST_F(Datagrams, SeveralMessagesTravelTogetherAndSoDoTheirReceipts) {
  RunningGateway gateway(settings(directory_.path()));
  RawDatagrams concentrator(gateway.port());
  Bytes datagram;
  std::size_t messages = 0;
  while (true) {
    const Bytes next = reading_of(kM2, messages + 1, 1);
    if (datagram.size() + next.size() > io::kDatagramBytesMax) break;
    datagram.insert(datagram.end(), next.begin(), next.end());
    ++messages;
  }
  ASSERT_GT(messages, 8U);
  concentrator.send(datagram);
  const auto answer = concentrator.receive(kPatience);
  ASSERT_TRUE(answer);
  const auto receipts = answers_in(*answer);
  ASSERT_TRUE(receipts);
  EXPECT_EQ(receipts->size(), messages) << "one batch, one peer, one datagram";
  for (std::size_t i = 0; i < receipts->size(); ++i) EXPECT_EQ((*receipts)[i].sequence, i + 1) << "in their order";
  EXPECT_LT(answer->size(), datagram.size() / 2);
  gateway.stop();
  EXPECT_EQ(gateway.counters().datagrams.port.received, 1U);
  EXPECT_EQ(gateway.counters().datagrams.port.sent, 1U);
  EXPECT_EQ(gateway.counters().datagrams.messages, messages);
}

TEST_F(Datagrams, ABadFrameAmongGoodOnesIsDroppedAlone) {
  const Bytes good = reading_of(kM2, 1);
  const Bytes other = reading_of(kP1, 1);
  const Bytes forged = with_bad_signature(reading_of(kAlice, 1));
  const Bytes stranger = message_frame(Person("stranger"), {.slot = 900}, 1, reading(0, 1));
  const Bytes junk = {3, 0, 0, 0, 'j', 'n', 'k'};
  struct Case {
    const char* what;
    Bytes datagram;
    std::vector<state::Slot> expected;
  };
  const Case cases[] = {
      {"one with a bad signature", joined({good, forged, other}), {kM2, kP1}},
      {"one of a sender that nobody knows", joined({good, stranger, other}), {kM2, kP1}},
      {"something that is no frame ends the datagram", joined({good, junk, other}), {kM2}},
      {"the beginning of a frame at the end", joined({good, other, {0xff, 0, 0}}), {kM2, kP1}},
      {"the same message twice", joined({good, good, other}), {kM2, kM2, kP1}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    const TempDirectory directory;
    RunningGateway gateway(settings(directory.path()));
    RawDatagrams socket(gateway.port());
    socket.send(c.datagram);
    std::vector<state::Slot> answered;
    for (const DatagramAnswer& answer : answers(socket, c.expected.size())) {
      EXPECT_EQ(answer.result, Result::ok);
      answered.push_back(answer.slot);
    }
    // One peer's answers come in the order of its messages.
    EXPECT_EQ(answered, c.expected);
    EXPECT_EQ(ask(socket, reading_of(kBob, 1)).slot, kBob) << "and nothing else was answered before";
  }
}

TEST_F(Datagrams, WhatIsNotASignedMessageOfAKnownSenderIsDroppedInSilence) {
  RunningGateway gateway(settings(directory_.path()));
  RawDatagrams socket(gateway.port());
  const Bytes message = reading_of(kAlice, 1);
  Bytes two_fields(message.begin() + 4, message.end());
  two_fields.insert(two_fields.end(), message.begin() + 4, message.end());
  const auto framed = [](Bytes body) {
    Bytes frame(4);
    store_le32(frame.data(), static_cast<std::uint32_t>(body.size()));
    frame.insert(frame.end(), body.begin(), body.end());
    return frame;
  };
  const auto frame_of = [](strict::FrameKind kind) {
    Bytes frame(64);
    frame.resize(proto::encode_frame(kind, {}, frame));
    return frame;
  };
  strict::EnvelopeView no_operation{.slot = kAlice, .key_generation = 1, .sequence = 1};
  const Bytes nonsense = {0xff, 0xff};
  const Bytes signature(64, 1);
  no_operation.payload = nonsense;
  no_operation.signature = signature;
  Bytes with_no_operation(proto::kClientBufferBytes);
  with_no_operation.resize(proto::encode_envelope_frame(no_operation, with_no_operation));

  using Counters = DatagramCounters;
  struct Case {
    const char* what;
    Bytes datagram;
    std::uint64_t Counters::* counter;
    std::uint64_t expected = 1;
  };
  const Case cases[] = {
      {"nothing", {}, &Counters::malformed},
      {"less than a length", {1, 0, 0}, &Counters::malformed},
      {"a length and no more", {9, 0, 0, 0}, &Counters::malformed},
      {"a length of 4 GiB", {0xff, 0xff, 0xff, 0xff, 1}, &Counters::malformed},
      {"a message that is cut", Bytes(message.begin(), message.end() - 1), &Counters::malformed},
      {"zeros", Bytes(1472), &Counters::malformed},
      {"text", Bytes(100, 'G'), &Counters::malformed},
      {"an unknown kind", framed({0x5a, 0x00}), &Counters::malformed},
      {"a frame with two messages", framed(two_fields), &Counters::malformed},
      {"an empty envelope", frame_of(strict::FrameKind::envelope), &Counters::malformed},
      {"a hello", frame_of(strict::FrameKind::hello), &Counters::not_a_message},
      {"a query", frame_of(strict::FrameKind::query), &Counters::not_a_message},
      {"a tick", frame_of(strict::FrameKind::tick), &Counters::not_a_message},
      {"the gateway's welcome", frame_of(strict::FrameKind::welcome), &Counters::not_a_message},
      {"the gateway's receipt", frame_of(strict::FrameKind::receipt), &Counters::not_a_message},
      {"an unknown slot", message_frame(Person("x"), {.slot = 77}, 1, reading(0, 1)), &Counters::unknown_sender},
      {"an unknown address", message_frame(Person("x"), {.slot = 0, .address = {1, 2}}, 1, reading(0, 1)),
       &Counters::unknown_sender},
      {"an old key", message_frame(Person("alice"), {.slot = kAlice, .key_generation = 2}, 1, reading(0, 1)),
       &Counters::unknown_sender},
      {"a payload that is no operation", with_no_operation, &Counters::malformed_payload},
      {"a bad signature", with_bad_signature(message), &Counters::bad_signature},
      {"somebody else's signature", message_frame(Person("bob"), {.slot = kAlice}, 1, reading(0, 1)),
       &Counters::bad_signature},
      {"ten bad signatures", joined({with_bad_signature(message), with_bad_signature(message)}),
       &Counters::bad_signature, 2},
  };
  DatagramCounters expected;
  std::uint64_t sequence = 0;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    socket.send(c.datagram);
    // The next thing that comes back is the answer to the next good message.
    const DatagramAnswer answer = ask(socket, reading_of(kM2, ++sequence));
    EXPECT_EQ(answer.slot, kM2);
    EXPECT_EQ(answer.sequence, sequence);
    expected.*c.counter += c.expected;
  }
  for (const std::size_t size : {1473, 9000, 60000}) {
    socket.send(Bytes(size, 1));
    EXPECT_EQ(ask(socket, reading_of(kM2, ++sequence)).sequence, sequence);
  }
  gateway.stop();
  const DatagramCounters& counted = gateway.counters().datagrams;
  EXPECT_EQ(counted.malformed, expected.malformed);
  EXPECT_EQ(counted.not_a_message, expected.not_a_message);
  EXPECT_EQ(counted.unknown_sender, expected.unknown_sender);
  EXPECT_EQ(counted.malformed_payload, expected.malformed_payload);
  EXPECT_EQ(counted.bad_signature, expected.bad_signature);
  EXPECT_EQ(counted.port.oversize, 3U);
  EXPECT_EQ(counted.port.received, std::size(cases) + sequence);
  EXPECT_EQ(counted.port.lost, 0U);
  EXPECT_EQ(counted.receipts, sequence);
  EXPECT_EQ(counted.port.sent, sequence);
  EXPECT_EQ(gateway.counters().messages, sequence);
  EXPECT_EQ(journal_messages(directory_.path()).size(), sequence);
}

TEST_F(Datagrams, ASequenceThatCannotBeUsedIsRefusedToItsSignerOnly) {
  RunningGateway gateway(settings(directory_.path()));
  RawDatagrams socket(gateway.port());
  ASSERT_EQ(ask(socket, reading_of(kM2, 100)).result, Result::ok);
  struct Case {
    std::uint64_t sequence;
    Result expected;
  };
  const Case cases[] = {{100, Result::sequence_used},
                        {36, Result::sequence_too_old},
                        {1, Result::sequence_too_old},
                        {101 + (1U << 20), Result::sequence_too_new}};
  for (const Case& c : cases) {
    const Bytes message = reading_of(kM2, c.sequence, 999);
    socket.send(with_bad_signature(message));
    const DatagramAnswer answer = ask(socket, message);
    EXPECT_FALSE(answer.receipt);
    EXPECT_EQ(answer.slot, kM2);
    EXPECT_EQ(answer.sequence, c.sequence);
    EXPECT_EQ(answer.result, c.expected);
  }
  EXPECT_EQ(ask(socket, reading_of(kM2, 37)).result, Result::duplicate_reading) << "the oldest in the window";
  gateway.stop();
  EXPECT_EQ(gateway.counters().messages, 2U);
  EXPECT_EQ(gateway.counters().datagrams.refusals, std::size(cases));
  EXPECT_EQ(gateway.counters().datagrams.bad_signature, std::size(cases));
  EXPECT_EQ(journal_messages(directory_.path()), (std::map<MessageName, int>{{{kM2, 100}, 1}, {{kM2, 37}, 1}}));
}

TEST_F(Datagrams, ArriveInAnyOrder) {
  RunningGateway gateway(settings(directory_.path()));
  RawDatagrams socket(gateway.port());
  std::vector<std::uint64_t> sequences(64);
  std::iota(sequences.begin(), sequences.end(), 1);
  std::shuffle(sequences.begin(), sequences.end(), std::mt19937(3));
  for (const std::uint64_t sequence : sequences) socket.send(reading_of(kM2, sequence));
  std::set<std::uint64_t> answered;
  for (const DatagramAnswer& answer : answers(socket, 64)) {
    EXPECT_FALSE(answer.repeated);
    answered.insert(answer.sequence);
  }
  EXPECT_EQ(answered.size(), 64U);
  gateway.stop();
  EXPECT_EQ(gateway.counters().messages, 64U);
}

// Each datagram differs from a good one in some way, or in all; none gets an answer that is longer than itself, and one
// that was good is answered.
TEST_F(Datagrams, RandomOnesDisturbNobody) {
  RunningGateway gateway(settings(directory_.path()));
  RawDatagrams attacker(gateway.port());
  RawDatagrams meter(gateway.port());
  std::mt19937 random(11);
  const Bytes model = joined({reading_of(kAlice, 1), reading_of(kBob, 1), with_bad_signature(reading_of(kM1, 1))});
  std::uint64_t sequence = 0;
  std::uint64_t sent_bytes = 0;
#ifdef ELECTRA_SANITIZED
  constexpr int kDatagrams = 4000;
#else
  constexpr int kDatagrams = 20'000;
#endif
  for (int i = 0; i < kDatagrams; ++i) {
    Bytes datagram = model;
    const auto kind = random() % 4;
    if (kind == 0) {
      for (auto& byte : datagram) byte = static_cast<std::uint8_t>(random());
    } else if (kind == 1) {
      datagram.resize(random() % datagram.size());
    } else {
      for (std::uint32_t changes = 1 + random() % 4; changes > 0; --changes) {
        datagram[random() % datagram.size()] = static_cast<std::uint8_t>(random());
      }
    }
    if (kind == 3) datagram.insert(datagram.end(), model.begin(), model.begin() + static_cast<long>(random() % 300));
    attacker.send(datagram);
    sent_bytes += datagram.size();
    if (i % 500 != 0) continue;
    EXPECT_EQ(ask(meter, reading_of(kM2, ++sequence)).sequence, sequence);
  }
  EXPECT_EQ(ask(meter, reading_of(kM2, ++sequence)).sequence, sequence);
  std::uint64_t answered_bytes = 0;
  while (const auto datagram = attacker.receive(0ms)) answered_bytes += datagram->size();
  EXPECT_LT(answered_bytes, sent_bytes / 2);
  gateway.stop();
  const DatagramCounters& counted = gateway.counters().datagrams;
  EXPECT_EQ(counted.port.received + counted.port.lost, kDatagrams + sequence);
  EXPECT_GT(counted.malformed, 1000U);
  EXPECT_GT(counted.bad_signature, 1000U);
  // alice's and bob's message at most once each, and all of the meter's.
  EXPECT_LE(gateway.counters().messages, sequence + 2);
  for (const auto& [name, times] : journal_messages(directory_.path())) EXPECT_EQ(times, 1) << name.first;
}

TEST_F(Datagrams, ANewHolderProvesPossessionByAddress) {
  RunningGateway gateway(settings(directory_.path()));
  const Person person("NEW1");
  const strict::RegisterKey registration{
      .public_key = person.public_key(), .serial = "NEW1", .roles = state::kRoleMeter, .phases = 1};
  RawDatagrams socket(gateway.port());
  EXPECT_EQ(ask(socket,
                message_frame(Person("operator"), {.slot = kOperator}, 1, {.not_after = 0, .operation = registration}))
                .result,
            Result::ok);
  Client fresh(gateway.port(), person, {.slot = 0, .address = proto::address_of(person.public_key())});
  const strict::ProvePossession proof{.registration_id = *fresh.hello().registration_id};
  const Bytes message = message_frame(person, {.slot = 0, .address = proto::address_of(person.public_key())}, 1,
                                      {.not_after = 0, .operation = proof});
  const DatagramAnswer answer = ask(socket, message);
  EXPECT_EQ(answer.result, Result::ok);
  EXPECT_EQ(answer.slot, fresh.hello().slot);
}

TEST_F(Datagrams, AndSessionsShareBatchesAndEachGetsItsOwnReceipts) {
  RunningGateway gateway(settings(directory_.path()));
  Client session(gateway.port(), kM2);
  RawDatagrams one(gateway.port());
  RawDatagrams two(gateway.port());
  for (std::uint64_t sequence = 1; sequence <= 60; ++sequence) {
    session.tcp().session().send_frame(session.frame(sequence, reading(0, 1)));
    one.send(reading_of(kP1, sequence));
    two.send(reading_of(kAlice, sequence));
  }
  session.tcp().flush();
  EXPECT_EQ(session.replies(60).size(), 60U);
  for (const auto& [socket, slot] : {std::pair{&one, kP1}, std::pair{&two, kAlice}}) {
    const auto receipts = answers(*socket, 60);
    EXPECT_EQ(receipts.size(), 60U);
    for (const DatagramAnswer& receipt : receipts) EXPECT_EQ(receipt.slot, slot);
  }
}

TEST_F(Datagrams, AreAnsweredFromTheAddressThatTheyWereSentTo) {
  struct Case {
    const char* listens;
    const char* asked;
  };
  for (const Case& c : {Case{"127.0.0.1", "127.0.0.1"}, Case{"0.0.0.0", "127.0.0.1"}, Case{"0.0.0.0", "127.0.0.77"},
                        Case{"::1", "::1"}, Case{"::", "::1"}, Case{"::", "127.0.0.77"}}) {
    SCOPED_TRACE(std::string(c.listens) + " asked at " + c.asked);
    const TempDirectory directory;
    GatewaySettings there = settings(directory.path());
    there.listen_host = c.listens;
    RunningGateway gateway(there);
    ASSERT_EQ(gateway.error(), "");
    RawDatagrams meter(gateway.port(), c.asked);  // is connected: hears that address only
    EXPECT_EQ(ask(meter, reading_of(kM2, 1)).result, Result::ok);
  }
}

TEST_F(Datagrams, AreToldOfInTheStatus) {
  RunningGateway gateway(settings(directory_.path()));
  RawDatagrams socket(gateway.port());
  socket.send(with_bad_signature(reading_of(kAlice, 1)));
  socket.send(Bytes{1, 2, 3});
  (void)ask(socket, reading_of(kM2, 1));
  const wire::Status status = Client(gateway.port(), kM2).status();
  EXPECT_EQ(status.datagrams().received(), 3U);
  EXPECT_EQ(status.datagrams().messages(), 2U);
  EXPECT_EQ(status.datagrams().receipts(), 1U);
  EXPECT_EQ(status.datagrams().sent(), 1U);
  EXPECT_EQ(status.datagrams().malformed(), 1U);
  EXPECT_EQ(status.datagrams().bad_signature(), 1U);
}

TEST_F(Datagrams, AreTakenOnlyWhereTheSettingsSaySo) {
  RunningGateway gateway(small_settings(directory_.path()));
  EXPECT_EQ(gateway.facts().datagrams_bytes, 0U);
  RawDatagrams socket(gateway.port());
  socket.send(reading_of(kM2, 1));
  Client session(gateway.port(), kM2);
  EXPECT_EQ(session.ask(1, reading(0, 0)).result, Result::ok);
  EXPECT_FALSE(session.status().has_datagrams());
  EXPECT_FALSE(socket.receive(0ms));
  gateway.stop();
  EXPECT_EQ(gateway.counters().messages, 1U);
}

}  // namespace
}  // namespace electra::pipeline
