// How a connection ends: in order, by reset, or because its time is up; and when the kernel has let go of it, its place is
// free again.
#include <sys/socket.h>
#include <unistd.h>

#include "io/tcp/server_impl.h"
#include "meter-proto/base/assert.h"

namespace electra::io {

void TcpServer::Impl::close(ConnectionId id, CloseMode mode, CloseReason reason) {
  Connection* const connection = find(id);
  if (connection == nullptr) return;
  if (mode == CloseMode::at_once) {
    abort(*connection, reason);
  } else if (connection->state == State::open) {
    connection->state = State::flushing;
    connection->reason = connection->peer_ended && reason == CloseReason::local ? CloseReason::peer_closed : reason;
    connection->close_deadline_ns = UINT64_MAX;  // the flush has its own
    drop_held(*connection);
    touch(*connection);
  }
}

void TcpServer::Impl::begin_linger(Connection& connection) {
  if (connection.peer_ended) {
    die(connection);
    return;
  }
  ::shutdown(connection.fd, SHUT_WR);
  connection.state = State::lingering;
  connection.close_deadline_ns = loop.turn_ns() + config.linger_ns;
}

void TcpServer::Impl::die(Connection& connection) {
  connection.state = State::dying;
  ::shutdown(connection.fd, SHUT_RDWR);
  loop.cancel(connection.receive);
  loop.cancel(connection.send);
  touch(connection);
}

void TcpServer::Impl::abort(Connection& connection, CloseReason reason) {
  if (connection.state == State::dying || connection.state == State::free) return;
  connection.reason = reason;
  // The kernel's copy of the output goes too, else a peer that never reads would keep its memory.
  const linger reset{.l_onoff = 1, .l_linger = 0};
  [[maybe_unused]] const int status = setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  die(connection);
  drop_held(connection);
}

void TcpServer::Impl::release(Connection& connection) {
  const ConnectionId gone = connection.id;
  ::close(connection.fd);
  connection.fd = -1;
  connection.output.clear(*pool);
  connection.state = State::free;
  ELECTRA_ASSERT(held.empty(gone.index));
  // 0 is no connection's generation.
  connection.id.generation = gone.generation == UINT32_MAX ? 1 : gone.generation + 1;
  free_connections.push_back(gone.index);
  ++counters.closed[static_cast<std::size_t>(connection.reason)];
  if (handler != nullptr) handler->on_close(gone, connection.reason);
}

void TcpServer::Impl::on_sweep(std::uint64_t now) {
  for (Connection& connection : connections) {
    if (connection.state == State::free || connection.state == State::dying) continue;
    if (now >= stop_deadline_ns) {
      abort(connection, CloseReason::shutdown);
    } else if (now >= connection.output_deadline_ns) {
      abort(connection, CloseReason::output_stalled);
    } else if (now >= connection.close_deadline_ns) {
      abort(connection, connection.state == State::open ? CloseReason::peer_closed : connection.reason);
    } else if (connection.state == State::open && !connection.established && now >= connection.hello_deadline_ns) {
      abort(connection, CloseReason::hello_timeout);
    }
  }
  if (open_connections() > 0) loop.arm(sweep, now + sweep_ns);
}

}  // namespace electra::io
