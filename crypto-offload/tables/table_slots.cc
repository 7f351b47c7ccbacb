#include "crypto-offload/tables/table_slots.h"

#include <algorithm>
#include <utility>

#include "meter-proto/base/assert.h"

namespace electra::crypto {

TableSlots::TableSlots(std::size_t chunks_max, std::function<Chunk()> source)
    : source_(std::move(source)),
      chunks_(std::min(chunks_max, kChunksMax)),
      owners_(chunks_.size() * kTablesPerChunkMax),
      queue_(owners_.size()),
      chunks_max_(queue_.size() / kTablesPerChunkMax) {}

TableSlots::~TableSlots() {
  for (std::size_t at = 0; at < taken_; ++at) give_back(chunks_[at].memory);
}

void TableSlots::set_shape(std::uint32_t shape) noexcept {
  ELECTRA_ASSERT_LT(shape, kTableShapeCount);
  shape_ = shape;
  first_open_ = 0;
  stale_chunk_ = choose_stale();
}

TableSlots::Slot TableSlots::take(std::uint32_t owner) {
  ELECTRA_ASSERT(owner != 0 && owner != kRetired);
  while (first_open_ < taken_ && !open(chunks_[first_open_])) ++first_open_;
  if (first_open_ == taken_ && !take_chunk_from_source()) return kNoSlot;
  ChunkState& chunk = chunks_[first_open_];
  if (empty(chunk)) {
    chunk.shape = shape_;
    chunk.first = 0;
  }
  Slot slot = static_cast<Slot>(first_open_ * kTablesPerChunkMax + chunk.first);
  while (owners_[slot] != 0) ++slot, ++chunk.first;
  ELECTRA_ASSERT_LT(chunk.first, tables_per_chunk(shape_));
  owners_[slot] = owner;
  ++chunk.owned;
  ++chunk.first;
  return slot;
}

void TableSlots::retire(Slot slot, std::uint64_t stamp) noexcept {
  ChunkState& chunk = chunks_[chunk_of(slot)];
  ELECTRA_ASSERT(owners_[slot] != 0 && owners_[slot] != kRetired);
  owners_[slot] = kRetired;
  --chunk.owned;
  ++chunk.retired;
  queue_[(queue_head_ + retired_) % queue_.size()] = {.stamp = stamp, .slot = slot};
  ++retired_;
  if (chunk_of(slot) == stale_chunk_ && chunk.owned == 0) stale_chunk_ = choose_stale();
}

void TableSlots::reclaim(std::uint64_t oldest) noexcept {
  while (retired_ != 0 && queue_[queue_head_].stamp <= oldest) {
    const Slot slot = queue_[queue_head_].slot;
    queue_head_ = (queue_head_ + 1) % queue_.size();
    --retired_;
    ChunkState& chunk = chunks_[chunk_of(slot)];
    owners_[slot] = 0;
    --chunk.retired;
    chunk.first = std::min(chunk.first, slot % kTablesPerChunkMax);
    if (open(chunk)) first_open_ = std::min(first_open_, chunk_of(slot));
  }
  if (retired_ == 0) queue_head_ = 0;  // a short queue stays in the pages that it has touched
}

std::uint64_t* TableSlots::words(Slot slot) const noexcept {
  const ChunkState& chunk = chunks_[chunk_of(slot)];
  const std::size_t words_per_table = table_bytes(kTableShapes[chunk.shape]) / sizeof(std::uint64_t);
  return chunk.memory.words + slot % kTablesPerChunkMax * words_per_table;
}

std::size_t TableSlots::stale_owners(std::uint32_t* owners, std::size_t max) noexcept {
  if (stale_chunk_ == kNoChunk) return 0;
  const ChunkState& chunk = chunks_[stale_chunk_];
  const std::uint32_t* const from = owners_.data() + stale_chunk_ * kTablesPerChunkMax;
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < tables_per_chunk(chunk.shape) && count < max; ++i) {
    if (from[i] != 0 && from[i] != kRetired) owners[count++] = from[i];
  }
  return count;
}

bool TableSlots::open(const ChunkState& chunk) const noexcept {
  return empty(chunk) || (chunk.shape == shape_ && chunk.owned + chunk.retired < tables_per_chunk(shape_));
}

bool TableSlots::take_chunk_from_source() {
  if (taken_ == chunks_max()) return false;
  const Chunk memory = source_();
  if (memory.words == nullptr) {
    close();
    return false;
  }
  chunks_[taken_].memory = memory;
  ++taken_;
  taken_on_[static_cast<std::size_t>(memory.pages)].fetch_add(1, std::memory_order_relaxed);
  return true;
}

std::size_t TableSlots::choose_stale() const noexcept {
  std::size_t chosen = kNoChunk;
  for (std::size_t at = 0; at < taken_; ++at) {
    if (!stale(chunks_[at])) continue;
    if (chosen == kNoChunk || chunks_[at].owned < chunks_[chosen].owned) chosen = at;
  }
  return chosen;
}

}  // namespace electra::crypto
