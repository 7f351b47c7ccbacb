// Makes proofs (meter-proto/chain/proof.h) of what stands in a block and in the state behind it.
//
// Proofs of the state come from a machine that stands right behind the block's last batch, with trees brought up to date
// there; proofs of messages from the block's leaves. Nothing here is trusted: a proof that does not fit its header fails
// check_proof. Costs copies, a walk up one tree, and for a message about two hashes a message of its block.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/chain/block_maker.h"
#include "meter-proto/chain/proof.h"

namespace electra::chain {

// All outlive the calls. The trees' root is the header's state root.
struct ProvenBlock {
  const state::Machine& machine;
  const StateTrees& trees;
  const proto::SignedHeader& header;
};

// Nothing: there is no such account, holder, or holder with a meter.
[[nodiscard]] std::optional<proto::Proof> prove_account(const ProvenBlock& block, state::AccountNumber number);
[[nodiscard]] std::optional<proto::Proof> prove_holder(const ProvenBlock& block, state::Slot slot);
[[nodiscard]] std::optional<proto::Proof> prove_meter(const ProvenBlock& block, state::Slot slot);
// How many there are. `table`: holders or accounts, whose entries have no gaps.
[[nodiscard]] proto::Proof prove_absence(const ProvenBlock& block, state::Table table);

// The messages of the block under way, as leaves of its transaction tree.
class BlockMessages {
 public:
  void add_batch(std::span<const state::VerifiedMessage> messages, std::span<const state::Outcome> outcomes);
  void clear() noexcept { leaves_.clear(); }

  [[nodiscard]] std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(leaves_.size()); }
  // Siblings from leaf to transaction root; index < count().
  [[nodiscard]] std::vector<Bytes32> path(std::uint32_t index) const;

 private:
  std::vector<Bytes32> leaves_;
};

// All but the path, which is there when the block is complete: the caller fills it in with BlockMessages::path(index).
[[nodiscard]] proto::MessageProof message_proof(const Bytes32& sender_key, const state::VerifiedMessage& message,
                                                const state::Outcome& outcome, std::uint32_t index);

// The complete content under the header of its block.
[[nodiscard]] proto::Proof with_header(const state::Machine& machine, const proto::SignedHeader& header,
                                       proto::MessageProof content);

}  // namespace electra::chain
