// Which entries of a dense table are free; hands out the lowest one.
//
// Lowest first, so that a state that was restored from a snapshot allocates as the one that never stopped. A tree of
// 64-bit words: a set bit says that there is something free below. take() and release() cost one word per level.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "meter-proto/base/assert.h"

namespace electra::state {

class LowestFree {
 public:
  explicit LowestFree(std::uint32_t count) {
    std::size_t bits = count;
    do {
      std::vector<std::uint64_t> level((bits + 63) / 64, ~std::uint64_t{0});
      if (bits % 64 != 0) level.back() = (std::uint64_t{1} << (bits % 64)) - 1;
      if (level.empty()) level.push_back(0);
      levels_.push_back(std::move(level));
      bits = levels_.back().size();
    } while (bits > 1);
  }

  [[nodiscard]] bool any() const noexcept { return levels_.back()[0] != 0; }

  // Something must be free.
  [[nodiscard]] std::uint32_t take() {
    ELECTRA_ASSERT(any());
    std::size_t at = 0;
    for (std::size_t level = levels_.size(); level-- > 0;)
      at = at * 64 + static_cast<std::size_t>(std::countr_zero(levels_[level][at]));
    mark_taken(static_cast<std::uint32_t>(at));
    return static_cast<std::uint32_t>(at);
  }

  // Takes this very entry, which must be free.
  void mark_taken(std::uint32_t entry) {
    std::size_t at = entry;
    for (std::vector<std::uint64_t>& level : levels_) {
      std::uint64_t& word = level[at / 64];
      ELECTRA_ASSERT((word >> (at % 64) & 1) != 0);
      word &= ~(std::uint64_t{1} << (at % 64));
      if (word != 0) return;
      at /= 64;
    }
  }

  void release(std::uint32_t entry) {
    std::size_t at = entry;
    for (std::vector<std::uint64_t>& level : levels_) {
      level[at / 64] |= std::uint64_t{1} << (at % 64);
      at /= 64;
    }
  }

  [[nodiscard]] bool is_free(std::uint32_t entry) const noexcept {
    return (levels_[0][entry / 64] >> (entry % 64) & 1) != 0;
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    std::size_t bytes = 0;
    for (const auto& level : levels_) bytes += level.size() * sizeof(std::uint64_t);
    return bytes;
  }

 private:
  std::vector<std::vector<std::uint64_t>> levels_;  // level 0: one bit an entry
};

}  // namespace electra::state
