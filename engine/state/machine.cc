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
  for (std::size_t i = 0; i < in.messages.size(); ++i) out[i] = execute_one(in.messages[i]);
  messages += in.messages.size();
  if (in.closes_block) close_block();
}

void Machine::Parts::close_block() noexcept {
  ++height;
  if (scheduled_rules.version == 0 || scheduled_rules.height != height + 1) return;
  rules_version = scheduled_rules.version;
  scheduled_rules = {};
}

Outcome Machine::Parts::execute_one(const VerifiedMessage& message) {
  ELECTRA_ASSERT(directory.exists(message.slot));
  const Holder& sender = directory.at(message.slot);
  const strict::EnvelopeView& envelope = message.envelope;
  // The verifier resolved the sender from what the envelope says, and only so.
  if (envelope.slot != 0)
    ELECTRA_ASSERT_EQ(envelope.slot, message.slot);
  else
    ELECTRA_ASSERT(equal_bytes(envelope.address, sender.address));

  Outcome outcome{.result = Result::ok, .repeated = false, .batch = batch_number, .detail = 0};
  if (envelope.key_generation != sender.key_generation || sender.status == HolderStatus::suspended ||
      sender.status == HolderStatus::retired) {
    outcome.result = Result::key_superseded;
    return outcome;
  }
  const std::uint64_t id_prefix = load_le64(message.id.data());
  const SequenceWindow::Entry* same = nullptr;
  outcome.result = windows.of(message.slot).check(envelope.sequence, id_prefix, same);
  if (same != nullptr) return {.result = same->result, .repeated = true, .batch = same->batch, .detail = same->detail};
  if (outcome.result != Result::ok) return outcome;

  strict::PayloadView payload;
  outcome.result = strict::decode_payload(envelope.payload, payload);
  if (outcome.result == Result::ok) outcome.result = perform(message, payload, outcome.detail);
  if (consumes_sequence(outcome.result))
    windows.use(message.slot, envelope.sequence,
                {.id_prefix = id_prefix,
                 .batch = batch_number,
                 .detail = static_cast<std::uint32_t>(outcome.detail),
                 .result = outcome.result,
                 .reserved = 0});
  return outcome;
}

std::uint64_t Machine::next_timer_ns() const noexcept {
  if (parts_->settlement.work_left()) return parts_->time_ns;
  return std::min(parts_->ledger.next_expiry_ns(), parts_->settlement.next_due_ns());
}

}  // namespace electra::state
