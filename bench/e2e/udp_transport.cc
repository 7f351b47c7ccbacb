#include "bench/e2e/udp_transport.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "bench/e2e/receiver.h"
#include "io/datagram_port.h"
#include "io/loop.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/strict/frame.h"

namespace electra::bench {
namespace {

constexpr std::uint32_t kReceiveBuffers = 1024;
constexpr std::uint32_t kReceiveBufferBytes = 2048;
constexpr unsigned kRingEntries = 4096;
constexpr int kSocketBufferBytes = 1 << 20;  // receipts that wait
constexpr std::size_t kTogetherMax = 256;    // datagrams a system call

class UdpTransport final : public Transport, Receiver::Taker {
 public:
  ~UdpTransport() override {
    receiver_.reset();
    for (const int descriptor : descriptors_) ::close(descriptor);
  }

  [[nodiscard]] std::string connect(const UdpTarget& target) {
    auto loop = io::Loop::create({.entries = kRingEntries});
    if (!loop) return loop.error();
    loop_ = std::move(*loop);
    auto receiver = Receiver::create(*loop_, Receiver::Kind::datagrams, kReceiveBuffers, kReceiveBufferBytes, *this);
    if (!receiver) return receiver.error();
    receiver_ = std::move(*receiver);
    for (std::uint32_t i = 0; i < target.connections; ++i) {
      const int descriptor = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      if (descriptor < 0) return std::strerror(errno);
      descriptors_.push_back(descriptor);
      (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &kSocketBufferBytes, sizeof kSocketBufferBytes);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(target.port);
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return std::strerror(errno);
      }
      receiver_->add(descriptor);
    }
    return {};
  }

  [[nodiscard]] std::uint32_t connections() const noexcept override {
    return static_cast<std::uint32_t>(descriptors_.size());
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
      const int sent = sendmmsg(descriptors_[number], messages.data(), static_cast<unsigned>(together), MSG_NOSIGNAL);
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

  void on_bytes(std::uint32_t number, ByteSpan datagram) override {
    const std::uint64_t now_ns = io::monotonic_ns();
    while (!datagram.empty()) {
      const std::size_t left = datagram.size();
      const std::size_t length = left < strict::kFrameHeaderBytes ? left : load_le32(datagram.data());
      if (left < strict::kFrameHeaderBytes || length > left - strict::kFrameHeaderBytes) {
        return receiver_->end(number, "the gateway sent a datagram that does not end with a frame");
      }
      user_->on_frame(number, datagram.subspan(strict::kFrameHeaderBytes, length), now_ns);
      datagram = datagram.subspan(strict::kFrameHeaderBytes + length);
    }
  }

  void on_end(std::uint32_t number, const std::string& reason) override { user_->on_closed(number, reason); }

  std::unique_ptr<io::Loop> loop_;
  std::unique_ptr<Receiver> receiver_;
  std::vector<int> descriptors_;
  std::vector<iovec> ranges_;  // of the write at hand, a datagram each
  std::vector<std::uint32_t> written_;
  std::vector<std::uint32_t> written_now_;
  TransportUser* user_ = nullptr;  // of the turn
};

}  // namespace

std::expected<std::unique_ptr<Transport>, std::string> connect_udp(const UdpTarget& target) {
  auto transport = std::make_unique<UdpTransport>();
  if (std::string error = transport->connect(target); !error.empty()) return std::unexpected(std::move(error));
  return transport;
}

}  // namespace electra::bench
