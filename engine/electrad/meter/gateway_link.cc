#include "engine/electrad/meter/gateway_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>
#include <utility>

namespace electra::player {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{20};
constexpr milliseconds kLongestPause{1'000};
constexpr milliseconds kStopPollPause{100};  // a stop is noticed within this time

// Codes that pass by themselves; any other refusal of a hello is final.
bool passes(Result result) noexcept {
  return result == Result::ok || result == Result::overloaded || result == Result::shutting_down;
}

}  // namespace

std::expected<void, std::string> parse_endpoint(const std::string& text, LinkOptions& options) {
  const std::size_t colon = text.rfind(':');
  unsigned port = 0;
  if (colon != std::string::npos && colon > 0) {
    const char* end = text.data() + text.size();
    const auto [stopped, code] = std::from_chars(text.data() + colon + 1, end, port);
    if (code != std::errc{} || stopped != end) port = 0;
  }
  if (port == 0 || port > 65'535) {
    return std::unexpected(fmt::format("expected HOST:PORT with a port from 1 to 65535, found `{}`", text));
  }
  options.host = text.substr(0, colon);
  if (options.host.starts_with('[') && options.host.ends_with(']')) {
    options.host = options.host.substr(1, options.host.size() - 2);
  }
  options.port = static_cast<std::uint16_t>(port);
  return {};
}

GatewayLink::GatewayLink(LinkOptions options, client::Sender sender, client::SignFunction sign)
    : options_(std::move(options)), sender_(sender), sign_(std::move(sign)) {}

std::expected<GatewayLink, std::string> GatewayLink::open(const LinkOptions& options, client::Sender sender,
                                                          client::SignFunction sign) {
  GatewayLink link(options, sender, std::move(sign));
  if (auto connected = link.connect({}); !connected) return std::unexpected(connected.error());
  link.genesis_hash_ = link.chain().genesis_hash;
  return link;
}

std::expected<void, std::string> GatewayLink::connect(const std::string& why) {
  client_.reset();
  const auto deadline = Clock::now() + options_.retry_for;
  milliseconds pause = kFirstPause;
  while (true) {
    if (stopped()) return std::unexpected("stopped");
    auto client = client::TcpClient::connect({.host = options_.host,
                                              .port = options_.port,
                                              .timeout = options_.answer_timeout,
                                              .sender = sender_,
                                              .expected_genesis_hash = genesis_hash_},
                                             sign_);
    if (client) {
      client_.emplace(std::move(*client));
      time_ns_ = client_->chain().time_ns;
      return {};
    }
    const client::TcpClient::Error& error = client.error();
    if (!passes(error.result) || Clock::now() + pause > deadline) {
      return std::unexpected(fmt::format("{}:{}: {}{}", options_.host, options_.port, error.text,
                                         why.empty() ? "" : fmt::format(" (after: {})", why)));
    }
    std::this_thread::sleep_for(std::min(pause, kStopPollPause));
    pause = std::min(pause * 2, kLongestPause);
  }
}

std::expected<void, std::string> GatewayLink::reconnect(const std::string& why) {
  ++reconnects_;
  return connect(why);
}

std::expected<wire::QueryAnswer, std::string> GatewayLink::query(const wire::Query& query) {
  const auto deadline = Clock::now() + options_.retry_for;
  while (true) {
    std::string why;
    if (!client_->is_open()) {
      why = "the session was closed";
    } else if (auto answer = client_->query(query, options_.answer_timeout); !answer) {
      why = answer.error();
    } else if (const auto result = static_cast<Result>(answer->result()); result == Result::ok) {
      return answer;
    } else if (!passes(result)) {
      return std::unexpected(
          fmt::format("the gateway answers a query with {}: {}", result_name(result), result_text(result)));
    } else {
      why = result_text(result);
    }
    if (Clock::now() > deadline) return std::unexpected(why);
    if (auto again = reconnect(why); !again) return std::unexpected(again.error());
  }
}

std::expected<void, std::string> GatewayLink::tick(std::uint64_t time_ns) {
  const auto deadline = Clock::now() + options_.retry_for;
  while (time_ns_ < time_ns) {
    std::string why;
    if (!client_->is_open()) {
      why = "the session was closed";
    } else if (auto answer = client_->tick(time_ns, options_.answer_timeout); !answer) {
      why = answer.error();
    } else if (answer->result == Result::ok) {
      time_ns_ = std::max(time_ns, answer->time);
      return {};
    } else if (!passes(answer->result)) {
      return std::unexpected(fmt::format("the gateway refuses a tick with {}: {}", result_name(answer->result),
                                         result_text(answer->result)));
    } else {
      why = result_text(answer->result);
    }
    if (Clock::now() > deadline) return std::unexpected(why);
    if (auto again = reconnect(why); !again) return std::unexpected(again.error());
  }
  return {};
}

}  // namespace electra::player
