#include "meter-proto/client/udp_client.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace electra::client {
namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count());
}

// A connected, non-blocking socket.
std::expected<int, std::string> open_socket(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failure = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failure != 0) return std::unexpected(std::string("unknown host: ").append(gai_strerror(failure)));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int descriptor =
        socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address->ai_protocol);
    if (descriptor < 0) continue;
    if (::connect(descriptor, address->ai_addr, address->ai_addrlen) == 0) return descriptor;
    close(descriptor);
  }
  return std::unexpected(std::string("no way there: ").append(std::strerror(errno)));
}

}  // namespace

UdpClient::UdpClient(int descriptor, const ResendQueue::Options& options) : descriptor_(descriptor), queue_(options) {}

UdpClient::UdpClient(UdpClient&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), queue_(std::move(other.queue_)) {}

UdpClient& UdpClient::operator=(UdpClient&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(queue_, other.queue_);
  return *this;
}

UdpClient::~UdpClient() { close_descriptor(); }

void UdpClient::close_descriptor() noexcept {
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = -1;
}

std::expected<UdpClient, std::string> UdpClient::open(const Options& options) {
  const auto descriptor = open_socket(options.host, options.port);
  if (!descriptor)
    return std::unexpected(options.host + ":" + std::to_string(options.port) + ": " + descriptor.error());
  return UdpClient(*descriptor, options.queue);
}

bool UdpClient::add(std::uint64_t sequence, std::vector<std::uint8_t> frame) {
  return queue_.add(sequence, std::move(frame), now_ns());
}

void UdpClient::turn() {
  // Errors are a peer that is not there now, or a full buffer: what was not sent is sent again when it is due.
  while (true) {
    const ByteSpan datagram = queue_.next_datagram(now_ns());
    if (datagram.empty()) break;
    (void)::send(descriptor_, datagram.data(), datagram.size(), MSG_NOSIGNAL);
  }
  std::array<std::uint8_t, ResendQueue::kDatagramBytesMax> bytes;
  while (true) {
    const ssize_t count = ::recv(descriptor_, bytes.data(), bytes.size(), 0);
    if (count < 0 && errno != ECONNREFUSED && errno != EINTR) return;
    if (count > 0) queue_.receive(ByteSpan(bytes).first(static_cast<std::size_t>(count)));
  }
}

std::optional<ResendQueue::Answer> UdpClient::wait_answer(std::chrono::milliseconds timeout) {
  const std::uint64_t deadline_ns =
      now_ns() + static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(timeout).count());
  while (true) {
    turn();
    if (auto answer = queue_.next_answer()) return answer;
    const std::uint64_t now = now_ns();
    if (now >= deadline_ns) return std::nullopt;
    const std::uint64_t until_ns = std::min(deadline_ns, std::max(queue_.next_due_ns(), now));
    constexpr std::uint64_t kMillisecond = 1'000'000;
    const std::uint64_t wait_ms = std::min<std::uint64_t>((until_ns - now + kMillisecond - 1) / kMillisecond, 60'000);
    pollfd entry{.fd = descriptor_, .events = POLLIN, .revents = 0};
    (void)poll(&entry, 1, static_cast<int>(wait_ms));
  }
}

}  // namespace electra::client
