// A TCP connection that sends whatever a test wants, for clients that do not keep to the protocol.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <vector>

#include "meter-proto/base/assert.h"
#include "meter-proto/strict/frame.h"
#include "meter-proto/strict/session.h"

namespace electra::test {

class RawSocket {
 public:
  // receive_buffer_bytes 0: the system's choice.
  explicit RawSocket(std::uint16_t port, int receive_buffer_bytes = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), splitter_(strict::kAnswerBytesMax) {
    ELECTRA_ASSERT_LE(0, fd_);
    if (receive_buffer_bytes != 0) {
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    }
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawSocket() {
    if (fd_ >= 0) ::close(fd_);
  }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  [[nodiscard]] bool connected() const noexcept { return connected_; }

  // False: the gateway has closed.
  bool send(ByteSpan bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // As a process that is killed with bytes unread: no orderly end.
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(fd_);
    fd_ = -1;
    ended_ = true;
  }
  void end_of_sending() { ::shutdown(fd_, SHUT_WR); }

  // The body of the next frame from the gateway; nothing: closed, or none came in time.
  std::optional<std::vector<std::uint8_t>> read_frame(std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (true) {
      ByteSpan body;
      if (splitter_.next(body) == strict::FrameSplitter::Status::frame) return std::vector(body.begin(), body.end());
      if (!read_some(deadline)) return std::nullopt;
    }
  }

  // Reads and drops until the gateway ends the connection; false: it did not in time.
  bool closed_by_gateway(std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    ByteSpan body;
    while (!ended_) {
      while (splitter_.next(body) == strict::FrameSplitter::Status::frame) {
      }
      if (!read_some(deadline)) break;
    }
    return ended_;
  }

  // The connection has ended or been reset, as seen without reading what has come.
  [[nodiscard]] bool hung_up() const {
    pollfd poll_fd{.fd = fd_, .events = POLLRDHUP, .revents = 0};
    ::poll(&poll_fd, 1, 0);
    return (poll_fd.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
  }

 private:
  bool read_some(std::chrono::steady_clock::time_point deadline) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd poll_fd{.fd = fd_, .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || ::poll(&poll_fd, 1, static_cast<int>(left.count())) <= 0) return false;
    const ssize_t count = ::recv(fd_, buffer_.data(), buffer_.size(), 0);
    if (count <= 0) {
      ended_ = true;
      return false;
    }
    splitter_.feed({buffer_.data(), static_cast<std::size_t>(count)});
    return true;
  }

  int fd_;
  bool connected_ = false;
  bool ended_ = false;
  std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(64 * 1024);
  strict::FrameSplitter splitter_;
};

}  // namespace electra::test
