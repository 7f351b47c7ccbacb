#include "engine/chain/merkle_tree.h"

#include <algorithm>

#include "meter-proto/base/assert.h"
#include "meter-proto/chain/merkle_path.h"
#include "meter-proto/chain/tagged_hash.h"

namespace electra::chain {
namespace {

const crypto::HashMidstate& node_midstate() {
  static const crypto::HashMidstate midstate = crypto::tag_midstate(proto::kNodeTag);
  return midstate;
}

constexpr std::size_t kLevelsMax = 33;

}  // namespace

MerkleTree::MerkleTree(std::uint32_t leaves_reserved) {
  levels_.reserve(kLevelsMax);
  levels_.emplace_back();
  levels_.front().reserve(leaves_reserved);
  indexes_.reserve(leaves_reserved);
}

void MerkleTree::grow(std::uint32_t count) {
  ELECTRA_ASSERT_LE(this->count(), count);
  const std::size_t reserved = levels_.front().capacity();
  levels_.front().resize(count);
  std::size_t nodes = count;
  std::size_t room = std::max<std::size_t>(reserved, count);
  for (std::size_t level = 1; nodes > 1; ++level) {
    nodes = (nodes + 1) / 2;
    room = (room + 1) / 2;
    if (level == levels_.size()) levels_.emplace_back();
    levels_[level].reserve(room);
    levels_[level].resize(nodes);
  }
}

void MerkleTree::update(std::span<const std::uint32_t> touched) {
  begin_update(touched);
  const bool done = step(SIZE_MAX);
  ELECTRA_ASSERT(done);
}

void MerkleTree::begin_update(std::span<const std::uint32_t> touched) {
  if (!touched.empty()) ELECTRA_ASSERT_LT(touched.back(), count());
  indexes_.assign(touched.begin(), touched.end());
  level_ = read_ = parents_ = 0;
}

bool MerkleTree::step(std::size_t nodes) {
  if (indexes_.empty()) return true;
  for (; level_ + 1 < levels_.size(); ++level_, read_ = parents_ = 0) {
    const std::vector<Bytes32>& below = levels_[level_];
    std::vector<Bytes32>& above = levels_[level_ + 1];
    jobs_.clear();
    for (; read_ < indexes_.size() && jobs_.size() < nodes; ++read_) {
      const std::uint32_t parent = indexes_[read_] / 2;
      if (parents_ != 0 && indexes_[parents_ - 1] == parent) continue;
      indexes_[parents_++] = parent;
      const std::size_t left = std::size_t{2} * parent;
      if (left + 1 < below.size()) {
        jobs_.push_back({.in = below[left].data(), .out = above[parent].data()});
      } else {
        above[parent] = below[left];  // the odd last one rises as it is
      }
    }
    crypto::hash_nodes(node_midstate(), jobs_);
    nodes -= jobs_.size();
    if (read_ < indexes_.size()) return false;
    indexes_.resize(parents_);
  }
  return true;
}

Bytes32 MerkleTree::root() const noexcept { return count() == 0 ? Bytes32{} : levels_.back().front(); }

std::vector<Bytes32> MerkleTree::path(std::uint32_t index) const {
  ELECTRA_ASSERT_LT(index, count());
  std::vector<Bytes32> siblings;
  std::size_t at = index;
  for (std::size_t level = 0; level + 1 < levels_.size(); ++level, at /= 2) {
    const std::size_t sibling = at ^ 1;
    if (sibling < levels_[level].size()) siblings.push_back(levels_[level][sibling]);
  }
  return siblings;
}

void MerkleFrontier::append(std::vector<Bytes32>& leaves) {
  count_ += leaves.size();
  for (std::size_t level = 0; !leaves.empty(); ++level) {
    ELECTRA_ASSERT_LT(level, edge_.size());
    // The waiting node stands before the new ones; the last one waits if it has no partner.
    if (edge_[level]) {
      leaves.insert(leaves.begin(), *edge_[level]);
      edge_[level].reset();
    }
    if (leaves.size() % 2 == 1) {
      edge_[level] = leaves.back();
      leaves.pop_back();
    }
    jobs_.clear();
    const std::size_t parents = leaves.size() / 2;
    // Node i is written over leaf i, which nobody reads any more: inputs 2i and 2i + 1 come after it, but for i = 0.
    for (std::size_t i = 0; i < parents; ++i) jobs_.push_back({.in = leaves[2 * i].data(), .out = leaves[i].data()});
    crypto::hash_nodes(node_midstate(), jobs_);
    leaves.resize(parents);
  }
}

Bytes32 MerkleFrontier::root() const noexcept {
  std::optional<Bytes32> root;
  for (const std::optional<Bytes32>& edge : edge_) {
    if (edge) root = root ? proto::node_hash(*edge, *root) : *edge;
  }
  return root.value_or(Bytes32{});
}

void MerkleFrontier::clear() noexcept {
  edge_.fill(std::nullopt);
  count_ = 0;
}

}  // namespace electra::chain
