// Numeric internet addresses between text and the kernel's structures.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

namespace electra::io {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t bytes = 0;
  int family = 0;  // AF_INET or AF_INET6

  [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] std::uint16_t port() const noexcept;
  [[nodiscard]] bool is_any() const noexcept;  // 0.0.0.0 or ::
};

// text: numeric IPv4 or IPv6. False: it is neither.
[[nodiscard]] bool parse_address(const std::string& text, std::uint16_t port, SocketAddress& out) noexcept;

// What the socket is bound to; false, with errno, if the system does not tell.
[[nodiscard]] bool bound_address(int fd, SocketAddress& out) noexcept;

// "cannot listen on HOST:PORT: what: why; what to change", of errno.
[[nodiscard]] std::string listening_error(const std::string& address, std::uint16_t port, const char* what);
[[nodiscard]] std::string no_address_error(const std::string& address, std::uint16_t port);

}  // namespace electra::io
