// Places for tables: chunks of memory cut into slots of one size each, who owns each slot, and slots that wait until
// no reader can see them.
//
// A chunk holds tables of one shape. New tables have the present shape; after set_shape the chunks of other shapes
// are stale: their tables stay where they are until their owners were given slots of the present shape, or none, and
// then the empty chunk is cut anew. A slot that is retired is given out again after reclaim says that its readers are
// gone.
//
// One thread uses this; chunks() may be read by any. Nothing here throws: bookkeeping of 20 bytes a KiB of the budget
// lies in memory that is touched when it is used, and a system that has no more memory makes the budget smaller for
// good.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "crypto-offload/tables/table_format.h"
#include "crypto-offload/tables/table_memory.h"
#include "crypto-offload/tables/table_plan.h"

namespace electra::crypto {

class TableSlots {
 public:
  using Slot = std::uint32_t;  // chunk · kTablesPerChunkMax + place in the chunk
  static constexpr Slot kNoSlot = UINT32_MAX;

  // At most `chunks_max` chunks, each from `source` when it is needed.
  TableSlots(std::size_t chunks_max, std::function<Chunk()> source);
  ~TableSlots();
  TableSlots(const TableSlots&) = delete;
  TableSlots& operator=(const TableSlots&) = delete;

  // The shape of new tables.
  void set_shape(std::uint32_t shape) noexcept;
  [[nodiscard]] std::uint32_t shape() const noexcept { return shape_; }

  // A slot of the present shape for `owner` (1 … UINT32_MAX − 1), or kNoSlot. May ask the system for a chunk.
  [[nodiscard]] Slot take(std::uint32_t owner);
  // The slot has no owner, and memory that readers may see until they are past `stamp`. Stamps never fall.
  void retire(Slot slot, std::uint64_t stamp) noexcept;
  // Frees the retired slots with stamps up to `oldest`.
  void reclaim(std::uint64_t oldest) noexcept;
  [[nodiscard]] bool waits_for_readers() const noexcept { return retired_ != 0; }

  [[nodiscard]] std::uint64_t* words(Slot slot) const noexcept;
  [[nodiscard]] std::uint32_t shape_of(Slot slot) const noexcept { return chunks_[chunk_of(slot)].shape; }

  // Up to `max` owners of slots of one stale chunk to `owners`; 0: no stale chunk has an owner. The same chunk until it
  // has none: the one with the fewest owners at the time of the choice.
  [[nodiscard]] std::size_t stale_owners(std::uint32_t* owners, std::size_t max) noexcept;

  // Takes no chunk any more. What there is stays.
  void close() noexcept { chunks_max_.store(taken_, std::memory_order_relaxed); }

  // Any thread: chunks that there may be at most, and that were taken on pages of this kind.
  [[nodiscard]] std::size_t chunks_max() const noexcept { return chunks_max_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t chunks(Pages pages) const noexcept {
    return taken_on_[static_cast<std::size_t>(pages)].load(std::memory_order_relaxed);
  }

 private:
  struct ChunkState {
    Chunk memory;
    std::uint32_t shape = 0;    // of its slots, unless it is empty
    std::uint32_t owned = 0;    // slots with an owner
    std::uint32_t retired = 0;  // slots that wait
    std::uint32_t first = 0;    // no slot before this one is free
  };
  struct Retired {
    std::uint64_t stamp;
    Slot slot;
  };
  static_assert(sizeof(ChunkState) == kChunkStateBytes && sizeof(Retired) + sizeof(std::uint32_t) == kSlotBytes);
  static constexpr std::uint32_t kRetired = UINT32_MAX;  // an owner that stands for "waits"
  static constexpr std::size_t kNoChunk = SIZE_MAX;

  [[nodiscard]] static std::size_t chunk_of(Slot slot) noexcept { return slot / kTablesPerChunkMax; }
  [[nodiscard]] static bool empty(const ChunkState& chunk) noexcept { return chunk.owned + chunk.retired == 0; }
  [[nodiscard]] bool stale(const ChunkState& chunk) const noexcept { return chunk.owned != 0 && chunk.shape != shape_; }
  [[nodiscard]] bool open(const ChunkState& chunk) const noexcept;
  [[nodiscard]] bool take_chunk_from_source();
  [[nodiscard]] std::size_t choose_stale() const noexcept;

  const std::function<Chunk()> source_;
  UntouchedArray<ChunkState> chunks_;
  UntouchedArray<std::uint32_t> owners_;  // [slot]; 0: free
  UntouchedArray<Retired> queue_;         // of retired slots, oldest first; a ring
  std::size_t queue_head_ = 0;
  std::size_t retired_ = 0;
  std::uint32_t shape_ = 0;
  std::size_t taken_ = 0;
  std::size_t first_open_ = 0;  // no chunk before this one is open
  std::size_t stale_chunk_ = kNoChunk;
  std::atomic<std::size_t> chunks_max_;
  std::array<std::atomic<std::size_t>, kPagesKinds> taken_on_{};
};

}  // namespace electra::crypto
