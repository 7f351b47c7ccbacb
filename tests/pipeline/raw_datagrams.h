// A UDP socket that sends whatever a test wants to a gateway on this machine, and says what comes back.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "meter-proto/base/assert.h"
#include "meter-proto/strict/frame.h"
#include "meter-proto/strict/session.h"

namespace electra::test {

class RawDatagrams {
 public:
  // host: 127.0.0.1 or ::1.
  explicit RawDatagrams(std::uint16_t port, const std::string& host = "127.0.0.1") {
    sockaddr_storage storage{};
    socklen_t bytes = 0;
    if (host.find(':') == std::string::npos) {
      auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
      v4.sin_family = AF_INET;
      v4.sin_port = htons(port);
      ELECTRA_ASSERT_EQ(inet_pton(AF_INET, host.c_str(), &v4.sin_addr), 1);
      bytes = sizeof v4;
    } else {
      auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
      v6.sin6_family = AF_INET6;
      v6.sin6_port = htons(port);
      ELECTRA_ASSERT_EQ(inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr), 1);
      bytes = sizeof v6;
    }
    fd_ = ::socket(storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ELECTRA_ASSERT_LE(0, fd_);
    const int buffer_bytes = 4 << 20;
    (void)::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    ELECTRA_ASSERT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&storage), bytes), 0);
  }
  ~RawDatagrams() { ::close(fd_); }
  RawDatagrams(const RawDatagrams&) = delete;
  RawDatagrams& operator=(const RawDatagrams&) = delete;

  void send(ByteSpan bytes) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ELECTRA_ASSERT_EQ(sent, static_cast<ssize_t>(bytes.size()));
  }

  // The next datagram; nothing: none came in time.
  std::optional<std::vector<std::uint8_t>> receive(std::chrono::milliseconds timeout) {
    pollfd poll_fd{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&poll_fd, 1, static_cast<int>(timeout.count())) <= 0) return std::nullopt;
    std::vector<std::uint8_t> bytes(65536);
    const ssize_t count = ::recv(fd_, bytes.data(), bytes.size(), 0);
    if (count < 0) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(count));
    return bytes;
  }

 private:
  int fd_ = -1;
};

// What a datagram from the gateway says: its frames are receipts or refusals, else the optional is empty.
struct DatagramAnswer {
  bool receipt = false;
  std::uint32_t slot = 0;
  std::uint64_t sequence = 0;
  Result result = Result::ok;
  std::uint64_t batch = 0;
  bool repeated = false;
};
inline std::optional<std::vector<DatagramAnswer>> answers_in(const std::vector<std::uint8_t>& datagram) {
  std::vector<DatagramAnswer> out;
  ByteSpan rest(datagram);
  while (!rest.empty()) {
    if (rest.size() < strict::kFrameHeaderBytes) return std::nullopt;
    const std::size_t length = load_le32(rest.data());
    if (length > rest.size() - strict::kFrameHeaderBytes) return std::nullopt;
    strict::FrameView frame;
    if (strict::decode_frame(rest.subspan(strict::kFrameHeaderBytes, length), frame) != Result::ok) return std::nullopt;
    rest = rest.subspan(strict::kFrameHeaderBytes + length);
    strict::Receipt receipt;
    strict::Refusal refusal;
    if (frame.kind == strict::FrameKind::receipt && strict::decode_receipt(frame.message, receipt) == Result::ok) {
      out.push_back({true, receipt.slot, receipt.sequence, receipt.result, receipt.batch, receipt.repeated});
    } else if (frame.kind == strict::FrameKind::refusal &&
               strict::decode_refusal(frame.message, refusal) == Result::ok) {
      out.push_back({false, refusal.slot, refusal.sequence, refusal.result, 0, false});
    } else {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace electra::test
