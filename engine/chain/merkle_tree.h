// Merkle trees in the shape of RFC 6962, kept whole or only by their edge.
//
// MerkleTree keeps every node of a table's tree, so that a change costs the paths of the touched leaves and nothing else,
// and so that a path can be shown. Levels are hashed one after the other, all touched nodes of a level side by side
// (crypto-offload/hash.h). MerkleFrontier keeps only the right edge (at most 33 hashes) of a tree that is appended to and
// asked for its root once: the transactions of a block. Both give the roots that meter-proto/chain/merkle_path.h checks.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "crypto-offload/hash.h"
#include "meter-proto/base/bytes.h"

namespace electra::chain {

class MerkleTree {
 public:
  // Memory for `leaves_reserved` leaves is set aside (64 bytes a leaf), so that growing up to there allocates nothing.
  explicit MerkleTree(std::uint32_t leaves_reserved = 0);

  [[nodiscard]] std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(levels_.front().size()); }

  // Never below count(). New leaves have to be set and named in the next update().
  void grow(std::uint32_t count);

  // Where leaf `index` < count() has its hash; who writes it names the index in the next update().
  [[nodiscard]] Bytes32& leaf(std::uint32_t index) noexcept { return levels_.front()[index]; }
  [[nodiscard]] const Bytes32& leaf(std::uint32_t index) const noexcept { return levels_.front()[index]; }

  // Hashes the nodes above the leaves `touched`: ascending, without repetition, all new ones among them.
  void update(std::span<const std::uint32_t> touched);

  // The same in pieces. Between begin_update() and the step() that returns true, root() and path() say nothing.
  void begin_update(std::span<const std::uint32_t> touched);
  // Hashes about `nodes` nodes. True: that was all.
  bool step(std::size_t nodes);

  [[nodiscard]] Bytes32 root() const noexcept;
  // Siblings from leaf to root; index < count().
  [[nodiscard]] std::vector<Bytes32> path(std::uint32_t index) const;

  [[nodiscard]] static std::size_t memory_bytes(std::uint32_t leaves) noexcept { return std::size_t{leaves} * 64; }

 private:
  std::vector<std::vector<Bytes32>> levels_;  // [0] = leaves; the last has one node, or none while there is no leaf
  std::vector<std::uint32_t> indexes_;        // of the level that is being hashed; behind `parents_`, of the one below
  std::size_t level_ = 0;                     // below the one that is being hashed
  std::size_t read_ = 0;                      // indexes of it that are done
  std::size_t parents_ = 0;                   // what became of them
  std::vector<crypto::NodeJob> jobs_;
};

class MerkleFrontier {
 public:
  // Appends leaf hashes; `leaves` is used as working memory and holds nothing afterwards.
  void append(std::vector<Bytes32>& leaves);

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] Bytes32 root() const noexcept;
  void clear() noexcept;

 private:
  std::array<std::optional<Bytes32>, 33> edge_;  // [k]: root of a full tree of 2^k leaves that waits for its sibling
  std::uint64_t count_ = 0;
  std::vector<crypto::NodeJob> jobs_;
};

}  // namespace electra::chain
