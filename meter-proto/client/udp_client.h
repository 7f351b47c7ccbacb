// A ResendQueue on a UDP socket: how a meter sends its messages by datagram until each has its receipt.
//
// One thread, poll(2). The socket is connected, so that it hears the gateway's address only. Nothing says that a gateway is
// there but its receipts; what it needs to know before (the chain's genesis hash, the sender's slot, its highest used
// sequence) it has from its own memory, or from a session by TCP.
#pragma once

#include <chrono>
#include <memory>

#include "meter-proto/client/resend_queue.h"

namespace electra::client {

class UdpClient {
 public:
  struct Options {
    std::string host = "127.0.0.1";  // name or number
    std::uint16_t port = 0;
    ResendQueue::Options queue;
  };

  // Sends nothing yet. The error is one sentence.
  [[nodiscard]] static std::expected<UdpClient, std::string> open(const Options& options);

  UdpClient(UdpClient&&) noexcept;
  UdpClient& operator=(UdpClient&&) noexcept;
  ~UdpClient();

  // As ResendQueue::add. The bytes leave in turn() or wait_answer().
  [[nodiscard]] bool add(std::uint64_t sequence, std::vector<std::uint8_t> frame);

  // Sends and receives what is possible without waiting.
  void turn();
  // The next answer; nothing when none came in time. Sends again meanwhile what is due.
  [[nodiscard]] std::optional<ResendQueue::Answer> wait_answer(std::chrono::milliseconds timeout);

  [[nodiscard]] const ResendQueue& queue() const noexcept { return queue_; }
  // For an event loop of one's own; call turn() when it is ready, and at queue().next_due_ns() of CLOCK_MONOTONIC.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

 private:
  UdpClient(int descriptor, const ResendQueue::Options& options);
  void close_descriptor() noexcept;

  int descriptor_ = -1;
  ResendQueue queue_;
};

}  // namespace electra::client
