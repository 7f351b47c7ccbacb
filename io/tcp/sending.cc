// What goes out: queues in a shared pool, one send a connection and turn, and who is closed when the pool runs low.
#include <liburing.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "io/tcp/server_impl.h"

namespace electra::io {
namespace {

// This part of the output pool is for small queues. When less than two of them are free, those who have taken nothing for
// so long are closed.
constexpr std::size_t kOutputReservePart = 4;
constexpr std::uint64_t kOutputReserveNs = 100'000'000;

}  // namespace

bool TcpServer::Impl::send(ConnectionId id, ByteSpan bytes) {
  Connection* const connection = find(id);
  if (connection == nullptr || connection->state != State::open || connection->overflowed) return false;
  if (bytes.empty()) return true;
  const bool was_empty = connection->output.bytes() == 0;
  if (connection->output.bytes() + bytes.size() > output_limit() || !connection->output.append(*pool, bytes)) {
    connection->overflowed = true;
    touch(*connection);
    return false;
  }
  if (was_empty) connection->output_deadline_ns = loop.turn_ns() + config.output_stall_ns;
  crowded = crowded || pool->free_bytes() < 2 * reserve();
  touch(*connection);
  return true;
}

std::size_t TcpServer::Impl::output_limit() const noexcept {
  const std::size_t free = pool->free_bytes();
  const std::size_t open_to_all = free > reserve() ? free - reserve() : 0;
  const std::size_t share = std::max<std::size_t>(reserve() / config.connections_max, OutputPool::kChunkBytes);
  return std::min(config.output_bytes_max, std::max(share, open_to_all));
}

std::size_t TcpServer::Impl::reserve() const noexcept { return pool->memory_bytes() / kOutputReservePart; }

void TcpServer::Impl::make_room() {
  crowded = false;
  std::size_t room = pool->free_bytes();
  for (const Connection& connection : connections) {
    if (connection.state == State::dying) room += connection.output.bytes();
  }
  while (room < 2 * reserve()) {
    Connection& longest = *std::ranges::min_element(connections, {}, [](const Connection& connection) {
      const bool alive = connection.state != State::free && connection.state != State::dying;
      return alive ? connection.output_deadline_ns : UINT64_MAX;
    });
    const std::uint64_t patience_ns = std::min(kOutputReserveNs, config.output_stall_ns);
    if (longest.output_deadline_ns > loop.turn_ns() + config.output_stall_ns - patience_ns) break;
    room += longest.output.bytes();
    abort(longest, CloseReason::output_full);
  }
}

void TcpServer::Impl::start_send(Connection& connection) {
  const std::size_t ranges = connection.output.gather(*pool, connection.ranges);
  connection.message = {};
  connection.message.msg_iov = connection.ranges.data();
  connection.message.msg_iovlen = ranges;
  io_uring_sqe* sqe = loop.prepare();
  io_uring_prep_sendmsg(sqe, connection.fd, &connection.message, MSG_NOSIGNAL);
  loop.seal(sqe, connection.send);
  ++counters.send_calls;
}

void TcpServer::Impl::on_sent(Connection& connection, std::int32_t result) {
  if (result >= 0) {
    counters.sent_bytes += static_cast<std::uint64_t>(result);
    connection.output.consume(*pool, static_cast<std::size_t>(result));
    connection.output_deadline_ns =
        connection.output.bytes() > 0 ? loop.turn_ns() + config.output_stall_ns : UINT64_MAX;
  } else if (result != -EINTR && result != -EAGAIN) {
    abort(connection, CloseReason::peer_error);
  }
  touch(connection);
}

}  // namespace electra::io
