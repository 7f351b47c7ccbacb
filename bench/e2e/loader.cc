#include "bench/e2e/loader.h"

#include <fmt/core.h>
#include <sys/prctl.h>

#include <algorithm>

#include "bench/common/measure.h"
#include "bench/e2e/open_loop.h"
#include "meter-proto/base/assert.h"

namespace electra::bench {
namespace {

constexpr std::uint64_t kStallNs = 20'000'000'000;  // without an answer: something is wrong
constexpr std::uint64_t kLookNs = 100'000'000;      // at the clock, the progress and whether there are answers
constexpr std::uint64_t kLossLookNs = 10'000'000;   // for messages that were lost
constexpr std::uint64_t kResendWaitNsMax = 3'000'000'000;

}  // namespace

Loader::Loader(const Traffic& traffic, const LoadOptions& options, Forged forged)
    : traffic_(traffic),
      options_(options),
      forged_(std::move(forged)),
      latencies_(traffic.frames.messages()),
      streams_(traffic.frames.streams()),
      answers_(traffic.senders) {
  ELECTRA_ASSERT_LT(0u, options.batch);
  ELECTRA_ASSERT_LE(options.batch, kBatchMax);
  ELECTRA_ASSERT_LT(0u, options.depth);
  const std::uint64_t share = (options.messages + streams_.size() - 1) / streams_.size();
  for (std::uint32_t i = 0; i < streams_.size(); ++i) {
    const std::uint64_t length = traffic.frames.length(i);
    streams_[i].end = options.messages == 0 ? length : std::min(length, share);
    all_ += streams_[i].end;
  }
}

std::vector<std::uint64_t> Loader::sent() const {
  std::vector<std::uint64_t> out;
  for (const Stream& stream : streams_) out.push_back(stream.furthest);
  return out;
}

void Loader::fail(std::string text) {
  if (error_.empty()) error_ = std::move(text);
}

void Loader::resume() {
  options_.stop_after = 0;
  for (std::uint32_t i = 0; i < streams_.size(); ++i) {
    Stream& stream = streams_[i];
    std::uint64_t position = 0;
    const std::uint64_t first = traffic_.frames.first(i);
    while (position < stream.furthest && latencies_.is_answered(first + position)) ++position;
    stream.cursor = traffic_.frames.seek(i, position);
    stream.in_flight = 0;
    stream.writing = false;
  }
}

std::expected<void, std::string> Loader::drive(Transport& transport, const Progress& progress) {
  ELECTRA_ASSERT_EQ(transport.connections(), streams_.size());
  transport_ = &transport;
  error_.clear();
  const std::uint64_t target = options_.stop_after != 0 ? std::min(options_.stop_after, all_) : all_;
  first_fresh_ns_ = 0;
  const std::uint64_t begin_cpu = thread_cpu_ns();
  // The kernel may let a wait last 50 µs longer unless it is told not to: too much where instants count.
  if (options_.rate > 0) prctl(PR_SET_TIMERSLACK, 1UL);
  begin_ns_ = wall_ns();
  last_answer_ns_ = begin_ns_;
  std::uint64_t next_look_ns = begin_ns_ + kLookNs;
  std::uint64_t next_loss_look_ns = begin_ns_;
  for (std::uint32_t i = 0; i < streams_.size(); ++i) touch(i);
  while (error_.empty() && accepted_ + refused_ < target) {
    const std::uint64_t now_ns = wall_ns();
    if (options_.rate > 0) release_due(now_ns);
    for (std::size_t i = 0; i < queue_.size(); ++i) {
      streams_[queue_[i]].queued = false;
      write_what_may(queue_[i], now_ns);
    }
    queue_.clear();
    if (now_ns >= next_look_ns) {
      next_look_ns = now_ns + kLookNs;
      if (progress) progress(accepted_ + refused_, target);
      if (now_ns > last_answer_ns_ + kStallNs) fail("no receipt for 20 s");
    }
    if (lossy() && now_ns >= next_loss_look_ns) {
      next_loss_look_ns = now_ns + kLossLookNs;
      touch_overdue(now_ns);
    }
    transport.turn(queue_.empty() ? wait_ns(now_ns) : 0, *this);
  }
  took_ns_ = last_answer_ns_ - begin_ns_;
  cpu_ns_ = thread_cpu_ns() - begin_cpu;
  transport_ = nullptr;
  if (!error_.empty()) return std::unexpected(error_);
  return {};
}

std::uint64_t Loader::wait_ns(std::uint64_t now_ns) const {
  const std::uint64_t look_ns = lossy() ? kLossLookNs : kLookNs;
  if (options_.rate <= 0 || released_ == all_) return look_ns;
  const OpenLoop schedule(options_.rate, options_.batch, static_cast<std::uint32_t>(streams_.size()));
  const std::uint64_t due_ns = begin_ns_ + schedule.intended_ns(next_burst_);
  return due_ns <= now_ns ? 0 : std::min(due_ns - now_ns, look_ns);
}

void Loader::touch(std::uint32_t stream) {
  if (streams_[stream].queued) return;
  streams_[stream].queued = true;
  queue_.push_back(stream);
}

// Stamps the messages of every burst whose instant has come with that instant, and lets them be written.
void Loader::release_due(std::uint64_t now_ns) {
  const OpenLoop schedule(options_.rate, options_.batch, static_cast<std::uint32_t>(streams_.size()));
  for (; released_ < all_; ++next_burst_) {
    const std::uint64_t due_ns = begin_ns_ + schedule.intended_ns(next_burst_);
    if (due_ns > now_ns) return;
    const std::uint32_t number = schedule.connection(next_burst_);
    Stream& stream = streams_[number];
    const std::uint64_t end = std::min(stream.due + options_.batch, stream.end);
    released_ += end - stream.due;
    for (; stream.due < end; ++stream.due) latencies_.sent(traffic_.frames.first(number) + stream.due, due_ns);
    if (!stream.writing) late_ns_max_ = std::max(late_ns_max_, now_ns - due_ns);
    touch(number);
  }
}

// How many messages the loop's rule and the senders' windows let this stream write now.
std::uint64_t Loader::allowed(const Stream& stream, std::uint32_t number) {
  const std::uint64_t senders = traffic_.senders_of(number);
  const std::uint64_t left = stream.end - stream.cursor.position;
  std::uint64_t count = 0;
  if (options_.rate > 0) {
    count = std::min<std::uint64_t>(stream.due - std::min(stream.due, stream.cursor.position), kBatchMax);
  } else {
    const std::uint64_t batch = std::min({std::uint64_t{options_.batch}, senders * kInFlightMax, left});
    const std::uint64_t limit = std::max(batch, std::uint64_t{options_.batch} * options_.depth);
    count = stream.in_flight + batch <= limit ? batch : 0;
  }
  // The senders take turns, so each has one more in flight every `senders` messages.
  std::uint64_t turn = stream.cursor.position % senders;
  std::uint64_t round = stream.cursor.position / senders;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t sender = number + turn * streams_.size();
    if (round >= window_end(number, turn, sender)) return i;
    if (++turn == senders) {
      turn = 0;
      ++round;
    }
  }
  return count;
}

void Loader::write_what_may(std::uint32_t number, std::uint64_t now_ns) {
  Stream& stream = streams_[number];
  if (stream.writing || (lossy() && resend(number, now_ns))) return;
  const std::uint64_t count = allowed(stream, number);
  if (count == 0) return;
  if (options_.rate <= 0) {
    const std::uint64_t first = traffic_.frames.first(number);
    for (std::uint64_t i = 0; i < count; ++i) {
      if (stream.cursor.position + i >= stream.furthest) latencies_.sent(first + stream.cursor.position + i, now_ns);
    }
  }
  if (lossy()) {
    stream.sent.push_back({.position = stream.cursor.position,
                           .count = count,
                           .due_ns = now_ns + options_.resend_after_ns,
                           .wait_ns = 2 * options_.resend_after_ns});
  }
  std::array<iovec, FrameStore::kPiecesMax> pieces;
  const std::size_t used = traffic_.frames.take(number, stream.cursor, count, pieces);
  stream.furthest = std::max(stream.furthest, stream.cursor.position);
  stream.in_flight += count;
  stream.writing = true;
  transport_->write(number, std::span(pieces).first(used));
}

std::uint64_t Loader::window_end(std::uint32_t stream, std::uint64_t turn, std::uint64_t sender) {
  std::uint64_t& rounds = answers_[sender];
  if (lossy()) {
    const std::uint64_t senders = traffic_.senders_of(stream);
    const std::uint64_t first = traffic_.frames.first(stream);
    while (rounds * senders + turn < streams_[stream].furthest &&
           latencies_.is_answered(first + rounds * senders + turn)) {
      ++rounds;
    }
  }
  return rounds + kInFlightMax;
}

void Loader::touch_overdue(std::uint64_t now_ns) {
  for (std::uint32_t i = 0; i < streams_.size(); ++i) {
    if (std::ranges::any_of(streams_[i].sent, [now_ns](const Sent& sent) { return sent.due_ns <= now_ns; })) touch(i);
  }
}

bool Loader::resend(std::uint32_t number, std::uint64_t now_ns) {
  Stream& stream = streams_[number];
  const std::uint64_t first = traffic_.frames.first(number);
  const auto answered = [&](std::uint64_t position) { return latencies_.is_answered(first + position); };
  for (auto sent = stream.sent.begin(); sent != stream.sent.end();) {
    while (sent->count > 0 && answered(sent->position)) {
      ++sent->position;
      --sent->count;
    }
    if (sent->count == 0) {
      sent = stream.sent.erase(sent);
      continue;
    }
    if (sent->due_ns > now_ns) {
      ++sent;
      continue;
    }
    std::uint64_t count = 0;
    while (count < sent->count && !answered(sent->position + count)) ++count;
    const Sent again{.position = sent->position,
                     .count = count,
                     .due_ns = now_ns + sent->wait_ns,
                     .wait_ns = std::min(2 * sent->wait_ns, kResendWaitNsMax)};
    sent->position += count;
    sent->count -= count;
    if (sent->count == 0) stream.sent.erase(sent);
    FrameStore::Cursor cursor = traffic_.frames.seek(number, again.position);
    std::array<iovec, FrameStore::kPiecesMax> pieces;
    const std::size_t used = traffic_.frames.take(number, cursor, count, pieces);
    stream.sent.push_back(again);
    stream.writing = true;
    resent_ += count;
    transport_->write(number, std::span(pieces).first(used));
    return true;
  }
  return false;
}

void Loader::on_written(std::uint32_t connection) {
  streams_[connection].writing = false;
  touch(connection);
}

void Loader::on_closed(std::uint32_t connection, const std::string& reason) {
  fail(fmt::format("connection {}: {}", connection, reason));
}

void Loader::on_frame(std::uint32_t connection, ByteSpan body, std::uint64_t now_ns) {
  strict::FrameView frame;
  if (strict::decode_frame(body, frame) != Result::ok) return fail("the gateway sent a malformed frame");
  if (frame.kind == strict::FrameKind::receipt) {
    strict::Receipt receipt;
    if (strict::decode_receipt(frame.message, receipt) != Result::ok) return fail("a receipt is malformed");
    return answered(connection, receipt.slot, receipt.sequence, receipt.result, receipt.repeated, now_ns);
  }
  strict::Refusal refusal;
  if (frame.kind != strict::FrameKind::refusal || strict::decode_refusal(frame.message, refusal) != Result::ok) {
    return fail("the gateway sent something that is no receipt");
  }
  if (refusal.slot == 0) return fail("the gateway refused the session: " + std::string(refusal.text));
  answered(connection, refusal.slot, refusal.sequence, refusal.result, false, now_ns);
}

void Loader::answered(std::uint32_t connection, std::uint32_t slot, std::uint64_t sequence, Result result,
                      bool repeated, std::uint64_t now_ns) {
  const std::uint64_t sender = slot - traffic_.first_slot;
  const auto stream_count = static_cast<std::uint32_t>(streams_.size());
  if (slot < traffic_.first_slot || sender >= traffic_.senders || sender % stream_count != connection ||
      sequence < traffic_.first_sequence) {
    return fail(fmt::format("an answer names slot {} and sequence {}, which were not sent there", slot, sequence));
  }
  Stream& stream = streams_[connection];
  const std::uint64_t position =
      (sequence - traffic_.first_sequence) * traffic_.senders_of(connection) + sender / stream_count;
  const std::uint64_t message = traffic_.frames.first(connection) + position;
  const bool again = lossy() && position < stream.furthest && latencies_.is_answered(message);
  repeated_ += repeated ? 1 : 0;
  if (again) return;  // it was sent again, and neither was lost
  if (position >= stream.furthest || stream.in_flight == 0) {
    return fail(fmt::format("an answer for slot {}, sequence {} came before its message was sent", slot, sequence));
  }
  const bool forged = forged_ && forged_(connection, position);
  if (result != (forged ? Result::bad_signature : Result::ok)) {
    return fail(fmt::format("{} message of slot {}, sequence {} got {}", forged ? "the forged" : "the", slot, sequence,
                            result_name(result)));
  }
  --stream.in_flight;
  touch(connection);
  if (!latencies_.answered(message, now_ns)) {
    if (!repeated && !forged) fail(fmt::format("slot {}, sequence {} was answered twice", slot, sequence));
    return;
  }
  if (!lossy()) ++answers_[sender];  // else window_end() counts
  ++(forged ? refused_ : accepted_);
  last_answer_ns_ = now_ns;
  if (!repeated && !forged && first_fresh_ns_ == 0) first_fresh_ns_ = now_ns;
}

}  // namespace electra::bench
