// A bad network between meters and a gateway on this machine: loses, doubles and holds back datagrams, as a seed says.
//
// A thread; every client gets a socket of its own towards the gateway, so that the gateway sees as many peers. Which
// datagrams are hit depends on the order of their arrival, so a seed chooses a kind of weather and not the run.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <random>
#include <thread>
#include <vector>

namespace electra::test {

struct Weather {
  std::uint32_t lost_percent = 0;
  std::uint32_t doubled_percent = 0;
  std::uint32_t late_percent = 0;  // held back for up to late_ms
  std::uint32_t late_ms = 20;
};

class DatagramRelay {
 public:
  DatagramRelay(std::uint16_t gateway_port, const Weather& weather, std::uint32_t seed);
  ~DatagramRelay();
  DatagramRelay(const DatagramRelay&) = delete;
  DatagramRelay& operator=(const DatagramRelay&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
  [[nodiscard]] std::uint64_t doubled() const noexcept { return doubled_; }
  [[nodiscard]] std::uint64_t late() const noexcept { return late_; }

 private:
  struct Late {
    std::uint64_t due_ns = 0;
    int from = -1;              // the socket that sends it
    std::uint16_t to_port = 0;  // of the client; 0: to the gateway, that `from` is connected to
    std::vector<std::uint8_t> bytes;
  };
  void live();
  void pass_on(int from, std::uint16_t to_port, const std::vector<std::uint8_t>& bytes);
  void send_now(const Late& datagram);

  const Weather weather_;
  const std::uint16_t gateway_port_;
  std::mt19937 random_;
  int front_ = -1;
  std::uint16_t port_ = 0;
  std::map<std::uint16_t, int> backs_;  // by the client's port
  std::vector<Late> late_ones_;
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<std::uint64_t> doubled_{0};
  std::atomic<std::uint64_t> late_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace electra::test
