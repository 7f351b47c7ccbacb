// docs/wire-format.md must be true: its worked bytes are recomputed here, its table of result codes is compared with the
// code's, and its numbers with the constants.
#include <gmock/gmock.h>

#include <map>

#include "meter-proto/address.h"
#include "meter-proto/base/sha256.h"
#include "tests/meter-proto/page.h"
#include "tests/meter-proto/support.h"

namespace electra {
namespace {

class WireFormatPage : public testing::Test {
 protected:
  void expect(const std::string& name, ByteSpan bytes) { EXPECT_EQ(values_[name], to_hex(bytes)) << name; }

  std::string page_ = test::read_page("docs/wire-format.md");
  std::map<std::string, std::string> values_ = test::worked_values(page_);
};

TEST_F(WireFormatPage, WorkedBytesAreRight) {
  const test::Key key(test::counting_bytes(0));
  const Bytes32 genesis_hash = sha256("electra wire format example");
  const Bytes32 nonce = test::counting_bytes(0x20);
  expect("seed", test::counting_bytes(0));
  expect("public key", key.public_key);
  expect("address", proto::address_of(key.public_key));
  EXPECT_EQ(values_["address text"], proto::address_text(proto::address_of(key.public_key)));
  expect("genesis hash", genesis_hash);
  expect("nonce", nonce);

  // The hello.
  const Bytes16 hello_tag = proto::signing_tag(proto::SignatureKind::hello, genesis_hash);
  expect("hello tag", hello_tag);
  test::Bytes buffer(2000);
  const ByteSpan hello_signing = proto::signing_bytes(hello_tag, 0, nonce, buffer);
  expect("hello signing bytes", hello_signing);
  const Bytes64 hello_signature = key.sign(hello_signing);
  expect("hello signature", hello_signature);
  wire::Frame frame;
  frame.mutable_hello()->set_version(1);
  frame.mutable_hello()->set_slot(5);
  frame.mutable_hello()->set_key_generation(1);
  frame.mutable_hello()->set_signature(test::string_of(hello_signature));
  const auto framed = [&] {
    const test::Bytes body = test::serialized(frame);
    test::Bytes bytes(4);
    store_le32(bytes.data(), static_cast<std::uint32_t>(body.size()));
    return test::operator+(bytes, body);
  };
  expect("hello frame", framed());

  // The reading: slot 5, sequence 7.
  wire::Payload payload;
  auto& reading = *payload.mutable_reading();
  reading.set_time(1451606400);
  auto& phase = *reading.add_phases();
  phase.set_phase(1);
  phase.set_whin(123456);
  phase.set_mvolt(230100);
  phase.set_mhertz(49987);
  phase.set_mpf(958);
  phase.set_maxmi(16000);
  const test::Bytes payload_bytes = test::serialized(payload);
  expect("payload", payload_bytes);
  const Bytes16 tag = proto::signing_tag(proto::SignatureKind::message, genesis_hash);
  expect("message tag", tag);
  const ByteSpan signing = proto::signing_bytes(tag, 7, payload_bytes, buffer);
  expect("signing bytes", signing);
  const Bytes64 signature = key.sign(signing);
  expect("signature", signature);
  frame.mutable_envelope()->set_slot(5);
  frame.mutable_envelope()->set_key_generation(1);
  frame.mutable_envelope()->set_sequence(7);
  frame.mutable_envelope()->set_payload(payload.SerializeAsString());
  frame.mutable_envelope()->set_signature(test::string_of(signature));
  expect("envelope frame", framed());
  expect("message id", proto::message_id(key.public_key, signature, signing));

  // Its receipt: batch 12, ok.
  frame.mutable_receipt()->set_slot(5);
  frame.mutable_receipt()->set_sequence(7);
  frame.mutable_receipt()->set_batch(12);
  expect("receipt frame", framed());
}

TEST_F(WireFormatPage, WorkedFramesAreAcceptedByTheStrictDecoder) {
  const test::Bytes frame = from_hex(values_["envelope frame"]).value_or(test::Bytes{});
  ASSERT_GT(frame.size(), 4u);
  strict::FrameView view;
  ASSERT_EQ(strict::decode_frame(ByteSpan(frame).subspan(4), view), Result::ok);
  strict::EnvelopeView envelope;
  ASSERT_EQ(strict::decode_envelope(view.message, envelope), Result::ok);
  strict::PayloadView payload;
  ASSERT_EQ(strict::decode_payload(envelope.payload, payload), Result::ok);
  EXPECT_EQ(std::get<strict::Reading>(payload.operation).items[0].whin, 123456u);
}

TEST_F(WireFormatPage, ListsEveryResultCodeInOrderWithItsMeaning) {
  std::string expected;
#define ELECTRA_RESULT_ROW(name, number, text) expected += "| " #number " | `" #name "` | " text " |\n";
  ELECTRA_RESULTS(ELECTRA_RESULT_ROW)
#undef ELECTRA_RESULT_ROW
  EXPECT_THAT(page_, testing::HasSubstr(expected));
}

// "- `Tick`: time 1 uint64"
std::string described(const google::protobuf::Descriptor& message) {
  std::string line = "- `" + message.name() + "`:";
  for (int index = 0; index < message.field_count(); ++index) {
    const auto& field = *message.field(index);
    const auto* submessage = field.message_type();
    line += index == 0 ? " " : ", ";
    line += field.name() + " " + std::to_string(field.number()) + (field.is_repeated() ? " repeated " : " ");
    line += submessage != nullptr ? submessage->name() : field.type_name();
    if (field.containing_oneof() != nullptr) line += " (" + field.containing_oneof()->name() + ")";
  }
  return line + (message.field_count() == 0 ? " no fields\n" : "\n");
}

TEST_F(WireFormatPage, ListsEveryMessageWithItsFields) {
  std::string expected;
  for (const auto* file : {wire::Frame::descriptor()->file(), wire::Query::descriptor()->file()}) {
    for (int index = 0; index < file->message_type_count(); ++index) expected += described(*file->message_type(index));
  }
  EXPECT_THAT(page_, testing::HasSubstr(expected)) << "the list should read:\n" << expected;
}

TEST_F(WireFormatPage, StatesTheLimitsOfTheCode) {
  EXPECT_THAT(page_, testing::HasSubstr(std::to_string(strict::kFrameBytesMax) + " bytes"));
  EXPECT_THAT(page_, testing::HasSubstr(std::to_string(strict::kAnswerBytesMax) + " bytes"));
  EXPECT_THAT(page_, testing::HasSubstr("at most " + std::to_string(strict::kTransfersMax) + " transfers"));
}

}  // namespace
}  // namespace electra
