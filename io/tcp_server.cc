#include "io/tcp_server.h"

#include <liburing.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "io/tcp/held_bytes.h"
#include "io/tcp/output_queue.h"
#include "io/tcp/receive_ring.h"
#include "io/tcp/sockets.h"
#include "meter-proto/base/assert.h"

namespace electra::io {
namespace {

constexpr std::size_t kSendRangesMax = 16;  // 256 KiB a send
constexpr std::uint64_t kSweepNsMin = 5'000'000;
constexpr std::uint64_t kSweepNsMax = 250'000'000;

// This part of the output pool is for small queues. When less than two of them are free, those who have taken nothing for
// so long are closed.
constexpr std::size_t kOutputReservePart = 4;
constexpr std::uint64_t kOutputReserveNs = 100'000'000;

}  // namespace

struct TcpServer::Impl {
  enum class State : std::uint8_t {
    free,
    open,       // both directions are the handler's
    flushing,   // close(after_flush) was called: output goes out, input is dropped
    lingering,  // our side is shut; input is dropped until the peer closes, so that it can read our last bytes
    dying,      // waits for the kernel to let go of its operations
  };

  struct Connection {
    Impl* server = nullptr;
    ConnectionId id;
    int fd = -1;
    State state = State::free;
    CloseReason reason = CloseReason::local;
    bool established = false;
    bool peer_ended = false;  // end of stream was received
    bool end_told = false;    // … and on_end was called
    bool queued = false;      // in `touched`
    bool overflowed = false;  // a send() found no room
    bool starved = false;     // waits for a buffer to receive into
    bool blocked = false;     // its handler took less than it got, in this round of redelivery
    std::uint64_t fed = 0;    // which one the last buffer that it filled was, counted over all connections
    std::uint64_t hello_deadline_ns = 0;
    std::uint64_t output_deadline_ns = UINT64_MAX;  // while output waits
    std::uint64_t close_deadline_ns = UINT64_MAX;   // half closed, lingering
    Operation receive;
    Operation send;
    OutputQueue output;
    msghdr message{};
    std::array<iovec, kSendRangesMax> ranges{};
  };

  using Piece = HeldBytes::Piece;

  Loop& loop;
  const TcpServerConfig config;
  TcpHandler* handler;
  int listen_fd = -1;
  std::uint16_t port = 0;
  Operation accept;
  Timer accept_again;
  Timer sweep;
  std::uint64_t sweep_ns = kSweepNsMax;
  Deferred turn_end;

  std::unique_ptr<ReceiveRing> ring;
  std::unique_ptr<OutputPool> pool;
  std::vector<Connection> connections;
  std::vector<std::uint32_t> free_connections;
  std::vector<std::uint32_t> touched;  // something to do at the turn's end
  std::vector<std::uint32_t> touched_now;
  std::vector<std::uint32_t> starved;
  HeldBytes held;  // received, and not yet taken by the handler
  std::uint64_t feeds = 0;

  bool paused = false;
  bool redeliver = false;
  bool crowded = false;  // little of the output pool is left
  bool stopping = false;
  bool stopped = false;
  std::uint64_t stop_deadline_ns = UINT64_MAX;
  TcpServerCounters counters;

  Impl(Loop& loop_in, const TcpServerConfig& config_in, TcpHandler& handler_in)
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

  ~Impl() {
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

  std::uint32_t open_connections() const noexcept {
    return static_cast<std::uint32_t>(connections.size() - free_connections.size());
  }

  Connection* find(ConnectionId id) noexcept {
    if (id.index >= connections.size()) return nullptr;
    Connection& connection = connections[id.index];
    return connection.id == id && connection.state != State::free ? &connection : nullptr;
  }

  // --- listening ---

  std::expected<void, std::string> listen() {
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

  void start_accept() {
    if (stopping || accept.pending) return;
    io_uring_sqe* sqe = loop.prepare();
    io_uring_prep_multishot_accept(sqe, listen_fd, nullptr, nullptr, SOCK_CLOEXEC);
    loop.seal(sqe, accept);
  }

  void on_accept(std::int32_t result, std::uint32_t flags) {
    const bool more = (flags & IORING_CQE_F_MORE) != 0;
    if (result >= 0) {
      open_connection(result);
      if (!more) start_accept();
    } else if (stopping) {
      touch_stop();
    } else {
      // Out of descriptors or memory: trying again at once would spin.
      ++counters.accept_errors;
      if (!more) loop.arm(accept_again, loop.turn_ns() + config.accept_pause_ns);
    }
  }

  void open_connection(int fd) {
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

  // --- receiving ---

  // once: fills one buffer, and ends.
  void start_receive(Connection& connection, bool once = false) {
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

  void on_receive(Connection& connection, std::int32_t result, std::uint32_t flags) {
    const bool has_buffer = (flags & IORING_CQE_F_BUFFER) != 0;
    const std::uint32_t buffer = flags >> IORING_CQE_BUFFER_SHIFT;
    if (has_buffer) ring->taken();
    if (result > 0) {
      counters.received_bytes += static_cast<std::uint64_t>(result);
      connection.fed = ++feeds;
      const Piece piece{.buffer = buffer, .offset = 0, .length = static_cast<std::uint32_t>(result)};
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

  void on_end_of_stream(Connection& connection) {
    connection.peer_ended = true;
    if (connection.state == State::lingering) {
      die(connection);
    } else if (connection.state == State::open) {
      connection.close_deadline_ns = loop.turn_ns() + config.half_closed_ns;
      tell_end(connection);
    }
  }

  void tell_end(Connection& connection) {
    if (connection.state != State::open || !connection.peer_ended || connection.end_told) return;
    if (!held.empty(connection.id.index)) return;
    connection.end_told = true;
    if (handler != nullptr) handler->on_end(connection.id);
  }

  // Gives the bytes to the handler; holds what it does not take.
  void deliver(Connection& connection, Piece piece) {
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

  // A buffer of each connection in turn, until everything is delivered or nobody takes more. Who was not asked before the
  // handler paused is asked first next time.
  void deliver_held() {
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

  // Gives back what is held of a connection that takes no more.
  void drop_held(const Connection& connection) {
    while (!held.empty(connection.id.index)) ring->give_back(held.pop(connection.id.index).buffer);
  }

  // Buffers came back. While they are few, each connection gets one at a time and those come first who had none for
  // longest: the kernel serves the receives in the order in which they are begun.
  void feed_starved() {
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

  // --- sending ---

  bool send(ConnectionId id, ByteSpan bytes) {
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

  // How much one connection may queue now. The emptier the pool, the smaller the queues that still grow, so that nobody
  // takes more than is left for all others; and a part of it is for small queues alone, a share for every connection.
  [[nodiscard]] std::size_t output_limit() const noexcept {
    const std::size_t free = pool->free_bytes();
    const std::size_t open_to_all = free > reserve() ? free - reserve() : 0;
    const std::size_t share = std::max<std::size_t>(reserve() / config.connections_max, OutputPool::kChunkBytes);
    return std::min(config.output_bytes_max, std::max(share, open_to_all));
  }
  [[nodiscard]] std::size_t reserve() const noexcept { return pool->memory_bytes() / kOutputReservePart; }

  // Those who do not read must not take the room of those who do: closes who has taken nothing for longest until enough
  // will be free.
  void make_room() {
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

  void start_send(Connection& connection) {
    const std::size_t ranges = connection.output.gather(*pool, connection.ranges);
    connection.message = {};
    connection.message.msg_iov = connection.ranges.data();
    connection.message.msg_iovlen = ranges;
    io_uring_sqe* sqe = loop.prepare();
    io_uring_prep_sendmsg(sqe, connection.fd, &connection.message, MSG_NOSIGNAL);
    loop.seal(sqe, connection.send);
    ++counters.send_calls;
  }

  void on_sent(Connection& connection, std::int32_t result) {
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

  // --- the end of a turn ---

  void touch(Connection& connection) {
    if (!connection.queued) {
      connection.queued = true;
      touched.push_back(connection.id.index);
    }
    loop.defer(turn_end);
  }

  void on_turn_end() {
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

  // Does what the connection's state asks for, once a turn.
  void advance(Connection& connection) {
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

  // --- closing ---

  void close(ConnectionId id, CloseMode mode, CloseReason reason) {
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

  // Closing a socket with unread input resets it, and the peer may lose our last bytes: so shut our side first and read
  // on until the peer has closed.
  void begin_linger(Connection& connection) {
    if (connection.peer_ended) {
      die(connection);
      return;
    }
    ::shutdown(connection.fd, SHUT_WR);
    connection.state = State::lingering;
    connection.close_deadline_ns = loop.turn_ns() + config.linger_ns;
  }

  // Ends in order; `reason` is set.
  void die(Connection& connection) {
    connection.state = State::dying;
    ::shutdown(connection.fd, SHUT_RDWR);
    loop.cancel(connection.receive);
    loop.cancel(connection.send);
    touch(connection);
  }

  void abort(Connection& connection, CloseReason reason) {
    if (connection.state == State::dying || connection.state == State::free) return;
    connection.reason = reason;
    // The kernel's copy of the output goes too, else a peer that never reads would keep its memory.
    const linger reset{.l_onoff = 1, .l_linger = 0};
    [[maybe_unused]] const int status = setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    die(connection);
    drop_held(connection);
  }

  void release(Connection& connection) {
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

  void on_sweep(std::uint64_t now) {
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

  // --- stopping ---

  void stop(std::uint64_t timeout_ns) {
    if (stopping) return;
    stopping = true;
    stop_deadline_ns = monotonic_ns() + timeout_ns;
    loop.disarm(accept_again);
    loop.cancel(accept);
    for (Connection& connection : connections) {
      if (connection.state == State::open) close(connection.id, CloseMode::after_flush, CloseReason::shutdown);
    }
    if (open_connections() > 0) loop.arm(sweep, loop.turn_ns() + std::min(sweep_ns, timeout_ns));
    touch_stop();
  }

  void touch_stop() { loop.defer(turn_end); }

  void finish_stop() {
    if (!stopping || stopped || accept.pending || open_connections() > 0) return;
    stopped = true;
    ::close(listen_fd);
    listen_fd = -1;
    if (handler != nullptr) handler->on_stopped();
  }
};

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
