// Where a datagram came from, which is where its answer goes.
//
// No socket's structure, so that a port without sockets can fill it too; a value that travels with a batch. An address
// that a datagram claims proves nothing: only a good signature inside makes it worth an answer.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

namespace electra::io {

struct PeerAddress {
  std::array<std::uint8_t, 16> host{};   // IPv6; IPv4 as ::ffff:a.b.c.d
  std::array<std::uint8_t, 16> local{};  // ours that it wrote to, so that the answer comes from there; zero: any
  std::uint32_t scope = 0;               // interface of a link-local address, else 0
  std::uint16_t port = 0;                // host's byte order
  std::uint16_t reserved = 0;

  friend bool operator==(const PeerAddress&, const PeerAddress&) = default;
};
static_assert(sizeof(PeerAddress) == 40 && std::is_trivially_copyable_v<PeerAddress>);

}  // namespace electra::io
