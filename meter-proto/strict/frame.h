// Frames: how messages are cut out of a byte stream or a datagram.
//
// A frame is a 4-byte little-endian length and that many bytes, its body: one wire Frame message. The length is checked
// against the limit before anything is stored. A gateway reads bodies of at most kFrameBytesMax; with the length that is
// a datagram's 1,472 bytes. Answers to queries may be longer.
#pragma once

#include <memory>

#include "meter-proto/base/bytes.h"
#include "meter-proto/base/result.h"

namespace electra::strict {

inline constexpr std::size_t kFrameHeaderBytes = 4;
inline constexpr std::size_t kFrameBytesMax = 1468;          // body, client to gateway
inline constexpr std::size_t kAnswerBytesMax = 1024 * 1024;  // body, gateway to client
inline constexpr std::uint32_t kProtocolVersion = 1;

// The field numbers of Frame's oneof.
enum class FrameKind : std::uint8_t {
  welcome = 1,
  hello = 2,
  hello_answer = 3,
  envelope = 4,
  receipt = 5,
  refusal = 6,
  query = 7,
  query_answer = 8,
  tick = 9,
  tick_answer = 10,
};

struct FrameView {
  FrameKind kind{};
  ByteSpan message;  // the encoded Welcome, Hello, …; may be empty (a message whose fields are all zero)
};

// Reads a frame's body: exactly one field of the oneof, its length minimal and right. ok or malformed_frame.
[[nodiscard]] Result decode_frame(ByteSpan body, FrameView& frame) noexcept;

// Cuts a byte stream into frame bodies.
//
// feed() a piece, then call next() until it says `need_more`; only then may the piece be freed or another be fed. A body
// that lies whole in one piece is handed out in place, without a copy; the rest is kept here. Allocates once, at
// construction: the largest body. After `too_large` it stays so: the stream cannot be understood any more.
class FrameSplitter {
 public:
  enum class Status : std::uint8_t { frame, need_more, too_large };

  explicit FrameSplitter(std::size_t body_bytes_max = kFrameBytesMax);

  void feed(ByteSpan piece);

  // With `frame`, `body` is valid until the next call of next(), feed() or reset().
  [[nodiscard]] Status next(ByteSpan& body) noexcept;

  // Bytes of an unfinished frame that are kept here. 0: the stream stands between two frames.
  [[nodiscard]] std::size_t kept_bytes() const noexcept { return header_bytes_ + body_bytes_; }

  // Ready for a new stream.
  void reset() noexcept;

 private:
  std::unique_ptr<std::uint8_t[]> body_;
  std::size_t body_bytes_max_;
  std::array<std::uint8_t, kFrameHeaderBytes> header_{};
  std::size_t header_bytes_ = 0;  // of header_ that have arrived
  std::size_t body_bytes_ = 0;    // of body_ that have arrived
  ByteSpan piece_;                // what of the fed piece was not looked at yet
  bool too_large_ = false;
};

}  // namespace electra::strict
