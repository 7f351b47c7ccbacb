// The plain system calls around a TCP socket: make one that listens, prepare one that was accepted.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace electra::io {

struct ListeningSocket {
  int fd = -1;             // the caller closes it
  std::uint16_t port = 0;  // what the system chose when 0 was asked for
};

// address: numeric IPv4 or IPv6. The error names the address, what the system said, and what to change.
[[nodiscard]] std::expected<ListeningSocket, std::string> open_listening_socket(const std::string& address,
                                                                                std::uint16_t port, int backlog);

// No delay for small sends; keep-alive probes that notice a peer without power within about two minutes.
void prepare_accepted_socket(int fd) noexcept;

}  // namespace electra::io
