// Canonical encoders: the bytes that libprotobuf would write, without it.
//
// Every function writes to the front of `out` and returns the number of bytes written, or 0 when they do not fit (no
// message here encodes to nothing in a frame; an inner message of zeros may, see encode_payload). No allocation. The
// ..._frame functions write a whole frame, length included, so that a caller may lay frames side by side in one buffer
// and send them in one write.
#pragma once

#include "meter-proto/strict/envelope.h"
#include "meter-proto/strict/frame.h"
#include "meter-proto/strict/payload.h"
#include "meter-proto/strict/session.h"

namespace electra::proto {

// Enough for every payload, envelope and frame that a client may send.
inline constexpr std::size_t kClientBufferBytes = strict::kFrameHeaderBytes + strict::kFrameBytesMax;

// Enough for a frame with a welcome, hello answer, receipt, refusal or tick answer.
inline constexpr std::size_t kSessionFrameBytesMax = 512;

// The shortest frame with an envelope: length, Frame's tag and length, slot, generation, sequence, a payload of two bytes,
// signature. Bounds how many messages a piece of bytes can hold.
inline constexpr std::size_t kEnvelopeFrameBytesMin = strict::kFrameHeaderBytes + 2 + 2 + 2 + 9 + 4 + 66;

// The longest frame with a receipt (length, Frame's tag and length, slot, sequence, result, batch, detail, repeated), and
// with a refusal that has no text.
inline constexpr std::size_t kReceiptFrameBytesMax = strict::kFrameHeaderBytes + 2 + 6 + 9 + 4 + 11 + 11 + 2;
inline constexpr std::size_t kBareRefusalFrameBytesMax = strict::kFrameHeaderBytes + 2 + 4 + 6 + 9;

// The payload as it is signed and sent. Its operation must not be std::monostate (asserted); a payload always has at
// least the two bytes of an empty operation.
[[nodiscard]] std::size_t encode_payload(const strict::PayloadView& payload, MutableByteSpan out);

// Envelope without a frame around it: what the journal keeps.
[[nodiscard]] std::size_t encode_envelope(const strict::EnvelopeView& envelope, MutableByteSpan out);

// 4 bytes of length, then the Frame with `message` as its `kind`.
[[nodiscard]] std::size_t encode_frame(strict::FrameKind kind, ByteSpan message, MutableByteSpan out);

[[nodiscard]] std::size_t encode_envelope_frame(const strict::EnvelopeView& envelope, MutableByteSpan out);
[[nodiscard]] std::size_t encode_welcome_frame(const strict::Welcome& welcome, MutableByteSpan out);
[[nodiscard]] std::size_t encode_hello_frame(const strict::Hello& hello, MutableByteSpan out);
[[nodiscard]] std::size_t encode_hello_answer_frame(const strict::HelloAnswer& answer, MutableByteSpan out);
[[nodiscard]] std::size_t encode_receipt_frame(const strict::Receipt& receipt, MutableByteSpan out);
// A text above kRefusalTextBytesMax is cut; bytes above 0x7f become "?".
[[nodiscard]] std::size_t encode_refusal_frame(const strict::Refusal& refusal, MutableByteSpan out);
[[nodiscard]] std::size_t encode_tick_frame(const strict::Tick& tick, MutableByteSpan out);
[[nodiscard]] std::size_t encode_tick_answer_frame(const strict::TickAnswer& answer, MutableByteSpan out);

}  // namespace electra::proto
