// The way from a journal record to the state, without signatures: recovery, tests and tools run the same code.
//
// A record holds only messages whose signature was good when it was written, so no signature is verified here. What the
// journal does not store is computed again: message ids, and whether a key that a message registers passes the registration
// rule, for all registrations of a record side by side (3 us each instead of 25).
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "crypto-offload/key_store.h"
#include "crypto-offload/verifier.h"
#include "engine/chain/block_maker.h"
#include "engine/state/machine.h"
#include "io/journal/recovery.h"
#include "meter-proto/signing.h"
#include "meter-proto/strict/payload.h"

namespace electra::pipeline {

// The registration rule for the keys of a machine that has just been made. The error names the first that fails.
[[nodiscard]] std::expected<void, std::string> check_genesis_keys(const state::Machine& machine,
                                                                  const crypto::Verifier& verifier);

// Applies what the last executed batch (or genesis) changed about keys, and tells the verifier which keys will sign.
void follow_key_changes(const state::Machine& machine, crypto::KeyStore& keys, crypto::Verifier& verifier);

// Slot of the sender that the envelope names, 0 if there is none.
[[nodiscard]] state::Slot resolve_sender(const crypto::KeyStore& keys, const strict::EnvelopeView& envelope) noexcept;

// What a record adds to the chain of batches.
[[nodiscard]] proto::BatchLink link_of(const io::RecordHeader& header) noexcept;

class RecordReplayer : public io::RecordSink {
 public:
  // All outlive the replayer. `verifier` checks keys and learns them. With `blocks` the headers are made again, too.
  RecordReplayer(state::Machine& machine, crypto::KeyStore& keys, crypto::Verifier& verifier,
                 chain::BlockMaker* blocks = nullptr);
  virtual ~RecordReplayer() = default;

  // Executes the record. False: it holds what no gateway of this version writes; problem() says what.
  [[nodiscard]] bool on_record(const io::RecordView& record) override;

  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

 protected:
  // Executes the batch: for who wants it named, or done by something else.
  virtual void execute(state::Machine& machine, const state::BatchInput& batch, std::span<state::Outcome> outcomes) {
    machine.execute(batch, outcomes);
  }
  // After each executed record; messages and outcomes are valid during the call.
  virtual void after_record(const io::RecordView&, std::span<const state::VerifiedMessage>,
                            std::span<const state::Outcome>) {}
  // After after_record() of a block's last record. False stops the replay; the text goes to refuse().
  [[nodiscard]] virtual bool after_block(const io::RecordView&, const proto::BlockHeader&) { return true; }
  void refuse(std::string problem) { problem_ = std::move(problem); }

 private:
  [[nodiscard]] bool decode(ByteSpan envelope, std::uint32_t index);
  void check_embedded_keys();

  state::Machine& machine_;
  crypto::KeyStore& keys_;
  crypto::Verifier& verifier_;
  chain::BlockMaker* const blocks_;
  const Bytes16 message_tag_;
  std::vector<state::VerifiedMessage> messages_;
  std::vector<state::Outcome> outcomes_;
  strict::PayloadView payload_;  // of the message at hand
  // Of the record at hand: the keys that its messages register, whose they are, and what the rule says of them.
  std::vector<const std::uint8_t*> embedded_keys_;
  std::vector<std::uint32_t> registrations_;
  std::vector<std::uint8_t> key_verdicts_;
  std::string problem_;
};

}  // namespace electra::pipeline
