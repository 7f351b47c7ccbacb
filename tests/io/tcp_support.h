// A TCP server on a loop that the test's own thread turns, a peer that talks to it between the turns, and a handler that
// records what happens.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/tcp_server.h"

namespace electra::io {

inline constexpr std::uint64_t kMillisecond = 1'000'000;

// A blocking client; the test's own thread turns the server's loop between its calls.
class TcpPeer {
 public:
  explicit TcpPeer(std::uint16_t port, int receive_buffer = 0) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0) setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    fcntl(fd_, F_SETFL, O_NONBLOCK);
  }
  ~TcpPeer() { close_now(); }
  TcpPeer(TcpPeer&& other) noexcept : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  TcpPeer(const TcpPeer&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  // How many bytes the kernel took.
  std::size_t send(std::string_view bytes) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }
  // What is there now.
  std::string receive() {
    std::string out;
    char bytes[65536];
    for (ssize_t got; (got = recv(fd_, bytes, sizeof bytes, 0)) != -1;) {
      if (got == 0) {
        ended_ = true;
        break;
      }
      out.append(bytes, static_cast<std::size_t>(got));
    }
    if (errno == ECONNRESET) reset_ = ended_ = true;
    return out;
  }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool reset() const { return reset_; }
  void shut_write() { shutdown(fd_, SHUT_WR); }
  void close_now() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void reset_now() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close_now();
  }

 private:
  int fd_ = -1;
  bool connected_ = false;
  bool ended_ = false;
  bool reset_ = false;
};

// Records what happens; by default echoes.
class TcpRecorder final : public TcpHandler {
 public:
  void on_open(ConnectionId connection) override {
    opened.push_back(connection);
    server->established(connection);
  }
  std::size_t on_bytes(ConnectionId connection, ByteSpan bytes) override {
    ++deliveries;
    if (take != nullptr) return take(connection, bytes);
    received[connection.index].append(text_of(bytes));
    if (echo) (void)server->send(connection, bytes);
    return bytes.size();
  }
  void on_end(ConnectionId connection) override {
    ended.push_back(connection);
    if (close_on_end) server->close(connection, CloseMode::after_flush);
  }
  void on_close(ConnectionId connection, CloseReason reason) override { closed.emplace_back(connection, reason); }
  void on_stopped() override { stopped = true; }

  TcpServer* server = nullptr;
  bool echo = true;
  bool close_on_end = true;
  bool stopped = false;
  int deliveries = 0;
  std::function<std::size_t(ConnectionId, ByteSpan)> take;
  std::vector<ConnectionId> opened;
  std::vector<ConnectionId> ended;
  std::vector<std::pair<ConnectionId, CloseReason>> closed;
  std::map<std::uint32_t, std::string> received;
};

class TcpServerTest : public testing::Test {
 protected:
  void start(TcpServerConfig config = {}) {
    auto loop = Loop::create();
    ASSERT_TRUE(loop.has_value()) << loop.error();
    loop_ = std::move(*loop);
    auto server = TcpServer::listen(*loop_, config, handler_);
    ASSERT_TRUE(server.has_value()) << server.error();
    server_ = std::move(*server);
    handler_.server = server_.get();
  }
  // Turns the loop until the condition holds; false after five seconds.
  bool until(const std::function<bool()>& condition) {
    const std::uint64_t give_up = monotonic_ns() + 5'000 * kMillisecond;
    while (!condition()) {
      if (monotonic_ns() > give_up) return false;
      loop_->run_once(5 * kMillisecond);
    }
    return true;
  }
  void turns(int count) {
    for (int i = 0; i < count; ++i) loop_->run_once(kMillisecond);
  }

  TcpRecorder handler_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<TcpServer> server_;
};

}  // namespace electra::io
