#include "meter-proto/chain/merkle_path.h"

#include "meter-proto/chain/tagged_hash.h"

namespace electra::proto {
namespace {

// Walks from a leaf to the root. visit(on_left): the next sibling stands to the left (or right) of the path; levels where
// the node is the odd last one have no sibling.
template <typename Visit>
void climb(std::uint64_t index, std::uint64_t count, Visit visit) {
  std::uint64_t last = count - 1;
  while (last > 0) {
    if ((index & 1) == 1) {
      visit(true);
    } else if (index < last) {
      visit(false);
    }
    index >>= 1;
    last >>= 1;
  }
}

}  // namespace

Bytes32 leaf_hash(ByteSpan leaf) noexcept { return tagged_hash(kLeafTag, leaf); }

Bytes32 node_hash(const Bytes32& left, const Bytes32& right) noexcept {
  return tagged_sha256(kNodeTag).update(left).update(right).finish();
}

std::size_t merkle_path_length(std::uint64_t index, std::uint64_t count) noexcept {
  std::size_t length = 0;
  climb(index, count, [&length](bool) { ++length; });
  return length;
}

std::optional<Bytes32> root_of_path(const Bytes32& leaf, std::uint64_t index, std::uint64_t count,
                                    std::span<const Bytes32> path) noexcept {
  if (index >= count || path.size() != merkle_path_length(index, count)) return std::nullopt;
  Bytes32 hash = leaf;
  std::size_t next = 0;
  climb(index, count, [&](bool on_left) {
    const Bytes32& sibling = path[next++];
    hash = on_left ? node_hash(sibling, hash) : node_hash(hash, sibling);
  });
  return hash;
}

Bytes32 table_root(std::uint8_t table, std::uint64_t count, const Bytes32& tree_root) noexcept {
  std::array<std::uint8_t, 9> prefix;
  prefix[0] = table;
  store_le64(prefix.data() + 1, count);
  return tagged_sha256(kTableTag).update(prefix).update(tree_root).finish();
}

Bytes32 state_root(std::span<const Bytes32> table_roots) noexcept {
  Sha256 hash = tagged_sha256(kStateTag);
  for (const Bytes32& root : table_roots) hash.update(root);
  return hash.finish();
}

std::array<std::uint8_t, kTransactionLeafBytes> transaction_leaf(const Bytes32& message_id, std::uint16_t result,
                                                                 bool repeated) noexcept {
  std::array<std::uint8_t, kTransactionLeafBytes> leaf;
  write_transaction_leaf(message_id, result, repeated, leaf.data());
  return leaf;
}

void write_transaction_leaf(const Bytes32& message_id, std::uint16_t result, bool repeated,
                            std::uint8_t* out) noexcept {
  std::ranges::copy(message_id, out);
  store_le16(out + 32, result);
  out[34] = repeated ? 1 : 0;
}

}  // namespace electra::proto
