#include "meter-proto/strict/frame.h"

#include "meter-proto/base/assert.h"
#include "meter-proto/strict/reader.h"

namespace electra::strict {

Result decode_frame(ByteSpan body, FrameView& frame) noexcept {
  Reader reader(body);
  const std::uint8_t tag = reader.next_tag();
  const std::uint8_t field = tag >> 3;
  if (tag != field_tag(field, WireType::bytes) || field < static_cast<std::uint8_t>(FrameKind::welcome) ||
      field > static_cast<std::uint8_t>(FrameKind::tick_answer)) {
    return Result::malformed_frame;
  }
  frame.kind = static_cast<FrameKind>(field);
  frame.message = reader.counted();
  return reader.done() ? Result::ok : Result::malformed_frame;
}

FrameSplitter::FrameSplitter(std::size_t body_bytes_max)
    : body_(std::make_unique_for_overwrite<std::uint8_t[]>(body_bytes_max)), body_bytes_max_(body_bytes_max) {
  ELECTRA_ASSERT_LT(0, body_bytes_max);
}

void FrameSplitter::feed(ByteSpan piece) {
  ELECTRA_ASSERT(piece_.empty() || too_large_);
  piece_ = piece;
}

FrameSplitter::Status FrameSplitter::next(ByteSpan& body) noexcept {
  if (too_large_) return Status::too_large;
  const std::size_t header_missing = std::min(kFrameHeaderBytes - header_bytes_, piece_.size());
  std::copy_n(piece_.begin(), header_missing, header_.begin() + static_cast<std::ptrdiff_t>(header_bytes_));
  header_bytes_ += header_missing;
  piece_ = piece_.subspan(header_missing);
  if (header_bytes_ < kFrameHeaderBytes) return Status::need_more;

  const std::size_t length = load_le32(header_.data());
  if (length > body_bytes_max_) {
    too_large_ = true;
    piece_ = {};
    return Status::too_large;
  }
  if (body_bytes_ == 0 && piece_.size() >= length) {
    body = piece_.first(length);
    piece_ = piece_.subspan(length);
    header_bytes_ = 0;
    return Status::frame;
  }
  const std::size_t body_missing = std::min(length - body_bytes_, piece_.size());
  std::copy_n(piece_.begin(), body_missing, body_.get() + body_bytes_);
  body_bytes_ += body_missing;
  piece_ = piece_.subspan(body_missing);
  if (body_bytes_ < length) return Status::need_more;
  body = {body_.get(), length};
  header_bytes_ = 0;
  body_bytes_ = 0;
  return Status::frame;
}

void FrameSplitter::reset() noexcept {
  header_bytes_ = 0;
  body_bytes_ = 0;
  piece_ = {};
  too_large_ = false;
}

}  // namespace electra::strict
