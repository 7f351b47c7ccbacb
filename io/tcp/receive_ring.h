// The receive buffers that all connections share: a ring of buffers lent to the kernel, which fills one per arrival.
//
// Lent → filled (the completion names the buffer) → given back. Buffers that are not given back are the back-pressure:
// when none is lent, the kernel ends the receives with ENOBUFS and the bytes stay with the senders.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "io/loop.h"
#include "meter-proto/base/bytes.h"

struct io_uring_buf_ring;

namespace electra::io {

class ReceiveRing {
 public:
  // buffers: a power of two up to 32768. group: the buffer group's number on this loop.
  [[nodiscard]] static std::expected<std::unique_ptr<ReceiveRing>, std::string> create(Loop& loop, std::uint16_t group,
                                                                                       std::uint32_t buffers,
                                                                                       std::uint32_t buffer_bytes);
  // No receive on this group may be pending.
  ~ReceiveRing();
  ReceiveRing(const ReceiveRing&) = delete;
  ReceiveRing& operator=(const ReceiveRing&) = delete;

  [[nodiscard]] ByteSpan bytes(std::uint32_t buffer, std::uint32_t offset, std::uint32_t length) const noexcept;

  // The kernel filled this buffer: it is ours until give_back().
  void taken() noexcept { --lent_; }
  void give_back(std::uint32_t buffer) noexcept;

  [[nodiscard]] std::uint32_t lent() const noexcept { return lent_; }
  [[nodiscard]] std::uint16_t group() const noexcept { return group_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return mapping_bytes_; }

 private:
  explicit ReceiveRing(Loop& loop) : loop_(loop) {}
  Loop& loop_;
  std::uint16_t group_ = 0;
  std::uint32_t buffers_ = 0;
  std::uint32_t buffer_bytes_ = 0;
  std::uint32_t lent_ = 0;
  std::uint8_t* mapping_ = nullptr;  // the ring's entries, then the buffers
  std::size_t mapping_bytes_ = 0;
  std::size_t entries_bytes_ = 0;
  bool registered_ = false;
};

}  // namespace electra::io
