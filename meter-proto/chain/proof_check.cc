#include "meter-proto/chain/proof_check.h"

#include <sodium/crypto_sign.h>

#include "meter-proto/chain/merkle_path.h"
#include "meter-proto/signing.h"

namespace electra::proto {
namespace {

using Problem = std::string;  // empty: none
template <typename Facts>
using Checked = std::expected<Facts, Problem>;

std::unexpected<Problem> problem(std::string text) { return std::unexpected(std::move(text)); }

Checked<MessageFacts> check(const MessageProof& message, const Proof& proof) {
  if (message.payload.empty() || message.payload.size() > kProofPayloadBytesMax) {
    return problem("the payload is empty or longer than any message");
  }
  std::array<std::uint8_t, kSigningPrefixBytes + kProofPayloadBytesMax> buffer;
  const ByteSpan signed_bytes =
      signing_bytes(signing_tag(SignatureKind::message, proof.genesis_hash), message.sequence, message.payload, buffer);
  if (crypto_sign_ed25519_verify_detached(message.signature.data(), signed_bytes.data(), signed_bytes.size(),
                                          message.sender_key.data()) != 0) {
    return problem("the message's signature is not of its sender's key");
  }
  const MessageFacts facts{.message_id = message_id(message.sender_key, message.signature, signed_bytes)};
  const auto leaf = transaction_leaf(facts.message_id, message.result, message.repeated);
  const BlockHeader& header = proof.header.header;
  const auto root = root_of_path(leaf_hash(leaf), message.index, header.messages, message.path);
  if (!root) return problem("the path of the message has a length that its place in the block does not allow");
  if (*root != header.transaction_root) {
    return problem("message, result and path do not lead to the header's transaction root");
  }
  return facts;
}

// That the table roots make the header's state root, and that this table's own is made of `count` and `tree_root`.
Problem check_table(const TableRoots& roots, std::uint8_t table, std::uint64_t count, const Bytes32& tree_root,
                    const BlockHeader& header) {
  if (state_root(roots) != header.state_root) return "the tables' roots do not make the header's state root";
  if (table >= roots.size() || table_root(table, count, tree_root) != roots[table]) {
    return "leaf, path and count do not lead to the table's root";
  }
  return {};
}

// The leaf decoded, once it is known to stand in the state.
template <typename Leaf>
Checked<Leaf> check_leaf(const LeafProof& proof, const TableRoots& roots, const BlockHeader& header) {
  if (proof.table != Leaf::kTable) return problem("the leaf is of another table than this kind of proof is about");
  const auto root = root_of_path(leaf_hash(proof.leaf), proof.index, proof.count, proof.path);
  if (!root) return problem("the path of the leaf has a length that its place in the table does not allow");
  if (const Problem found = check_table(roots, proof.table, proof.count, *root, header); !found.empty()) {
    return problem(found);
  }
  const auto leaf = Leaf::decode(proof.leaf);
  if (!leaf) return problem("the leaf has a form that this program does not know");
  return *leaf;
}

Checked<AccountFacts> check(const AccountProof& account, const Proof& proof) {
  const auto leaf = check_leaf<AccountLeaf>(account.account, account.table_roots, proof.header.header);
  if (!leaf) return std::unexpected(leaf.error());
  return AccountFacts{.number = account.account.index + 1, .account = *leaf};
}

Checked<HolderFacts> check(const HolderProof& holder, const Proof& proof) {
  const auto leaf = check_leaf<HolderLeaf>(holder.holder, holder.table_roots, proof.header.header);
  if (!leaf) return std::unexpected(leaf.error());
  return HolderFacts{.slot = holder.holder.index + 1, .holder = *leaf};
}

Checked<MeterFacts> check(const MeterProof& meter, const Proof& proof) {
  const auto registers = check_leaf<MeterLeaf>(meter.meter, meter.table_roots, proof.header.header);
  if (!registers) return std::unexpected(registers.error());
  const auto holder = check_leaf<HolderLeaf>(meter.holder, meter.table_roots, proof.header.header);
  if (!holder) return std::unexpected(holder.error());
  const std::uint64_t slot = meter.holder.index + 1;
  if (registers->slot != slot || holder->meter != meter.meter.index) {
    return problem("meter and holder do not name each other");
  }
  return MeterFacts{.slot = slot, .meter = *registers, .holder = *holder};
}

Checked<AbsenceFacts> check(const AbsenceProof& absence, const Proof& proof) {
  const bool of_holders = absence.table == HolderLeaf::kTable;
  if (!of_holders && absence.table != AccountLeaf::kTable) {
    return problem("absence can be shown of accounts and of holders; this is another table");
  }
  if (const Problem found =
          check_table(absence.table_roots, absence.table, absence.count, absence.tree_root, proof.header.header);
      !found.empty()) {
    return problem(found);
  }
  return AbsenceFacts{.of_holders = of_holders, .count = absence.count};
}

}  // namespace

std::expected<CheckedFacts, std::string> check_proof(const Proof& proof, const TrustAnchor& anchor) {
  if (proof.genesis_hash != anchor.genesis_hash)
    return problem("the proof is of another chain: the genesis hash differs");
  if (proof.gateway_key != anchor.gateway_key)
    return problem("the proof names another key than this chain's gateway has");
  if (!header_signature_valid(proof.header, proof.genesis_hash, proof.gateway_key)) {
    return problem("the header's signature is not of the gateway's key");
  }
  CheckedFacts facts{.header = proof.header.header, .facts = {}};
  const Problem found = std::visit(
      [&](const auto& content) -> Problem {
        auto checked = check(content, proof);
        if (!checked) return checked.error();
        facts.facts = std::move(*checked);
        return {};
      },
      proof.content);
  if (!found.empty()) return problem(found);
  return facts;
}

}  // namespace electra::proto
