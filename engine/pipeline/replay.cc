#include "engine/pipeline/replay.h"

#include <algorithm>

#include "meter-proto/base/assert.h"
#include "meter-proto/strict/frame.h"
#include "meter-proto/strict/payload.h"

namespace electra::pipeline {

std::expected<void, std::string> check_genesis_keys(const state::Machine& machine, const crypto::Verifier& verifier) {
  const std::span<const state::KeyChange> changes = machine.key_changes();
  std::vector<const std::uint8_t*> keys;
  for (const state::KeyChange& change : changes) keys.push_back(change.public_key.data());
  std::vector<std::uint8_t> passes(keys.size());
  verifier.check_keys(keys, passes);
  const auto bad = static_cast<std::size_t>(std::ranges::find(passes, 0) - passes.begin());
  if (bad == passes.size()) return {};
  return std::unexpected("genesis: the public key of holder " + std::to_string(changes[bad].slot) +
                         " does not pass the registration rule");
}

void follow_key_changes(const state::Machine& machine, crypto::KeyStore& keys, crypto::Verifier& verifier) {
  for (const state::KeyChange& change : machine.key_changes()) {
    const crypto::StoredKey* const before = keys.entry(change.slot).key;
    const bool applied =
        keys.apply(change.slot, change.generation, change.public_key, static_cast<crypto::KeyStatus>(change.status));
    ELECTRA_ASSERT(applied);  // the store has room for every slot that the directory can hold
    const auto [key, status] = keys.entry(change.slot);
    if (before != nullptr && before != key) verifier.forget(before->number);
    if (status == crypto::KeyStatus::retired) {
      verifier.forget(key->number);
    } else if (status != crypto::KeyStatus::suspended) {
      verifier.learn(key->number, key->public_key);
    }
  }
}

state::Slot resolve_sender(const crypto::KeyStore& keys, const strict::EnvelopeView& envelope) noexcept {
  if (envelope.slot != 0) return envelope.slot;
  Bytes20 address;
  std::copy_n(envelope.address.data(), address.size(), address.begin());
  return keys.find_slot(address);
}

proto::BatchLink link_of(const io::RecordHeader& header) noexcept {
  return {.number = header.batch,
          .time_ns = header.time_ns,
          .rules_version = header.rules_version,
          .flags = header.flags,
          .count = header.count,
          .body_bytes = header.body_bytes,
          .body_hash = header.body_hash};
}

RecordReplayer::RecordReplayer(state::Machine& machine, crypto::KeyStore& keys, crypto::Verifier& verifier,
                               chain::BlockMaker* blocks)
    : machine_(machine),
      keys_(keys),
      verifier_(verifier),
      blocks_(blocks),
      message_tag_(proto::signing_tag(proto::SignatureKind::message, machine.genesis_hash())),
      messages_(io::kRecordMessagesMax),
      outcomes_(io::kRecordMessagesMax) {
  embedded_keys_.reserve(io::kRecordMessagesMax);
  registrations_.reserve(io::kRecordMessagesMax);
  key_verdicts_.reserve(io::kRecordMessagesMax);
}

bool RecordReplayer::decode(ByteSpan bytes, std::uint32_t index) {
  state::VerifiedMessage& message = messages_[index];
  message = {};
  if (strict::decode_envelope(bytes, message.envelope) != Result::ok) {
    problem_ = "an envelope is not strictly encoded";
    return false;
  }
  message.slot = resolve_sender(keys_, message.envelope);
  // Whatever its status now: it was good when the message was verified, and execution compares generation and status.
  const crypto::StoredKey* const key = keys_.entry(message.slot).key;
  if (key == nullptr) {
    problem_ = "a message names a sender that was never registered";
    return false;
  }
  std::array<std::uint8_t, proto::kSigningPrefixBytes + strict::kFrameBytesMax> buffer;
  if (message.envelope.payload.size() > strict::kFrameBytesMax) {
    problem_ = "a payload is longer than the protocol allows";
    return false;
  }
  const ByteSpan signed_bytes =
      proto::signing_bytes(message_tag_, message.envelope.sequence, message.envelope.payload, buffer);
  message.id = proto::message_id(key->public_key, *array_of<64>(message.envelope.signature), signed_bytes);
  if (strict::decode_payload(message.envelope.payload, payload_) != Result::ok) {
    problem_ = "a payload is not strictly encoded";
    return false;
  }
  if (const auto* registration = std::get_if<strict::RegisterKey>(&payload_.operation)) {
    embedded_keys_.push_back(registration->public_key.data());
    registrations_.push_back(index);
  }
  return true;
}

// A registration of a key that is none stands in the journal, with its refusal in the chain: the rule's verdict is part of
// what execution works on, and no record has it.
void RecordReplayer::check_embedded_keys() {
  if (registrations_.empty()) return;
  key_verdicts_.resize(registrations_.size());
  verifier_.check_keys(embedded_keys_, key_verdicts_);
  for (std::size_t i = 0; i < registrations_.size(); ++i)
    messages_[registrations_[i]].embedded_key_valid = key_verdicts_[i] == 1;
  embedded_keys_.clear();
  registrations_.clear();
}

bool RecordReplayer::on_record(const io::RecordView& record) {
  if (record.header.rules_version != machine_.rules_version()) {
    problem_ = "the record says rules version " + std::to_string(record.header.rules_version) + ", and version " +
               std::to_string(machine_.rules_version()) + " is in force";
    return false;
  }
  if (!machine_.known_rules().contains(machine_.rules_version())) {
    problem_ = "this program does not know rules version " + std::to_string(machine_.rules_version());
    return false;
  }
  std::uint32_t count = 0;
  ByteSpan envelope;
  for (io::EntryCursor cursor(record.body); cursor.next(envelope); ++count) {
    if (!decode(envelope, count)) return false;
  }
  check_embedded_keys();
  const std::span<const state::VerifiedMessage> messages{messages_.data(), count};
  const std::span<state::Outcome> outcomes{outcomes_.data(), count};
  const bool closes_block = (record.header.flags & io::kRecordBlockClose) != 0;
  execute(machine_,
          {.number = record.header.batch,
           .time_ns = record.header.time_ns,
           .closes_block = closes_block,
           .messages = messages},
          outcomes);
  follow_key_changes(machine_, keys_, verifier_);
  if (blocks_ != nullptr) blocks_->add_batch(link_of(record.header), messages, outcomes);
  after_record(record, messages, outcomes);
  return !closes_block || blocks_ == nullptr || after_block(record, blocks_->close_block());
}

}  // namespace electra::pipeline
