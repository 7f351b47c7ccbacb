// Frames signed before the clock runs, in the order in which each connection will send them.
//
// A stream is what one connection sends. Its frames lie one behind the other, so that a write is one piece of memory (two
// where it crosses from a chunk to the next) and the kernel copies straight from here. Chunks are parts of one mapping of
// the system; pages that no frame reaches are never touched. Signed on all cores, about 1 µs a message and core.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <expected>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "crypto-offload/batch_signer.h"
#include "meter-proto/base/bytes.h"
#include "meter-proto/strict/payload.h"

namespace electra::bench {

// A message before it is signed.
struct Draft {
  std::uint32_t slot = 0;
  std::uint64_t sequence = 0;
  const crypto::ExpandedKey* key = nullptr;  // a forged one is signed by somebody else's
  strict::PayloadView payload;
};

// done and total messages, now and then, from one thread.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

class FrameStore {
 public:
  // Fills the draft of the message at a position of a stream. Called by several threads at once.
  using Describe = std::function<void(std::uint32_t stream, std::uint64_t position, Draft& draft)>;

  // Messages of a chunk; more than the largest write, so that one touches at most two.
  static constexpr std::uint64_t kChunkMessages = 8192;
  static constexpr std::size_t kPiecesMax = 2;

  FrameStore() = default;
  FrameStore(FrameStore&& other) noexcept;
  FrameStore& operator=(FrameStore&& other) noexcept;
  ~FrameStore();

  // lengths: messages of each stream. The error: a payload longer than a frame, or no memory.
  [[nodiscard]] static std::expected<FrameStore, std::string> sign(const Bytes16& tag,
                                                                   std::span<const std::uint64_t> lengths,
                                                                   const Describe& describe,
                                                                   const Progress& progress = {});

  [[nodiscard]] std::uint32_t streams() const noexcept { return static_cast<std::uint32_t>(streams_.size()); }
  [[nodiscard]] std::uint64_t length(std::uint32_t stream) const noexcept { return streams_[stream].length; }
  // All streams together; the number of a message is first(stream) + position.
  [[nodiscard]] std::uint64_t messages() const noexcept { return sizes_.size(); }
  [[nodiscard]] std::uint64_t first(std::uint32_t stream) const noexcept { return streams_[stream].first; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

  // A place in a stream.
  struct Cursor {
    std::uint64_t position = 0;
    std::uint64_t offset = 0;  // in the chunk
  };
  [[nodiscard]] Cursor seek(std::uint32_t stream, std::uint64_t position) const noexcept;
  // The frames of the next `count` messages (at most kChunkMessages, not beyond the end) as one or two pieces; moves the
  // cursor behind them. Returns the number of pieces.
  [[nodiscard]] std::size_t take(std::uint32_t stream, Cursor& cursor, std::uint64_t count,
                                 std::span<iovec, kPiecesMax> pieces) const noexcept;

 private:
  struct Stream {
    std::uint64_t length = 0;
    std::uint64_t first = 0;  // number of its first message
    std::uint64_t first_chunk = 0;
  };
  [[nodiscard]] std::uint8_t* chunk(std::uint64_t number) const noexcept;
  // Signs one chunk of a stream; the number of its bytes, or the error.
  [[nodiscard]] std::expected<std::uint64_t, std::string> sign_chunk(const Bytes16& tag, const Describe& describe,
                                                                     std::uint32_t stream, std::uint64_t chunk_index);

  std::vector<Stream> streams_;
  std::vector<std::uint16_t> sizes_;  // of each frame, length included
  std::uint64_t bytes_ = 0;
  std::uint8_t* mapping_ = nullptr;
  std::size_t mapping_bytes_ = 0;
};

}  // namespace electra::bench
