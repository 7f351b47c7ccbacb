#include "io/tcp_server.h"

#include <liburing.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "io/tcp/server_impl.h"
#include "io/tcp/sockets.h"
#include "meter-proto/base/assert.h"

namespace electra::io {
namespace {

constexpr std::uint64_t kSweepNsMin = 5'000'000;
constexpr std::uint64_t kSweepNsMax = 250'000'000;

}  // namespace

TcpServer::Impl::Impl(Loop& loop_in, const TcpServerConfig& config_in, TcpHandler& handler_in)
    : loop(loop_in),
      config(config_in),
      handler(&handler_in),
      connections(config_in.connections_max),
      held(config_in.connections_max, config_in.receive_buffers) {
  accept = {.complete = [](void* context, std::int32_t result,
                           std::uint32_t flags) { static_cast<Impl*>(context)->on_accept(result, flags); },
            .context = this};
  accept_again = {.fire = [](void* context, std::uint64_t) { static_cast<Impl*>(context)->start_accept(); },
                  .context = this};
  sweep = {.fire = [](void* context, std::uint64_t now) { static_cast<Impl*>(context)->on_sweep(now); },
           .context = this};
  turn_end = {.run = [](void* context) { static_cast<Impl*>(context)->on_turn_end(); }, .context = this};
  const std::uint64_t shortest =
      std::min({config.hello_timeout_ns, config.output_stall_ns, config.half_closed_ns, config.linger_ns});
  sweep_ns = std::clamp(shortest / 4, kSweepNsMin, kSweepNsMax);
  for (std::uint32_t i = config.connections_max; i > 0; --i) {
    Connection& connection = connections[i - 1];
    connection.server = this;
    connection.id = {.index = i - 1, .generation = 1};
    connection.receive = {.complete =
                              [](void* context, std::int32_t result, std::uint32_t flags) {
                                auto& self = *static_cast<Connection*>(context);
                                self.server->on_receive(self, result, flags);
                              },
                          .context = &connection};
    connection.send = {.complete =
                           [](void* context, std::int32_t result, std::uint32_t) {
                             auto& self = *static_cast<Connection*>(context);
                             self.server->on_sent(self, result);
                           },
                       .context = &connection};
    free_connections.push_back(i - 1);
  }
  touched.reserve(config.connections_max);
  touched_now.reserve(config.connections_max);
  starved.reserve(config.connections_max);
}

TcpServer::Impl::~Impl() {
  handler = nullptr;
  stopping = true;
  loop.disarm(accept_again);
  loop.cancel(accept);
  for (Connection& connection : connections) {
    if (connection.state != State::free) abort(connection, CloseReason::shutdown);
  }
  while (accept.pending || open_connections() > 0) loop.run_once(10'000'000);
  loop.cancel(turn_end);
  loop.disarm(sweep);
  if (listen_fd >= 0) ::close(listen_fd);
}

// --- listening ---

std::expected<void, std::string> TcpServer::Impl::listen() {
  const auto socket = open_listening_socket(config.address, config.port, config.backlog);
  if (!socket) return std::unexpected(socket.error());
  listen_fd = socket->fd;
  port = socket->port;
  auto made_ring =
      ReceiveRing::create(loop, loop.new_buffer_group(), config.receive_buffers, config.receive_buffer_bytes);
  if (!made_ring) return std::unexpected(made_ring.error());
  ring = std::move(*made_ring);
  auto made_pool = OutputPool::create(config.output_pool_bytes);
  if (!made_pool) return std::unexpected(made_pool.error());
  pool = std::move(*made_pool);
  start_accept();
  return {};
}

void TcpServer::Impl::start_accept() {
  if (stopping || accept.pending) return;
  io_uring_sqe* sqe = loop.prepare();
  io_uring_prep_multishot_accept(sqe, listen_fd, nullptr, nullptr, SOCK_CLOEXEC);
  loop.seal(sqe, accept);
}

void TcpServer::Impl::on_accept(std::int32_t result, std::uint32_t flags) {
  const bool more = (flags & IORING_CQE_F_MORE) != 0;
  if (result >= 0) {
    open_connection(result);
    if (!more) start_accept();
  } else if (stopping) {
    loop.defer(turn_end);
  } else {
    // Out of descriptors or memory: trying again at once would spin.
    ++counters.accept_errors;
    if (!more) loop.arm(accept_again, loop.turn_ns() + config.accept_pause_ns);
  }
}

void TcpServer::Impl::open_connection(int fd) {
  if (stopping || free_connections.empty()) {
    counters.refused_at_limit += stopping ? 0 : 1;
    ::close(fd);
    return;
  }
  prepare_accepted_socket(fd);
  Connection& connection = connections[free_connections.back()];
  free_connections.pop_back();
  connection.fd = fd;
  connection.state = State::open;
  connection.established = connection.peer_ended = connection.end_told = false;
  connection.overflowed = connection.blocked = false;
  connection.fed = feeds;  // no right to be served before those who wait
  connection.hello_deadline_ns = loop.turn_ns() + config.hello_timeout_ns;
  connection.output_deadline_ns = connection.close_deadline_ns = UINT64_MAX;
  ++counters.accepted;
  start_receive(connection);
  if (!sweep.armed) loop.arm(sweep, loop.turn_ns() + sweep_ns);
  handler->on_open(connection.id);
}

// --- the end of a turn ---

void TcpServer::Impl::touch(Connection& connection) {
  if (!connection.queued) {
    connection.queued = true;
    touched.push_back(connection.id.index);
  }
  loop.defer(turn_end);
}

void TcpServer::Impl::on_turn_end() {
  if (redeliver && !paused) {
    redeliver = false;
    deliver_held();
  }
  if (crowded) make_room();
  std::swap(touched, touched_now);
  for (const std::uint32_t index : touched_now) {
    connections[index].queued = false;
    advance(connections[index]);
  }
  touched_now.clear();
  feed_starved();
  finish_stop();
}

void TcpServer::Impl::advance(Connection& connection) {
  if (connection.state == State::free) return;
  if (connection.overflowed && connection.state == State::open) abort(connection, CloseReason::output_full);
  if (connection.state == State::dying) {
    if (!connection.receive.pending && !connection.send.pending) release(connection);
    return;
  }
  if (connection.send.pending) return;
  if (connection.output.bytes() > 0) {
    start_send(connection);
  } else if (connection.state == State::flushing) {
    begin_linger(connection);
  }
}

// --- stopping ---

void TcpServer::Impl::stop(std::uint64_t timeout_ns) {
  if (stopping) return;
  stopping = true;
  stop_deadline_ns = monotonic_ns() + timeout_ns;
  loop.disarm(accept_again);
  loop.cancel(accept);
  for (Connection& connection : connections) {
    if (connection.state == State::open) close(connection.id, CloseMode::after_flush, CloseReason::shutdown);
  }
  if (open_connections() > 0) loop.arm(sweep, loop.turn_ns() + std::min(sweep_ns, timeout_ns));
  loop.defer(turn_end);
}

void TcpServer::Impl::finish_stop() {
  if (!stopping || stopped || accept.pending || open_connections() > 0) return;
  stopped = true;
  ::close(listen_fd);
  listen_fd = -1;
  if (handler != nullptr) handler->on_stopped();
}

// --- what everybody sees ---

TcpServer::TcpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TcpServer::~TcpServer() = default;

std::expected<std::unique_ptr<TcpServer>, std::string> TcpServer::listen(Loop& loop, const TcpServerConfig& config,
                                                                         TcpHandler& handler) {
  ELECTRA_ASSERT_LT(0u, config.connections_max);
  auto impl = std::make_unique<Impl>(loop, config, handler);
  if (auto listening = impl->listen(); !listening) return std::unexpected(listening.error());
  return std::unique_ptr<TcpServer>(new TcpServer(std::move(impl)));
}

std::uint16_t TcpServer::port() const noexcept { return impl_->port; }
bool TcpServer::send(ConnectionId connection, ByteSpan bytes) { return impl_->send(connection, bytes); }

void TcpServer::established(ConnectionId connection) noexcept {
  if (auto* const found = impl_->find(connection); found != nullptr) found->established = true;
}

void TcpServer::close(ConnectionId connection, CloseMode mode) { impl_->close(connection, mode, CloseReason::local); }

void TcpServer::pause_reading() noexcept { impl_->paused = true; }

void TcpServer::resume_reading() noexcept {
  impl_->paused = false;
  impl_->redeliver = true;
  impl_->loop.defer(impl_->turn_end);
}

bool TcpServer::paused() const noexcept { return impl_->paused; }
void TcpServer::shutdown(std::uint64_t timeout_ns) { impl_->stop(timeout_ns); }
bool TcpServer::stopped() const noexcept { return impl_->stopped; }
std::uint32_t TcpServer::connections() const noexcept { return impl_->open_connections(); }

std::size_t TcpServer::output_bytes(ConnectionId connection) const noexcept {
  const auto* const found = impl_->find(connection);
  return found != nullptr ? found->output.bytes() : 0;
}

const TcpServerCounters& TcpServer::counters() const noexcept { return impl_->counters; }

std::size_t TcpServer::memory_bytes() const noexcept {
  return impl_->ring->memory_bytes() + impl_->pool->memory_bytes() +
         impl_->connections.size() * sizeof(Impl::Connection);
}

}  // namespace electra::io
