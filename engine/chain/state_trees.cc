// From touched leaves to the state root.
#include <algorithm>

#include "engine/chain/block_maker.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/chain/merkle_path.h"
#include "meter-proto/chain/tagged_hash.h"

namespace electra::chain {
namespace {

// Leaves that are encoded before they are hashed: all lanes full, and little for those who wait meanwhile, some 50 us.
constexpr std::size_t kLanes = 16;
constexpr std::size_t kChunkLeaves = 512;
constexpr std::size_t kChunkBytes = 32U << 10;
constexpr std::size_t kChunksMax = 800;

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
  chunks_.reserve(kChunksMax);
  add_chunk();
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
  work_bytes_ = 0;
  for (std::size_t table = 0; table < state::kTables; ++table) {
    if (indexes_[table].empty()) continue;
    // Leaves of a table are about alike.
    std::vector<std::uint8_t>& leaf = chunks_.front().leaves;
    machine_.append_leaf(static_cast<state::Table>(table), indexes_[table].front(), leaf);
    work_bytes_ += indexes_[table].size() * (leaf.size() + 2 * kNodeBytes);
    leaf.clear();
  }
  // Those that every batch changes.
  (void)encode(state::Table::chain, 0);
  (void)encode(state::Table::settlement, 0);
}

bool StateTrees::step(std::size_t bytes) {
  ELECTRA_ASSERT(under_way_);
  const auto spend = [&bytes](std::size_t spent) {
    bytes -= std::min(bytes, spent);
    return bytes == 0;
  };
  while (closed_chunks_ != 0) {
    if (spend(hash_chunk())) return false;
  }
  for (; !leaves_done_ && table_ < state::kTables; ++table_, next_ = 0) {
    const auto table = static_cast<state::Table>(table_);
    const std::vector<std::uint32_t>& indexes = indexes_[table_];
    while (next_ < indexes.size()) {
      const std::uint32_t index = indexes[next_++];
      if (!machine_.thaw(table, index)) continue;  // encoded before it changed
      const std::size_t encoded = encode(table, index);
      if (closed_chunks_ != 0) (void)hash_chunk();
      if (spend(encoded)) return false;
    }
  }
  if (!leaves_done_) {
    close_chunk();
    (void)hash_chunk();
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

void StateTrees::add_chunk() {
  chunks_.emplace_back();
  chunks_.back().leaves.reserve(2 * kChunkBytes + machine_.leaf_bytes_max());
  chunks_.back().jobs.reserve(kChunkLeaves);
}

// Also from within a batch, right before the leaf changes.
std::size_t StateTrees::encode(state::Table table, std::uint32_t index) noexcept {
  Chunk& chunk = chunks_[(first_chunk_ + closed_chunks_) % chunks_.size()];
  const std::size_t begin = chunk.leaves.size();
  machine_.append_leaf(table, index, chunk.leaves);
  const std::size_t bytes = chunk.leaves.size() - begin;
  chunk.jobs.push_back({.in = nullptr,
                        .bytes = static_cast<std::uint32_t>(bytes),
                        .out = trees_[static_cast<std::size_t>(table)].leaf(index).data()});
  const bool full =
      chunk.leaves.size() >= 2 * kChunkBytes || (chunk.leaves.size() >= kChunkBytes && chunk.jobs.size() % kLanes == 0);
  if (full || chunk.jobs.size() == kChunkLeaves) close_chunk();
  return bytes;
}

// The one that was being filled waits to be hashed, and an empty one takes its place.
void StateTrees::close_chunk() noexcept {
  ++closed_chunks_;
  if (closed_chunks_ < chunks_.size()) return;
  if (chunks_.size() == kChunksMax) {
    (void)hash_chunk();
    return;
  }
  std::ranges::rotate(chunks_, chunks_.begin() + static_cast<std::ptrdiff_t>(first_chunk_));
  first_chunk_ = 0;
  add_chunk();
}

std::size_t StateTrees::hash_chunk() noexcept {
  Chunk& chunk = chunks_[first_chunk_];
  const std::uint8_t* leaf = chunk.leaves.data();
  for (crypto::HashJob& job : chunk.jobs) {
    job.in = leaf;
    leaf += job.bytes;
  }
  crypto::hash_many(leaf_midstate(), chunk.jobs);
  const std::size_t bytes = chunk.leaves.size();
  chunk.leaves.clear();
  chunk.jobs.clear();
  first_chunk_ = (first_chunk_ + 1) % chunks_.size();
  --closed_chunks_;
  return bytes;
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
  std::size_t bytes =
      kChunksMax * (2 * kChunkBytes + machine_.leaf_bytes_max() + kChunkLeaves * sizeof(crypto::HashJob));
  for (std::size_t table = 0; table < state::kTables; ++table) {
    bytes += MerkleTree::memory_bytes(machine_.touched(static_cast<state::Table>(table)).capacity());
  }
  return bytes;
}

}  // namespace electra::chain
