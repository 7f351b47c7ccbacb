#include "io/udp_server.h"

#include <liburing.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "io/tcp/receive_ring.h"
#include "io/udp/output_ring.h"
#include "io/udp/socket.h"
#include "meter-proto/base/assert.h"

namespace electra::io {
namespace {

// A buffer holds what the kernel writes for a datagram: its own header, the sender's name, a control message, the bytes.
constexpr std::uint32_t kBufferBytes = 2048;
constexpr std::uint32_t kNameBytes = 32;  // the control message behind it is aligned
static_assert(kNameBytes >= sizeof(sockaddr_in6));
static_assert((sizeof(io_uring_recvmsg_out) + kNameBytes) % alignof(cmsghdr) == 0);
static_assert(kBufferBytes >= sizeof(io_uring_recvmsg_out) + kNameBytes + kLocalAddressBytes + kDatagramBytesMax + 1,
              "one byte more than allowed shows that there were too many");

// After an error that tells nothing about a datagram: trying again at once would spin.
constexpr std::uint64_t kReceivePauseNs = 100'000'000;

}  // namespace

struct UdpServer::Impl {
  Loop& loop;
  const UdpServerConfig config;
  DatagramHandler* handler;
  DatagramSocket socket;
  Operation receive;
  Operation writable;
  Timer receive_again;
  Deferred turn_end;
  msghdr shape{};  // of what is received: how much room name and control messages have

  std::unique_ptr<ReceiveRing> ring;
  std::unique_ptr<OutputRing> output;
  // Received and not used up: a ring of receive_buffers places, in order of arrival, each with the buffer that holds it.
  std::vector<Datagram> held;
  std::vector<std::uint32_t> held_buffers;
  std::size_t held_first = 0;
  std::size_t held_count = 0;

  bool paused = false;
  bool starved = false;  // the receive ended for want of buffers
  bool closing = false;
  mutable std::uint32_t lost_seen = 0;  // of the kernel's counter, which wraps
  mutable DatagramPortCounters counters;

  Impl(Loop& loop_in, const UdpServerConfig& config_in, DatagramHandler& handler_in)
      : loop(loop_in), config(config_in), handler(&handler_in), held(config_in.receive_buffers) {
    receive = {.complete = [](void* context, std::int32_t result,
                              std::uint32_t flags) { static_cast<Impl*>(context)->on_receive(result, flags); },
               .context = this};
    writable = {
        .complete = [](void* context, std::int32_t, std::uint32_t) { static_cast<Impl*>(context)->on_writable(); },
        .context = this};
    receive_again = {.fire = [](void* context, std::uint64_t) { static_cast<Impl*>(context)->start_receive(); },
                     .context = this};
    turn_end = {.run = [](void* context) { static_cast<Impl*>(context)->on_turn_end(); }, .context = this};
    held_buffers.resize(config.receive_buffers);
  }

  ~Impl() {
    closing = true;
    handler = nullptr;
    if (output != nullptr) (void)output->flush(socket.fd);
    loop.disarm(receive_again);
    loop.cancel(receive);
    loop.cancel(writable);
    while (receive.pending || writable.pending) loop.run_once(10'000'000);
    loop.cancel(turn_end);
    if (socket.fd >= 0) ::close(socket.fd);
  }

  std::expected<void, std::string> open() {
    auto opened = open_datagram_socket(config.address, config.port, config.socket_buffer_bytes);
    if (!opened) return std::unexpected(std::move(opened.error()));
    socket = *opened;
    auto made_ring = ReceiveRing::create(loop, loop.new_buffer_group(), config.receive_buffers, kBufferBytes);
    if (!made_ring) return std::unexpected(std::move(made_ring.error()));
    ring = std::move(*made_ring);
    auto made_output = OutputRing::create(config.output_datagrams, socket.family);
    if (!made_output) return std::unexpected(std::move(made_output.error()));
    output = std::move(*made_output);
    shape.msg_namelen = kNameBytes;
    shape.msg_controllen = socket.any_address ? kLocalAddressBytes : 0;
    start_receive();
    return {};
  }

  // --- receiving ---

  void start_receive() {
    if (closing || receive.pending) return;
    io_uring_sqe* sqe = loop.prepare();
    io_uring_prep_recvmsg_multishot(sqe, socket.fd, &shape, 0);
    io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
    sqe->buf_group = ring->group();
    loop.seal(sqe, receive);
  }

  void on_receive(std::int32_t result, std::uint32_t flags) {
    if ((flags & IORING_CQE_F_BUFFER) != 0) {
      const std::uint32_t buffer = flags >> IORING_CQE_BUFFER_SHIFT;
      ring->taken();
      if (result < 0 || !keep(buffer, static_cast<std::uint32_t>(result))) ring->give_back(buffer);
    }
    if (receive.pending || closing) return;
    if (result >= 0 || result == -EINTR) {
      start_receive();
    } else if (result == -ENOBUFS) {
      starved = true;  // until buffers come back
      loop.defer(turn_end);
    } else {
      loop.arm(receive_again, loop.turn_ns() + kReceivePauseNs);
    }
  }

  // False: the datagram is not for the handler.
  bool keep(std::uint32_t buffer, std::uint32_t bytes) {
    if (handler == nullptr) return false;
    auto* const begin = const_cast<std::uint8_t*>(ring->bytes(buffer, 0, bytes).data());
    io_uring_recvmsg_out* const out = io_uring_recvmsg_validate(begin, static_cast<int>(bytes), &shape);
    if (out == nullptr) return false;
    const std::uint32_t length = io_uring_recvmsg_payload_length(out, static_cast<int>(bytes), &shape);
    if ((out->flags & MSG_TRUNC) != 0 || length > kDatagramBytesMax) {
      ++counters.oversize;
      return false;
    }
    sockaddr_storage name{};
    std::memcpy(&name, io_uring_recvmsg_name(out), std::min<std::size_t>(out->namelen, shape.msg_namelen));
    Datagram datagram{.peer = peer_of(name),
                      .bytes = {static_cast<const std::uint8_t*>(io_uring_recvmsg_payload(out, &shape)), length}};
    for (cmsghdr* control = io_uring_recvmsg_cmsg_firsthdr(out, &shape); control != nullptr;
         control = io_uring_recvmsg_cmsg_nexthdr(out, &shape, control)) {
      read_local(*control, datagram.peer);
    }
    ELECTRA_ASSERT_LT(held_count, held.size());  // each holds a buffer of its own
    const std::size_t place = (held_first + held_count++) % held.size();
    held[place] = datagram;
    held_buffers[place] = buffer;
    ++counters.received;
    counters.received_bytes += length;
    loop.defer(turn_end);
    return true;
  }

  void deliver() {
    while (held_count > 0 && !paused) {
      // What lies side by side.
      const std::size_t together = std::min(held_count, held.size() - held_first);
      const std::size_t used = handler->on_datagrams({held.data() + held_first, together});
      ELECTRA_ASSERT_LE(used, together);
      for (std::size_t i = 0; i < used; ++i) ring->give_back(held_buffers[held_first + i]);
      held_first = (held_first + used) % held.size();
      held_count -= used;
      if (used < together) return;
    }
  }

  // --- sending ---

  void flush() {
    if (writable.pending || output->flush(socket.fd)) return;
    io_uring_sqe* sqe = loop.prepare();
    io_uring_prep_poll_add(sqe, socket.fd, POLLOUT);
    loop.seal(sqe, writable);
  }

  void on_writable() {
    if (!closing) flush();
  }

  void on_turn_end() {
    if (closing) return;
    deliver();
    if (starved && ring->lent() > 0) {
      starved = false;
      start_receive();
    }
    if (output->waiting() > 0) flush();
  }

  void count_lost() const noexcept {
    const std::uint32_t now = datagrams_lost(socket.fd);
    counters.lost += static_cast<std::uint32_t>(now - lost_seen);
    lost_seen = now;
  }
};

UdpServer::UdpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
UdpServer::~UdpServer() = default;

std::expected<std::unique_ptr<UdpServer>, std::string> UdpServer::open(Loop& loop, const UdpServerConfig& config,
                                                                       DatagramHandler& handler) {
  auto impl = std::make_unique<Impl>(loop, config, handler);
  if (auto opened = impl->open(); !opened) return std::unexpected(std::move(opened.error()));
  return std::unique_ptr<UdpServer>(new UdpServer(std::move(impl)));
}

std::uint16_t UdpServer::port() const noexcept { return impl_->socket.port; }
std::size_t UdpServer::socket_buffer_bytes() const noexcept { return impl_->socket.receive_buffer_bytes; }

MutableByteSpan UdpServer::output() {
  const MutableByteSpan place = impl_->output->place();
  if (place.empty()) ++impl_->counters.output_full;
  return place;
}

void UdpServer::send(const PeerAddress& peer, std::size_t bytes) {
  impl_->output->push(peer, bytes);
  impl_->loop.defer(impl_->turn_end);
}

void UdpServer::pause_reading() noexcept { impl_->paused = true; }

void UdpServer::resume_reading() noexcept {
  impl_->paused = false;
  impl_->loop.defer(impl_->turn_end);
}

bool UdpServer::paused() const noexcept { return impl_->paused; }

DatagramPortCounters UdpServer::counters() const noexcept {
  impl_->count_lost();
  DatagramPortCounters out = impl_->counters;
  out.sent = impl_->output->sent();
  out.output_failed = impl_->output->failed();
  return out;
}

std::size_t UdpServer::memory_bytes() const noexcept {
  return impl_->ring->memory_bytes() + impl_->output->memory_bytes() +
         impl_->held.size() * (sizeof(Datagram) + sizeof(std::uint32_t));
}

}  // namespace electra::io
