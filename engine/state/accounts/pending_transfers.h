// Transfers that wait to be posted or voided, and when they expire.
//
// A dense table of fixed size. An entry's identity is (slot, sequence, index in its group) of the message that made it;
// the earliest to expire is on top of a heap ordered by (expiry, slot, sequence, index), a total order, so that how the
// heap came about influences nothing. Nothing is allocated after construction.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/state/index_table.h"
#include "engine/state/leaf_reader.h"
#include "engine/state/leaf_writer.h"
#include "engine/state/lowest_free.h"
#include "engine/state/touched_set.h"
#include "engine/state/types.h"

namespace electra::state {

struct PendingTransfer {
  std::uint64_t sequence = 0;
  std::uint64_t expiry_ns = 0;  // it has no effect any more in a batch of this time or later
  std::uint64_t amount = 0;
  Slot slot = 0;
  std::uint32_t index = 0;
  AccountNumber debit_account = 0;
  AccountNumber credit_account = 0;
};

class PendingTransfers {
 public:
  using Entry = std::uint32_t;  // 1..; 0 = none

  explicit PendingTransfers(std::uint32_t entries_max);

  [[nodiscard]] std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(heap_.size()); }
  [[nodiscard]] bool full() const noexcept { return !free_.any(); }
  [[nodiscard]] Entry find(Slot slot, std::uint64_t sequence, std::uint32_t index) const noexcept;
  // Has the place fetched where find() will begin.
  void prefetch(Slot slot, std::uint64_t sequence, std::uint32_t index) const noexcept {
    index_.prefetch(hash_of(slot, sequence, index));
  }
  [[nodiscard]] const PendingTransfer& at(Entry entry) const noexcept { return entries_[entry - 1]; }
  // The first to expire, 0 if there is none.
  [[nodiscard]] Entry earliest() const noexcept { return heap_.empty() ? 0 : heap_.front(); }

  // Must not be full; the identity must be new.
  Entry add(const PendingTransfer& transfer);
  void remove(Entry entry);
  // Undoes remove(): the same entry again.
  void restore(Entry entry, const PendingTransfer& transfer);

  // The highest entry that was ever in use.
  [[nodiscard]] Entry highest_ever() const noexcept { return highest_ever_; }
  void append_leaf(std::uint32_t index, LeafWriter& out) const;
  // Restoring (restorer.h): of an empty table, first this, then every leaf, then restore_indexes(). What it says together
  // with other tables is checked between the two.
  void begin_restore(std::uint32_t count) { highest_ever_ = count; }
  [[nodiscard]] LeafCheck load_leaf(std::uint32_t index, ByteSpan bytes);
  [[nodiscard]] bool is_free(Entry entry) const noexcept { return at(entry).amount == 0; }
  // `entry` is one whose leaf cannot stand beside the others.
  [[nodiscard]] LeafCheck restore_indexes(Entry& entry);
  [[nodiscard]] const TouchedSet& touched() const noexcept { return touched_; }
  [[nodiscard]] TouchedSet& touched() noexcept { return touched_; }
  void clear_touched() noexcept { touched_.clear(); }
  [[nodiscard]] static std::size_t memory_bytes(std::uint32_t entries_max) noexcept;

 private:
  [[nodiscard]] static std::uint64_t hash_of(Slot slot, std::uint64_t sequence, std::uint32_t index) noexcept;
  [[nodiscard]] std::uint64_t hash_of(Entry entry) const noexcept;
  [[nodiscard]] bool before(Entry left, Entry right) const noexcept;
  void place(std::size_t position, Entry entry) noexcept;
  void sift_up(std::size_t position) noexcept;
  void sift_down(std::size_t position) noexcept;

  std::vector<PendingTransfer> entries_;      // all zero where free
  std::vector<std::uint32_t> heap_position_;  // of entry i + 1
  std::vector<Entry> heap_;
  LowestFree free_;
  IndexTable index_;
  Entry highest_ever_ = 0;
  TouchedSet touched_;
};

}  // namespace electra::state
