#include "io/tcp/sockets.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/socket_address.h"

namespace electra::io {
namespace {

constexpr int kKeepAliveIdleSeconds = 60;  // a peer whose power failed is noticed within about two minutes
constexpr int kKeepAliveIntervalSeconds = 15;
constexpr int kKeepAliveProbes = 4;

void set_option(int fd, int level, int name, int value) noexcept {
  // None of these can fail on a TCP socket, and none is worth losing the peer.
  [[maybe_unused]] const int status = setsockopt(fd, level, name, &value, sizeof value);
}

std::unexpected<std::string> failure_of(int fd, std::string text) {
  ::close(fd);
  return std::unexpected(std::move(text));
}

}  // namespace

std::expected<ListeningSocket, std::string> open_listening_socket(const std::string& address_text, std::uint16_t port,
                                                                  int backlog) {
  SocketAddress address;
  if (!parse_address(address_text, port, address)) return std::unexpected(no_address_error(address_text, port));
  const auto failure = [&](const char* what) { return listening_error(address_text, port, what); };
  const int fd = socket(address.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::unexpected(failure("socket"));
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (bind(fd, address.get(), address.bytes) != 0) {
    return failure_of(fd, failure("bind"));
  }
  if (::listen(fd, backlog) != 0) return failure_of(fd, failure("listen"));
  SocketAddress bound;
  if (!bound_address(fd, bound)) return failure_of(fd, failure("getsockname"));
  return ListeningSocket{.fd = fd, .port = bound.port()};
}

void prepare_accepted_socket(int fd) noexcept {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdleSeconds);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveIntervalSeconds);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveProbes);
}

}  // namespace electra::io
