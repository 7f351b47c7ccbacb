// Datagrams by a socket on the io_uring loop: received by one request that goes on, into buffers that the kernel picks,
// sent many a system call at the end of a turn.
//
// Bounded: so many datagrams wait for the handler here (receive_buffers), so many bytes before that in the kernel
// (socket_buffer_bytes), so many answers for the network (output_datagrams). What is beyond is lost and counted. Nothing is
// allocated after open(). All calls on the loop's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "io/datagram_port.h"
#include "io/loop.h"

namespace electra::io {

struct UdpServerConfig {
  std::string address = "127.0.0.1";                       // numeric IPv4 or IPv6
  std::uint16_t port = 0;                                  // 0: the system chooses; see port()
  std::uint32_t receive_buffers = 1024;                    // of 2 KiB, a datagram each; a power of two up to 32768
  std::size_t socket_buffer_bytes = std::size_t{8} << 20;  // asked for; the kernel takes more than 2 KiB for a datagram
  std::uint32_t output_datagrams = 8192;                   // address space of 1.5 KiB each, touched when used
};

class UdpServer final : public DatagramPort {
 public:
  // Binds and starts to receive (at the loop's next turn). The loop and the handler outlive the server. The error names the
  // address and what the system said.
  [[nodiscard]] static std::expected<std::unique_ptr<UdpServer>, std::string> open(Loop& loop,
                                                                                   const UdpServerConfig& config,
                                                                                   DatagramHandler& handler);
  // Outside of the loop's callbacks only. Sends what waits if the network takes it at once, and turns the loop until the
  // kernel let go of the server's memory; the handler is not called any more.
  ~UdpServer() override;
  UdpServer(const UdpServer&) = delete;
  UdpServer& operator=(const UdpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept;
  [[nodiscard]] std::size_t socket_buffer_bytes() const noexcept;  // that the system granted

  [[nodiscard]] MutableByteSpan output() override;
  void send(const PeerAddress& peer, std::size_t bytes) override;
  void pause_reading() noexcept override;
  void resume_reading() noexcept override;
  [[nodiscard]] bool paused() const noexcept override;
  [[nodiscard]] DatagramPortCounters counters() const noexcept override;
  [[nodiscard]] std::size_t memory_bytes() const noexcept override;

 private:
  struct Impl;
  explicit UdpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace electra::io
