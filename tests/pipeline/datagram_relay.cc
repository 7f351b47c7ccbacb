#include "tests/pipeline/datagram_relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/loop.h"
#include "meter-proto/base/assert.h"

namespace electra::test {
namespace {

sockaddr_in local(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int make_socket() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  ELECTRA_ASSERT_LE(0, fd);
  return fd;
}

}  // namespace

DatagramRelay::DatagramRelay(std::uint16_t gateway_port, const Weather& weather, std::uint32_t seed)
    : weather_(weather), gateway_port_(gateway_port), random_(seed), front_(make_socket()) {
  sockaddr_in address = local(0);
  ELECTRA_ASSERT_EQ(::bind(front_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  socklen_t bytes = sizeof address;
  ELECTRA_ASSERT_EQ(::getsockname(front_, reinterpret_cast<sockaddr*>(&address), &bytes), 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread(&DatagramRelay::live, this);
}

DatagramRelay::~DatagramRelay() {
  stop_ = true;
  thread_.join();
  ::close(front_);
  for (const auto& [port, fd] : backs_) ::close(fd);
}

void DatagramRelay::send_now(const Late& datagram) {
  const sockaddr_in address = local(datagram.to_port);
  const bool to_gateway = datagram.to_port == 0;
  (void)::sendto(datagram.from, datagram.bytes.data(), datagram.bytes.size(), MSG_NOSIGNAL,
                 to_gateway ? nullptr : reinterpret_cast<const sockaddr*>(&address), to_gateway ? 0 : sizeof address);
}

void DatagramRelay::pass_on(int from, std::uint16_t to_port, const std::vector<std::uint8_t>& bytes) {
  const auto drawn = [this](std::uint32_t percent) { return random_() % 100 < percent; };
  if (drawn(weather_.lost_percent)) {
    ++lost_;
    return;
  }
  int copies = 1;
  if (drawn(weather_.doubled_percent)) {
    ++doubled_;
    copies = 2;
  }
  for (; copies > 0; --copies) {
    Late datagram{.from = from, .to_port = to_port, .bytes = bytes};
    if (drawn(weather_.late_percent)) {
      ++late_;
      datagram.due_ns = io::monotonic_ns() + random_() % (weather_.late_ms * 1000 + 1) * 1000;
      late_ones_.push_back(std::move(datagram));
    } else {
      send_now(datagram);
    }
  }
}

void DatagramRelay::live() {
  std::vector<std::uint8_t> bytes(65536);
  std::vector<pollfd> waits;
  while (!stop_) {
    waits.assign(1, {.fd = front_, .events = POLLIN, .revents = 0});
    for (const auto& [port, fd] : backs_) waits.push_back({.fd = fd, .events = POLLIN, .revents = 0});
    (void)::poll(waits.data(), waits.size(), 1);
    while (true) {
      bytes.resize(65536);
      sockaddr_in from{};
      socklen_t from_bytes = sizeof from;
      const ssize_t count =
          ::recvfrom(front_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&from), &from_bytes);
      if (count < 0) break;
      bytes.resize(static_cast<std::size_t>(count));
      auto [back, fresh] = backs_.try_emplace(ntohs(from.sin_port), -1);
      if (fresh) {
        back->second = make_socket();
        const sockaddr_in gateway = local(gateway_port_);
        ELECTRA_ASSERT_EQ(::connect(back->second, reinterpret_cast<const sockaddr*>(&gateway), sizeof gateway), 0);
      }
      pass_on(back->second, 0, bytes);
    }
    for (const auto& [port, fd] : backs_) {
      while (true) {
        bytes.resize(65536);
        const ssize_t count = ::recv(fd, bytes.data(), bytes.size(), 0);
        if (count < 0) break;
        bytes.resize(static_cast<std::size_t>(count));
        pass_on(front_, port, bytes);
      }
    }
    const std::uint64_t now_ns = io::monotonic_ns();
    std::erase_if(late_ones_, [&](const Late& datagram) {
      if (datagram.due_ns > now_ns) return false;
      send_now(datagram);
      return true;
    });
  }
}

}  // namespace electra::test
