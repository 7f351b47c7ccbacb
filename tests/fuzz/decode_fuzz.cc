// Feeds the same bytes to the strict decoders and to libprotobuf. Whatever strict accepts, libprotobuf must read, and write
// back as the same bytes; and our encoders must write them too. The first byte chooses the message.
#include "electra/wire.pb.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/encode.h"

namespace {

using namespace electra;

template <typename Message>
void expect_canonical(ByteSpan bytes) {
  Message message;
  ELECTRA_ASSERT(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  ELECTRA_ASSERT(message.SerializeAsString() == text_of(bytes));
}

void expect_same(ByteSpan bytes, std::span<const std::uint8_t> buffer, std::size_t size) {
  ELECTRA_ASSERT_EQ(size, bytes.size());
  ELECTRA_ASSERT(equal_bytes(bytes, buffer.first(size)));
}

template <typename Message, typename View, Result (*decode)(ByteSpan, View&) noexcept>
void check_session_message(ByteSpan bytes) {
  View view;
  if (decode(bytes, view) == Result::ok) expect_canonical<Message>(bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteSpan bytes(data + 1, size - 1);
  std::vector<std::uint8_t> buffer(size + 16);
  switch (data[0] % 10) {
    case 0: {
      strict::EnvelopeView view;
      if (strict::decode_envelope(bytes, view) != Result::ok) break;
      expect_canonical<wire::Envelope>(bytes);
      expect_same(bytes, buffer, proto::encode_envelope(view, buffer));
      break;
    }
    case 1: {
      strict::PayloadView view;
      if (strict::decode_payload(bytes, view) != Result::ok) break;
      expect_canonical<wire::Payload>(bytes);
      expect_same(bytes, buffer, proto::encode_payload(view, buffer));
      break;
    }
    case 2: {
      // A frame's inner message may be anything here; what it is, is judged by its own decoder.
      strict::FrameView view;
      if (strict::decode_frame(bytes, view) != Result::ok) break;
      const std::size_t frame_bytes = proto::encode_frame(view.kind, view.message, buffer);
      expect_same(bytes, std::span<const std::uint8_t>(buffer).subspan(strict::kFrameHeaderBytes),
                  frame_bytes - strict::kFrameHeaderBytes);
      break;
    }
    case 3:  check_session_message<wire::Welcome, strict::Welcome, strict::decode_welcome>(bytes); break;
    case 4:  check_session_message<wire::Hello, strict::Hello, strict::decode_hello>(bytes); break;
    case 5:  check_session_message<wire::HelloAnswer, strict::HelloAnswer, strict::decode_hello_answer>(bytes); break;
    case 6:  check_session_message<wire::Receipt, strict::Receipt, strict::decode_receipt>(bytes); break;
    case 7:  check_session_message<wire::Refusal, strict::Refusal, strict::decode_refusal>(bytes); break;
    case 8:  check_session_message<wire::Tick, strict::Tick, strict::decode_tick>(bytes); break;
    default: check_session_message<wire::TickAnswer, strict::TickAnswer, strict::decode_tick_answer>(bytes);
  }
  return 0;
}
