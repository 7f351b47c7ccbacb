// The plain system calls around a UDP socket: one that is bound, what it has lost, and who wrote to it.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

#include "io/peer_address.h"

struct cmsghdr;

namespace electra::io {

struct DatagramSocket {
  int fd = -1;  // the caller closes it
  std::uint16_t port = 0;
  int family = 0;
  bool any_address = false;              // bound to all: which of ours a peer wrote to comes with each datagram
  std::size_t receive_buffer_bytes = 0;  // what the system granted, with its own overhead
};

// address: numeric IPv4 or IPv6; bound to :: it takes IPv4 too, where the system lets it. The error names the address, what
// the system said, and what to change.
[[nodiscard]] std::expected<DatagramSocket, std::string> open_datagram_socket(const std::string& address,
                                                                              std::uint16_t port,
                                                                              std::size_t receive_buffer_bytes);

// Datagrams that the kernel has dropped at this socket, modulo 2^32.
[[nodiscard]] std::uint32_t datagrams_lost(int fd) noexcept;

// Room for the control message that says which of our addresses is meant.
inline constexpr std::size_t kLocalAddressBytes = 40;

// From what the kernel tells of a datagram; `local` is read from the control messages elsewhere.
[[nodiscard]] PeerAddress peer_of(const sockaddr_storage& name) noexcept;
void read_local(const cmsghdr& control, PeerAddress& peer) noexcept;

// A message header that sends to the peer: the memory that it points to.
struct DatagramName {
  std::array<std::byte, 28> name;
  alignas(std::size_t) std::array<std::byte, kLocalAddressBytes> control;
};
void write_name(const PeerAddress& peer, int family, DatagramName& memory, msghdr& message) noexcept;

}  // namespace electra::io
