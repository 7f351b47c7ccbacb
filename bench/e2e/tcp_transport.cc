#include "bench/e2e/tcp_transport.h"

#include <fcntl.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "bench/e2e/frames.h"
#include "bench/e2e/receiver.h"
#include "io/loop.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/client/tcp_client.h"

namespace electra::bench {
namespace {

constexpr std::uint32_t kReceiveBuffers = 512;
constexpr std::uint32_t kReceiveBufferBytes = 16 * 1024;
constexpr std::size_t kAnswerBytesMax = 4096;  // receipts and refusals are small
constexpr unsigned kRingEntries = 4096;

class TcpTransport;

struct Connection {
  explicit Connection(client::TcpClient opened) : client(std::move(opened)), descriptor(client.descriptor()) {}
  TcpTransport* transport = nullptr;
  std::uint32_t number = 0;
  client::TcpClient client;  // said hello; owns the descriptor
  int descriptor;
  io::Operation send;
  std::array<iovec, FrameStore::kPiecesMax> pieces{};
  std::size_t piece_count = 0;
  msghdr message{};
  strict::FrameSplitter splitter{kAnswerBytesMax};
};

class TcpTransport final : public Transport, Receiver::Taker {
 public:
  ~TcpTransport() override {
    user_ = nullptr;
    for (const auto& connection : connections_) ::shutdown(connection->descriptor, SHUT_RDWR);
    receiver_.reset();
    const auto pending = [this] {
      return std::ranges::any_of(connections_, [](const auto& connection) { return connection->send.pending; });
    };
    while (pending()) loop_->run_once();
  }

  [[nodiscard]] std::string connect(const TcpTarget& target) {
    auto loop = io::Loop::create({.entries = kRingEntries});
    if (!loop) return loop.error();
    loop_ = std::move(*loop);
    auto receiver = Receiver::create(*loop_, Receiver::Kind::streams, kReceiveBuffers, kReceiveBufferBytes, *this);
    if (!receiver) return receiver.error();
    receiver_ = std::move(*receiver);
    for (std::uint32_t i = 0; i < target.connections; ++i) {
      client::TcpClient::Options options;
      options.port = target.port;
      options.sender = target.sender(i);
      auto opened = client::TcpClient::connect(options, target.signer(i));
      if (!opened) return opened.error().text;
      auto connection = std::make_unique<Connection>(std::move(*opened));
      connection->transport = this;
      connection->number = i;
      // On a descriptor that must not block io_uring gives up where it should wait.
      if (fcntl(connection->descriptor, F_SETFL, 0) != 0) return std::strerror(errno);
      // Pacing a loopback costs timers and shows nothing of the gateway.
      constexpr std::string_view kControl = "reno";
      (void)setsockopt(connection->descriptor, IPPROTO_TCP, TCP_CONGESTION, kControl.data(), kControl.size());
      connection->send = {.complete = &TcpTransport::on_send, .context = connection.get()};
      receiver_->add(connection->descriptor);
      connections_.push_back(std::move(connection));
    }
    return {};
  }

  [[nodiscard]] std::uint32_t connections() const noexcept override {
    return static_cast<std::uint32_t>(connections_.size());
  }

  void write(std::uint32_t number, std::span<const iovec> pieces) override {
    Connection& connection = *connections_[number];
    ELECTRA_ASSERT(connection.piece_count == 0);
    ELECTRA_ASSERT_LE(pieces.size(), connection.pieces.size());
    if (!receiver_->is_open(number)) return;
    std::ranges::copy(pieces, connection.pieces.begin());
    connection.piece_count = pieces.size();
    send(connection);
  }

  void turn(std::uint64_t timeout_ns, TransportUser& user) override {
    user_ = &user;
    loop_->run_once(timeout_ns);
  }

 private:
  void send(Connection& connection) {
    io_uring_sqe* sqe = loop_->prepare();
    constexpr unsigned kFlags = MSG_NOSIGNAL | MSG_WAITALL;
    if (connection.piece_count == 1) {
      const iovec& piece = connection.pieces[0];
      io_uring_prep_send(sqe, connection.descriptor, piece.iov_base, piece.iov_len, static_cast<int>(kFlags));
    } else {
      connection.message = {};
      connection.message.msg_iov = connection.pieces.data();
      connection.message.msg_iovlen = connection.piece_count;
      io_uring_prep_sendmsg(sqe, connection.descriptor, &connection.message, kFlags);
    }
    loop_->seal(sqe, connection.send);
  }

  static void on_send(void* context, std::int32_t result, std::uint32_t) {
    auto& connection = *static_cast<Connection*>(context);
    connection.transport->sent(connection, result);
  }

  void on_bytes(std::uint32_t number, ByteSpan bytes) override {
    Connection& connection = *connections_[number];
    const std::uint64_t now_ns = io::monotonic_ns();
    connection.splitter.feed(bytes);
    ByteSpan body;
    strict::FrameSplitter::Status status{};
    while ((status = connection.splitter.next(body)) == strict::FrameSplitter::Status::frame) {
      user_->on_frame(number, body, now_ns);
    }
    if (status == strict::FrameSplitter::Status::too_large) {
      receiver_->end(number, "the gateway sent a frame that is too long");
    }
  }
  void on_end(std::uint32_t number, const std::string& reason) override { user_->on_closed(number, reason); }

  void sent(Connection& connection, std::int32_t result) {
    if (user_ == nullptr || !receiver_->is_open(connection.number)) return;
    if (result < 0 && result != -EINTR && result != -EAGAIN) {
      return receiver_->end(connection.number, std::strerror(-result));
    }
    // The kernel has waited until all was taken, but for a signal.
    auto left = static_cast<std::size_t>(std::max(result, 0));
    std::size_t done = 0;
    while (done < connection.piece_count && left >= connection.pieces[done].iov_len) {
      left -= connection.pieces[done++].iov_len;
    }
    std::shift_left(connection.pieces.begin(), connection.pieces.end(), static_cast<std::ptrdiff_t>(done));
    connection.piece_count -= done;
    if (connection.piece_count > 0) {
      iovec& first = connection.pieces[0];
      first = {.iov_base = static_cast<std::uint8_t*>(first.iov_base) + left, .iov_len = first.iov_len - left};
      return send(connection);
    }
    user_->on_written(connection.number);
  }

  std::unique_ptr<io::Loop> loop_;
  std::unique_ptr<Receiver> receiver_;
  std::vector<std::unique_ptr<Connection>> connections_;
  TransportUser* user_ = nullptr;  // of the turn; null before the first, and when all is over
};

}  // namespace

std::expected<std::unique_ptr<Transport>, std::string> connect_tcp(const TcpTarget& target) {
  auto transport = std::make_unique<TcpTransport>();
  if (std::string error = transport->connect(target); !error.empty()) return std::unexpected(std::move(error));
  return transport;
}

}  // namespace electra::bench
