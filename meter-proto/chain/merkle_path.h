// The way from one leaf of a Merkle tree to its root.
//
// Trees have the shape of RFC 6962: the left part of n leaves holds the largest power of two below n. A path is the list
// of sibling hashes from the leaf upwards, at most 32 of them (RFC 9162 section 2.1.3). Leaf and node hashes are tagged,
// so that a node can never be taken for a leaf. The root of an empty tree is 32 zero bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "meter-proto/base/bytes.h"

namespace electra::proto {

inline constexpr std::size_t kMerklePathMax = 32;  // trees have fewer than 2^32 leaves

[[nodiscard]] Bytes32 leaf_hash(ByteSpan leaf) noexcept;
[[nodiscard]] Bytes32 node_hash(const Bytes32& left, const Bytes32& right) noexcept;

// Siblings that the path of leaf `index` of `count` has; index < count.
[[nodiscard]] std::size_t merkle_path_length(std::uint64_t index, std::uint64_t count) noexcept;

// The root that leaf and path lead to; nothing if index >= count or the path has not exactly the length it must have.
[[nodiscard]] std::optional<Bytes32> root_of_path(const Bytes32& leaf, std::uint64_t index, std::uint64_t count,
                                                  std::span<const Bytes32> path) noexcept;

// What a table of the state adds to the state root, and the state root over all tables in their order.
[[nodiscard]] Bytes32 table_root(std::uint8_t table, std::uint64_t count, const Bytes32& tree_root) noexcept;
[[nodiscard]] Bytes32 state_root(std::span<const Bytes32> table_roots) noexcept;

inline constexpr std::size_t kTransactionLeafBytes = 35;
// message id ‖ result (u16) ‖ repeated (0 or 1)
[[nodiscard]] std::array<std::uint8_t, kTransactionLeafBytes> transaction_leaf(const Bytes32& message_id,
                                                                               std::uint16_t result,
                                                                               bool repeated) noexcept;
// The same, to `out`, which has room for it.
void write_transaction_leaf(const Bytes32& message_id, std::uint16_t result, bool repeated, std::uint8_t* out) noexcept;

}  // namespace electra::proto
