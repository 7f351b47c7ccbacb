// The strict decoder and the encoders against libprotobuf.
//
// Three promises: what libprotobuf writes is accepted with equal fields; whatever is accepted, libprotobuf reads with the
// same values and writes as the same bytes (so accepted = canonical); the encoders write what libprotobuf writes.
#include <google/protobuf/util/message_differencer.h>

#include "meter-proto/encode.h"
#include "tests/meter-proto/support.h"

namespace electra {
namespace {

using google::protobuf::util::MessageDifferencer;
using test::Bytes;
using test::protobuf_of;
using test::serialized;

#ifdef ELECTRA_SANITIZED
constexpr int kRounds = 20'000;
#else
constexpr int kRounds = 200'000;
#endif

// Everything of one kind of message that the tests below need.
struct EnvelopeTraits {
  using Message = wire::Envelope;
  using View = strict::EnvelopeView;
  static Message random(test::Randomness& random) { return random.envelope(); }
  static Result decode(ByteSpan bytes, View& view) { return strict::decode_envelope(bytes, view); }
  static std::size_t encode(const View& view, MutableByteSpan out) { return proto::encode_envelope(view, out); }
};
struct PayloadTraits {
  using Message = wire::Payload;
  using View = strict::PayloadView;
  static Message random(test::Randomness& random) { return random.payload(); }
  static Result decode(ByteSpan bytes, View& view) { return strict::decode_payload(bytes, view); }
  static std::size_t encode(const View& view, MutableByteSpan out) { return proto::encode_payload(view, out); }
};

template <typename Traits>
class Differential : public testing::Test {};
using Kinds = testing::Types<EnvelopeTraits, PayloadTraits>;
TYPED_TEST_SUITE(Differential, Kinds);

TYPED_TEST(Differential, WhatLibprotobufWritesIsAcceptedWithEqualFieldsAndEncodedAlike) {
  test::Randomness random(20260101);
  for (int round = 0; round < kRounds / 4; ++round) {
    const typename TypeParam::Message message = TypeParam::random(random);
    const Bytes bytes = serialized(message);
    typename TypeParam::View view;
    ASSERT_EQ(TypeParam::decode(bytes, view), Result::ok) << message.ShortDebugString();
    ASSERT_TRUE(MessageDifferencer::Equals(protobuf_of(view), message)) << message.ShortDebugString();

    Bytes encoded(bytes.size() + 8);
    const std::size_t size = TypeParam::encode(view, encoded);
    encoded.resize(size);
    ASSERT_EQ(encoded, bytes) << message.ShortDebugString();
    ASSERT_EQ(TypeParam::encode(view, MutableByteSpan(encoded).first(size - 1)), 0u) << "does not fit";
  }
}

// One to three edits of the kinds that decoders get wrong.
void mutate(test::Randomness& random, Bytes& bytes) {
  for (std::uint64_t edits = 1 + random.below(3); edits > 0; --edits) {
    if (bytes.empty()) bytes.push_back(0);
    const std::size_t place = random.below(bytes.size());
    const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(place);
    const std::size_t length = std::min<std::size_t>(1 + random.below(12), bytes.size() - place);
    const auto end = at + static_cast<std::ptrdiff_t>(length);
    switch (random.below(9)) {
      case 0: *at = static_cast<std::uint8_t>(*at ^ (1u << random.below(8))); break;
      case 1: *at = static_cast<std::uint8_t>(random.below(256)); break;
      case 2: bytes.insert(at, static_cast<std::uint8_t>(random.below(256))); break;
      case 3: bytes.erase(at); break;
      case 4:  // the front of a message is all tags and small numbers: edits there are the interesting ones
        bytes[random.below(std::min<std::size_t>(bytes.size(), 12))] = static_cast<std::uint8_t>(random.below(80));
        break;
      case 5: {  // a piece again, perhaps a whole field
        const Bytes piece(at, end);
        bytes.insert(end, piece.begin(), piece.end());
        break;
      }
      case 6:  // a piece elsewhere
        std::rotate(bytes.begin(), at, end);
        break;
      case 7: bytes.resize(place); break;
      default:  // a longer form of the same number
        *at |= 0x80;
        bytes.insert(at + 1, 0);
    }
  }
}

TYPED_TEST(Differential, WhateverIsAcceptedAfterMutationIsCanonicalAndMeansTheSame) {
  test::Randomness random(20260202);
  int accepted = 0;
  for (int round = 0; round < kRounds; ++round) {
    Bytes bytes = serialized(TypeParam::random(random));
    mutate(random, bytes);
    typename TypeParam::View view;
    if (TypeParam::decode(bytes, view) != Result::ok) continue;
    ++accepted;
    typename TypeParam::Message message;
    ASSERT_TRUE(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) << to_hex(bytes);
    ASSERT_TRUE(MessageDifferencer::Equals(protobuf_of(view), message)) << to_hex(bytes);
    ASSERT_EQ(serialized(message), bytes) << to_hex(bytes);
    Bytes encoded(bytes.size());
    ASSERT_EQ(TypeParam::encode(view, encoded), bytes.size()) << to_hex(bytes);
    ASSERT_EQ(encoded, bytes);
  }
  EXPECT_GT(accepted, kRounds / 20) << "the mutations are too wild to say anything about acceptance";
  EXPECT_LT(accepted, kRounds - kRounds / 20) << "the mutations are too tame to say anything about refusal";
}

TYPED_TEST(Differential, RandomBytesAreReadWithoutHarm) {
  test::Randomness random(20260303);
  for (int round = 0; round < kRounds / 4; ++round) {
    const std::string bytes = random.bytes(random.below(200));
    typename TypeParam::View view;
    if (TypeParam::decode(bytes_of(bytes), view) != Result::ok) continue;
    typename TypeParam::Message message;
    ASSERT_TRUE(message.ParseFromString(bytes));
    ASSERT_EQ(message.SerializeAsString(), bytes);
  }
}

// Session messages: whole frames, as libprotobuf writes them, against the frame encoders and decoders.
Bytes framed(const wire::Frame& frame) {
  const Bytes body = serialized(frame);
  Bytes bytes(4);
  store_le32(bytes.data(), static_cast<std::uint32_t>(body.size()));
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

class SessionFrame : public testing::Test {
 protected:
  // Expects that `encode` writes `frame`, and gives the inner message back for decoding.
  template <typename Encode>
  ByteSpan expect_frame(const wire::Frame& frame, strict::FrameKind kind, Encode&& encode) {
    expected_ = framed(frame);
    Bytes written(2048);
    written.resize(encode(MutableByteSpan(written)));
    EXPECT_EQ(to_hex(written), to_hex(expected_)) << frame.ShortDebugString();
    Bytes small(expected_.size() - 1);
    EXPECT_EQ(encode(MutableByteSpan(small)), 0u);
    strict::FrameView view;
    EXPECT_EQ(strict::decode_frame(ByteSpan(expected_).subspan(4), view), Result::ok);
    EXPECT_EQ(view.kind, kind);
    return view.message;
  }
  Result result() { return static_cast<Result>(random_.below(65536)); }

  test::Randomness random_{20260404};
  Bytes expected_;
};

TEST_F(SessionFrame, WelcomeIsTheSameInBothLibraries) {
  for (int round = 0; round < 500; ++round) {
    wire::Frame frame;
    auto& message = *frame.mutable_welcome();
    message.set_version(random_.positive32());
    message.set_genesis_hash(random_.bytes(32));
    message.set_nonce(random_.bytes(32));
    message.set_chain_id(random_.ascii(random_.below(65)));
    message.set_time(random_.uint64());
    message.set_replay_clock(random_.below(2) == 1);
    const strict::Welcome welcome{message.version(),
                                  bytes_of(message.genesis_hash()),
                                  bytes_of(message.nonce()),
                                  message.chain_id(),
                                  message.time(),
                                  message.replay_clock()};
    const ByteSpan inner = expect_frame(frame, strict::FrameKind::welcome,
                                        [&](MutableByteSpan out) { return proto::encode_welcome_frame(welcome, out); });
    strict::Welcome decoded;
    ASSERT_EQ(strict::decode_welcome(inner, decoded), Result::ok);
    EXPECT_EQ(decoded.version, welcome.version);
    EXPECT_TRUE(equal_bytes(decoded.genesis_hash, welcome.genesis_hash));
    EXPECT_TRUE(equal_bytes(decoded.nonce, welcome.nonce));
    EXPECT_EQ(decoded.chain_id, welcome.chain_id);
    EXPECT_EQ(decoded.time, welcome.time);
    EXPECT_EQ(decoded.replay_clock, welcome.replay_clock);
  }
}

TEST_F(SessionFrame, HelloAndItsAnswerAreTheSameInBothLibraries) {
  for (int round = 0; round < 500; ++round) {
    wire::Frame frame;
    auto& hello_message = *frame.mutable_hello();
    hello_message.set_version(random_.positive32());
    if (random_.below(2) == 0) {
      hello_message.set_slot(random_.positive32());
    } else {
      hello_message.set_address(random_.bytes(20));
    }
    hello_message.set_key_generation(random_.positive32());
    hello_message.set_signature(random_.bytes(64));
    const strict::Hello hello{hello_message.version(), hello_message.slot(), bytes_of(hello_message.address()),
                              hello_message.key_generation(), bytes_of(hello_message.signature())};
    const ByteSpan hello_bytes = expect_frame(
        frame, strict::FrameKind::hello, [&](MutableByteSpan out) { return proto::encode_hello_frame(hello, out); });
    strict::Hello decoded_hello;
    ASSERT_EQ(strict::decode_hello(hello_bytes, decoded_hello), Result::ok);
    EXPECT_EQ(decoded_hello.slot, hello.slot);
    EXPECT_TRUE(equal_bytes(decoded_hello.address, hello.address));
    EXPECT_EQ(decoded_hello.key_generation, hello.key_generation);
    EXPECT_TRUE(equal_bytes(decoded_hello.signature, hello.signature));

    auto& message = *frame.mutable_hello_answer();
    const Result code = result();
    message.set_result(static_cast<std::uint32_t>(code));
    message.set_slot(random_.uint32());
    message.set_status(random_.uint32());
    message.set_roles(random_.uint32());
    message.set_key_generation(random_.uint32());
    message.set_highest_sequence(random_.uint64());
    if (random_.below(2) == 0) message.set_registration_id(random_.bytes(32));
    const strict::HelloAnswer answer{code,
                                     message.slot(),
                                     message.status(),
                                     message.roles(),
                                     message.key_generation(),
                                     message.highest_sequence(),
                                     bytes_of(message.registration_id())};
    const ByteSpan inner = expect_frame(frame, strict::FrameKind::hello_answer, [&](MutableByteSpan out) {
      return proto::encode_hello_answer_frame(answer, out);
    });
    strict::HelloAnswer decoded;
    ASSERT_EQ(strict::decode_hello_answer(inner, decoded), Result::ok);
    EXPECT_EQ(decoded.result, code);
    EXPECT_EQ(decoded.slot, answer.slot);
    EXPECT_EQ(decoded.status, answer.status);
    EXPECT_EQ(decoded.roles, answer.roles);
    EXPECT_EQ(decoded.key_generation, answer.key_generation);
    EXPECT_EQ(decoded.highest_sequence, answer.highest_sequence);
    EXPECT_TRUE(equal_bytes(decoded.registration_id, answer.registration_id));
  }
}

TEST_F(SessionFrame, ReceiptRefusalAndTicksAreTheSameInBothLibraries) {
  for (int round = 0; round < 500; ++round) {
    const Result code = result();
    wire::Frame frame;
    auto& receipt_message = *frame.mutable_receipt();
    const strict::Receipt receipt{random_.uint32(), random_.uint64(), code,
                                  random_.uint64(), random_.uint64(), random_.below(2) == 1};
    receipt_message.set_slot(receipt.slot);
    receipt_message.set_sequence(receipt.sequence);
    receipt_message.set_result(static_cast<std::uint32_t>(code));
    receipt_message.set_batch(receipt.batch);
    receipt_message.set_detail(receipt.detail);
    receipt_message.set_repeated(receipt.repeated);
    strict::Receipt decoded_receipt;
    ASSERT_EQ(strict::decode_receipt(
                  expect_frame(frame, strict::FrameKind::receipt,
                               [&](MutableByteSpan out) { return proto::encode_receipt_frame(receipt, out); }),
                  decoded_receipt),
              Result::ok);
    EXPECT_EQ(
        std::tie(decoded_receipt.slot, decoded_receipt.sequence, decoded_receipt.result, decoded_receipt.batch,
                 decoded_receipt.detail, decoded_receipt.repeated),
        std::tie(receipt.slot, receipt.sequence, receipt.result, receipt.batch, receipt.detail, receipt.repeated));

    auto& refusal_message = *frame.mutable_refusal();
    const std::string text = random_.ascii(random_.below(257));
    const strict::Refusal refusal{code, random_.uint32(), random_.uint64(), text};
    refusal_message.set_result(static_cast<std::uint32_t>(code));
    refusal_message.set_slot(refusal.slot);
    refusal_message.set_sequence(refusal.sequence);
    refusal_message.set_text(text);
    strict::Refusal decoded_refusal;
    ASSERT_EQ(strict::decode_refusal(
                  expect_frame(frame, strict::FrameKind::refusal,
                               [&](MutableByteSpan out) { return proto::encode_refusal_frame(refusal, out); }),
                  decoded_refusal),
              Result::ok);
    EXPECT_EQ(decoded_refusal.text, text);
    EXPECT_EQ(decoded_refusal.sequence, refusal.sequence);

    const strict::Tick tick{random_.uint64()};
    frame.mutable_tick()->set_time(tick.time);
    strict::Tick decoded_tick;
    ASSERT_EQ(
        strict::decode_tick(expect_frame(frame, strict::FrameKind::tick,
                                         [&](MutableByteSpan out) { return proto::encode_tick_frame(tick, out); }),
                            decoded_tick),
        Result::ok);
    EXPECT_EQ(decoded_tick.time, tick.time);

    const strict::TickAnswer answer{code, random_.uint64(), random_.uint64()};
    auto& answer_message = *frame.mutable_tick_answer();
    answer_message.set_result(static_cast<std::uint32_t>(code));
    answer_message.set_time(answer.time);
    answer_message.set_batch(answer.batch);
    strict::TickAnswer decoded_answer;
    ASSERT_EQ(strict::decode_tick_answer(
                  expect_frame(frame, strict::FrameKind::tick_answer,
                               [&](MutableByteSpan out) { return proto::encode_tick_answer_frame(answer, out); }),
                  decoded_answer),
              Result::ok);
    EXPECT_EQ(decoded_answer.batch, answer.batch);
  }
}

TEST_F(SessionFrame, EnvelopeAndAnyOtherKindAreFramedAlike) {
  for (int round = 0; round < 500; ++round) {
    wire::Frame frame;
    *frame.mutable_envelope() = random_.envelope();
    const Bytes inner = serialized(frame.envelope());
    strict::EnvelopeView view;
    ASSERT_EQ(strict::decode_envelope(inner, view), Result::ok);
    expect_frame(frame, strict::FrameKind::envelope,
                 [&](MutableByteSpan out) { return proto::encode_envelope_frame(view, out); });
    expect_frame(frame, strict::FrameKind::envelope,
                 [&](MutableByteSpan out) { return proto::encode_frame(strict::FrameKind::envelope, inner, out); });
  }
}

TEST(RefusalText, IsCutAndMadeAscii) {
  const std::string text = "caf\xc3\xa9 " + std::string(400, 'x');
  Bytes frame(proto::kSessionFrameBytesMax);
  frame.resize(proto::encode_refusal_frame({.result = Result::malformed_frame, .text = text}, frame));
  strict::FrameView view;
  ASSERT_EQ(strict::decode_frame(ByteSpan(frame).subspan(4), view), Result::ok);
  strict::Refusal refusal;
  ASSERT_EQ(strict::decode_refusal(view.message, refusal), Result::ok);
  EXPECT_EQ(refusal.text, "caf?? " + std::string(250, 'x'));
}

}  // namespace
}  // namespace electra
