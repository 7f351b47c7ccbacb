// Sends signed messages and collects one final answer for each, whatever happens to the connection in between.
//
// All messages go out without waiting for receipts, up to `window` in flight; the caller keeps the bytes until the
// exchange ends. After a lost connection those without an answer are sent again, the same bytes, so that the gateway
// answers `repeated` for what it had taken already. A refusal as overloaded or shutting_down is no answer: the message
// goes out again. Time that would be spent waiting is offered to `idle_work`.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/electrad/meter/gateway_link.h"

namespace electra::player {

struct OutgoingMessage {
  std::uint32_t slot = 0;  // of the sender
  std::uint64_t sequence = 0;
  ByteSpan frame;
};

// Names a message in what comes back.
struct MessageKey {
  std::uint32_t slot = 0;
  std::uint64_t sequence = 0;
  bool operator==(const MessageKey&) const = default;
};
struct MessageKeyHash {
  std::size_t operator()(const MessageKey& key) const noexcept {
    return static_cast<std::size_t>((key.sequence * 0x9e3779b97f4a7c15U) ^ (std::uint64_t{key.slot} << 20));
  }
};

struct Answer {
  std::size_t index = 0;  // of the message
  Result result = Result::ok;
  bool reached_chain = false;  // false: a refusal, `batch` and `detail` are 0
  bool repeated = false;       // the gateway had the message before
  std::uint64_t batch = 0;
  std::uint64_t detail = 0;
  std::uint64_t latency_ns = 0;  // from the (last) sending
};

struct ExchangeHooks {
  std::function<void(const Answer&)> on_answer;                       // once a message
  std::function<bool()> idle_work;                                    // a slice of work; false: there is no more
  std::function<std::expected<void, std::string>()> after_reconnect;  // before anything is sent again
};

class Exchange {
 public:
  Exchange(GatewayLink& link, std::size_t window) : link_(&link), window_(window) {}

  // Returns when every message has its answer. The error says why that could not be reached.
  [[nodiscard]] std::expected<void, std::string> run(std::span<const OutgoingMessage> messages,
                                                     const ExchangeHooks& hooks);

 private:
  struct Progress {
    std::uint64_t sent_ns = 0;
    bool in_flight = false;
    bool answered = false;
  };

  void send_more(std::span<const OutgoingMessage> messages);
  [[nodiscard]] std::string take_events(std::chrono::milliseconds wait, std::size_t messages,
                                        const ExchangeHooks& hooks);
  void send_again_later(std::size_t index);
  [[nodiscard]] std::expected<void, std::string> recover(const std::string& why, const ExchangeHooks& hooks);
  // Empty: the event was taken care of; else why the session is lost.
  [[nodiscard]] std::string take(const client::Event& event, const ExchangeHooks& hooks);
  void settle(Answer answer, std::uint32_t slot, std::uint64_t sequence, const ExchangeHooks& hooks);

  GatewayLink* link_;
  std::size_t window_;
  std::unordered_map<MessageKey, std::size_t, MessageKeyHash> index_of_;
  std::vector<Progress> progress_;
  std::size_t next_ = 0;  // all before it were sent or answered
  std::size_t in_flight_ = 0;
  std::size_t answered_ = 0;
  std::optional<std::uint64_t> send_again_at_ns_;
};

}  // namespace electra::player
