#include "io/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>

namespace electra::io {

std::uint16_t SocketAddress::port() const noexcept {
  return ntohs(family == AF_INET ? reinterpret_cast<const sockaddr_in*>(&storage)->sin_port
                                 : reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
}

bool SocketAddress::is_any() const noexcept {
  if (family == AF_INET) return reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr.s_addr == htonl(INADDR_ANY);
  return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr) != 0;
}

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

bool bound_address(int fd, SocketAddress& out) noexcept {
  out.bytes = sizeof out.storage;
  if (getsockname(fd, out.get(), &out.bytes) != 0) return false;
  out.family = out.storage.ss_family;
  return true;
}

namespace {
std::string cannot_listen(const std::string& address, std::uint16_t port) {
  return "cannot listen on " + address + ":" + std::to_string(port) + ": ";
}
}  // namespace

std::string listening_error(const std::string& address, std::uint16_t port, const char* what) {
  const int error = errno;
  std::string text = cannot_listen(address, port) + what + ": " + std::strerror(error);
  if (error == EADDRINUSE) text += "; another program has this port, choose another or stop it";
  if (error == EADDRNOTAVAIL) text += "; this machine has no such address";
  if (error == EACCES) text += "; ports below 1024 need a privilege";
  return text;
}

std::string no_address_error(const std::string& address, std::uint16_t port) {
  return cannot_listen(address, port) + "\"" + address + "\" is no numeric IPv4 or IPv6 address";
}

}  // namespace electra::io
