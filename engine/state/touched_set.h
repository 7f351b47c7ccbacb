// Which leaves of a table have changed; and the gate that every change of a leaf passes before it happens.
//
// A bitmap with one summary bit a word, so that walking and clearing cost what was touched and one word per 4096 leaves.
// Marking costs about a nanosecond, and less when the leaf is marked already. Nothing is allocated after construction.
//
// mark() comes before the change: whoever watches the set (a snapshot under way) is told while the leaf still has its old
// bytes. That costs nothing while nobody watches: the one comparison that keeps an index within the capacity also finds
// the indexes that are watched.
//
// freeze() puts the marks of one block aside, so that the leaves behind them can be hashed while the next block marks its
// own: the first mark of a leaf that still waits tells its watcher, who takes the old bytes.
#pragma once

#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/state/tables.h"
#include "meter-proto/base/assert.h"

namespace electra::state {

class LeafWatcher {
 public:
  // This leaf may be about to change, or to be added. Called at every mark of a watched index, marked already or not.
  virtual void before_change(Table table, std::uint32_t index) noexcept = 0;

 protected:
  ~LeafWatcher() = default;
};

class TouchedSet {
 public:
  // Holds the indexes 0 .. capacity - 1.
  explicit TouchedSet(std::uint32_t capacity)
      : capacity_(capacity),
        quiet_below_(capacity),
        words_((std::size_t{capacity} + 63) / 64),
        summary_((words_.size() + 63) / 64),
        frozen_(words_.size()) {}

  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool any() const noexcept { return count_ != 0; }
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  [[nodiscard]] bool contains(std::uint32_t index) const noexcept {
    return index < capacity_ && (words_[index / 64] >> (index % 64) & 1) != 0;
  }

  // Before the leaf changes. A new leaf may be marked when it is there.
  void mark(std::uint32_t index) noexcept {
    if (index >= quiet_below_) [[unlikely]]
      look_closer(index);
    std::uint64_t& word = words_[index / 64];
    const std::uint64_t bit = std::uint64_t{1} << (index % 64);
    if ((word & bit) != 0) return;
    if (frozen_count_ != 0) [[unlikely]]
      tell_if_frozen(index);
    word |= bit;
    summary_[index / 4096] |= std::uint64_t{1} << (index / 64 % 64);
    ++count_;
  }

  // Calls f(index) in ascending order. f must not mark.
  template <typename F>
  void for_each(F&& f) const {
    for_each_word([&](std::size_t word) {
      for (std::uint64_t bits = words_[word]; bits != 0; bits &= bits - 1)
        f(static_cast<std::uint32_t>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits))));
    });
  }

  void clear() noexcept {
    if (count_ == 0) return;
    for_each_word([&](std::size_t word) { words_[word] = 0; });
    for (std::uint64_t& bits : summary_) bits = 0;
    count_ = 0;
  }

  // Calls f(index) for every mark, ascending, and puts the marks aside as frozen. None may be frozen. The first mark of a
  // frozen index tells `watcher` of it, as leaf of `table`, and thaws it.
  template <typename F>
  void freeze(LeafWatcher& watcher, Table table, F&& f) {
    ELECTRA_ASSERT_EQ(frozen_count_, 0u);
    frozen_watcher_ = &watcher;
    table_ = table;
    for_each_word([&](std::size_t at) {
      for (std::uint64_t bits = words_[at]; bits != 0; bits &= bits - 1)
        f(static_cast<std::uint32_t>(at * 64 + static_cast<std::size_t>(std::countr_zero(bits))));
      frozen_[at] = words_[at];
      words_[at] = 0;
    });
    for (std::uint64_t& bits : summary_) bits = 0;
    frozen_count_ = std::exchange(count_, 0);
  }
  // Whether the index was frozen; it is not any more.
  bool thaw(std::uint32_t index) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << (index % 64);
    if ((frozen_[index / 64] & bit) == 0) return false;
    frozen_[index / 64] &= ~bit;
    --frozen_count_;
    return true;
  }

  // From now on `watcher` hears of every index from `first` on, as leaf of `table`. Another call moves `first`.
  void watch(LeafWatcher& watcher, Table table, std::uint32_t first) noexcept {
    watcher_ = &watcher;
    table_ = table;
    quiet_below_ = first < capacity_ ? first : capacity_;
  }
  void stop_watching() noexcept {
    watcher_ = nullptr;
    quiet_below_ = capacity_;
  }

  [[nodiscard]] static std::size_t memory_bytes(std::uint32_t capacity) noexcept {
    const std::size_t words = (std::size_t{capacity} + 63) / 64;
    return (2 * words + (words + 63) / 64) * sizeof(std::uint64_t);
  }

 private:
  // Apart, so that neither the call nor the code that prints the operands keeps mark() from being inlined.
  [[gnu::noinline]] void look_closer(std::uint32_t index) const noexcept {
    ELECTRA_ASSERT_LT(index, capacity_);
    if (watcher_ != nullptr) watcher_->before_change(table_, index);
  }

  [[gnu::noinline]] void tell_if_frozen(std::uint32_t index) noexcept {
    if (thaw(index)) frozen_watcher_->before_change(table_, index);
  }

  template <typename F>
  void for_each_word(F&& f) const {
    for (std::size_t at = 0; at < summary_.size(); ++at)
      for (std::uint64_t bits = summary_[at]; bits != 0; bits &= bits - 1)
        f(at * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
  }

  std::uint32_t capacity_;
  std::uint32_t quiet_below_;  // indexes below need no closer look: capacity_ unless somebody watches
  std::uint32_t count_ = 0;
  std::uint32_t frozen_count_ = 0;
  Table table_{};
  LeafWatcher* watcher_ = nullptr;
  LeafWatcher* frozen_watcher_ = nullptr;
  std::vector<std::uint64_t> words_;    // bit i of word w: leaf 64 w + i is touched
  std::vector<std::uint64_t> summary_;  // bit i of word w: words_[64 w + i] is not zero
  std::vector<std::uint64_t> frozen_;   // as words_, of what was put aside
};

}  // namespace electra::state
