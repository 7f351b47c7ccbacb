// What the benchmark's tests share: frames out of a store, and what stands in them.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "bench/e2e/frames.h"
#include "meter-proto/strict/envelope.h"
#include "meter-proto/strict/frame.h"

namespace electra::bench {

// The bytes of `count` messages from a position on, taken `step` messages at a time.
inline std::vector<std::uint8_t> bytes_of(const FrameStore& frames, std::uint32_t stream, std::uint64_t from,
                                          std::uint64_t count, std::uint64_t step) {
  std::vector<std::uint8_t> out;
  FrameStore::Cursor cursor = frames.seek(stream, from);
  while (count > 0) {
    const std::uint64_t now = std::min(count, step);
    std::array<iovec, FrameStore::kPiecesMax> pieces;
    const std::size_t used = frames.take(stream, cursor, now, pieces);
    for (std::size_t i = 0; i < used; ++i) {
      const auto* begin = static_cast<const std::uint8_t*>(pieces[i].iov_base);
      out.insert(out.end(), begin, begin + pieces[i].iov_len);
    }
    count -= now;
  }
  return out;
}

// Whole frames, length included. The bytes stay the caller's.
inline std::vector<ByteSpan> frames_of(ByteSpan bytes) {
  std::vector<ByteSpan> out;
  while (bytes.size() >= strict::kFrameHeaderBytes) {
    const std::size_t size = strict::kFrameHeaderBytes + load_le32(bytes.data());
    EXPECT_LE(size, bytes.size());
    out.push_back(bytes.first(size));
    bytes = bytes.subspan(size);
  }
  EXPECT_TRUE(bytes.empty());
  return out;
}

inline strict::EnvelopeView envelope_of(ByteSpan frame) {
  strict::FrameView view;
  EXPECT_EQ(strict::decode_frame(frame.subspan(strict::kFrameHeaderBytes), view), Result::ok);
  EXPECT_EQ(view.kind, strict::FrameKind::envelope);
  strict::EnvelopeView envelope;
  EXPECT_EQ(strict::decode_envelope(view.message, envelope), Result::ok);
  return envelope;
}

}  // namespace electra::bench
