#include "engine/electrad/public_query.h"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>

#include "meter-proto/encode.h"
#include "meter-proto/strict/frame.h"
#include "meter-proto/strict/session.h"

namespace electra::app {
namespace {

using Clock = std::chrono::steady_clock;

std::unexpected<Failure> unreachable(const Endpoint& endpoint, std::string_view why) {
  return std::unexpected(Failure{ExitCode::no_gateway, fmt::format("{}: {}", endpoint_text(endpoint), why)});
}

// A non-blocking socket that reads and writes until a deadline.
class Connection {
 public:
  Connection(const Endpoint& endpoint, double timeout_s)
      : endpoint_(endpoint),
        deadline_(Clock::now() + std::chrono::milliseconds(static_cast<int>(timeout_s * 1000.0))) {}
  ~Connection() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  std::expected<void, Failure> open() {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int failure = ::getaddrinfo(endpoint_.host.c_str(), std::to_string(endpoint_.port).c_str(), &hints, &found);
    if (failure != 0) return unreachable(endpoint_, ::gai_strerror(failure));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
    descriptor_ = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor_ < 0) return unreachable(endpoint_, std::strerror(errno));
    if (::connect(descriptor_, found->ai_addr, found->ai_addrlen) == 0) return {};
    if (errno != EINPROGRESS) return unreachable(endpoint_, std::strerror(errno));
    if (!wait_for(POLLOUT)) return unreachable(endpoint_, "no answer in time");
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return unreachable(endpoint_, std::strerror(error));
    return {};
  }

  std::expected<void, Failure> write(ByteSpan bytes) {
    while (!bytes.empty()) {
      if (!wait_for(POLLOUT)) return unreachable(endpoint_, "no answer in time");
      const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (count < 0) return unreachable(endpoint_, std::strerror(errno));
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return {};
  }

  // The next frame of one of these kinds; others are passed over. Valid until the next call.
  std::expected<strict::FrameView, Failure> read(strict::FrameKind kind) {
    for (;;) {
      ByteSpan body;
      switch (splitter_.next(body)) {
        case strict::FrameSplitter::Status::too_large:
          return unreachable(endpoint_, "a frame above the limit: no gateway of Electra");
        case strict::FrameSplitter::Status::frame: {
          strict::FrameView frame;
          if (strict::decode_frame(body, frame) != Result::ok) {
            return unreachable(endpoint_, "a malformed frame: no gateway of Electra");
          }
          if (frame.kind == kind) return frame;
          if (frame.kind == strict::FrameKind::refusal) return refusal(frame.message);
          continue;
        }
        case strict::FrameSplitter::Status::need_more:
          if (const auto more = read_more(); !more) return std::unexpected(more.error());
      }
    }
  }

 private:
  bool wait_for(short events) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
    pollfd entry{.fd = descriptor_, .events = events, .revents = 0};
    return ::poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) > 0;
  }

  std::expected<void, Failure> read_more() {
    if (!wait_for(POLLIN)) return unreachable(endpoint_, "no answer in time");
    const ssize_t count = ::recv(descriptor_, buffer_.data(), buffer_.size(), 0);
    if (count == 0) return unreachable(endpoint_, "the gateway closed the connection");
    if (count > 0) {
      splitter_.feed(ByteSpan(buffer_).first(static_cast<std::size_t>(count)));
    } else if (errno != EAGAIN && errno != EINTR) {
      return unreachable(endpoint_, std::strerror(errno));
    }
    return {};
  }

  static std::unexpected<Failure> refusal(ByteSpan message) {
    strict::Refusal refusal;
    const bool readable = strict::decode_refusal(message, refusal) == Result::ok;
    return refused(readable ? refusal.result : Result::malformed_frame, "query");
  }

  Endpoint endpoint_;
  Clock::time_point deadline_;
  int descriptor_ = -1;
  strict::FrameSplitter splitter_{strict::kAnswerBytesMax};
  std::array<std::uint8_t, 65536> buffer_;
};

}  // namespace

std::expected<wire::QueryAnswer, Failure> ask_publicly(const Home& home, const NodeOptions& options,
                                                       const wire::Query& query) {
  const auto endpoint = find_node(home, options.node);
  if (!endpoint) return std::unexpected(endpoint.error());
  const auto connection = std::make_unique<Connection>(*endpoint, options.timeout_s);
  if (const auto opened = connection->open(); !opened) return std::unexpected(opened.error());

  const auto first = connection->read(strict::FrameKind::welcome);
  if (!first) return std::unexpected(first.error());
  strict::Welcome welcome;
  if (strict::decode_welcome(first->message, welcome) != Result::ok) {
    return unreachable(*endpoint, "a malformed welcome: no gateway of Electra");
  }
  const auto expected_hash = options.node.empty() ? genesis_hash_of(home) : std::nullopt;
  if (expected_hash && !equal_bytes(*expected_hash, welcome.genesis_hash)) {
    return refused(Result::wrong_chain, endpoint_text(*endpoint));
  }

  const std::string message = query.SerializeAsString();
  std::array<std::uint8_t, proto::kClientBufferBytes> frame;
  const std::size_t bytes = proto::encode_frame(strict::FrameKind::query, bytes_of(message), frame);
  if (const auto written = connection->write(ByteSpan(frame).first(bytes)); !written) {
    return std::unexpected(written.error());
  }
  const auto reply = connection->read(strict::FrameKind::query_answer);
  if (!reply) return std::unexpected(reply.error());
  wire::QueryAnswer answer;
  if (!answer.ParseFromArray(reply->message.data(), static_cast<int>(reply->message.size()))) {
    return unreachable(*endpoint, "a malformed answer: no gateway of Electra");
  }
  const auto result = static_cast<Result>(answer.result());
  if (result != Result::ok) return refused(result, "query");
  return answer;
}

}  // namespace electra::app
