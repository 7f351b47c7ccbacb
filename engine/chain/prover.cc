#include "engine/chain/prover.h"

#include <numeric>

#include "meter-proto/base/assert.h"
#include "meter-proto/chain/leaves.h"
#include "meter-proto/chain/merkle_path.h"

namespace electra::chain {
namespace {

static_assert(proto::kStateTables == state::kTables);
static_assert(proto::HolderLeaf::kTable == static_cast<std::uint8_t>(state::Table::holders));
static_assert(proto::AccountLeaf::kTable == static_cast<std::uint8_t>(state::Table::accounts));
static_assert(proto::MeterLeaf::kTable == static_cast<std::uint8_t>(state::Table::meters));

// index < leaf_count(table).
proto::LeafProof leaf_proof(const ProvenBlock& block, state::Table table, std::uint32_t index) {
  const MerkleTree& tree = block.trees.tree(table);
  proto::LeafProof proof{.table = static_cast<std::uint8_t>(table),
                         .index = index,
                         .count = tree.count(),
                         .leaf = {},
                         .path = tree.path(index)};
  block.machine.append_leaf(table, index, proof.leaf);
  return proof;
}

template <typename Content>
proto::Proof proof_of(const state::Machine& machine, const proto::SignedHeader& header, Content content) {
  return {.genesis_hash = machine.genesis_hash(),
          .gateway_key = gateway_key(machine),
          .header = header,
          .content = std::move(content)};
}

template <typename Content>
proto::Proof proof_of(const ProvenBlock& block, Content content) {
  content.table_roots = block.trees.table_roots();
  return proof_of(block.machine, block.header, std::move(content));
}

}  // namespace

std::optional<proto::Proof> prove_account(const ProvenBlock& block, state::AccountNumber number) {
  if (number == 0 || number > block.trees.tree(state::Table::accounts).count()) return std::nullopt;
  return proof_of(block, proto::AccountProof{{}, leaf_proof(block, state::Table::accounts, number - 1)});
}

std::optional<proto::Proof> prove_holder(const ProvenBlock& block, state::Slot slot) {
  if (slot == 0 || slot > block.trees.tree(state::Table::holders).count()) return std::nullopt;
  return proof_of(block, proto::HolderProof{{}, leaf_proof(block, state::Table::holders, slot - 1)});
}

std::optional<proto::Proof> prove_meter(const ProvenBlock& block, state::Slot slot) {
  if (slot == 0 || slot > block.trees.tree(state::Table::holders).count()) return std::nullopt;
  proto::MeterProof content;
  content.holder = leaf_proof(block, state::Table::holders, slot - 1);
  const auto holder = proto::HolderLeaf::decode(content.holder.leaf);
  ELECTRA_ASSERT(holder.has_value());
  if (holder->meter == proto::HolderLeaf::kNoMeter) return std::nullopt;
  content.meter = leaf_proof(block, state::Table::meters, holder->meter);
  return proof_of(block, std::move(content));
}

proto::Proof prove_absence(const ProvenBlock& block, state::Table table) {
  ELECTRA_ASSERT(table == state::Table::holders || table == state::Table::accounts);
  const MerkleTree& tree = block.trees.tree(table);
  return proof_of(block, proto::AbsenceProof{.table_roots = {},
                                             .table = static_cast<std::uint8_t>(table),
                                             .count = tree.count(),
                                             .tree_root = tree.root()});
}

void BlockMessages::add_batch(std::span<const state::VerifiedMessage> messages,
                              std::span<const state::Outcome> outcomes) {
  ELECTRA_ASSERT_EQ(messages.size(), outcomes.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    leaves_.push_back(proto::leaf_hash(
        proto::transaction_leaf(messages[i].id, static_cast<std::uint16_t>(outcomes[i].result), outcomes[i].repeated)));
  }
}

std::vector<Bytes32> BlockMessages::path(std::uint32_t index) const {
  ELECTRA_ASSERT_LT(index, count());
  MerkleTree tree(count());
  tree.grow(count());
  std::vector<std::uint32_t> all(count());
  std::iota(all.begin(), all.end(), 0U);
  for (const std::uint32_t leaf : all) tree.leaf(leaf) = leaves_[leaf];
  tree.update(all);
  return tree.path(index);
}

proto::MessageProof message_proof(const Bytes32& sender_key, const state::VerifiedMessage& message,
                                  const state::Outcome& outcome, std::uint32_t index) {
  const strict::EnvelopeView& envelope = message.envelope;
  proto::MessageProof proof;
  proof.sender_key = sender_key;
  std::ranges::copy(envelope.signature, proof.signature.begin());
  proof.sequence = envelope.sequence;
  proof.payload.assign(envelope.payload.begin(), envelope.payload.end());
  proof.result = static_cast<std::uint16_t>(outcome.result);
  proof.repeated = outcome.repeated;
  proof.index = index;
  return proof;
}

proto::Proof with_header(const state::Machine& machine, const proto::SignedHeader& header,
                         proto::MessageProof content) {
  return proof_of(machine, header, std::move(content));
}

}  // namespace electra::chain
