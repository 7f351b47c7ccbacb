// The other end of a session for the client's tests: it checks what it gets by the strict decoder and answers by script.
#pragma once

#include "meter-proto/client/session.h"
#include "tests/meter-proto/support.h"

namespace electra::test {

class FakeGateway {
 public:
  explicit FakeGateway(const Key& client_key) : client_public_key_(client_key.public_key) { put_welcome(); }

  // Bytes from the client; the answers are appended to `output`.
  void receive(ByteSpan bytes) {
    splitter_.feed(bytes);
    ByteSpan body;
    while (splitter_.next(body) == strict::FrameSplitter::Status::frame) {
      strict::FrameView frame;
      ASSERT_EQ(strict::decode_frame(body, frame), Result::ok);
      on_frame(frame);
    }
  }

  template <typename Encode>
  void put(Encode&& encode) {
    Bytes frame(proto::kSessionFrameBytesMax);
    frame.resize(encode(MutableByteSpan(frame)));
    output.insert(output.end(), frame.begin(), frame.end());
  }
  void put_welcome() {
    put([&](MutableByteSpan out) {
      return proto::encode_welcome_frame({.version = version,
                                          .genesis_hash = genesis_hash,
                                          .nonce = nonce,
                                          .chain_id = "electra-test-1",
                                          .time = 1'000'000'000,
                                          .replay_clock = true},
                                         out);
    });
  }

  Bytes output;
  Result hello_result = Result::ok;
  std::uint32_t version = strict::kProtocolVersion;
  Bytes32 genesis_hash = counting_bytes(1);
  Bytes32 nonce = counting_bytes(2);
  bool hello_verified = false;
  std::vector<std::uint64_t> sequences;  // of the envelopes that came
  bool refuses_hello = false;            // as a gateway does that does not know the sender

 private:
  void on_frame(const strict::FrameView& frame) {
    switch (frame.kind) {
      case strict::FrameKind::hello: {
        strict::Hello hello;
        ASSERT_EQ(strict::decode_hello(frame.message, hello), Result::ok);
        Bytes buffer(56);
        const ByteSpan signed_bytes =
            proto::signing_bytes(proto::signing_tag(proto::SignatureKind::hello, genesis_hash), 0, nonce, buffer);
        hello_verified = crypto_sign_verify_detached(hello.signature.data(), signed_bytes.data(), signed_bytes.size(),
                                                     client_public_key_.data()) == 0;
        if (refuses_hello) {
          put([&](MutableByteSpan out) {
            return proto::encode_refusal_frame({.result = Result::unknown_sender, .slot = hello.slot}, out);
          });
          return;
        }
        put([&](MutableByteSpan out) {
          return proto::encode_hello_answer_frame({.result = hello_result,
                                                   .slot = 5,
                                                   .status = 2,
                                                   .roles = 1,
                                                   .key_generation = 1,
                                                   .highest_sequence = 41,
                                                   .registration_id = registration_id_},
                                                  out);
        });
        return;
      }
      case strict::FrameKind::envelope: {
        strict::EnvelopeView envelope;
        ASSERT_EQ(strict::decode_envelope(frame.message, envelope), Result::ok);
        sequences.push_back(envelope.sequence);
        put([&](MutableByteSpan out) {
          return proto::encode_receipt_frame({.slot = envelope.slot, .sequence = envelope.sequence, .batch = 9}, out);
        });
        return;
      }
      case strict::FrameKind::query: {
        wire::Query query;
        ASSERT_TRUE(query.ParseFromArray(frame.message.data(), static_cast<int>(frame.message.size())));
        wire::QueryAnswer answer;
        answer.set_id(query.id());
        answer.mutable_status()->set_chain_id(std::string(100'000, 'x'));
        const Bytes message = serialized(answer);
        Bytes bytes(message.size() + 16);
        bytes.resize(proto::encode_frame(strict::FrameKind::query_answer, message, bytes));
        output.insert(output.end(), bytes.begin(), bytes.end());
        return;
      }
      case strict::FrameKind::tick: {
        strict::Tick tick;
        ASSERT_EQ(strict::decode_tick(frame.message, tick), Result::ok);
        put([&](MutableByteSpan out) {
          return proto::encode_tick_answer_frame({.time = tick.time, .batch = 10}, out);
        });
        return;
      }
      default: FAIL() << "a client does not send this";
    }
  }

  Bytes32 client_public_key_;
  strict::FrameSplitter splitter_;
  Bytes32 registration_id_ = counting_bytes(3);
};

inline strict::PayloadView reading_payload(std::uint64_t time) {
  strict::Reading reading;
  reading.time = time;
  reading.count = 1;
  reading.items[0] = {.phase = 1, .whin = 100};
  return {.operation = reading};
}

}  // namespace electra::test
