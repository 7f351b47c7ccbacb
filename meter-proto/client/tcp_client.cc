#include "meter-proto/client/tcp_client.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace electra::client {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 64 * 1024;

std::string system_error(const char* what) { return std::string(what).append(": ").append(std::strerror(errno)); }

// False when the time is up. Interrupted waits go on.
bool wait_for(int descriptor, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    const int milliseconds = static_cast<int>(std::clamp<long long>(left, 0, 1'000'000));
    pollfd entry{.fd = descriptor, .events = events, .revents = 0};
    const int ready = poll(&entry, 1, milliseconds);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;  // the read or write that follows tells what is wrong
    if (ready == 0 && left <= milliseconds) return false;
  }
}

// A connected, non-blocking socket.
std::expected<int, std::string> connect_to(const addrinfo& address, Clock::time_point deadline) {
  const int descriptor =
      socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address.ai_protocol);
  if (descriptor < 0) return std::unexpected(system_error("no socket"));
  const auto fail = [&](std::string text) {
    close(descriptor);
    return std::unexpected(std::move(text));
  };
  const int on = 1;  // many small messages go out in one write already; waiting for more only costs time
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(descriptor, address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return fail(system_error("cannot connect"));
    if (!wait_for(descriptor, POLLOUT, deadline)) return fail("cannot connect: no answer in time");
    int failure = 0;
    socklen_t size = sizeof failure;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size) != 0) failure = errno;
    if (failure != 0) {
      errno = failure;
      return fail(system_error("cannot connect"));
    }
  }
  return descriptor;
}

std::expected<int, std::string> connect_to(const std::string& host, std::uint16_t port, Clock::time_point deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failure = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (failure != 0) return std::unexpected(std::string("unknown host: ").append(gai_strerror(failure)));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
  std::expected<int, std::string> descriptor = std::unexpected("the host has no address");
  for (const addrinfo* address = found; address != nullptr && !descriptor; address = address->ai_next) {
    descriptor = connect_to(*address, deadline);
  }
  return descriptor;
}

}  // namespace

TcpClient::TcpClient(int descriptor, std::unique_ptr<ClientSession> session)
    : descriptor_(descriptor),
      session_(std::move(session)),
      read_buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(kReadBytes)) {}

TcpClient::TcpClient(TcpClient&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      session_(std::move(other.session_)),
      hello_answer_(other.hello_answer_),
      kept_events_(std::move(other.kept_events_)),
      next_query_id_(other.next_query_id_),
      read_buffer_(std::move(other.read_buffer_)) {}

TcpClient& TcpClient::operator=(TcpClient&& other) noexcept {
  if (this == &other) return *this;
  close_descriptor();
  descriptor_ = std::exchange(other.descriptor_, -1);
  session_ = std::move(other.session_);
  hello_answer_ = other.hello_answer_;
  kept_events_ = std::move(other.kept_events_);
  next_query_id_ = other.next_query_id_;
  read_buffer_ = std::move(other.read_buffer_);
  return *this;
}

TcpClient::~TcpClient() { close_descriptor(); }

void TcpClient::close_descriptor() noexcept {
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = -1;
}

std::expected<TcpClient, TcpClient::Error> TcpClient::connect(const Options& options, SignFunction sign) {
  const Clock::time_point deadline = Clock::now() + options.timeout;
  const auto descriptor = connect_to(options.host, options.port, deadline);
  if (!descriptor) {
    std::string text = options.host;
    text.append(":").append(std::to_string(options.port)).append(": ").append(descriptor.error());
    return std::unexpected(Error{Result::ok, std::move(text)});
  }
  TcpClient client(*descriptor,
                   std::make_unique<ClientSession>(options.sender, std::move(sign), options.expected_genesis_hash));
  if (auto opened = client.open_session(deadline); !opened) return std::unexpected(std::move(opened.error()));
  return client;
}

std::expected<void, TcpClient::Error> TcpClient::open_session(Clock::time_point deadline) {
  Error error;
  while (const std::optional<Event> event = next_event_until(deadline)) {
    if (const auto* answer = std::get_if<HelloAnswer>(&*event)) {
      hello_answer_ = *answer;
      error.result = answer->result;
      if (answer->result == Result::ok) return {};
    } else if (const auto* refusal = std::get_if<Refusal>(&*event)) {
      error.result = refusal->result;
    } else if (const auto* closed = std::get_if<Closed>(&*event)) {
      error.text = closed->reason;
      return std::unexpected(std::move(error));
    }
  }
  error.text = "the gateway did not open the session in time";
  return std::unexpected(std::move(error));
}

void TcpClient::write_some() {
  while (descriptor_ >= 0 && !session_->output().empty()) {
    const ByteSpan bytes = session_->output();
    const ssize_t count = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      session_->sent(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (errno != EINTR) {
      return;  // reading tells why, after what the gateway may still have said
    }
  }
}

void TcpClient::read_some() {
  while (descriptor_ >= 0) {
    const ssize_t count = recv(descriptor_, read_buffer_.get(), kReadBytes, 0);
    if (count > 0) {
      session_->receive({read_buffer_.get(), static_cast<std::size_t>(count)});
      if (session_->state() == ClientSession::State::closed) return close_descriptor();
      if (static_cast<std::size_t>(count) < kReadBytes) return;
    } else if (count == 0) {
      session_->connection_ended("the gateway closed the connection");
      return close_descriptor();
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (errno != EINTR) {
      session_->connection_ended(system_error("the connection broke"));
      return close_descriptor();
    }
  }
}

void TcpClient::flush() {
  write_some();
  read_some();
  write_some();
}

std::optional<Event> TcpClient::next_event_until(Clock::time_point deadline) {
  for (;;) {
    flush();
    if (auto event = session_->next_event()) return event;
    if (descriptor_ < 0) return std::nullopt;
    const short events = static_cast<short>(session_->output().empty() ? POLLIN : POLLIN | POLLOUT);
    if (!wait_for(descriptor_, events, deadline)) return std::nullopt;
  }
}

std::optional<Event> TcpClient::wait_event(std::chrono::milliseconds timeout) {
  if (!kept_events_.empty()) {
    Event event = std::move(kept_events_.front());
    kept_events_.pop_front();
    return event;
  }
  if (auto event = session_->next_event()) return event;
  return next_event_until(Clock::now() + timeout);
}

template <typename Answer, typename Matches>
std::expected<Answer, std::string> TcpClient::wait_answer(std::chrono::milliseconds timeout, Matches&& matches) {
  const Clock::time_point deadline = Clock::now() + timeout;
  while (std::optional<Event> event = next_event_until(deadline)) {
    if (auto* answer = std::get_if<Answer>(&*event); answer != nullptr && matches(*answer)) return std::move(*answer);
    const auto* closed = std::get_if<Closed>(&*event);
    std::string reason = closed != nullptr ? closed->reason : std::string();
    kept_events_.push_back(std::move(*event));
    if (!reason.empty()) return std::unexpected(std::move(reason));
  }
  return std::unexpected(is_open() ? "the gateway did not answer in time" : "the session is closed");
}

std::expected<wire::QueryAnswer, std::string> TcpClient::query(wire::Query query, std::chrono::milliseconds timeout) {
  if (!is_open()) return std::unexpected("the session is closed");
  query.set_id(next_query_id_++);
  session_->send_query(query);
  return wait_answer<wire::QueryAnswer>(timeout,
                                        [&](const wire::QueryAnswer& answer) { return answer.id() == query.id(); });
}

std::expected<strict::TickAnswer, std::string> TcpClient::tick(std::uint64_t time_ns,
                                                               std::chrono::milliseconds timeout) {
  if (!is_open()) return std::unexpected("the session is closed");
  session_->send_tick(time_ns);
  return wait_answer<strict::TickAnswer>(timeout, [](const strict::TickAnswer&) { return true; });
}

}  // namespace electra::client
