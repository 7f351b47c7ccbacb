#include "io/tcp/output_queue.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "meter-proto/base/assert.h"

namespace electra::io {

std::expected<std::unique_ptr<OutputPool>, std::string> OutputPool::create(std::size_t bytes) {
  const std::size_t chunks = (bytes + kChunkBytes - 1) / kChunkBytes;
  ELECTRA_ASSERT_LT(0u, chunks);
  ELECTRA_ASSERT_LT(chunks, kNone);
  std::unique_ptr<OutputPool> pool(new OutputPool);
  void* const mapping =
      mmap(nullptr, chunks * kChunkBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) {
    return std::unexpected("cannot reserve " + std::to_string(chunks * kChunkBytes) +
                           " bytes for output: " + std::strerror(errno));
  }
  pool->mapping_ = static_cast<std::uint8_t*>(mapping);
  pool->next_.assign(chunks, kNone);
  pool->free_.reserve(chunks);
  for (std::size_t i = chunks; i > 0; --i) pool->free_.push_back(static_cast<std::uint32_t>(i - 1));
  return pool;
}

OutputPool::~OutputPool() {
  if (mapping_ != nullptr) munmap(mapping_, memory_bytes());
}

bool OutputQueue::append(OutputPool& pool, ByteSpan bytes) noexcept {
  const std::size_t room = tail_ == OutputPool::kNone ? 0 : OutputPool::kChunkBytes - tail_end_;
  if (bytes.size() > room + pool.free_bytes()) return false;
  bytes_ += bytes.size();
  while (!bytes.empty()) {
    if (tail_ == OutputPool::kNone || tail_end_ == OutputPool::kChunkBytes) {
      const std::uint32_t chunk = pool.free_.back();
      pool.free_.pop_back();
      pool.next_[chunk] = OutputPool::kNone;
      if (tail_ == OutputPool::kNone) {
        head_ = chunk;
        head_begin_ = 0;
      } else {
        pool.next_[tail_] = chunk;
      }
      tail_ = chunk;
      tail_end_ = 0;
    }
    const std::size_t part = std::min<std::size_t>(bytes.size(), OutputPool::kChunkBytes - tail_end_);
    std::memcpy(pool.mapping_ + std::size_t{tail_} * OutputPool::kChunkBytes + tail_end_, bytes.data(), part);
    tail_end_ += static_cast<std::uint32_t>(part);
    bytes = bytes.subspan(part);
  }
  return true;
}

std::size_t OutputQueue::gather(const OutputPool& pool, std::span<iovec> ranges) const noexcept {
  std::size_t filled = 0;
  std::uint32_t begin = head_begin_;
  for (std::uint32_t chunk = head_; chunk != OutputPool::kNone && filled < ranges.size(); chunk = pool.next_[chunk]) {
    const std::uint32_t end = chunk == tail_ ? tail_end_ : OutputPool::kChunkBytes;
    if (end > begin) {
      ranges[filled++] = {pool.mapping_ + std::size_t{chunk} * OutputPool::kChunkBytes + begin, end - begin};
    }
    begin = 0;
  }
  return filled;
}

void OutputQueue::consume(OutputPool& pool, std::size_t bytes) noexcept {
  ELECTRA_ASSERT_LE(bytes, bytes_);
  bytes_ -= bytes;
  while (head_ != OutputPool::kNone) {
    const std::uint32_t end = head_ == tail_ ? tail_end_ : OutputPool::kChunkBytes;
    const std::size_t part = std::min<std::size_t>(bytes, end - head_begin_);
    head_begin_ += static_cast<std::uint32_t>(part);
    bytes -= part;
    // An empty queue holds no chunk: the next append may find the pool fuller.
    if (head_begin_ < end) return;
    const std::uint32_t gone = head_;
    head_ = pool.next_[gone];
    head_begin_ = 0;
    if (gone == tail_) {
      tail_ = OutputPool::kNone;
      tail_end_ = 0;
    }
    pool.free_.push_back(gone);
  }
}

}  // namespace electra::io
