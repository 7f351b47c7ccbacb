#include "engine/state/snapshot.h"

#include <algorithm>
#include <bit>

#include "engine/state/machine.h"

namespace electra::state {

SnapshotCursor::SnapshotCursor(const Sets& sets, std::size_t leaf_bytes_max) : sets_(sets) {
  for (std::size_t table = 0; table < kTables; ++table)
    if (sets_[table] != nullptr) out_[table].resize((std::size_t{sets_[table]->capacity()} + 63) / 64);
  leaf_.reserve(leaf_bytes_max);
}

void SnapshotCursor::begin(const Machine& machine, LeafSink& sink) {
  ELECTRA_ASSERT(!under_way());
  machine_ = &machine;
  sink_ = &sink;
  table_ = 0;
  at_ = 0;
  for (std::size_t table = 0; table < kTables; ++table) {
    counts_[table] = machine.leaf_count(static_cast<Table>(table));
    if (sets_[table] == nullptr) {
      for (std::uint32_t index = 0; index < counts_[table]; ++index) give(table, index);
      continue;
    }
    std::ranges::fill(out_[table], 0);
    sets_[table]->watch(*this, static_cast<Table>(table), 0);
  }
}

std::size_t SnapshotCursor::give(std::size_t table, std::uint32_t index) noexcept {
  leaf_.clear();
  machine_->append_leaf(static_cast<Table>(table), index, leaf_);
  sink_->leaf(static_cast<Table>(table), index, leaf_);
  return leaf_.size();
}

void SnapshotCursor::before_change(Table table, std::uint32_t index) noexcept {
  const auto number = static_cast<std::size_t>(table);
  if (index >= counts_[number]) return;  // added since
  std::uint64_t& word = out_[number][index / 64];
  const std::uint64_t bit = std::uint64_t{1} << (index % 64);
  if ((word & bit) != 0) return;
  word |= bit;
  give(number, index);
}

std::uint32_t SnapshotCursor::next_inside() const noexcept {
  const std::vector<std::uint64_t>& out = out_[table_];
  std::uint32_t at = at_;
  while (at < counts_[table_]) {
    const std::uint64_t missing = ~out[at / 64] >> (at % 64);
    if (missing != 0) return std::min(at + static_cast<std::uint32_t>(std::countr_zero(missing)), counts_[table_]);
    at = (at / 64 + 1) * 64;
  }
  return counts_[table_];
}

bool SnapshotCursor::step(std::size_t bytes_max) {
  std::size_t bytes = 0;
  while (under_way()) {
    if (sets_[table_] != nullptr) {
      for (at_ = next_inside(); at_ < counts_[table_]; at_ = next_inside()) {
        if (bytes >= bytes_max) {
          sets_[table_]->watch(*this, static_cast<Table>(table_), at_);
          return true;
        }
        bytes += give(table_, at_++);
      }
      sets_[table_]->stop_watching();
    }
    at_ = 0;
    if (++table_ == kTables) stop();
  }
  return false;
}

void SnapshotCursor::stop() noexcept {
  for (TouchedSet* set : sets_)
    if (set != nullptr) set->stop_watching();
  sink_ = nullptr;
}

std::size_t SnapshotCursor::memory_bytes(const Sets& sets, std::size_t leaf_bytes_max) noexcept {
  std::size_t bytes = leaf_bytes_max;
  for (const TouchedSet* set : sets)
    if (set != nullptr) bytes += (std::size_t{set->capacity()} + 63) / 64 * sizeof(std::uint64_t);
  return bytes;
}

}  // namespace electra::state
