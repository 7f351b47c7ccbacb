#include "meter-proto/client/message.h"

namespace electra::client {

std::expected<std::size_t, std::string> write_message_frame(const Sender& sender, const Bytes32& genesis_hash,
                                                            std::uint64_t sequence, const strict::PayloadView& payload,
                                                            const SignFunction& sign, MutableByteSpan out) {
  std::array<std::uint8_t, strict::kFrameBytesMax> payload_buffer;
  const std::size_t payload_bytes = proto::encode_payload(payload, payload_buffer);
  if (payload_bytes == 0) return std::unexpected("the payload is longer than a frame may be");
  const ByteSpan payload_span(payload_buffer.data(), payload_bytes);
  const std::optional<Bytes64> signature = sign(proto::SignatureKind::message, genesis_hash, sequence, payload_span);
  if (!signature) return std::unexpected("the signer did not sign the message");
  return write_signed_frame(sender, sequence, payload_span, *signature, out);
}

std::expected<std::size_t, std::string> write_signed_frame(const Sender& sender, std::uint64_t sequence,
                                                           ByteSpan payload, const Bytes64& signature,
                                                           MutableByteSpan out) {
  strict::EnvelopeView envelope;
  envelope.slot = sender.slot;
  if (sender.slot == 0) envelope.address = sender.address;
  envelope.key_generation = sender.key_generation;
  envelope.sequence = sequence;
  envelope.payload = payload;
  envelope.signature = signature;
  const std::size_t frame_bytes =
      proto::encode_envelope_frame(envelope, out.first(std::min(out.size(), proto::kClientBufferBytes)));
  if (frame_bytes == 0) return std::unexpected("the message is longer than a frame may be");
  return frame_bytes;
}

std::expected<std::vector<std::uint8_t>, std::string> make_message_frame(const Sender& sender,
                                                                         const Bytes32& genesis_hash,
                                                                         std::uint64_t sequence,
                                                                         const strict::PayloadView& payload,
                                                                         const SignFunction& sign) {
  std::array<std::uint8_t, proto::kClientBufferBytes> buffer;
  const auto frame_bytes = write_message_frame(sender, genesis_hash, sequence, payload, sign, buffer);
  if (!frame_bytes) return std::unexpected(frame_bytes.error());
  return std::vector<std::uint8_t>(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*frame_bytes));
}

}  // namespace electra::client
