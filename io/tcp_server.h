// A TCP server on the io_uring loop: accepts, receives into a shared ring of buffers, sends what was queued once a turn.
//
// It knows bytes and connections, not frames. Every bound is in the config: connections, received bytes held back, output
// per connection and over all, time before the hello, time without progress of a peer that does not read. A peer that
// reaches a bound is closed; the others do not notice. Nor can one crowd out the others below its bounds: bytes that are
// held back are delivered a buffer of each connection in turn, scarce buffers go first to who had none for longest, and
// when half of the output's pool is used those who have not read for longest are closed. A connection's id carries a
// generation: an id of a closed connection hits nothing. All calls on the loop's thread. Nothing is allocated per message.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "io/loop.h"
#include "meter-proto/base/bytes.h"

namespace electra::io {

struct ConnectionId {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;  // 0: no connection has it

  friend bool operator==(const ConnectionId&, const ConnectionId&) = default;
};

enum class CloseReason : std::uint8_t {
  peer_closed,     // the peer ended the connection in order
  peer_error,      // reset, timed out by the kernel, …
  local,           // close() was called
  hello_timeout,   // established() was not called in time
  output_full,     // the output for a peer that does not read reached its bound, or all output did and it read least
  output_stalled,  // no byte was taken by the peer for output_stall_ns
  shutdown,        // the server stops
};
inline constexpr std::size_t kCloseReasons = 7;
[[nodiscard]] std::string_view close_reason_name(CloseReason reason) noexcept;

enum class CloseMode : std::uint8_t {
  after_flush,  // what was sent before still goes out; what still comes in is read and dropped
  at_once,      // reset; queued output is lost
};

// What the server's user does. Calls come inside Loop::run_once; the handler may call every method of the server in them.
class TcpHandler {
 public:
  virtual void on_open(ConnectionId connection) = 0;

  // Bytes as they came, in order, 1..receive_buffer_bytes; valid during the call. Returns how many were taken. Fewer than
  // given means "no room now": the rest, and what follows on this connection, is delivered again after resume_reading().
  [[nodiscard]] virtual std::size_t on_bytes(ConnectionId connection, ByteSpan bytes) = 0;

  // The peer sends no more (end of stream); it may still read. The handler sends what it owes and then calls
  // close(after_flush). The server closes by itself after half_closed_ns.
  virtual void on_end(ConnectionId connection) = 0;

  // The connection is gone; its id hits nothing any more. Exactly once per on_open. Never inside send() or close().
  virtual void on_close(ConnectionId connection, CloseReason reason) = 0;

  // After shutdown(): the last connection is gone.
  virtual void on_stopped() {}

 protected:
  ~TcpHandler() = default;
};

struct TcpServerConfig {
  std::string address = "127.0.0.1";  // numeric IPv4 or IPv6
  std::uint16_t port = 0;             // 0: the system chooses; see port()
  int backlog = 512;
  std::uint32_t connections_max = 1024;                   // one more is closed right after accept
  std::uint32_t receive_buffer_bytes = 32 * 1024;         // of one buffer
  std::uint32_t receive_buffers = 256;                    // shared by all; a power of two up to 32768
  std::size_t output_bytes_max = std::size_t{4} << 20;    // queued for one connection
  std::size_t output_pool_bytes = std::size_t{64} << 20;  // queued for all, of it a quarter for those who read
  std::uint64_t hello_timeout_ns = 10'000'000'000;        // from accept to established()
  std::uint64_t output_stall_ns = 30'000'000'000;         // output waits and the peer takes nothing
  std::uint64_t half_closed_ns = 10'000'000'000;          // from on_end to a forced close
  std::uint64_t linger_ns = 1'000'000'000;                // after the flush: how long to drain what still comes
  std::uint64_t accept_pause_ns = 100'000'000;            // after EMFILE, ENFILE, ENOMEM
};

struct TcpServerCounters {
  std::uint64_t accepted = 0;
  std::uint64_t refused_at_limit = 0;
  std::uint64_t accept_errors = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t send_calls = 0;
  std::array<std::uint64_t, kCloseReasons> closed{};  // by CloseReason
};

class TcpServer {
 public:
  // Binds, listens and starts to accept (at the loop's next turn). The loop and the handler outlive the server.
  // The error names the address and what the system said.
  [[nodiscard]] static std::expected<std::unique_ptr<TcpServer>, std::string> listen(Loop& loop,
                                                                                     const TcpServerConfig& config,
                                                                                     TcpHandler& handler);
  // Outside of the loop's callbacks only. Closes what is left at once and turns the loop until the kernel let go of the
  // server's memory; the handler is not called any more.
  ~TcpServer();
  TcpServer(const TcpServer&) = delete;
  TcpServer& operator=(const TcpServer&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept;

  // Copies bytes to the connection's output; they leave at the end of the turn, together with what else was sent in it.
  // False: the id is stale or closing, or a bound was reached; then nothing was queued and the connection gets closed
  // (output_full) at the end of the turn.
  bool send(ConnectionId connection, ByteSpan bytes);

  // The hello was accepted: its timeout no longer applies.
  void established(ConnectionId connection) noexcept;

  // on_close follows later in this or another turn. on_bytes and on_end are not called any more. Stale ids: no-op.
  void close(ConnectionId connection, CloseMode mode);

  // Back-pressure for all connections: after pause no on_bytes; what arrives is held in the receive buffers until they
  // are full, then in the kernel, then at the senders. resume delivers what was held, at the end of the turn.
  void pause_reading() noexcept;
  void resume_reading() noexcept;
  [[nodiscard]] bool paused() const noexcept;

  // Stops accepting, closes every connection after its output is flushed, those that are left after timeout_ns at once.
  // on_stopped when the last is gone.
  void shutdown(std::uint64_t timeout_ns);
  [[nodiscard]] bool stopped() const noexcept;

  [[nodiscard]] std::uint32_t connections() const noexcept;
  [[nodiscard]] std::size_t output_bytes(ConnectionId connection) const noexcept;  // queued, 0 for a stale id
  [[nodiscard]] const TcpServerCounters& counters() const noexcept;
  [[nodiscard]] std::size_t memory_bytes() const noexcept;  // bound of what it may touch

 private:
  struct Impl;
  explicit TcpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace electra::io
