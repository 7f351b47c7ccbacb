// Output that waits for a peer: chains of 16 KiB chunks from one pool, so that memory follows what is queued and not the
// number of connections.
//
// The pool reserves address space once and touches a chunk when it is first used; freed chunks are used again first. A
// queue never splits an append: all bytes or none.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "meter-proto/base/bytes.h"

namespace electra::io {

class OutputPool {
 public:
  static constexpr std::uint32_t kChunkBytes = 16 * 1024;
  static constexpr std::uint32_t kNone = UINT32_MAX;

  // bytes is rounded up to whole chunks.
  [[nodiscard]] static std::expected<std::unique_ptr<OutputPool>, std::string> create(std::size_t bytes);
  ~OutputPool();
  OutputPool(const OutputPool&) = delete;
  OutputPool& operator=(const OutputPool&) = delete;

  [[nodiscard]] std::size_t free_bytes() const noexcept { return free_.size() * kChunkBytes; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return next_.size() * kChunkBytes; }

 private:
  friend class OutputQueue;
  OutputPool() = default;
  std::uint8_t* mapping_ = nullptr;
  std::vector<std::uint32_t> next_;  // of a chunk: the one behind it in its queue
  std::vector<std::uint32_t> free_;
};

class OutputQueue {
 public:
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  // False: the pool has not enough chunks; nothing was queued.
  [[nodiscard]] bool append(OutputPool& pool, ByteSpan bytes) noexcept;

  // The first bytes as memory ranges, in order. Returns how many were filled. Valid until consume() or clear(); append()
  // only adds behind.
  [[nodiscard]] std::size_t gather(const OutputPool& pool, std::span<iovec> ranges) const noexcept;

  // Drops the first `bytes` <= bytes().
  void consume(OutputPool& pool, std::size_t bytes) noexcept;
  void clear(OutputPool& pool) noexcept { consume(pool, bytes_); }

 private:
  std::uint32_t head_ = OutputPool::kNone;
  std::uint32_t tail_ = OutputPool::kNone;
  std::uint32_t head_begin_ = 0;  // bytes of the first chunk that are gone
  std::uint32_t tail_end_ = 0;    // bytes of the last chunk that are used
  std::size_t bytes_ = 0;
};

}  // namespace electra::io
