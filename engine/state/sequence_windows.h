// The sequence windows of all holders, by slot.
#pragma once

#include <span>
#include <vector>

#include "engine/state/leaf_writer.h"
#include "engine/state/prefetch.h"
#include "engine/state/sequence_window.h"
#include "engine/state/touched_set.h"
#include "engine/state/types.h"

namespace electra::state {

class SequenceWindows {
 public:
  explicit SequenceWindows(std::uint32_t holders_max) : touched_(holders_max) {
    windows_.reserve(holders_max);
    entries_.reserve(holders_max);
  }

  [[nodiscard]] std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(windows_.size()); }
  [[nodiscard]] const SequenceWindow& of(Slot slot) const noexcept { return windows_[slot - 1]; }
  // SequenceWindow::check().
  [[nodiscard]] Result check(Slot slot, std::uint64_t sequence, std::uint64_t id_prefix,
                             const SequenceEntry*& same) const noexcept {
    return windows_[slot - 1].check(sequence, id_prefix, entries_[slot - 1], same);
  }

  // SequenceWindow::decided_in().
  [[nodiscard]] std::uint64_t decided_in(Slot slot, std::uint64_t sequence) const noexcept {
    return windows_[slot - 1].decided_in(sequence, entries_[slot - 1]);
  }

  // For the next slot.
  void add() {
    touched_.mark(count());
    windows_.emplace_back();
    entries_.emplace_back();
  }
  // The sequence must have been checked as free.
  void use(Slot slot, std::uint64_t sequence, const SequenceEntry& entry) noexcept {
    touched_.mark(slot - 1);
    windows_[slot - 1].use(sequence, entry, entries_[slot - 1]);
  }
  // Have fetched what a message will need soon: of its sender, then of its sequence. The slot exists.
  void prefetch(Slot slot) const noexcept { prefetch_for_writing(&windows_[slot - 1]); }
  void prefetch(Slot slot, std::uint64_t sequence) const noexcept {
    const SequenceEntry& entry = entries_[slot - 1].of(sequence);
    prefetch_for_writing(&entry);
    prefetch_for_writing(&entry.reserved);  // one of four lies across two lines
  }

  void append_leaf(std::uint32_t index, LeafWriter& out) const {
    out.records(std::span<const SequenceWindow>(&windows_[index], 1));
    out.records(std::span<const SequenceEntry>(entries_[index].places));
  }
  // Restoring (restorer.h): of an empty table, first this, then every leaf.
  void begin_restore(std::uint32_t count) {
    windows_.resize(count);
    entries_.resize(count);
  }
  [[nodiscard]] LeafCheck load_leaf(std::uint32_t index, ByteSpan bytes, std::uint64_t& newest_batch) {
    return SequenceWindow::decode(bytes, windows_[index], entries_[index], newest_batch);
  }
  [[nodiscard]] const TouchedSet& touched() const noexcept { return touched_; }
  [[nodiscard]] TouchedSet& touched() noexcept { return touched_; }
  void clear_touched() noexcept { touched_.clear(); }
  [[nodiscard]] static std::size_t memory_bytes(std::uint32_t holders_max) noexcept {
    return holders_max * SequenceWindow::kLeafBytes + TouchedSet::memory_bytes(holders_max);
  }

 private:
  std::vector<SequenceWindow> windows_;
  std::vector<SequenceEntries> entries_;
  TouchedSet touched_;
};

}  // namespace electra::state
