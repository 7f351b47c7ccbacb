// The receiving half of a transport: what arrives on its sockets, by multishot receives on the loop into buffers that all
// sockets share. What the bytes mean is the transport's business.
//
// Sockets have numbers from 0 in the order in which they were added. The descriptors are the transport's: it closes them
// after the receiver is gone. One thread, that of the loop.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <string>

#include "io/loop.h"
#include "io/tcp/receive_ring.h"
#include "meter-proto/base/bytes.h"

namespace electra::bench {

class Receiver {
 public:
  enum class Kind : std::uint8_t {
    streams,    // nothing means that the peer has ended it
    datagrams,  // each is delivered whole; an empty one means nothing
  };
  // The transport.
  class Taker {
   public:
    // The view is good during the call, which may end the socket.
    virtual void on_bytes(std::uint32_t socket, ByteSpan bytes) = 0;
    // Once a socket: nothing more comes from it.
    virtual void on_end(std::uint32_t socket, const std::string& reason) = 0;

   protected:
    ~Taker() = default;
  };

  // buffers: a power of two. Loop and taker outlive it.
  [[nodiscard]] static std::expected<std::unique_ptr<Receiver>, std::string> create(io::Loop& loop, Kind kind,
                                                                                    std::uint32_t buffers,
                                                                                    std::uint32_t buffer_bytes,
                                                                                    Taker& taker);
  // Tells nothing any more, and turns the loop until no receive is pending.
  ~Receiver();
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  // Receives from it from the next turn on.
  void add(int descriptor);
  [[nodiscard]] std::uint32_t sockets() const noexcept { return static_cast<std::uint32_t>(sockets_.size()); }

  // Not after its end.
  [[nodiscard]] bool is_open(std::uint32_t socket) const noexcept { return sockets_[socket].open; }
  // By the transport's own judgement. Tells the taker, too.
  void end(std::uint32_t socket, const std::string& reason);

 private:
  struct Socket {
    Receiver* receiver = nullptr;
    std::uint32_t number = 0;
    int descriptor = -1;
    bool open = true;
    io::Operation receive;
  };

  Receiver(io::Loop& loop, Kind kind, Taker& taker) : loop_(loop), kind_(kind), taker_(taker) {}
  static void on_receive(void* context, std::int32_t result, std::uint32_t flags);
  void receive(Socket& socket);
  void received(Socket& socket, std::int32_t result, std::uint32_t flags);

  io::Loop& loop_;
  const Kind kind_;
  Taker& taker_;
  std::unique_ptr<io::ReceiveRing> ring_;
  std::deque<Socket> sockets_;  // stay where they are: the loop knows their operations
};

}  // namespace electra::bench
