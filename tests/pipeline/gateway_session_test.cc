// How a session opens: the welcome, good and bad hellos, what happens without one.
#include <gtest/gtest.h>

#include "meter-proto/address.h"
#include "meter-proto/encode.h"
#include "tests/pipeline/raw_socket.h"
#include "tests/pipeline/support.h"

namespace electra::pipeline {
namespace {

using namespace test;

class GatewaySession : public testing::Test {
 protected:
  TempDirectory directory_;
  RunningGateway gateway_{small_settings(directory_.path())};

  void SetUp() override { ASSERT_EQ(gateway_.error(), ""); }

  // The welcome of a fresh connection; its nonce.
  static Bytes32 welcome(RawSocket& socket) {
    const auto body = socket.read_frame(kPatience);
    EXPECT_TRUE(body);
    strict::FrameView frame;
    strict::Welcome welcome;
    EXPECT_EQ(strict::decode_frame(*body, frame), Result::ok);
    EXPECT_EQ(frame.kind, strict::FrameKind::welcome);
    EXPECT_EQ(strict::decode_welcome(frame.message, welcome), Result::ok);
    EXPECT_EQ(*array_of<32>(welcome.genesis_hash), small_genesis().hash);
    EXPECT_EQ(welcome.chain_id, "electra-pipeline-test");
    EXPECT_EQ(welcome.time, kGenesisS * kSecondNs);
    EXPECT_TRUE(welcome.replay_clock);
    return *array_of<32>(welcome.nonce);
  }

  static Bytes hello_frame(const strict::Hello& hello) {
    Bytes frame(proto::kSessionFrameBytesMax);
    frame.resize(proto::encode_hello_frame(hello, frame));
    return frame;
  }

  static Bytes64 sign(const Person& person, const Bytes32& nonce) {
    return *person.sign_function()(proto::SignatureKind::hello, small_genesis().hash, 0, nonce);
  }

  // The next frame: a refusal's code, or ok for an answer to the hello.
  static std::optional<Result> next_result(RawSocket& socket) {
    const auto body = socket.read_frame(kPatience);
    if (!body) return std::nullopt;
    strict::FrameView frame;
    EXPECT_EQ(strict::decode_frame(*body, frame), Result::ok);
    strict::Refusal refusal;
    if (frame.kind == strict::FrameKind::refusal && strict::decode_refusal(frame.message, refusal) == Result::ok) {
      EXPECT_EQ(refusal.text, result_text(refusal.result));
      return refusal.result;
    }
    strict::HelloAnswer answer;
    EXPECT_EQ(frame.kind, strict::FrameKind::hello_answer);
    EXPECT_EQ(strict::decode_hello_answer(frame.message, answer), Result::ok);
    return answer.result;
  }
};

TEST_F(GatewaySession, AGoodHelloIsAnsweredWithWhatTheSenderNeedsToKnow) {
  Client meter(gateway_.port(), kM2);
  ASSERT_TRUE(meter.connected()) << meter.error().text;
  EXPECT_EQ(meter.hello().slot, kM2);
  EXPECT_EQ(meter.hello().roles, state::kRoleMeter | state::kRoleOwner);
  EXPECT_EQ(meter.hello().status, static_cast<std::uint32_t>(state::HolderStatus::active));
  EXPECT_EQ(meter.hello().key_generation, 1U);
  EXPECT_EQ(meter.hello().highest_sequence, 0U);
  EXPECT_FALSE(meter.hello().registration_id);
}

TEST_F(GatewaySession, ASenderMayNameItselfByAddress) {
  const Person person("M2");
  Client meter(gateway_.port(), person, {.slot = 0, .address = proto::address_of(person.public_key())});
  ASSERT_TRUE(meter.connected()) << meter.error().text;
  EXPECT_EQ(meter.hello().slot, kM2);
}

TEST_F(GatewaySession, HellosAreJudgedOneByOne) {
  struct Case {
    const char* what;
    const char* signer;
    std::uint32_t version;
    std::uint32_t slot;
    std::uint32_t generation;
    Result expected;
    bool closes;
  };
  const Case cases[] = {
      // what                       signer  version slot  generation expected                closes
      {"good", "M1", 1, kM1, 1, Result::ok, false},
      {"another's key", "M2", 1, kM1, 1, Result::bad_signature, false},
      {"no such slot", "M1", 1, 500, 1, Result::unknown_sender, false},
      {"slot beyond the table", "M1", 1, ~0U, 1, Result::unknown_sender, false},
      {"no such key generation", "M1", 1, kM1, 2, Result::unknown_sender, false},
      {"by an unknown address", "M1", 1, 0, 1, Result::unknown_sender, false},
      {"of another version", "M1", 2, kM1, 1, Result::wrong_version, true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    RawSocket socket(gateway_.port());
    const Bytes64 signature = sign(Person(c.signer), welcome(socket));
    const Bytes20 nobody{1, 2, 3};
    strict::Hello hello{.version = c.version, .slot = c.slot, .key_generation = c.generation, .signature = signature};
    if (c.slot == 0) hello.address = nobody;
    ASSERT_TRUE(socket.send(hello_frame(hello)));
    EXPECT_EQ(next_result(socket), c.expected);
    EXPECT_EQ(socket.closed_by_gateway(c.closes ? std::chrono::milliseconds(kPatience) : 50ms), c.closes);
  }
}

TEST_F(GatewaySession, TheHelloOfOneSessionDoesNotOpenAnother) {
  RawSocket first(gateway_.port());
  RawSocket second(gateway_.port());
  const Bytes64 signature = sign(Person("M1"), welcome(first));
  (void)welcome(second);
  ASSERT_TRUE(second.send(hello_frame({.version = 1, .slot = kM1, .key_generation = 1, .signature = signature})));
  EXPECT_EQ(next_result(second), Result::bad_signature);
}

TEST_F(GatewaySession, AFourthHelloEndsTheSession) {
  RawSocket socket(gateway_.port());
  (void)welcome(socket);
  const Bytes64 wrong{1};
  for (int attempt = 0; attempt < 3; ++attempt) {
    ASSERT_TRUE(socket.send(hello_frame({.version = 1, .slot = kM1, .key_generation = 1, .signature = wrong})));
    EXPECT_EQ(next_result(socket), Result::bad_signature);
  }
  ASSERT_TRUE(socket.send(hello_frame({.version = 1, .slot = kM1, .key_generation = 1, .signature = wrong})));
  EXPECT_EQ(next_result(socket), Result::overloaded);
  EXPECT_TRUE(socket.closed_by_gateway(kPatience));
}

TEST_F(GatewaySession, MessagesAndTicksNeedAHelloFirst) {
  RawSocket socket(gateway_.port());
  (void)welcome(socket);
  ASSERT_TRUE(socket.send(message_frame(Person("M1"), {.slot = kM1}, 1, reading(0, 5))));
  EXPECT_EQ(next_result(socket), Result::hello_required);

  Bytes tick(64);
  tick.resize(proto::encode_tick_frame({.time = (kGenesisS + 60) * kSecondNs}, tick));
  ASSERT_TRUE(socket.send(tick));
  const auto body = socket.read_frame(kPatience);
  ASSERT_TRUE(body);
  strict::FrameView frame;
  strict::TickAnswer answer;
  ASSERT_EQ(strict::decode_frame(*body, frame), Result::ok);
  ASSERT_EQ(strict::decode_tick_answer(frame.message, answer), Result::ok);
  EXPECT_EQ(answer.result, Result::hello_required);
  EXPECT_EQ(answer.time, kGenesisS * kSecondNs);

  gateway_.stop();
  EXPECT_TRUE(journal_messages(directory_.path()).empty());
}

TEST_F(GatewaySession, ASuspendedHolderCannotOpenASession) {
  Client boss(gateway_.port(), kOperator);
  EXPECT_EQ(boss.ask(1, set_status(kM2, state::HolderStatus::suspended)).result, Result::ok);
  Client meter(gateway_.port(), kM2);
  EXPECT_FALSE(meter.connected());
  EXPECT_EQ(meter.error().result, Result::unknown_sender);
}

}  // namespace
}  // namespace electra::pipeline
