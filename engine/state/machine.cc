#include "engine/state/machine.h"

#include "engine/state/parts.h"

namespace electra::state {

Machine::Machine(std::unique_ptr<Parts> parts) noexcept : parts_(std::move(parts)) {}
Machine::~Machine() = default;

void Machine::execute(const BatchInput& in, std::span<Outcome> out) { parts_->execute(in, out); }

void Machine::Parts::execute(const BatchInput& in, std::span<Outcome> out) {
  ELECTRA_ASSERT_EQ(in.number, batch_number + 1);
  ELECTRA_ASSERT_LT(time_ns, in.time_ns);
  ELECTRA_ASSERT_EQ(in.messages.size(), out.size());
  ELECTRA_ASSERT(known_rules.contains(rules_version));
  batch_number = in.number;
  time_ns = in.time_ns;
  key_changes.clear();

  // Timers: what has expired no longer binds the wallets that settlement draws on.
  settlement.set_time(time_ns);
  const std::uint32_t expired = ledger.expire(time_ns, limits.timer_visits_per_batch_max);
  if (expired < limits.timer_visits_per_batch_max) settlement.run(limits.timer_visits_per_batch_max - expired);

  reading_context = {.time_s = time_ns / kNanosecondsPerSecond,
                     .first_open_boundary = settlement.first_open_boundary(),
                     .future_tolerance_s = params.future_tolerance_s,
                     .correction_horizon_s = limits.correction_horizon_s};
  execute_messages(in.messages, out);
  messages += in.messages.size();
  if (in.closes_block) close_block();
}

// Three passes at once over the batch, some messages apart: what the envelope names is fetched, then the payload is decoded
// and what it names is fetched, then the message is executed and finds everything in the cache. Decoding looks at the bytes
// alone, so that it may come before the messages ahead are executed; the fetching passes change nothing.
void Machine::Parts::execute_messages(std::span<const VerifiedMessage> batch, std::span<Outcome> out) {
  const std::size_t count = batch.size();
  for (std::size_t i = 0; i < std::min(count, kFetchAhead); ++i) fetch_sender(batch[i]);
  for (std::size_t i = 0; i < std::min(count, kDecodeAhead); ++i) decode_ahead(batch[i], decoded[i]);
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kFetchAhead < count) fetch_sender(batch[i + kFetchAhead]);
    DecodedMessage& at_hand = decoded[i % kDecodeAhead];
    execute_one(batch[i], at_hand, out[i]);
    if (i + kDecodeAhead < count) decode_ahead(batch[i + kDecodeAhead], at_hand);
  }
}

void Machine::Parts::fetch_sender(const VerifiedMessage& message) const noexcept {
  prefetch_for_reading(message.envelope.payload.data());
  if (!directory.exists(message.slot)) return;
  directory.prefetch(message.slot);
  windows.prefetch(message.slot);
}

void Machine::Parts::decode_ahead(const VerifiedMessage& message, DecodedMessage& into) const noexcept {
  into.result = strict::decode_payload(message.envelope.payload, into.payload);
  if (into.result != Result::ok || !directory.exists(message.slot)) return;
  windows.prefetch(message.slot, message.envelope.sequence);
  if (const auto* transfers = std::get_if<strict::Transfers>(&into.payload.operation)) {
    ledger.prefetch(transfers->all());
  } else if (const auto* reading = std::get_if<strict::Reading>(&into.payload.operation)) {
    const std::uint32_t meter = directory.at(message.slot).meter;
    if (meter != kNoMeter) meters.prefetch(meter, reading->time);
  }
}

void Machine::Parts::close_block() noexcept {
  ++height;
  if (scheduled_rules.version == 0 || scheduled_rules.height != height + 1) return;
  rules_version = scheduled_rules.version;
  scheduled_rules = {};
}

// The outcome is written member by member, where it stays: a whole one that is copied right after its members were written
// waits for these, and thereby for whatever the caches still wait for.
void Machine::Parts::execute_one(const VerifiedMessage& message, const DecodedMessage& content, Outcome& outcome) {
  ELECTRA_ASSERT(directory.exists(message.slot));
  const Holder& sender = directory.at(message.slot);
  const strict::EnvelopeView& envelope = message.envelope;
  // The verifier resolved the sender from what the envelope says, and only so.
  if (envelope.slot != 0)
    ELECTRA_ASSERT_EQ(envelope.slot, message.slot);
  else
    ELECTRA_ASSERT(equal_bytes(envelope.address, sender.address));

  outcome.repeated = false;
  outcome.batch = batch_number;
  outcome.detail = 0;
  if (envelope.key_generation != sender.key_generation || sender.status == HolderStatus::suspended ||
      sender.status == HolderStatus::retired) {
    outcome.result = Result::key_superseded;
    return;
  }
  const std::uint64_t id_prefix = load_le64(message.id.data());
  const SequenceEntry* same = nullptr;
  Result result = windows.check(message.slot, envelope.sequence, id_prefix, same);
  if (same != nullptr) {
    outcome.result = same->result;
    outcome.repeated = true;
    outcome.batch = same->batch;
    outcome.detail = same->detail;
    return;
  }
  if (result == Result::ok) {
    std::uint64_t detail = 0;
    result = content.result == Result::ok ? perform(message, content.payload, detail) : content.result;
    outcome.detail = detail;
    if (consumes_sequence(result))
      windows.use(message.slot, envelope.sequence,
                  {.id_prefix = id_prefix,
                   .batch = batch_number,
                   .detail = static_cast<std::uint32_t>(detail),
                   .result = result,
                   .reserved = 0});
  }
  outcome.result = result;
}

std::uint64_t Machine::next_timer_ns() const noexcept {
  if (parts_->settlement.work_left()) return parts_->time_ns;
  return std::min(parts_->ledger.next_expiry_ns(), parts_->settlement.next_due_ns());
}

}  // namespace electra::state
