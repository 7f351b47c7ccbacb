#include "bench/e2e/slow_clients.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "meter-proto/client/tcp_client.h"

namespace electra::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 50ms;
constexpr std::uint32_t kMessagesATick = 4;
// Receipts of some 50 bytes: more than the kernel keeps for a connection whose peer does not read.
constexpr std::uint32_t kUnreadAtFirst = 8000;
constexpr int kReceiveBufferBytes = 4096;
constexpr std::size_t kBytesRead = 4;
constexpr auto kFillTime = 300ms;  // to execute and answer what was sent at first

}  // namespace

std::expected<std::unique_ptr<SlowClients>, std::string> SlowClients::start(SlowTarget target) {
  std::unique_ptr<SlowClients> slow(new SlowClients(std::move(target)));
  constexpr std::array kinds = {Kind::never_reads, Kind::reads_little, Kind::half_frame, Kind::silent, Kind::resets};
  static_assert(kinds.size() == kKinds);
  for (const Kind kind : kinds) {
    for (std::uint32_t i = 0; i < slow->target_.of_each_kind; ++i) {
      Client& client = slow->clients_.emplace_back(Client{.kind = kind});
      if (std::string error = slow->connect(client); !error.empty()) {
        return std::unexpected("a slow client: " + error);
      }
    }
  }
  for (Client& client : slow->clients_) {
    const bool unread = client.kind == Kind::never_reads || client.kind == Kind::reads_little;
    if (unread) slow->send(client, kUnreadAtFirst);
  }
  std::this_thread::sleep_for(kFillTime);
  slow->thread_ = std::thread([&self = *slow] { self.live(); });
  return slow;
}

SlowClients::~SlowClients() { stop(); }

void SlowClients::stop() {
  stop_.store(true);
  if (thread_.joinable()) thread_.join();
  for (Client& client : clients_) reset(client);
}

std::string SlowClients::connect(Client& client) {
  client::TcpClient::Options options;
  options.port = target_.port;
  options.sender = target_.sender;
  // An empty signer says no hello.
  const bool silent = client.kind == Kind::silent;
  auto opened = client::TcpClient::connect(options, silent ? client::SignFunction{} : target_.signer);
  if (!opened) return opened.error().text;
  client.descriptor = dup(opened->descriptor());  // the connection stays when the client goes
  client.begun = 0;
  ++connected_;
  setsockopt(client.descriptor, SOL_SOCKET, SO_RCVBUF, &kReceiveBufferBytes, sizeof kReceiveBufferBytes);
  if (client.kind == Kind::half_frame) {
    (void)::send(client.descriptor, target_.frame.data(), target_.frame.size() / 2, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  return {};
}

void SlowClients::send(Client& client, std::uint32_t messages) {
  for (std::uint32_t i = 0; i < messages && client.descriptor >= 0; ++i) {
    const ssize_t sent = ::send(client.descriptor, target_.frame.data() + client.begun,
                                target_.frame.size() - client.begun, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno != EAGAIN && errno != EINTR) reset(client);
      return;
    }
    client.begun += static_cast<std::size_t>(sent);
    if (client.begun < target_.frame.size()) return;
    client.begun = 0;
    ++sent_;
  }
}

void SlowClients::reset(Client& client) {
  if (client.descriptor < 0) return;
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(client.descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(client.descriptor);
  client.descriptor = -1;
}

void SlowClients::tend(Client& client) {
  if (client.descriptor < 0 && !connect(client).empty()) return;
  switch (client.kind) {
    case Kind::reads_little: {
      std::array<char, kBytesRead> bytes;
      (void)recv(client.descriptor, bytes.data(), bytes.size(), MSG_DONTWAIT);
      return send(client, kMessagesATick);
    }
    case Kind::never_reads: return send(client, kMessagesATick);
    case Kind::resets:      send(client, kMessagesATick); return reset(client);
    case Kind::half_frame:
    case Kind::silent:      {
      char byte = 0;
      const ssize_t got = recv(client.descriptor, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) reset(client);  // it was sent away
    }
  }
}

void SlowClients::live() {
  while (!stop_.load()) {
    const auto next = std::chrono::steady_clock::now() + kTick;
    for (Client& client : clients_) {
      if (!stop_.load()) tend(client);
    }
    std::this_thread::sleep_until(next);
  }
}

}  // namespace electra::bench
