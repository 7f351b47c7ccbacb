// From touched leaves to the state root.
#include <algorithm>

#include "engine/chain/block_maker.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/chain/merkle_path.h"
#include "meter-proto/chain/tagged_hash.h"

namespace electra::chain {
namespace {

// Leaves that are encoded before they are hashed: enough for every lane, little enough for the second-level cache.
constexpr std::size_t kChunkLeaves = 512;
constexpr std::size_t kChunkBytes = 256U << 10;

// What a node hashes.
constexpr std::size_t kNodeBytes = 2 * sizeof(Bytes32);

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
  leaves_.reserve(kChunkBytes + machine_.leaf_bytes_max());
  jobs_.reserve(kChunkLeaves);
  update();
}

void StateTrees::update() {
  begin();
  const bool done = step(SIZE_MAX);
  ELECTRA_ASSERT(done);
}

void StateTrees::begin() {
  ELECTRA_ASSERT(!under_way_);
  under_way_ = true;
  leaves_done_ = false;
  table_ = next_ = 0;
  for (std::size_t table = 0; table < state::kTables; ++table) {
    trees_[table].grow(machine_.leaf_count(static_cast<state::Table>(table)));
    indexes_[table].clear();
  }
  machine_.freeze_touched(*this, indexes_);
  // Those that every batch changes.
  encode(state::Table::chain, 0);
  encode(state::Table::settlement, 0);
}

bool StateTrees::step(std::size_t bytes) {
  ELECTRA_ASSERT(under_way_);
  const auto spend = [&bytes](std::size_t spent) {
    bytes -= std::min(bytes, spent);
    return bytes == 0;
  };
  for (; !leaves_done_ && table_ < state::kTables; ++table_, next_ = 0) {
    const auto table = static_cast<state::Table>(table_);
    const std::vector<std::uint32_t>& indexes = indexes_[table_];
    while (next_ < indexes.size()) {
      const std::uint32_t index = indexes[next_++];
      if (!machine_.thaw(table, index)) continue;  // encoded before it changed
      const std::size_t before = leaves_.size();
      encode(table, index);
      if (spend(leaves_.size() > before ? leaves_.size() - before : kChunkBytes)) return false;
    }
  }
  if (!leaves_done_) {
    hash_encoded();
    leaves_done_ = true;
    table_ = 0;
    for (std::size_t table = 0; table < state::kTables; ++table) trees_[table].begin_update(indexes_[table]);
  }
  for (; table_ < state::kTables; ++table_) {
    if (!trees_[table_].step(bytes / kNodeBytes + 1)) return false;
  }
  under_way_ = false;
  return true;
}

// Also from within a batch, right before the leaf changes.
void StateTrees::encode(state::Table table, std::uint32_t index) noexcept {
  const std::size_t begin = leaves_.size();
  machine_.append_leaf(table, index, leaves_);
  jobs_.push_back({.in = nullptr,
                   .bytes = static_cast<std::uint32_t>(leaves_.size() - begin),
                   .out = trees_[static_cast<std::size_t>(table)].leaf(index).data()});
  if (jobs_.size() == kChunkLeaves || leaves_.size() >= kChunkBytes) hash_encoded();
}

void StateTrees::hash_encoded() noexcept {
  const std::uint8_t* leaf = leaves_.data();
  for (crypto::HashJob& job : jobs_) {
    job.in = leaf;
    leaf += job.bytes;
  }
  crypto::hash_many(leaf_midstate(), jobs_);
  leaves_.clear();
  jobs_.clear();
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
