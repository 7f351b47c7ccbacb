#include "io/journal/record_buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "meter-proto/base/assert.h"
#include "meter-proto/base/sha256.h"

namespace electra::io {
namespace {

constexpr std::uint32_t kBuffersMax = 256;

}  // namespace

bool RecordBuffer::append(ByteSpan envelope) noexcept {
  ELECTRA_ASSERT_LT(0u, envelope.size());
  ELECTRA_ASSERT_LE(envelope.size(), kEntryBytesMax);
  const std::size_t end = body_bytes_ + kEntryLengthBytes + envelope.size();
  if (count_ == kRecordMessagesMax || end > kRecordBodyBytesMax) return false;
  std::uint8_t* const entry = memory_ + kRecordHeaderBytes + body_bytes_;
  store_le16(entry, static_cast<std::uint16_t>(envelope.size()));
  std::memcpy(entry + kEntryLengthBytes, envelope.data(), envelope.size());
  body_bytes_ = static_cast<std::uint32_t>(end);
  ends_[count_++] = body_bytes_;
  body_hashed_ = false;
  return true;
}

ByteSpan RecordBuffer::entry(std::uint32_t index) const noexcept {
  ELECTRA_ASSERT_LT(index, count_);
  const std::uint32_t begin = (index == 0 ? 0 : ends_[index - 1]) + static_cast<std::uint32_t>(kEntryLengthBytes);
  return {memory_ + kRecordHeaderBytes + begin, ends_[index] - begin};
}

void RecordBuffer::retain(std::span<const std::uint8_t> keep) noexcept {
  ELECTRA_ASSERT_EQ(keep.size(), count_);
  std::uint8_t* const body = memory_ + kRecordHeaderBytes;
  std::uint32_t begin = 0;
  std::uint32_t kept_bytes = 0;
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < count_; ++i) {
    const std::uint32_t end = ends_[i];
    if (keep[i] != 0) {
      if (kept_bytes != begin) std::memmove(body + kept_bytes, body + begin, end - begin);
      kept_bytes += end - begin;
      ends_[kept++] = kept_bytes;
    }
    begin = end;
  }
  count_ = kept;
  body_bytes_ = kept_bytes;
  body_hashed_ = false;
}

void RecordBuffer::clear() noexcept {
  count_ = 0;
  body_bytes_ = 0;
  body_hashed_ = false;
}

const Bytes32& RecordBuffer::body_hash() noexcept {
  if (!body_hashed_) body_hash_ = sha256(body());
  body_hashed_ = true;
  return body_hash_;
}

std::expected<std::unique_ptr<RecordBufferPool>, std::string> RecordBufferPool::create(std::uint32_t count) {
  ELECTRA_ASSERT_LE(1u, count);
  ELECTRA_ASSERT_LE(count, kBuffersMax);
  std::unique_ptr<RecordBufferPool> pool(new RecordBufferPool);
  const std::size_t bytes = count * kRecordBytesMax;
  // Touched now: the first touch of a page costs a microsecond, which no batch should pay.
  void* const mapping = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (mapping == MAP_FAILED) {
    return std::unexpected("cannot get " + std::to_string(bytes) + " bytes for " + std::to_string(count) +
                           " batch buffers: " + std::strerror(errno));
  }
  pool->mapping_ = static_cast<std::uint8_t*>(mapping);
  pool->mapping_bytes_ = bytes;
  pool->ends_.resize(std::size_t{count} * kRecordMessagesMax);
  pool->buffers_.resize(count);
  pool->free_.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    RecordBuffer& buffer = pool->buffers_[i];
    buffer.memory_ = pool->mapping_ + i * kRecordBytesMax;
    buffer.ends_ = pool->ends_.data() + std::size_t{i} * kRecordMessagesMax;
    buffer.pool_index_ = i;
    pool->free_.push_back(count - 1 - i);
  }
  return pool;
}

RecordBufferPool::~RecordBufferPool() {
  if (mapping_ != nullptr) munmap(mapping_, mapping_bytes_);
}

RecordBuffer* RecordBufferPool::acquire() noexcept {
  if (free_.empty()) return nullptr;
  RecordBuffer& buffer = buffers_[free_.back()];
  free_.pop_back();
  buffer.taken_ = true;
  buffer.clear();
  return &buffer;
}

void RecordBufferPool::release(RecordBuffer& buffer) noexcept {
  ELECTRA_ASSERT(buffer.taken_);
  ELECTRA_ASSERT_LT(buffer.pool_index_, buffers_.size());
  buffer.taken_ = false;
  free_.push_back(buffer.pool_index_);
}

std::size_t RecordBufferPool::memory_bytes() const noexcept {
  return mapping_bytes_ + ends_.size() * sizeof(std::uint32_t);
}

}  // namespace electra::io
