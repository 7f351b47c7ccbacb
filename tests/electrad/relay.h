// A relay between a client and a gateway that loses what the gateway says after a message.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace electra::app {

// The first connection is cut as soon as the client's second write (the signed message, after the hello) was passed on
// and time was given for it to take effect; later connections are passed on whole.
class LossyRelay {
 public:
  explicit LossyRelay(std::uint16_t gateway_port);
  ~LossyRelay();
  LossyRelay(const LossyRelay&) = delete;
  LossyRelay& operator=(const LossyRelay&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] unsigned connections() const noexcept { return connections_.load(); }

 private:
  void serve();
  void pass(int client, bool lose);

  std::uint16_t gateway_port_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::atomic<unsigned> connections_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace electra::app
