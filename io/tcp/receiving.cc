// What comes in: receives into the shared ring, delivery to the handler, and what is held back while it takes no more.
#include <liburing.h>

#include <algorithm>
#include <cerrno>

#include "io/tcp/server_impl.h"
#include "meter-proto/base/assert.h"

namespace electra::io {

void TcpServer::Impl::start_receive(Connection& connection, bool once) {
  io_uring_sqe* sqe = loop.prepare();
  if (once) {
    io_uring_prep_recv(sqe, connection.fd, nullptr, 0, 0);
  } else {
    io_uring_prep_recv_multishot(sqe, connection.fd, nullptr, 0, 0);
  }
  io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
  sqe->buf_group = ring->group();
  loop.seal(sqe, connection.receive);
}

void TcpServer::Impl::on_receive(Connection& connection, std::int32_t result, std::uint32_t flags) {
  const bool has_buffer = (flags & IORING_CQE_F_BUFFER) != 0;
  const std::uint32_t buffer = flags >> IORING_CQE_BUFFER_SHIFT;
  if (has_buffer) ring->taken();
  if (result > 0) {
    counters.received_bytes += static_cast<std::uint64_t>(result);
    connection.fed = ++feeds;
    const HeldBytes::Piece piece{.buffer = buffer, .offset = 0, .length = static_cast<std::uint32_t>(result)};
    if (connection.state != State::open) {
      ring->give_back(buffer);
    } else if (paused || !held.empty(connection.id.index)) {
      held.push_back(connection.id.index, piece);
    } else {
      deliver(connection, piece);
    }
  } else if (has_buffer) {
    ring->give_back(buffer);
  }
  if (result == 0) on_end_of_stream(connection);
  if (result < 0 && result != -ENOBUFS && result != -EINTR) abort(connection, CloseReason::peer_error);

  if (connection.receive.pending) return;
  if (connection.state == State::dying) {
    touch(connection);
  } else if (!connection.peer_ended && !connection.starved) {
    // With nothing lent it would end at once: wait until buffers come back.
    connection.starved = true;
    starved.push_back(connection.id.index);
    loop.defer(turn_end);
  }
}

void TcpServer::Impl::on_end_of_stream(Connection& connection) {
  connection.peer_ended = true;
  if (connection.state == State::lingering) {
    die(connection);
  } else if (connection.state == State::open) {
    connection.close_deadline_ns = loop.turn_ns() + config.half_closed_ns;
    tell_end(connection);
  }
}

void TcpServer::Impl::tell_end(Connection& connection) {
  if (connection.state != State::open || !connection.peer_ended || connection.end_told) return;
  if (!held.empty(connection.id.index)) return;
  connection.end_told = true;
  if (handler != nullptr) handler->on_end(connection.id);
}

void TcpServer::Impl::deliver(Connection& connection, HeldBytes::Piece piece) {
  const std::size_t taken =
      handler == nullptr ? piece.length
                         : handler->on_bytes(connection.id, ring->bytes(piece.buffer, piece.offset, piece.length));
  ELECTRA_ASSERT_LE(taken, piece.length);
  if (taken == piece.length || connection.state != State::open) {
    ring->give_back(piece.buffer);
    return;
  }
  piece.offset += static_cast<std::uint32_t>(taken);
  piece.length -= static_cast<std::uint32_t>(taken);
  connection.blocked = true;
  held.push_front(connection.id.index, piece);
}

void TcpServer::Impl::deliver_held() {
  for (Connection& connection : connections) connection.blocked = false;
  for (bool moved = true; moved && !paused;) {
    moved = false;
    for (std::uint32_t left = held.waiting(); left > 0 && !paused; --left) {
      const std::uint32_t index = held.take_turn();
      Connection& connection = connections[index];
      if (!connection.blocked && !held.empty(index)) {
        deliver(connection, held.pop(index));
        tell_end(connection);
        moved = true;
      }
      held.stand_in_line(index);
    }
  }
}

void TcpServer::Impl::drop_held(const Connection& connection) {
  while (!held.empty(connection.id.index)) ring->give_back(held.pop(connection.id.index).buffer);
}

void TcpServer::Impl::feed_starved() {
  if (starved.empty() || ring->lent() == 0) return;
  const bool few = ring->lent() < config.receive_buffers / 2;
  if (few) std::ranges::sort(starved, {}, [this](std::uint32_t index) { return connections[index].fed; });
  for (const std::uint32_t index : starved) {
    Connection& connection = connections[index];
    connection.starved = false;
    if (connection.state == State::free || connection.state == State::dying || connection.peer_ended) continue;
    start_receive(connection, few);
  }
  starved.clear();
}

}  // namespace electra::io
