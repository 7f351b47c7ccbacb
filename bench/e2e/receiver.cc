#include "bench/e2e/receiver.h"

#include <liburing.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "meter-proto/base/assert.h"

namespace electra::bench {

std::expected<std::unique_ptr<Receiver>, std::string> Receiver::create(io::Loop& loop, Kind kind, std::uint32_t buffers,
                                                                       std::uint32_t buffer_bytes, Taker& taker) {
  std::unique_ptr<Receiver> receiver(new Receiver(loop, kind, taker));
  auto ring = io::ReceiveRing::create(loop, loop.new_buffer_group(), buffers, buffer_bytes);
  if (!ring) return std::unexpected(ring.error());
  receiver->ring_ = std::move(*ring);
  return receiver;
}

Receiver::~Receiver() {
  for (Socket& socket : sockets_) {
    socket.open = false;
    loop_.cancel(socket.receive);
  }
  while (std::ranges::any_of(sockets_, [](const Socket& socket) { return socket.receive.pending; })) loop_.run_once();
}

void Receiver::add(int descriptor) {
  Socket& socket = sockets_.emplace_back();
  socket.receiver = this;
  socket.number = sockets() - 1;
  socket.descriptor = descriptor;
  socket.receive = {.complete = &Receiver::on_receive, .context = &socket};
  receive(socket);
}

void Receiver::end(std::uint32_t socket, const std::string& reason) {
  ELECTRA_ASSERT(sockets_[socket].open);
  sockets_[socket].open = false;
  taker_.on_end(socket, reason);
}

void Receiver::receive(Socket& socket) {
  io_uring_sqe* sqe = loop_.prepare();
  io_uring_prep_recv_multishot(sqe, socket.descriptor, nullptr, 0, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = ring_->group();
  loop_.seal(sqe, socket.receive);
}

void Receiver::on_receive(void* context, std::int32_t result, std::uint32_t flags) {
  auto& socket = *static_cast<Socket*>(context);
  socket.receiver->received(socket, result, flags);
}

void Receiver::received(Socket& socket, std::int32_t result, std::uint32_t flags) {
  if ((flags & IORING_CQE_F_BUFFER) != 0) {
    const std::uint32_t buffer = flags >> IORING_CQE_BUFFER_SHIFT;
    ring_->taken();
    if (result > 0 && socket.open) {
      taker_.on_bytes(socket.number, ring_->bytes(buffer, 0, static_cast<std::uint32_t>(result)));
    }
    ring_->give_back(buffer);
  }
  if ((flags & IORING_CQE_F_MORE) != 0 || !socket.open) return;
  if (result == 0 && kind_ == Kind::streams) return end(socket.number, "the gateway closed the connection");
  if (result >= 0 || result == -ENOBUFS || result == -EINTR) return receive(socket);
  end(socket.number, std::strerror(-result));
}

}  // namespace electra::bench
