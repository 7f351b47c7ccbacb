// What the strict decoder refuses, rule by rule, and what it accepts beside.
#include "meter-proto/encode.h"
#include "meter-proto/strict/envelope.h"
#include "meter-proto/strict/payload.h"
#include "meter-proto/strict/session.h"
#include "tests/meter-proto/support.h"

namespace electra {
namespace {

using test::Bytes;
using test::hex;
using test::protobuf_of;
using test::repeated;
using test::serialized;
using test::operator+;

struct Case {
  const char* name;
  Bytes bytes;
  Result expected;
};
void PrintTo(const Case& row, std::ostream* out) { *out << to_hex(row.bytes); }

// The fields of a good envelope.
const Bytes kSlot = hex("08 05");
const Bytes kAddress = hex("12 14") + repeated(20, 0xaa);
const Bytes kGeneration = hex("18 01");
const Bytes kSequence = hex("21 07 00 00 00 00 00 00 00");
const Bytes kPayload = hex("2a 02 3a 00");
const Bytes kSignature = hex("32 40") + repeated(64, 0xbb);
const Bytes kTail = kGeneration + kSequence + kPayload + kSignature;

class Envelope : public testing::TestWithParam<Case> {};
TEST_P(Envelope, IsJudged) {
  strict::EnvelopeView view;
  EXPECT_EQ(strict::decode_envelope(GetParam().bytes, view), GetParam().expected);
}
constexpr Result kBadFrame = Result::malformed_frame;
INSTANTIATE_TEST_SUITE_P(
    Strict, Envelope,
    testing::Values(
        Case{"by slot", kSlot + kTail, Result::ok},                                                          //
        Case{"by address", kAddress + kTail, Result::ok},                                                    //
        Case{"slot 2^32 minus 1", hex("08 ffffffff0f") + kTail, Result::ok},                                 //
        Case{"slot 2^32", hex("08 8080808010") + kTail, kBadFrame},                                          //
        Case{"slot 2^32 plus 5 which libprotobuf would cut to 5", hex("08 8580808010") + kTail, kBadFrame},  //
        Case{"both senders", kSlot + kAddress + kTail, kBadFrame},                                           //
        Case{"no sender", kTail, kBadFrame},                                                                 //
        Case{"slot zero written out", hex("08 00") + kTail, kBadFrame},                                      //
        Case{"address of 19 bytes", hex("12 13") + repeated(19, 1) + kTail, kBadFrame},                      //
        Case{"address of 21 bytes", hex("12 15") + repeated(21, 1) + kTail, kBadFrame},                      //
        Case{"empty address", hex("12 00") + kTail, kBadFrame},                                              //
        Case{"duplicate slot", kSlot + kSlot + kTail, kBadFrame},                                            //
        Case{"duplicate generation", kSlot + kGeneration + kTail, kBadFrame},                                //
        Case{"duplicate signature", kSlot + kTail + kSignature, kBadFrame},                                  //
        Case{"misordered sequence and generation", kSlot + kSequence + kGeneration + kPayload + kSignature, kBadFrame},
        Case{"misordered signature and payload", kSlot + kGeneration + kSequence + kSignature + kPayload, kBadFrame},
        Case{"unknown field 7", kSlot + kTail + hex("38 01"), kBadFrame},        //
        Case{"unknown field 16", kSlot + kTail + hex("80 01 01"), kBadFrame},    //
        Case{"unknown field between", kSlot + hex("78 01") + kTail, kBadFrame},  //
        Case{"a group", kSlot + hex("0b 0c") + kTail, kBadFrame},                //
        Case{"wrong wire type of slot", hex("0d 05000000") + kTail, kBadFrame},  //
        Case{"wrong wire type of sequence", kSlot + kGeneration + hex("20 07") + kPayload + kSignature, kBadFrame},
        Case{"tag of two bytes", hex("88 00 05") + kTail, kBadFrame},  //
        Case{"non-minimal slot", hex("08 85 00") + kTail, kBadFrame},  //
        Case{"non-minimal length", kSlot + kGeneration + kSequence + hex("2a 82 00 3a 00") + kSignature, kBadFrame},
        Case{"varint of eleven bytes", hex("08 8580808080808080808000") + kTail, kBadFrame},  //
        Case{"varint above 64 bits", hex("08 ffffffffffffffffff02") + kTail, kBadFrame},      //
        Case{"generation absent", kSlot + kSequence + kPayload + kSignature, kBadFrame},      //
        Case{"generation zero written out", kSlot + hex("18 00") + kSequence + kPayload + kSignature, kBadFrame},
        Case{"sequence absent", kSlot + kGeneration + kPayload + kSignature, kBadFrame},  //
        Case{"sequence zero written out", kSlot + kGeneration + hex("21 0000000000000000") + kPayload + kSignature,
             kBadFrame},
        Case{"payload absent", kSlot + kGeneration + kSequence + kSignature, kBadFrame},  //
        Case{"empty payload written out", kSlot + kGeneration + kSequence + hex("2a 00") + kSignature, kBadFrame},
        Case{"signature absent", kSlot + kGeneration + kSequence + kPayload, kBadFrame},  //
        Case{"signature of 63 bytes", kSlot + kGeneration + kSequence + kPayload + hex("32 3f") + repeated(63, 1),
             kBadFrame},
        Case{"signature of 65 bytes", kSlot + kGeneration + kSequence + kPayload + hex("32 41") + repeated(65, 1),
             kBadFrame},
        Case{"signature that ends too early",
             kSlot + kGeneration + kSequence + kPayload + hex("32 40") + repeated(63, 1), kBadFrame},
        Case{"length near 2^64", kSlot + kGeneration + kSequence + hex("2a ffffffffffffffffff01 3a 00") + kSignature,
             kBadFrame},
        Case{"length 2^32", kSlot + kGeneration + kSequence + hex("2a 8080808010 3a 00") + kSignature, kBadFrame},
        Case{"a byte after the end", kSlot + kTail + hex("00"), kBadFrame},  //
        Case{"nothing", {}, kBadFrame}),
    test::case_name<Case>);

// A good operation each, as the content of its field.
const Bytes kKey = hex("0a 20") + repeated(32, 0xcc);
const Bytes kReading = hex("08 01 12 04 08 01 10 05");
const Bytes kEpoch = hex("08 01 11 0700000000000000");
Bytes operation(std::uint8_t tag, const Bytes& content) {
  return Bytes{tag, static_cast<std::uint8_t>(content.size())} + content;
}
Bytes many(std::size_t count, const Bytes& part) {
  Bytes all;
  for (std::size_t index = 0; index < count; ++index) all = all + part;
  return all;
}

class Payload : public testing::TestWithParam<Case> {};
TEST_P(Payload, IsJudged) {
  strict::PayloadView view;
  EXPECT_EQ(strict::decode_payload(GetParam().bytes, view), GetParam().expected);
}
constexpr Result kBadPayload = Result::malformed_payload;
INSTANTIATE_TEST_SUITE_P(
    Strict, Payload,
    testing::Values(
        Case{"reading", operation(0x3a, kReading), Result::ok},                                     //
        Case{"with not_after", hex("08 01") + operation(0x3a, kReading), Result::ok},               //
        Case{"empty reading is for execution to refuse", hex("3a 00"), Result::ok},                 //
        Case{"empty group is for execution to refuse", hex("32 00"), Result::ok},                   //
        Case{"zero transfer is for execution to refuse", hex("32 02 0a 00"), Result::ok},           //
        Case{"empty set_status is for execution to refuse", hex("22 00"), Result::ok},              //
        Case{"nothing", {}, kBadPayload},                                                           //
        Case{"no operation", hex("08 01"), kBadPayload},                                            //
        Case{"not_after zero written out", hex("08 00") + operation(0x3a, kReading), kBadPayload},  //
        Case{"two operations", operation(0x22, {}) + operation(0x3a, kReading), kBadPayload},       //
        Case{"the same operation twice", operation(0x3a, kReading) + operation(0x3a, kReading), kBadPayload},
        Case{"not_after after the operation", operation(0x3a, kReading) + hex("08 01"), kBadPayload},      //
        Case{"empty begin_epoch is for execution to refuse", hex("42 00"), Result::ok},                    //
        Case{"epoch and height", operation(0x42, kEpoch), Result::ok},                                     //
        Case{"height before the epoch", operation(0x42, hex("11 0700000000000000 08 01")), kBadPayload},   //
        Case{"height as a varint", operation(0x42, hex("08 01 10 07")), kBadPayload},                      //
        Case{"height zero written out", operation(0x42, hex("08 01 11 0000000000000000")), kBadPayload},   //
        Case{"height cut short", operation(0x42, hex("08 01 11 07000000000000")), kBadPayload},            //
        Case{"epoch 2^32", operation(0x42, hex("08 8080808010")), kBadPayload},                            //
        Case{"unknown field in begin_epoch", operation(0x42, kEpoch + hex("18 01")), kBadPayload},         //
        Case{"empty schedule_rules is for execution to refuse", hex("4a 00"), Result::ok},                 //
        Case{"rules version and height", operation(0x4a, kEpoch), Result::ok},                             //
        Case{"rules version 2^32 minus 1", operation(0x4a, hex("08 ffffffff0f")), Result::ok},             //
        Case{"rules version 2^32", operation(0x4a, hex("08 8080808010")), kBadPayload},                    //
        Case{"rules version zero written out", operation(0x4a, hex("08 00")), kBadPayload},                //
        Case{"duplicate height", operation(0x4a, kEpoch + hex("11 0700000000000000")), kBadPayload},       //
        Case{"unknown operation 10", hex("52 00"), kBadPayload},                                           //
        Case{"operation as a varint", hex("38 01"), kBadPayload},                                          //
        Case{"operation longer than the payload", hex("3a 03 08 01"), kBadPayload},                        //
        Case{"operation of a huge length", hex("3a ffffffffffffffff7f"), kBadPayload},                     //
        Case{"key of 31 bytes", operation(0x12, hex("0a 1f") + repeated(31, 1)), kBadPayload},             //
        Case{"key of 33 bytes", operation(0x12, hex("0a 21") + repeated(33, 1)), kBadPayload},             //
        Case{"no key", operation(0x12, hex("12 01 41")), kBadPayload},                                     //
        Case{"key without a serial is for execution to refuse", operation(0x12, kKey), Result::ok},        //
        Case{"serial of 32 bytes", operation(0x12, kKey + hex("12 20") + repeated(32, 'A')), Result::ok},  //
        Case{"serial of 33 bytes", operation(0x12, kKey + hex("12 21") + repeated(33, 'A')), kBadPayload},
        Case{"empty serial written out", operation(0x12, kKey + hex("12 00")), kBadPayload},     //
        Case{"serial that is not UTF-8", operation(0x12, kKey + hex("12 01 ff")), kBadPayload},  //
        Case{"serial that is UTF-8 but not ASCII", operation(0x12, kKey + hex("12 02 c3a9")), kBadPayload},
        Case{"roles 2^32", operation(0x12, kKey + hex("18 8080808010")), kBadPayload},                     //
        Case{"modulus 2^64 minus 1", operation(0x12, kKey + hex("28 ffffffffffffffffff01")), Result::ok},  //
        Case{"registration id of 32 bytes", operation(0x1a, hex("0a 20") + repeated(32, 1)), Result::ok},  //
        Case{"registration id of 31 bytes", operation(0x1a, hex("0a 1f") + repeated(31, 1)), kBadPayload},
        Case{"no registration id", hex("1a 00"), kBadPayload},                                          //
        Case{"sixteen transfers", operation(0x32, many(16, hex("0a 02 20 01"))), Result::ok},           //
        Case{"seventeen transfers", operation(0x32, many(17, hex("0a 02 20 01"))), kBadPayload},        //
        Case{"transfer kind zero written out", operation(0x32, hex("0a 02 08 00")), kBadPayload},       //
        Case{"misordered transfer", operation(0x32, hex("0a 04 20 01 10 01")), kBadPayload},            //
        Case{"unknown field in a transfer", operation(0x32, hex("0a 02 50 01")), kBadPayload},          //
        Case{"transfer longer than its group", operation(0x32, hex("0a 03 20 01")), kBadPayload},       //
        Case{"three phases", operation(0x3a, many(3, hex("12 02 08 01"))), Result::ok},                 //
        Case{"four phases", operation(0x3a, many(4, hex("12 02 08 01"))), kBadPayload},                 //
        Case{"time after the phases", operation(0x3a, hex("12 02 08 01 08 01")), kBadPayload},          //
        Case{"duplicate register in a phase", operation(0x3a, hex("12 04 10 01 10 01")), kBadPayload},  //
        Case{"non-minimal register", operation(0x3a, hex("12 03 10 81 00")), kBadPayload}),
    test::case_name<Case>);

TEST(StrictDecoder, RefusesEveryTruncationAndEveryTail) {
  const Bytes envelope = kSlot + kTail;
  strict::EnvelopeView envelope_view;
  for (std::size_t length = 0; length < envelope.size(); ++length) {
    EXPECT_EQ(strict::decode_envelope(ByteSpan(envelope).first(length), envelope_view), kBadFrame) << length;
  }
  const Bytes payload =
      hex("08 ff01") + operation(0x12, kKey + hex("12 03 414243 18 01 20 07 28 80c2d72f 30 f403 38 05"));
  strict::PayloadView payload_view;
  ASSERT_EQ(strict::decode_payload(payload, payload_view), Result::ok);
  for (std::size_t length = 0; length < payload.size(); ++length) {
    EXPECT_EQ(strict::decode_payload(ByteSpan(payload).first(length), payload_view), kBadPayload) << length;
  }
  for (unsigned byte = 0; byte < 256; ++byte) {
    const Bytes tail = {static_cast<std::uint8_t>(byte)};
    EXPECT_EQ(strict::decode_envelope(envelope + tail, envelope_view), kBadFrame) << byte;
    EXPECT_EQ(strict::decode_payload(payload + tail, payload_view), kBadPayload) << byte;
  }
}

// What the hot paths do: a place of every kind of payload in turn, refused ones between them.
TEST(StrictDecoder, APlaceThatHeldAnotherPayloadGivesWhatAFreshOneGives) {
  test::Randomness random(20260102);
  strict::PayloadView used;
  for (int round = 0; round < 5000; ++round) {
    Bytes bytes = serialized(random.payload());
    if (round % 7 == 0 && !bytes.empty()) bytes.pop_back();
    strict::PayloadView fresh;
    const Result expected = strict::decode_payload(bytes, fresh);
    ASSERT_EQ(strict::decode_payload(bytes, used), expected) << to_hex(bytes);
    if (expected != Result::ok) continue;
    ASSERT_EQ(serialized(protobuf_of(used)), serialized(protobuf_of(fresh))) << to_hex(bytes);
  }
}

TEST(StrictDecoder, ViewsPointIntoTheInput) {
  const Bytes envelope = kSlot + kTail;
  strict::EnvelopeView view;
  ASSERT_EQ(strict::decode_envelope(envelope, view), Result::ok);
  EXPECT_EQ(view.slot, 5u);
  EXPECT_EQ(view.key_generation, 1u);
  EXPECT_EQ(view.sequence, 7u);
  EXPECT_EQ(to_hex(view.payload), "3a00");
  EXPECT_EQ(view.signature.data(), envelope.data() + envelope.size() - 64);
}

// Session messages: their own requirements; canonical form is the reader's, tested above.
using Judge = Result (*)(ByteSpan);
template <typename Message, Result (*decode)(ByteSpan, Message&) noexcept>
Result judge(ByteSpan bytes) {
  Message message;
  return decode(bytes, message);
}
struct SessionCase {
  const char* name;
  Judge judge;
  Bytes bytes;
  Result expected;
};
void PrintTo(const SessionCase& row, std::ostream* out) { *out << to_hex(row.bytes); }
constexpr Judge kWelcome = judge<strict::Welcome, strict::decode_welcome>;
constexpr Judge kHello = judge<strict::Hello, strict::decode_hello>;
constexpr Judge kHelloAnswer = judge<strict::HelloAnswer, strict::decode_hello_answer>;
constexpr Judge kReceipt = judge<strict::Receipt, strict::decode_receipt>;
constexpr Judge kRefusal = judge<strict::Refusal, strict::decode_refusal>;
constexpr Judge kTick = judge<strict::Tick, strict::decode_tick>;
constexpr Judge kTickAnswer = judge<strict::TickAnswer, strict::decode_tick_answer>;
const Bytes kHash = hex("12 20") + repeated(32, 1);
const Bytes kNonce = hex("1a 20") + repeated(32, 2);
const Bytes kHelloSignature = hex("2a 40") + repeated(64, 3);

class Session : public testing::TestWithParam<SessionCase> {};
TEST_P(Session, MessageIsJudged) { EXPECT_EQ(GetParam().judge(GetParam().bytes), GetParam().expected); }
INSTANTIATE_TEST_SUITE_P(
    Strict, Session,
    testing::Values(
        SessionCase{"welcome", kWelcome, hex("08 01") + kHash + kNonce + hex("22 01 41 28 05 30 01"), Result::ok},
        SessionCase{"welcome without version", kWelcome, kHash + kNonce, kBadFrame},
        SessionCase{"welcome without genesis hash", kWelcome, hex("08 01") + kNonce, kBadFrame},
        SessionCase{"welcome without nonce", kWelcome, hex("08 01") + kHash, kBadFrame},
        SessionCase{"welcome with a bool of 2", kWelcome, hex("08 01") + kHash + kNonce + hex("30 02"), kBadFrame},
        SessionCase{"welcome with a false written out", kWelcome, hex("08 01") + kHash + kNonce + hex("30 00"),
                    kBadFrame},
        SessionCase{"hello by slot", kHello, hex("08 01 10 05 20 01") + kHelloSignature, Result::ok},
        SessionCase{"hello by address", kHello, hex("08 01 1a 14") + repeated(20, 1) + hex("20 01") + kHelloSignature,
                    Result::ok},
        SessionCase{"hello by both", kHello,
                    hex("08 01 10 05 1a 14") + repeated(20, 1) + hex("20 01") + kHelloSignature, kBadFrame},
        SessionCase{"hello by nobody", kHello, hex("08 01 20 01") + kHelloSignature, kBadFrame},
        SessionCase{"hello without version", kHello, hex("10 05 20 01") + kHelloSignature, kBadFrame},
        SessionCase{"hello without generation", kHello, hex("08 01 10 05") + kHelloSignature, kBadFrame},
        SessionCase{"hello without signature", kHello, hex("08 01 10 05 20 01"), kBadFrame},
        SessionCase{"empty hello answer", kHelloAnswer, {}, Result::ok},
        SessionCase{"hello answer with a registration id of 31 bytes", kHelloAnswer, hex("3a 1f") + repeated(31, 1),
                    kBadFrame},
        SessionCase{"receipt", kReceipt, hex("08 05 11 0700000000000000 20 09 30 01"), Result::ok},
        SessionCase{"receipt with a result of this version's future", kReceipt, hex("18 ffff03"), Result::ok},
        SessionCase{"receipt with a result above 16 bits", kReceipt, hex("18 808004"), kBadFrame},
        SessionCase{"receipt with a tail", kReceipt, hex("30 01 38 01"), kBadFrame},
        SessionCase{"refusal", kRefusal, hex("08 01 22 01 41"), Result::ok},
        SessionCase{"refusal whose text is not ASCII", kRefusal, hex("08 01 22 02 c3a9"), kBadFrame},
        SessionCase{"tick", kTick, hex("08 05"), Result::ok},
        SessionCase{"tick to zero", kTick, hex("08 00"), kBadFrame},
        SessionCase{"tick answer", kTickAnswer, hex("10 05 18 01"), Result::ok},
        SessionCase{"misordered tick answer", kTickAnswer, hex("18 01 10 05"), kBadFrame}),
    test::case_name<SessionCase>);

}  // namespace
}  // namespace electra
