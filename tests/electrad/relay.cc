#include "tests/electrad/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "meter-proto/base/assert.h"

namespace electra::app {
namespace {

constexpr int kPoll_ms = 50;
constexpr std::chrono::milliseconds kTimeToTakeEffect{300};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool forward(int from, int to) {
  std::array<char, 16384> buffer;
  const ssize_t count = ::recv(from, buffer.data(), buffer.size(), 0);
  return count > 0 && ::send(to, buffer.data(), static_cast<std::size_t>(count), MSG_NOSIGNAL) == count;
}

}  // namespace

LossyRelay::LossyRelay(std::uint16_t gateway_port) : gateway_port_(gateway_port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  ELECTRA_ASSERT(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  ELECTRA_ASSERT(::listen(listener_, 8) == 0);
  ELECTRA_ASSERT(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

LossyRelay::~LossyRelay() {
  stop_ = true;
  thread_.join();
  ::close(listener_);
}

void LossyRelay::serve() {
  while (!stop_) {
    pollfd entry{.fd = listener_, .events = POLLIN, .revents = 0};
    if (::poll(&entry, 1, kPoll_ms) <= 0) continue;
    const int client = ::accept(listener_, nullptr, nullptr);
    if (client < 0) continue;
    pass(client, connections_.fetch_add(1) == 0);
    ::close(client);
  }
}

void LossyRelay::pass(int client, bool lose) {
  const int gateway = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(gateway_port_);
  if (::connect(gateway, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    unsigned client_writes = 0;
    while (!stop_) {
      std::array<pollfd, 2> entries{{{client, POLLIN, 0}, {gateway, POLLIN, 0}}};
      if (::poll(entries.data(), entries.size(), kPoll_ms) <= 0) continue;
      if (entries[0].revents != 0) {
        if (!forward(client, gateway)) break;
        if (lose && ++client_writes == 2) {
          std::this_thread::sleep_for(kTimeToTakeEffect);
          break;
        }
      }
      if (entries[1].revents != 0 && !forward(gateway, client)) break;
    }
  }
  ::close(gateway);
}

}  // namespace electra::app
