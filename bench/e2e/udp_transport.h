// The loader's UDP: a socket for each connection, so that the gateway sees as many peers; several frames a datagram.
//
// A write is cut into datagrams of whole frames, sent by as few system calls as they fit in; receipts come by multishot
// receives into buffers that all sockets share. Nobody says hello. Datagrams may be lost on either way: the loader has to
// send again (LoadOptions::resend_after_ns).
#pragma once

#include "bench/e2e/transport.h"

namespace electra::bench {

struct UdpTarget {
  std::uint16_t port = 0;  // on 127.0.0.1
  std::uint32_t connections = 1;
};

[[nodiscard]] std::expected<std::unique_ptr<Transport>, std::string> connect_udp(const UdpTarget& target);

}  // namespace electra::bench
