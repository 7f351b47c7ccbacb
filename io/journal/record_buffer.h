// The memory of one batch, laid out as the record will stand on disk: header room, then the body that grows by entries.
//
// A message is copied once, from the receive buffer to its final place; the record is sealed around it and written from
// here without another copy. Buffers come from a fixed pool that is mapped and touched at start (about 2 MiB each), so
// that an empty pool is the pipeline's back-pressure signal. One thread. Invariant: bytes beyond the body up to the next
// 4 KiB boundary are whatever they are until the writer seals the record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/journal/record_format.h"
#include "meter-proto/base/bytes.h"

namespace electra::io {

class RecordBuffer {
 public:
  // Copies one envelope (1..65535 bytes) as the next entry. False, nothing changed: 8192 messages or 2 MiB are reached.
  [[nodiscard]] bool append(ByteSpan envelope) noexcept;

  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] ByteSpan body() const noexcept { return {memory_ + kRecordHeaderBytes, body_bytes_}; }

  // The envelope of entry index < count(), without its length. Valid until clear() or retain().
  [[nodiscard]] ByteSpan entry(std::uint32_t index) const noexcept;

  // Keeps the entries whose flag is not zero, in order; moves the bytes of those behind a removed one. One flag an entry.
  // The journal gets only messages with a good signature.
  void retain(std::span<const std::uint8_t> keep) noexcept;

  // Back to no entries.
  void clear() noexcept;

  // SHA-256 of the body, hashed once: whoever asks first pays, so a worker may, before the buffer goes to the writer.
  [[nodiscard]] const Bytes32& body_hash() noexcept;

  [[nodiscard]] std::uint32_t pool_index() const noexcept { return pool_index_; }

  // For the journal's writer: the whole record's memory, 4 KiB aligned, kRecordBytesMax long.
  [[nodiscard]] std::uint8_t* memory() noexcept { return memory_; }

 private:
  friend class RecordBufferPool;
  std::uint8_t* memory_ = nullptr;
  std::uint32_t* ends_ = nullptr;  // of entry i: offset in the body just behind it
  std::uint32_t body_bytes_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t pool_index_ = 0;
  bool taken_ = false;
  bool body_hashed_ = false;
  Bytes32 body_hash_{};
};

class RecordBufferPool {
 public:
  // count 1..256 buffers. The error names the bytes asked for.
  [[nodiscard]] static std::expected<std::unique_ptr<RecordBufferPool>, std::string> create(std::uint32_t count);
  ~RecordBufferPool();
  RecordBufferPool(const RecordBufferPool&) = delete;
  RecordBufferPool& operator=(const RecordBufferPool&) = delete;

  // An empty buffer, nullptr when all are taken.
  [[nodiscard]] RecordBuffer* acquire() noexcept;
  void release(RecordBuffer& buffer) noexcept;

  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(buffers_.size()); }
  [[nodiscard]] std::uint32_t available() const noexcept { return static_cast<std::uint32_t>(free_.size()); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

  // Whole mapping, for registration with the ring; buffer i lies at i * kRecordBytesMax.
  [[nodiscard]] std::span<std::uint8_t> mapping() noexcept { return {mapping_, mapping_bytes_}; }

 private:
  RecordBufferPool() = default;
  std::uint8_t* mapping_ = nullptr;
  std::size_t mapping_bytes_ = 0;
  std::vector<std::uint32_t> ends_;
  std::vector<RecordBuffer> buffers_;
  std::vector<std::uint32_t> free_;
};

}  // namespace electra::io
