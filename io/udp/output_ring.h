// Datagrams that wait to be sent, in order: a ring of fixed places in memory that is touched when used.
//
// Sent many a system call (sendmmsg), which costs less than a request on the ring each. Segmentation by the kernel
// (UDP_SEGMENT) is of no use here: it wants datagrams of one size, and those of whole frames differ. When nothing waits the ring begins at its first place again, so that it touches as
// much memory as ever waited at once.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "io/datagram_port.h"

namespace electra::io {

class OutputRing {
 public:
  // family: of the socket that sends.
  [[nodiscard]] static std::expected<std::unique_ptr<OutputRing>, std::string> create(std::uint32_t datagrams,
                                                                                      int family);
  ~OutputRing();
  OutputRing(const OutputRing&) = delete;
  OutputRing& operator=(const OutputRing&) = delete;

  // The next free place, kDatagramBytesMax bytes; empty: none is free.
  [[nodiscard]] MutableByteSpan place() noexcept;
  // The first bytes of place() are a datagram for this peer.
  void push(const PeerAddress& peer, std::size_t bytes) noexcept;

  [[nodiscard]] std::uint32_t waiting() const noexcept { return count_; }

  // Sends until nothing waits (true) or the socket takes no more now (false).
  [[nodiscard]] bool flush(int fd) noexcept;

  [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }
  [[nodiscard]] std::uint64_t failed() const noexcept { return failed_; }  // for which the system had an error
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  struct Entry {
    PeerAddress peer;
    std::uint32_t bytes = 0;
  };
  OutputRing() = default;
  [[nodiscard]] std::uint8_t* memory(std::uint32_t place) const noexcept;
  void drop(std::uint32_t count) noexcept;

  int family_ = 0;
  std::uint8_t* mapping_ = nullptr;
  std::vector<Entry> entries_;
  std::uint32_t first_ = 0;
  std::uint32_t count_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t failed_ = 0;
};

}  // namespace electra::io
