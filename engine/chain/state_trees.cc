// From touched leaves to the state root.

#include "engine/chain/block_maker.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/chain/merkle_path.h"
#include "meter-proto/chain/tagged_hash.h"

namespace electra::chain {
namespace {

// Leaves that are encoded before they are hashed: enough for every lane, little enough for the second-level cache.
constexpr std::size_t kChunkLeaves = 512;
constexpr std::size_t kChunkBytes = 256U << 10;

const crypto::HashMidstate& leaf_midstate() {
  static const crypto::HashMidstate midstate = crypto::tag_midstate(proto::kLeafTag);
  return midstate;
}

}  // namespace

StateTrees::StateTrees(state::Machine& machine) : machine_(machine) {
  trees_.reserve(state::kTables);
  for (std::size_t table = 0; table < state::kTables; ++table) {
    trees_.emplace_back(machine_.touched(static_cast<state::Table>(table)).capacity());
  }
  ends_.reserve(kChunkLeaves);
  jobs_.reserve(kChunkLeaves);
  update();
}

void StateTrees::update() {
  for (std::size_t table = 0; table < state::kTables; ++table) update_table(static_cast<state::Table>(table));
  machine_.clear_touched();
}

void StateTrees::update_table(state::Table table) {
  MerkleTree& tree = trees_[static_cast<std::size_t>(table)];
  tree.grow(machine_.leaf_count(table));
  indexes_.clear();
  machine_.touched(table).for_each([this](std::uint32_t index) { indexes_.push_back(index); });

  std::size_t first = 0;
  while (first < indexes_.size()) {
    leaves_.clear();
    ends_.clear();
    std::size_t next = first;
    while (next < indexes_.size() && ends_.size() < kChunkLeaves && leaves_.size() < kChunkBytes) {
      machine_.append_leaf(table, indexes_[next++], leaves_);
      ends_.push_back(leaves_.size());
    }
    jobs_.clear();
    std::size_t begin = 0;
    for (std::size_t i = 0; i < ends_.size(); ++i) {
      jobs_.push_back({.in = leaves_.data() + begin,
                       .bytes = static_cast<std::uint32_t>(ends_[i] - begin),
                       .out = tree.leaf(indexes_[first + i]).data()});
      begin = ends_[i];
    }
    crypto::hash_many(leaf_midstate(), jobs_);
    first = next;
  }
  tree.update(indexes_);
}

StateTrees::TableRoots StateTrees::table_roots() const noexcept {
  TableRoots roots;
  for (std::size_t table = 0; table < state::kTables; ++table) {
    roots[table] = proto::table_root(static_cast<std::uint8_t>(table), trees_[table].count(), trees_[table].root());
  }
  return roots;
}

Bytes32 StateTrees::root() const noexcept { return proto::state_root(table_roots()); }

std::size_t StateTrees::memory_bytes() const noexcept {
  std::size_t bytes = 0;
  for (std::size_t table = 0; table < state::kTables; ++table) {
    bytes += MerkleTree::memory_bytes(machine_.touched(static_cast<state::Table>(table)).capacity());
  }
  return bytes;
}

}  // namespace electra::chain
