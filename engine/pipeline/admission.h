// What every transport asks of a message before it may take room in a batch: a known key, a payload that is an operation.
//
// Decides everything that needs no arithmetic on the signature; nothing is changed, so the same message may be asked about
// again.
#pragma once

#include "crypto-offload/key_store.h"
#include "engine/state/machine.h"
#include "meter-proto/strict/envelope.h"
#include "meter-proto/strict/payload.h"

namespace electra::pipeline {

struct Admission {
  Result result = Result::ok;  // or why it is refused: key_superseded, unknown_sender, malformed_payload, unknown_rules
  state::Slot slot = 0;        // of the sender, as far as it is known
  const crypto::StoredKey* key = nullptr;
  ByteSpan embedded_key{};  // of a RegisterKey, inside the payload
};

// `payload` is overwritten with what the message says: the caller's, because a fresh one costs more than decoding it.
[[nodiscard]] Admission admit(const strict::EnvelopeView& envelope, const crypto::KeyStore& keys,
                              const state::Machine& machine, strict::PayloadView& payload);

}  // namespace electra::pipeline
