#include "engine/electrad/meter/exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace electra::player {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWait{50};                         // between two looks at deadlines
constexpr std::uint64_t kOverloadedPauseNs = 20'000'000;  // before a message that was refused goes out again
constexpr std::size_t kUnsentBytesMax = 1U << 18;         // queued in this process before the socket is asked

std::uint64_t nanoseconds(milliseconds duration) {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(duration).count());
}

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

}  // namespace

std::expected<void, std::string> Exchange::run(std::span<const OutgoingMessage> messages, const ExchangeHooks& hooks) {
  index_of_.clear();
  for (std::size_t i = 0; i < messages.size(); ++i)
    index_of_.emplace(MessageKey{messages[i].slot, messages[i].sequence}, i);
  progress_.assign(messages.size(), {});
  next_ = in_flight_ = answered_ = 0;
  send_again_at_ns_.reset();

  const std::uint64_t retry_for_ns = nanoseconds(link_->options().retry_for);
  const std::uint64_t answer_timeout_ns = nanoseconds(link_->options().answer_timeout);
  bool work_left = static_cast<bool>(hooks.idle_work);
  std::uint64_t last_answer_ns = now_ns();
  std::uint64_t session_began_ns = last_answer_ns;
  while (answered_ < messages.size()) {
    if (link_->client().is_open()) send_more(messages);
    const std::size_t answered_before = answered_;
    std::string lost = take_events(work_left ? milliseconds(0) : kWait, messages.size(), hooks);
    const std::uint64_t now = now_ns();
    if (answered_ != answered_before) last_answer_ns = now;
    if (lost.empty() && !link_->client().is_open()) lost = "the session was closed";
    if (lost.empty() && now - std::max(last_answer_ns, session_began_ns) > answer_timeout_ns) {
      lost = fmt::format("no answer for {} ms", link_->options().answer_timeout.count());
    }
    if (lost.empty()) {
      if (work_left) work_left = hooks.idle_work();
      continue;
    }
    if (answered_ == messages.size()) break;
    if (now - last_answer_ns > retry_for_ns) {
      return std::unexpected(
          fmt::format("given up with {} messages unanswered: {}", messages.size() - answered_, lost));
    }
    if (auto recovered = recover(lost, hooks); !recovered) return recovered;
    session_began_ns = now_ns();
  }
  return {};
}

// Handles what has come, waiting for the first event only. Says why when the session ended.
std::string Exchange::take_events(milliseconds wait, std::size_t messages, const ExchangeHooks& hooks) {
  while (const auto event = link_->client().wait_event(wait)) {
    if (std::string lost = take(*event, hooks); !lost.empty()) return lost;
    if (answered_ == messages || (in_flight_ < window_ / 2 && next_ < messages)) break;  // go on sending
    wait = milliseconds(0);
  }
  return {};
}

void Exchange::send_more(std::span<const OutgoingMessage> messages) {
  if (send_again_at_ns_ && now_ns() >= *send_again_at_ns_) {
    send_again_at_ns_.reset();
    next_ = 0;
  }
  client::TcpClient& client = link_->client();
  for (; next_ < messages.size() && in_flight_ < window_; ++next_) {
    Progress& progress = progress_[next_];
    if (progress.answered || progress.in_flight) continue;
    if (client.unsent_bytes() > kUnsentBytesMax) return;
    client.session().send_frame(messages[next_].frame);
    progress.in_flight = true;
    progress.sent_ns = now_ns();
    ++in_flight_;
  }
}

void Exchange::send_again_later(std::size_t index) {
  progress_[index].in_flight = false;
  --in_flight_;
  if (!send_again_at_ns_) send_again_at_ns_ = now_ns() + kOverloadedPauseNs;
}

std::expected<void, std::string> Exchange::recover(const std::string& why, const ExchangeHooks& hooks) {
  if (auto again = link_->reconnect(why); !again) return again;
  for (Progress& progress : progress_) progress.in_flight = false;
  in_flight_ = 0;
  next_ = 0;
  send_again_at_ns_.reset();
  return hooks.after_reconnect ? hooks.after_reconnect() : std::expected<void, std::string>();
}

std::string Exchange::take(const client::Event& event, const ExchangeHooks& hooks) {
  if (const auto* receipt = std::get_if<strict::Receipt>(&event)) {
    settle({.result = receipt->result,
            .reached_chain = true,
            .repeated = receipt->repeated,
            .batch = receipt->batch,
            .detail = receipt->detail},
           receipt->slot, receipt->sequence, hooks);
  } else if (const auto* refusal = std::get_if<client::Refusal>(&event)) {
    settle({.result = refusal->result}, refusal->slot, refusal->sequence, hooks);
  } else if (const auto* closed = std::get_if<client::Closed>(&event)) {
    return closed->reason.empty() ? "the connection was closed" : closed->reason;
  }
  return {};
}

void Exchange::settle(Answer answer, std::uint32_t slot, std::uint64_t sequence, const ExchangeHooks& hooks) {
  const auto found = index_of_.find({slot, sequence});
  if (found == index_of_.end()) return;  // of an earlier exchange: it was sent twice and is answered twice
  Progress& progress = progress_[found->second];
  if (progress.answered || !progress.in_flight) return;
  if (!answer.reached_chain && (answer.result == Result::overloaded || answer.result == Result::shutting_down)) {
    return send_again_later(found->second);
  }
  progress.answered = true;
  progress.in_flight = false;
  --in_flight_;
  ++answered_;
  answer.index = found->second;
  answer.latency_ns = now_ns() - progress.sent_ns;
  hooks.on_answer(answer);
}

}  // namespace electra::player
