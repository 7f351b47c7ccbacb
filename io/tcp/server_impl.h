// What a TcpServer is made of: its connections, and what happens to one of them. Only the .cc files of the server see it.
//
// One idea a file: tcp_server.cc listens, ends the turns and stops; receiving.cc has what comes in, sending.cc what goes
// out, closing.cc how a connection ends. What has something to do is `touch`ed, and `advance`d once at the turn's end; only
// there is a connection's place given up. So nothing that the handler does inside of its calls takes a connection away
// under the caller.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "io/loop.h"
#include "io/tcp/held_bytes.h"
#include "io/tcp/output_queue.h"
#include "io/tcp/receive_ring.h"
#include "io/tcp_server.h"
#include "meter-proto/base/bytes.h"

namespace electra::io {

struct TcpServer::Impl {
  static constexpr std::size_t kSendRangesMax = 16;  // 256 KiB a send

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

  Impl(Loop& loop, const TcpServerConfig& config, TcpHandler& handler);
  ~Impl();

  // Of an id that is not stale; else null.
  [[nodiscard]] Connection* find(ConnectionId id) noexcept {
    if (id.index >= connections.size()) return nullptr;
    Connection& connection = connections[id.index];
    return connection.id == id && connection.state != State::free ? &connection : nullptr;
  }
  [[nodiscard]] std::uint32_t open_connections() const noexcept {
    return static_cast<std::uint32_t>(connections.size() - free_connections.size());
  }

  // --- tcp_server.cc: listening, the end of a turn, stopping ---

  [[nodiscard]] std::expected<void, std::string> listen();
  void start_accept();
  void on_accept(std::int32_t result, std::uint32_t flags);
  void open_connection(int fd);
  // The connection has something to do at the turn's end.
  void touch(Connection& connection);
  void on_turn_end();
  // Does what the connection's state asks for, once a turn.
  void advance(Connection& connection);
  void stop(std::uint64_t timeout_ns);
  void finish_stop();

  // --- receiving.cc ---

  // once: fills one buffer, and ends.
  void start_receive(Connection& connection, bool once = false);
  void on_receive(Connection& connection, std::int32_t result, std::uint32_t flags);
  void on_end_of_stream(Connection& connection);
  // Tells the handler of the end of stream, once everything before it is delivered.
  void tell_end(Connection& connection);
  // Gives the bytes to the handler; holds what it does not take.
  void deliver(Connection& connection, HeldBytes::Piece piece);
  // A buffer of each connection in turn, until everything is delivered or nobody takes more. Who was not asked before the
  // handler paused is asked first next time.
  void deliver_held();
  // Gives back what is held of a connection that takes no more.
  void drop_held(const Connection& connection);
  // Buffers came back. While they are few, each connection gets one at a time and those come first who had none for
  // longest: the kernel serves the receives in the order in which they are begun.
  void feed_starved();

  // --- sending.cc ---

  bool send(ConnectionId id, ByteSpan bytes);
  // How much one connection may queue now. The emptier the pool, the smaller the queues that still grow, so that nobody
  // takes more than is left for all others; and a part of it is for small queues alone, a share for every connection.
  [[nodiscard]] std::size_t output_limit() const noexcept;
  [[nodiscard]] std::size_t reserve() const noexcept;
  // Those who do not read must not take the room of those who do: closes who has taken nothing for longest until enough
  // will be free.
  void make_room();
  void start_send(Connection& connection);
  void on_sent(Connection& connection, std::int32_t result);

  // --- closing.cc ---

  void close(ConnectionId id, CloseMode mode, CloseReason reason);
  // Closing a socket with unread input resets it, and the peer may lose our last bytes: so shut our side first and read
  // on until the peer has closed.
  void begin_linger(Connection& connection);
  // Ends in order; `reason` is set.
  void die(Connection& connection);
  // Resets the connection. Nothing happens to one that ends already.
  void abort(Connection& connection, CloseReason reason);
  // The kernel has let go of a dying connection: its place is free, and the handler hears of it.
  void release(Connection& connection);
  // Closes those whose time is up; comes back as long as there are connections.
  void on_sweep(std::uint64_t now);

  Loop& loop;
  const TcpServerConfig config;
  TcpHandler* handler;
  int listen_fd = -1;
  std::uint16_t port = 0;
  Operation accept;
  Timer accept_again;
  Timer sweep;
  std::uint64_t sweep_ns = 0;  // how often on_sweep looks
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
};

}  // namespace electra::io
