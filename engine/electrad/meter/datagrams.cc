#include "engine/electrad/meter/datagrams.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "meter-proto/base/assert.h"

namespace electra::player {
namespace {

constexpr std::uint64_t kNanosecondsPerMillisecond = 1'000'000;
constexpr std::uint64_t kWaitNsMax = 50'000'000;          // a stop is noticed within this time
constexpr std::uint64_t kStopPatienceNs = 1'000'000'000;  // for answers that are on their way

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

}  // namespace

std::expected<DatagramExchange, std::string> DatagramExchange::open(const LinkOptions& options,
                                                                    std::span<const std::uint32_t> slots) {
  DatagramExchange exchange(options);
  for (const std::uint32_t slot : slots) {
    auto client =
        client::UdpClient::open({.host = options.host, .port = options.port, .queue = {.slot = slot, .seed = slot}});
    if (!client) {
      return std::unexpected(
          fmt::format("the socket of meter {} of {}: {}", exchange.clients_.size() + 1, slots.size(), client.error()));
    }
    const bool fresh = exchange.client_of_.emplace(slot, exchange.clients_.size()).second;
    ELECTRA_ASSERT(fresh);
    exchange.descriptors_.push_back({.fd = client->descriptor(), .events = POLLIN, .revents = 0});
    exchange.clients_.push_back(std::move(*client));
  }
  return exchange;
}

std::expected<void, std::string> DatagramExchange::run(std::span<const OutgoingMessage> messages,
                                                       const std::function<void(const Answer&)>& on_answer) {
  index_of_.clear();
  sent_ns_.clear();
  answered_ = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const OutgoingMessage& message = messages[i];
    client::UdpClient& client = clients_[client_of_.at(message.slot)];
    index_of_.emplace(MessageKey{message.slot, message.sequence}, i);
    sent_ns_.push_back(now_ns());
    const bool added = client.add(message.sequence, {message.frame.begin(), message.frame.end()});
    ELECTRA_ASSERT(added);
    take_answers(client, on_answer);  // it is sent by that
  }
  const auto retry_for_ns = static_cast<std::uint64_t>(options_.retry_for.count()) * kNanosecondsPerMillisecond;
  std::uint64_t last_answer_ns = now_ns();
  while (answered_ < messages.size()) {
    wait();
    const std::size_t answered_before = answered_;
    const std::uint64_t now = now_ns();
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      if (descriptors_[i].revents == 0 && clients_[i].queue().next_due_ns() > now) continue;
      take_answers(clients_[i], on_answer);
    }
    if (answered_ != answered_before) last_answer_ns = now;
    const bool stopped = options_.stop != nullptr && options_.stop->load();
    const std::uint64_t patience_ns = stopped ? std::min(kStopPatienceNs, retry_for_ns) : retry_for_ns;
    if (now - last_answer_ns > patience_ns) {
      return std::unexpected(fmt::format("{}:{} answers no datagram: given up with {} messages unanswered",
                                         options_.host, options_.port, messages.size() - answered_));
    }
  }
  return {};
}

// Until something came, or a message is to be sent again.
void DatagramExchange::wait() noexcept {
  const std::uint64_t now = now_ns();
  std::uint64_t until_ns = now + kWaitNsMax;
  for (const client::UdpClient& client : clients_) until_ns = std::min(until_ns, client.queue().next_due_ns());
  const std::uint64_t wait_ns = until_ns > now ? until_ns - now : 0;
  const auto wait_ms = static_cast<int>((wait_ns + kNanosecondsPerMillisecond - 1) / kNanosecondsPerMillisecond);
  (void)::poll(descriptors_.data(), descriptors_.size(), wait_ms);
}

void DatagramExchange::take_answers(client::UdpClient& client, const std::function<void(const Answer&)>& on_answer) {
  while (const auto answer = client.wait_answer(std::chrono::milliseconds(0))) take(*answer, on_answer);
}

void DatagramExchange::take(const client::ResendQueue::Answer& answer,
                            const std::function<void(const Answer&)>& on_answer) {
  Answer out;
  MessageKey key;
  if (const auto* receipt = std::get_if<strict::Receipt>(&answer)) {
    out = {.result = receipt->result,
           .reached_chain = true,
           .repeated = receipt->repeated,
           .batch = receipt->batch,
           .detail = receipt->detail};
    key = {receipt->slot, receipt->sequence};
  } else {
    const auto& refusal = std::get<client::Refusal>(answer);
    out = {.result = refusal.result};
    key = {refusal.slot, refusal.sequence};
  }
  const auto found = index_of_.find(key);
  if (found == index_of_.end()) return;  // of a run that was given up
  out.index = found->second;
  out.latency_ns = now_ns() - sent_ns_[out.index];
  ++answered_;
  on_answer(out);
}

std::uint64_t DatagramExchange::sent_again() const noexcept {
  std::uint64_t sum = 0;
  for (const client::UdpClient& client : clients_) sum += client.queue().sent_again();
  return sum;
}

}  // namespace electra::player
