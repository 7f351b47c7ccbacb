#include "bench/e2e/udp_transport.h"

#include <liburing.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "io/datagram_port.h"
#include "io/loop.h"
#include "io/tcp/receive_ring.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/strict/frame.h"

namespace electra::bench {
namespace {

constexpr std::uint32_t kReceiveBuffers = 1024;
constexpr std::uint32_t kReceiveBufferBytes = 2048;
constexpr unsigned kRingEntries = 4096;
constexpr int kSocketBufferBytes = 1 << 20;  // receipts that wait
constexpr std::size_t kTogetherMax = 256;    // datagrams a system call

class UdpTransport;

struct Socket {
  UdpTransport* transport = nullptr;
  std::uint32_t number = 0;
  int descriptor = -1;
  bool open = true;
  io::Operation receive;
};

class UdpTransport final : public Transport {
 public:
  ~UdpTransport() override {
    user_ = nullptr;
    for (Socket& socket : sockets_) {
      socket.open = false;
      if (loop_) loop_->cancel(socket.receive);
    }
    while (std::ranges::any_of(sockets_, [](const Socket& socket) { return socket.receive.pending; })) {
      loop_->run_once();
    }
    for (const Socket& socket : sockets_) {
      if (socket.descriptor >= 0) ::close(socket.descriptor);
    }
  }

  [[nodiscard]] std::string connect(const UdpTarget& target) {
    auto loop = io::Loop::create({.entries = kRingEntries});
    if (!loop) return loop.error();
    loop_ = std::move(*loop);
    auto ring = io::ReceiveRing::create(*loop_, loop_->new_buffer_group(), kReceiveBuffers, kReceiveBufferBytes);
    if (!ring) return ring.error();
    ring_ = std::move(*ring);
    sockets_.resize(target.connections);
    for (std::uint32_t i = 0; i < target.connections; ++i) {
      Socket& socket = sockets_[i];
      socket.transport = this;
      socket.number = i;
      socket.receive = {.complete = &UdpTransport::on_receive, .context = &socket};
      socket.descriptor = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      if (socket.descriptor < 0) return std::strerror(errno);
      (void)setsockopt(socket.descriptor, SOL_SOCKET, SO_RCVBUF, &kSocketBufferBytes, sizeof kSocketBufferBytes);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(target.port);
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      if (::connect(socket.descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return std::strerror(errno);
      }
      receive(socket);
    }
    return {};
  }

  [[nodiscard]] std::uint32_t connections() const noexcept override {
    return static_cast<std::uint32_t>(sockets_.size());
  }

  void write(std::uint32_t number, std::span<const iovec> pieces) override {
    ranges_.clear();
    for (const iovec& piece : pieces) cut({static_cast<const std::uint8_t*>(piece.iov_base), piece.iov_len});
    std::array<mmsghdr, kTogetherMax> messages;
    for (std::size_t from = 0; from < ranges_.size();) {
      const std::size_t together = std::min(kTogetherMax, ranges_.size() - from);
      for (std::size_t i = 0; i < together; ++i) {
        messages[i] = {};
        messages[i].msg_hdr.msg_iov = &ranges_[from + i];
        messages[i].msg_hdr.msg_iovlen = 1;
      }
      const int sent =
          sendmmsg(sockets_[number].descriptor, messages.data(), static_cast<unsigned>(together), MSG_NOSIGNAL);
      if (sent > 0) {
        from += static_cast<std::size_t>(sent);
      } else if (errno != EINTR) {
        ++from;  // lost: it is sent again
      }
    }
    written_.push_back(number);
  }

  void turn(std::uint64_t timeout_ns, TransportUser& user) override {
    user_ = &user;
    written_now_.swap(written_);
    loop_->run_once(written_now_.empty() ? timeout_ns : 0);
    for (const std::uint32_t number : written_now_) user.on_written(number);
    written_now_.clear();
  }

 private:
  // Whole frames, as many a datagram as fit.
  void cut(ByteSpan frames) {
    while (!frames.empty()) {
      std::size_t bytes = 0;
      while (bytes < frames.size()) {
        const std::size_t frame = strict::kFrameHeaderBytes + load_le32(frames.data() + bytes);
        if (bytes + frame > io::kDatagramBytesMax) break;
        bytes += frame;
      }
      ELECTRA_ASSERT_LT(0u, bytes);
      ranges_.push_back({.iov_base = const_cast<std::uint8_t*>(frames.data()), .iov_len = bytes});
      frames = frames.subspan(bytes);
    }
  }

  void receive(Socket& socket) {
    io_uring_sqe* sqe = loop_->prepare();
    io_uring_prep_recv_multishot(sqe, socket.descriptor, nullptr, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = ring_->group();
    loop_->seal(sqe, socket.receive);
  }

  static void on_receive(void* context, std::int32_t result, std::uint32_t flags) {
    auto& socket = *static_cast<Socket*>(context);
    socket.transport->received(socket, result, flags);
  }

  void received(Socket& socket, std::int32_t result, std::uint32_t flags) {
    if ((flags & IORING_CQE_F_BUFFER) != 0) {
      const std::uint32_t buffer = flags >> IORING_CQE_BUFFER_SHIFT;
      ring_->taken();
      if (result > 0 && user_ != nullptr && socket.open) {
        deliver(socket, ring_->bytes(buffer, 0, static_cast<std::uint32_t>(result)));
      }
      ring_->give_back(buffer);
    }
    if ((flags & IORING_CQE_F_MORE) != 0 || !socket.open) return;
    if (result >= 0 || result == -ENOBUFS || result == -EINTR) return receive(socket);
    close(socket, std::strerror(-result));
  }

  void deliver(Socket& socket, ByteSpan datagram) {
    const std::uint64_t now_ns = io::monotonic_ns();
    while (!datagram.empty()) {
      const std::size_t left = datagram.size();
      const std::size_t length = left < strict::kFrameHeaderBytes ? left : load_le32(datagram.data());
      if (left < strict::kFrameHeaderBytes || length > left - strict::kFrameHeaderBytes) {
        return close(socket, "the gateway sent a datagram that does not end with a frame");
      }
      user_->on_frame(socket.number, datagram.subspan(strict::kFrameHeaderBytes, length), now_ns);
      datagram = datagram.subspan(strict::kFrameHeaderBytes + length);
    }
  }

  void close(Socket& socket, const std::string& reason) {
    socket.open = false;
    if (user_ != nullptr) user_->on_closed(socket.number, reason);
  }

  std::unique_ptr<io::Loop> loop_;
  std::unique_ptr<io::ReceiveRing> ring_;
  std::vector<Socket> sockets_;
  std::vector<iovec> ranges_;  // of the write at hand, a datagram each
  std::vector<std::uint32_t> written_;
  std::vector<std::uint32_t> written_now_;
  TransportUser* user_ = nullptr;
};

}  // namespace

std::expected<std::unique_ptr<Transport>, std::string> connect_udp(const UdpTarget& target) {
  auto transport = std::make_unique<UdpTransport>();
  if (std::string error = transport->connect(target); !error.empty()) return std::unexpected(std::move(error));
  return transport;
}

}  // namespace electra::bench
