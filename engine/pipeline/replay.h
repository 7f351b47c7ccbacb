// The way from a journal record to the state, without signatures: recovery, tests and tools run the same code.
//
// A record holds only messages whose signature was good when it was written, so nothing is verified here; message ids are
// hashed again because the journal does not store them.
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
  // After each executed record; messages and outcomes are valid during the call.
  virtual void after_record(const io::RecordView&, std::span<const state::VerifiedMessage>,
                            std::span<const state::Outcome>) {}
  // After after_record() of a block's last record. False stops the replay; the text goes to refuse().
  [[nodiscard]] virtual bool after_block(const io::RecordView&, const proto::BlockHeader&) { return true; }
  void refuse(std::string problem) { problem_ = std::move(problem); }

 private:
  [[nodiscard]] bool decode(ByteSpan envelope, state::VerifiedMessage& message);

  state::Machine& machine_;
  crypto::KeyStore& keys_;
  crypto::Verifier& verifier_;
  chain::BlockMaker* const blocks_;
  const Bytes16 message_tag_;
  std::vector<state::VerifiedMessage> messages_;
  std::vector<state::Outcome> outcomes_;
  std::string problem_;
};

}  // namespace electra::pipeline
