// A connection to the gateway that comes back.
//
// Wraps client::TcpClient: when the connection is lost it is opened again, with a growing pause between attempts, until
// `retry_for` has passed without success. What was in flight is the caller's to send again (see exchange.h). Whoever
// opened the link opens every later session too; the chain must stay the same. One thread.
#pragma once

#include <atomic>
#include <chrono>
#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "meter-proto/client/tcp_client.h"

namespace electra::player {

struct LinkOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 26600;
  std::chrono::milliseconds retry_for{30'000};
  std::chrono::milliseconds answer_timeout{10'000};  // a session silent for so long while it owes an answer is given up
  const std::atomic<bool>* stop = nullptr;           // set: waiting ends with an error; may be null
};

// "127.0.0.1:26600", "[::1]:26600", "gateway.example:26600" into host and port; the error says what was expected.
[[nodiscard]] std::expected<void, std::string> parse_endpoint(const std::string& text, LinkOptions& options);

class GatewayLink {
 public:
  using Milliseconds = std::chrono::milliseconds;

  // Tries until it works or retry_for has passed; a hello that is refused for good ends it at once.
  [[nodiscard]] static std::expected<GatewayLink, std::string> open(const LinkOptions& options, client::Sender sender,
                                                                    client::SignFunction sign);

  [[nodiscard]] client::TcpClient& client() noexcept { return *client_; }
  [[nodiscard]] const client::Chain& chain() const noexcept { return client_->chain(); }
  [[nodiscard]] const client::HelloAnswer& hello_answer() const noexcept { return client_->hello_answer(); }
  [[nodiscard]] const LinkOptions& options() const noexcept { return options_; }
  [[nodiscard]] std::uint64_t reconnects() const noexcept { return reconnects_; }
  [[nodiscard]] bool stopped() const noexcept { return options_.stop != nullptr && options_.stop->load(); }

  // Gives the present session up and opens the next one. `why` appears in the error if none can be opened.
  [[nodiscard]] std::expected<void, std::string> reconnect(const std::string& why);

  // Asks and waits, over as many sessions as it takes. The answer's result is ok.
  [[nodiscard]] std::expected<wire::QueryAnswer, std::string> query(const wire::Query& query);

  // Moves the replay clock to at least `time_ns`, over as many sessions as it takes. Nothing is sent when it is there.
  [[nodiscard]] std::expected<void, std::string> tick(std::uint64_t time_ns);

  // The latest known time of the chain, unix ns. Falls back when a gateway that was killed had not made it durable.
  [[nodiscard]] std::uint64_t time_ns() const noexcept { return time_ns_; }

 private:
  GatewayLink(LinkOptions options, client::Sender sender, client::SignFunction sign);
  [[nodiscard]] std::expected<void, std::string> connect(const std::string& why);

  LinkOptions options_;
  client::Sender sender_;
  client::SignFunction sign_;
  std::optional<Bytes32> genesis_hash_;
  std::optional<client::TcpClient> client_;
  std::uint64_t time_ns_ = 0;
  std::uint64_t reconnects_ = 0;
};

}  // namespace electra::player
