#include "io/udp/socket.h"

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "io/socket_address.h"

namespace electra::io {
namespace {

constexpr std::size_t kMappedPrefix = 12;  // ::ffff: before an IPv4 address
static_assert(CMSG_SPACE(sizeof(in6_pktinfo)) <= kLocalAddressBytes);
static_assert(CMSG_SPACE(sizeof(in_pktinfo)) <= kLocalAddressBytes);
static_assert(sizeof(sockaddr_in6) <= sizeof(DatagramName::name));

void map(const in_addr& from, std::array<std::uint8_t, 16>& to) noexcept {
  to = {};
  to[10] = to[11] = 0xff;
  std::memcpy(to.data() + kMappedPrefix, &from, sizeof from);
}

bool set_option(int fd, int level, int name, int value) noexcept {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

template <typename Info>
void put_control(DatagramName& memory, msghdr& message, int level, int type, const Info& info) noexcept {
  message.msg_control = memory.control.data();
  message.msg_controllen = CMSG_SPACE(sizeof info);
  cmsghdr* const control = CMSG_FIRSTHDR(&message);
  control->cmsg_level = level;
  control->cmsg_type = type;
  control->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(control), &info, sizeof info);
}

}  // namespace

std::expected<DatagramSocket, std::string> open_datagram_socket(const std::string& address_text, std::uint16_t port,
                                                                std::size_t receive_buffer_bytes) {
  SocketAddress address;
  if (!parse_address(address_text, port, address)) return std::unexpected(no_address_error(address_text, port));
  const int fd = socket(address.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::unexpected(listening_error(address_text, port, "socket (datagrams)"));
  const auto failure = [&](const char* what) {
    std::string text = listening_error(address_text, port, what);
    ::close(fd);
    return std::unexpected(std::move(text));
  };
  DatagramSocket out{.fd = fd, .family = address.family, .any_address = address.is_any()};
  if (out.any_address) {
    const bool told = address.family == AF_INET ? set_option(fd, IPPROTO_IP, IP_PKTINFO, 1)
                                                : set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    if (!told) return failure("which address a datagram was sent to");
  }
  // With the privilege beyond net.core.rmem_max; how much it became is told, and a smaller one only loses earlier.
  const int wanted = static_cast<int>(std::min<std::size_t>(receive_buffer_bytes, std::numeric_limits<int>::max() / 2));
  if (!set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, wanted)) (void)set_option(fd, SOL_SOCKET, SO_RCVBUF, wanted);
  int granted = 0;
  socklen_t granted_bytes = sizeof granted;
  (void)getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &granted_bytes);
  out.receive_buffer_bytes = static_cast<std::size_t>(granted);
  if (bind(fd, address.get(), address.bytes) != 0) return failure("bind (datagrams)");
  SocketAddress bound;
  if (!bound_address(fd, bound)) return failure("getsockname (datagrams)");
  out.port = bound.port();
  return out;
}

std::uint32_t datagrams_lost(int fd) noexcept {
  std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t bytes = sizeof memory;
  if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory.data(), &bytes) != 0) return 0;
  return memory[SK_MEMINFO_DROPS];
}

PeerAddress peer_of(const sockaddr_storage& name) noexcept {
  PeerAddress peer;
  if (name.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(name);
    map(v4.sin_addr, peer.host);
    peer.port = ntohs(v4.sin_port);
  } else {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(name);
    std::memcpy(peer.host.data(), &v6.sin6_addr, peer.host.size());
    peer.port = ntohs(v6.sin6_port);
    peer.scope = v6.sin6_scope_id;
  }
  return peer;
}

void read_local(const cmsghdr& control, PeerAddress& peer) noexcept {
  const auto* const data = CMSG_DATA(&control);
  if (control.cmsg_level == IPPROTO_IP && control.cmsg_type == IP_PKTINFO) {
    in_pktinfo info;
    std::memcpy(&info, data, sizeof info);
    map(info.ipi_spec_dst, peer.local);
  } else if (control.cmsg_level == IPPROTO_IPV6 && control.cmsg_type == IPV6_PKTINFO) {
    in6_pktinfo info;
    std::memcpy(&info, data, sizeof info);
    std::memcpy(peer.local.data(), &info.ipi6_addr, peer.local.size());
  }
}

void write_name(const PeerAddress& peer, int family, DatagramName& memory, msghdr& message) noexcept {
  const bool from_one = peer.local != decltype(peer.local){};
  if (family == AF_INET) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(peer.port);
    std::memcpy(&name.sin_addr, peer.host.data() + kMappedPrefix, sizeof name.sin_addr);
    std::memcpy(memory.name.data(), &name, sizeof name);
    message.msg_namelen = sizeof name;
    if (from_one) {
      in_pktinfo info{};
      std::memcpy(&info.ipi_spec_dst, peer.local.data() + kMappedPrefix, sizeof info.ipi_spec_dst);
      put_control(memory, message, IPPROTO_IP, IP_PKTINFO, info);
    }
  } else {
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    name.sin6_port = htons(peer.port);
    name.sin6_scope_id = peer.scope;
    std::memcpy(&name.sin6_addr, peer.host.data(), sizeof name.sin6_addr);
    std::memcpy(memory.name.data(), &name, sizeof name);
    message.msg_namelen = sizeof name;
    if (from_one) {
      in6_pktinfo info{};
      std::memcpy(&info.ipi6_addr, peer.local.data(), sizeof info.ipi6_addr);
      put_control(memory, message, IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
  }
  message.msg_name = memory.name.data();
}

}  // namespace electra::io
