#include "io/tcp/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace electra::io {
namespace {

constexpr int kKeepAliveIdleSeconds = 60;  // a peer whose power failed is noticed within about two minutes
constexpr int kKeepAliveIntervalSeconds = 15;
constexpr int kKeepAliveProbes = 4;

void set_option(int fd, int level, int name, int value) noexcept {
  // None of these can fail on a TCP socket, and none is worth losing the peer.
  [[maybe_unused]] const int status = setsockopt(fd, level, name, &value, sizeof value);
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t bytes = 0;
  int family = 0;
};

bool parse_address(const std::string& text, std::uint16_t port, SocketAddress& out) noexcept {
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    out.bytes = sizeof *v4;
    out.family = AF_INET;
    return true;
  }
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
  if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) != 1) return false;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  out.bytes = sizeof *v6;
  out.family = AF_INET6;
  return true;
}

std::unexpected<std::string> failure_of(int fd, std::string text) {
  ::close(fd);
  return std::unexpected(std::move(text));
}

}  // namespace

std::expected<ListeningSocket, std::string> open_listening_socket(const std::string& address_text, std::uint16_t port,
                                                                  int backlog) {
  const std::string place = address_text + ":" + std::to_string(port);
  SocketAddress address;
  if (!parse_address(address_text, port, address)) {
    return std::unexpected("cannot listen on " + place + ": \"" + address_text +
                           "\" is no numeric IPv4 or IPv6 address");
  }
  const auto failure = [&place](const char* what) {
    std::string text = "cannot listen on " + place + ": " + what + ": " + std::strerror(errno);
    if (errno == EADDRINUSE) text += "; another program has this port, choose another or stop it";
    if (errno == EADDRNOTAVAIL) text += "; this machine has no such address";
    if (errno == EACCES) text += "; ports below 1024 need a privilege";
    return text;
  };
  const int fd = socket(address.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::unexpected(failure("socket"));
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.bytes) != 0) {
    return failure_of(fd, failure("bind"));
  }
  if (::listen(fd, backlog) != 0) return failure_of(fd, failure("listen"));
  SocketAddress bound;
  bound.bytes = sizeof bound.storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound.storage), &bound.bytes) != 0) {
    return failure_of(fd, failure("getsockname"));
  }
  const std::uint16_t bound_port =
      ntohs(address.family == AF_INET ? reinterpret_cast<const sockaddr_in*>(&bound.storage)->sin_port
                                      : reinterpret_cast<const sockaddr_in6*>(&bound.storage)->sin6_port);
  return ListeningSocket{.fd = fd, .port = bound_port};
}

void prepare_accepted_socket(int fd) noexcept {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdleSeconds);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveIntervalSeconds);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveProbes);
}

}  // namespace electra::io
