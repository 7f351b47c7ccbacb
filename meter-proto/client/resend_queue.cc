#include "meter-proto/client/resend_queue.h"

#include <algorithm>

#include "meter-proto/base/assert.h"

namespace electra::client {
namespace {

// A wait is at most this share shorter, or longer.
constexpr std::uint64_t kVaryOneIn = 5;

}  // namespace

ResendQueue::ResendQueue(const Options& options) : options_(options), random_(options.seed) {
  ELECTRA_ASSERT_LT(0u, options.first_wait_ns);
  ELECTRA_ASSERT_LE(options.first_wait_ns, options.wait_ns_max);
  datagram_.reserve(kDatagramBytesMax);
}

bool ResendQueue::add(std::uint64_t sequence, std::vector<std::uint8_t> frame, std::uint64_t now_ns) {
  ELECTRA_ASSERT_LE(frame.size(), kDatagramBytesMax);
  if (sequence <= highest_) return false;
  if (!messages_.empty() && sequence - messages_.front().sequence >= kWindow) return false;
  highest_ = sequence;
  messages_.push_back({.sequence = sequence,
                       .frame = std::move(frame),
                       .due_ns = now_ns,
                       .wait_ns = options_.first_wait_ns,
                       .sent = false});
  return true;
}

// xorshift64*: good enough to keep meters apart.
std::uint64_t ResendQueue::varied(std::uint64_t wait_ns) noexcept {
  random_ ^= random_ == 0 ? 0x9e3779b97f4a7c15 : random_ >> 12;
  random_ ^= random_ << 25;
  random_ ^= random_ >> 27;
  const std::uint64_t drawn = (random_ * 0x2545f4914f6cdd1d) >> 33;
  const std::uint64_t width = 2 * (wait_ns / kVaryOneIn) + 1;
  return wait_ns - wait_ns / kVaryOneIn + drawn % width;
}

ByteSpan ResendQueue::next_datagram(std::uint64_t now_ns) {
  datagram_.clear();
  for (Message& message : messages_) {
    if (message.due_ns > now_ns || datagram_.size() + message.frame.size() > kDatagramBytesMax) continue;
    datagram_.insert(datagram_.end(), message.frame.begin(), message.frame.end());
    message.due_ns = now_ns + varied(message.wait_ns);
    message.wait_ns = std::min(message.wait_ns * 2, options_.wait_ns_max);
    sent_again_ += message.sent ? 1 : 0;
    message.sent = true;
  }
  return datagram_;
}

std::uint64_t ResendQueue::next_due_ns() const noexcept {
  std::uint64_t due_ns = UINT64_MAX;
  for (const Message& message : messages_) due_ns = std::min(due_ns, message.due_ns);
  return due_ns;
}

void ResendQueue::receive(ByteSpan datagram) {
  while (!datagram.empty()) {
    const std::size_t header = strict::kFrameHeaderBytes;
    if (datagram.size() < header || load_le32(datagram.data()) > datagram.size() - header) {
      ++ignored_;
      return;
    }
    const ByteSpan body = datagram.subspan(header, load_le32(datagram.data()));
    datagram = datagram.subspan(header + body.size());
    if (!take_frame(body)) ++ignored_;
  }
}

bool ResendQueue::take_frame(ByteSpan body) {
  strict::FrameView frame;
  if (strict::decode_frame(body, frame) != Result::ok) return false;
  if (frame.kind == strict::FrameKind::receipt) {
    strict::Receipt receipt;
    if (strict::decode_receipt(frame.message, receipt) != Result::ok) return false;
    if (!answered(receipt.slot, receipt.sequence)) return false;
    answers_.emplace_back(receipt);
    return true;
  }
  strict::Refusal refusal;
  if (frame.kind != strict::FrameKind::refusal || strict::decode_refusal(frame.message, refusal) != Result::ok) {
    return false;
  }
  if (!answered(refusal.slot, refusal.sequence)) return false;
  answers_.emplace_back(Refusal{refusal.result, refusal.slot, refusal.sequence, std::string(refusal.text)});
  return true;
}

bool ResendQueue::answered(std::uint32_t slot, std::uint64_t sequence) {
  if (slot != options_.slot) return false;
  const auto found = std::ranges::find(messages_, sequence, &Message::sequence);
  if (found == messages_.end() || !found->sent) return false;
  messages_.erase(found);
  return true;
}

std::optional<ResendQueue::Answer> ResendQueue::next_answer() {
  if (answers_.empty()) return std::nullopt;
  Answer answer = std::move(answers_.front());
  answers_.pop_front();
  return answer;
}

}  // namespace electra::client
