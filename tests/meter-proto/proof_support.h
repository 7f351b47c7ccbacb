// Proofs for tests, made without the engine: a tree that follows RFC 6962 to the letter, hashes put together by hand, and a
// small made-up block with one proof of every kind.
#pragma once

#include <string>
#include <vector>

#include "meter-proto/address.h"
#include "meter-proto/base/sha256.h"
#include "meter-proto/chain/proof.h"
#include "meter-proto/chain/proof_check.h"
#include "tests/meter-proto/support.h"

namespace electra::test {

// SHA-256(SHA-256(tag) ‖ SHA-256(tag) ‖ message), spelled out.
inline Bytes32 reference_tagged_hash(std::string_view tag, ByteSpan message) {
  const Bytes32 tag_hash = sha256(tag);
  Bytes bytes(tag_hash.begin(), tag_hash.end());
  bytes.insert(bytes.end(), tag_hash.begin(), tag_hash.end());
  bytes.insert(bytes.end(), message.begin(), message.end());
  return sha256(ByteSpan(bytes));
}

inline Bytes32 reference_node(const Bytes32& left, const Bytes32& right) {
  Bytes both(left.begin(), left.end());
  both.insert(both.end(), right.begin(), right.end());
  return reference_tagged_hash("electra/node/1", both);
}

// The largest power of two below `count`, which is 2 or more.
inline std::size_t reference_split(std::size_t count) {
  std::size_t split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

// RFC 6962 section 2.1: MTH.
inline Bytes32 reference_root(std::span<const Bytes32> leaf_hashes) {
  if (leaf_hashes.empty()) return Bytes32{};
  if (leaf_hashes.size() == 1) return leaf_hashes[0];
  const std::size_t split = reference_split(leaf_hashes.size());
  return reference_node(reference_root(leaf_hashes.first(split)), reference_root(leaf_hashes.subspan(split)));
}

// RFC 6962 section 2.1.1: PATH.
inline std::vector<Bytes32> reference_path(std::size_t index, std::span<const Bytes32> leaf_hashes) {
  if (leaf_hashes.size() <= 1) return {};
  const std::size_t split = reference_split(leaf_hashes.size());
  const auto left = leaf_hashes.first(split);
  const auto right = leaf_hashes.subspan(split);
  std::vector<Bytes32> path = index < split ? reference_path(index, left) : reference_path(index - split, right);
  path.push_back(reference_root(index < split ? right : left));
  return path;
}

// The encoded proof with the checksum that its bytes ask for: what a forger would send.
inline Bytes with_checksum(Bytes proof) {
  proof.erase(proof.end() - static_cast<std::ptrdiff_t>(std::min(proof.size(), proto::kProofChecksumBytes)),
              proof.end());
  const Bytes32 checksum = reference_tagged_hash("electra/proof/1", proof);
  proof.insert(proof.end(), checksum.begin(), checksum.end());
  return proof;
}

// A table of the state in a test: its leaves, and what proofs say about it.
struct ReferenceTable {
  std::uint8_t table = 0;
  std::vector<Bytes> leaves;

  [[nodiscard]] std::vector<Bytes32> hashes() const {
    std::vector<Bytes32> hashes;
    for (const Bytes& leaf : leaves) hashes.push_back(reference_tagged_hash("electra/leaf/1", leaf));
    return hashes;
  }
  [[nodiscard]] Bytes32 tree_root() const { return reference_root(hashes()); }
  [[nodiscard]] Bytes32 root() const {
    Bytes bytes(9);
    bytes[0] = table;
    store_le64(bytes.data() + 1, leaves.size());
    const Bytes32 tree = tree_root();
    bytes.insert(bytes.end(), tree.begin(), tree.end());
    return reference_tagged_hash("electra/table/1", bytes);
  }
  [[nodiscard]] proto::LeafProof proof(std::size_t index) const {
    return {.table = table,
            .index = index,
            .count = leaves.size(),
            .leaf = leaves.at(index),
            .path = reference_path(index, hashes())};
  }
};

// What a block in a test holds; sizes are free. Holder n (slot n + 1) has meter n as far as there are meters.
struct BlockSizes {
  std::size_t messages = 3;
  std::size_t holders = 3;
  std::size_t accounts = 3;
  std::size_t meters = 2;
};

// A block of a made-up chain. Gateway: the key with the seed 00 01 02 …; sender of all messages: the key 40 41 42 …. The
// other tables are empty. The same sizes give the same block, which docs/proof-format.md relies on.
class ReferenceBlock {
 public:
  explicit ReferenceBlock(BlockSizes sizes = {}, std::uint64_t height = 7) {
    for (std::uint8_t table = 0; table < proto::kStateTables; ++table)
      tables_.push_back({.table = table, .leaves = {}});
    fill_state(sizes);
    for (std::size_t index = 0; index < sizes.messages; ++index) add_message(index);
    header_.rules_version = 1;
    header_.height = height;
    header_.last_batch = 40 + height;
    header_.time_ns = 1'451'865'600'000'000'000 + height * 1'000'000'000;
    header_.cycle = 1;
    header_.batches = 2;
    header_.messages = static_cast<std::uint32_t>(sizes.messages);
    header_.total_messages = 1000 + sizes.messages;
    header_.previous_hash = sha256("previous header");
    header_.batch_hash = sha256("batches");
    header_.validator_set_hash = sha256("validators");
    header_.transaction_root = reference_root(transaction_hashes_);
    seal();
  }

  [[nodiscard]] proto::TrustAnchor anchor() const { return {genesis_hash_, gateway_.public_key}; }
  [[nodiscard]] const proto::BlockHeader& header() const { return header_; }

  // Change what a block holds, then seal() it again: forgeries that the gateway's key signed.
  [[nodiscard]] ReferenceTable& table(std::uint8_t table) { return tables_.at(table); }
  void seal() {
    Bytes roots;
    for (std::size_t table = 0; table < tables_.size(); ++table) {
      table_roots_[table] = tables_[table].root();
      roots.insert(roots.end(), table_roots_[table].begin(), table_roots_[table].end());
    }
    header_.state_root = reference_tagged_hash("electra/state/1", roots);
  }

  [[nodiscard]] proto::Proof message(std::size_t index) const {
    proto::MessageProof proof = messages_.at(index);
    proof.path = reference_path(index, transaction_hashes_);
    return with(proof);
  }
  [[nodiscard]] proto::Proof account(std::size_t index) const {
    return with(proto::AccountProof{table_roots_, tables_[proto::AccountLeaf::kTable].proof(index)});
  }
  [[nodiscard]] proto::Proof meter(std::size_t index) const { return meter(index, index); }
  [[nodiscard]] proto::Proof meter(std::size_t index, std::size_t holder) const {
    return with(proto::MeterProof{table_roots_, tables_[proto::MeterLeaf::kTable].proof(index),
                                  tables_[proto::HolderLeaf::kTable].proof(holder)});
  }
  [[nodiscard]] proto::Proof holder(std::size_t index) const {
    return with(proto::HolderProof{table_roots_, tables_[proto::HolderLeaf::kTable].proof(index)});
  }
  [[nodiscard]] proto::Proof absence(std::uint8_t table) const {
    const ReferenceTable& of = tables_.at(table);
    return with(proto::AbsenceProof{table_roots_, table, of.leaves.size(), of.tree_root()});
  }
  // One of every kind, of the last entries; the sizes must not be 0.
  [[nodiscard]] std::vector<proto::Proof> every_kind() const {
    return {message(messages_.size() - 1), account(tables_[proto::AccountLeaf::kTable].leaves.size() - 1),
            meter(tables_[proto::MeterLeaf::kTable].leaves.size() - 1),
            holder(tables_[proto::HolderLeaf::kTable].leaves.size() - 1), absence(proto::HolderLeaf::kTable)};
  }

  // `content` under this block's header, signed by the gateway.
  template <typename Content>
  [[nodiscard]] proto::Proof with(Content content) const {
    Bytes buffer(proto::kSigningPrefixBytes + proto::kHeaderBytes);
    const Bytes64 signature =
        gateway_.sign(proto::signing_bytes(proto::signing_tag(proto::SignatureKind::header, genesis_hash_),
                                           header_.height, proto::encode_header(header_), buffer));
    return {genesis_hash_, gateway_.public_key, {header_, signature}, std::move(content)};
  }

 private:
  static Bytes bytes(ByteSpan from) { return {from.begin(), from.end()}; }

  void fill_state(const BlockSizes& sizes) {
    for (std::size_t index = 0; index < sizes.holders; ++index) {
      const Key key(counting_bytes(static_cast<std::uint8_t>(0x40 + index)));
      const std::string serial = "H" + std::to_string(index + 1);
      proto::HolderLeaf leaf;
      leaf.public_key = key.public_key;
      leaf.address = proto::address_of(key.public_key);
      std::ranges::copy(serial, leaf.serial_text.begin());
      leaf.serial_length = static_cast<std::uint8_t>(serial.size());
      leaf.status = 2;
      leaf.roles = 3;
      leaf.key_generation = 1;
      leaf.wallet_account = static_cast<std::uint32_t>(5 + 3 * index);
      if (index < sizes.meters) {
        leaf.phases = 1;
        leaf.meter = static_cast<std::uint32_t>(index);
        leaf.energy_account = leaf.wallet_account + 1;
      }
      leaf.debt_account = leaf.wallet_account + 2;
      tables_[proto::HolderLeaf::kTable].leaves.push_back(bytes(leaf.encode()));
    }
    for (std::size_t index = 0; index < sizes.accounts; ++index) {
      const proto::AccountLeaf leaf{.debits_posted = 250 * index,
                                    .credits_posted = 1'000'000 + index,
                                    .debits_pending = 7,
                                    .credits_pending = 0,
                                    .owner_slot = static_cast<std::uint32_t>(index + 1),
                                    .asset = 1,
                                    .flags = 1};
      tables_[proto::AccountLeaf::kTable].leaves.push_back(bytes(leaf.encode()));
    }
    for (std::size_t index = 0; index < sizes.meters; ++index) {
      proto::MeterLeaf leaf;
      leaf.slot = static_cast<std::uint32_t>(index + 1);
      leaf.phases = 1;
      leaf.wh_per_interval_max = 20'000;
      leaf.newest_time_s = 1'451'865'600;
      leaf.newest.in[0] = 123'456 + index;
      leaf.newest.out[0] = index;
      leaf.consumed_wh = 456;
      tables_[proto::MeterLeaf::kTable].leaves.push_back(bytes(leaf.encode()));
    }
  }

  void add_message(std::size_t index) {
    wire::Payload payload;
    auto& reading = *payload.mutable_reading();
    reading.set_time(1'451'865'600);
    auto& phase = *reading.add_phases();
    phase.set_phase(1);
    phase.set_whin(123'456 + index);
    proto::MessageProof message;
    message.sender_key = sender_.public_key;
    message.sequence = index + 1;
    message.payload = serialized(payload);
    message.result = index % 3 == 2 ? 133 : 0;
    message.index = index;
    Bytes buffer(proto::kSigningPrefixBytes + message.payload.size());
    const ByteSpan signing = proto::signing_bytes(proto::signing_tag(proto::SignatureKind::message, genesis_hash_),
                                                  message.sequence, message.payload, buffer);
    message.signature = sender_.sign(signing);
    Bytes leaf = bytes(proto::message_id(message.sender_key, message.signature, signing));
    leaf.resize(35);
    store_le16(leaf.data() + 32, message.result);
    transaction_hashes_.push_back(reference_tagged_hash("electra/leaf/1", leaf));
    messages_.push_back(message);
  }

  Bytes32 genesis_hash_ = sha256("electra proof format example");
  Key gateway_{counting_bytes(0x00)};
  Key sender_{counting_bytes(0x40)};
  proto::BlockHeader header_;
  std::vector<ReferenceTable> tables_;
  proto::TableRoots table_roots_{};
  std::vector<proto::MessageProof> messages_;
  std::vector<Bytes32> transaction_hashes_;
};

}  // namespace electra::test
