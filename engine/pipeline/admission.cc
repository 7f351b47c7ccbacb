#include "engine/pipeline/admission.h"

#include "engine/pipeline/replay.h"

namespace electra::pipeline {

Admission admit(const strict::EnvelopeView& envelope, const crypto::KeyStore& keys, const state::Machine& machine,
                strict::PayloadView& payload) {
  Admission out;
  out.slot = resolve_sender(keys, envelope);
  out.key = keys.find(out.slot, envelope.key_generation);
  if (out.key == nullptr) {
    const bool known = keys.entry(out.slot).key != nullptr;
    out.result = known ? Result::key_superseded : Result::unknown_sender;
    return out;
  }
  if (strict::decode_payload(envelope.payload, payload) != Result::ok) {
    out.result = Result::malformed_payload;
    return out;
  }
  // What a program knows must not show in the chain, so execution takes any version; this chain could not go on under it.
  if (const auto* schedule = std::get_if<strict::ScheduleRules>(&payload.operation);
      schedule != nullptr && schedule->version > machine.known_rules().last) {
    out.result = Result::unknown_rules;
    return out;
  }
  if (const auto* registration = std::get_if<strict::RegisterKey>(&payload.operation)) {
    out.embedded_key = registration->public_key;
  }
  return out;
}

}  // namespace electra::pipeline
