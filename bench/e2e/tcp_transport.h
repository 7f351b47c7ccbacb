// The loader's TCP: every connection on one io_uring, so that a message costs what the kernel's TCP costs and little more.
//
// Multishot receives into buffers that all connections share; writes that the kernel finishes by itself (MSG_WAITALL);
// everything that a turn prepared is submitted with the wait, in one system call.
#pragma once

#include <functional>
#include <vector>

#include "bench/e2e/transport.h"
#include "meter-proto/client/message.h"

namespace electra::bench {

struct TcpTarget {
  std::uint16_t port = 0;  // on 127.0.0.1
  std::uint32_t connections = 1;
  // Who says hello on a connection.
  std::function<client::Sender(std::uint32_t connection)> sender;
  std::function<client::SignFunction(std::uint32_t connection)> signer;
};

// Connects and says hello on each. The error is one sentence.
[[nodiscard]] std::expected<std::unique_ptr<Transport>, std::string> connect_tcp(const TcpTarget& target);

}  // namespace electra::bench
