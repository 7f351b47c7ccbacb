// From a key to the number of the entry that has it, when the entries lie in a dense table elsewhere.
//
// Open addressing with linear probing over at least twice as many places as there can be entries; a place holds an entry
// number (0 = empty), never the key, which the caller compares. Never grows; iteration is not offered, so the order of
// places influences nothing. Erasing shifts followers back, so there are no graves.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "engine/state/prefetch.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/base/bytes.h"

namespace electra::state {

// Spreads the bits of an integer over all 64 (the finalizer of SplitMix64).
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t value) noexcept {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

[[nodiscard]] inline std::uint64_t hash_bytes(ByteSpan bytes) noexcept {
  std::uint64_t hash = bytes.size();
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) hash = mix64(hash ^ load_le64(bytes.data() + at));
  std::uint64_t rest = 0;
  for (; at < bytes.size(); ++at) rest = rest << 8 | bytes[at];
  return mix64(hash ^ rest);
}

class IndexTable {
 public:
  explicit IndexTable(std::uint32_t entries_max) : places_(std::bit_ceil(std::size_t{entries_max} * 2 + 2)) {}

  // The entry number for which `is_it` is true, 0 if there is none.
  template <typename Predicate>
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, Predicate&& is_it) const {
    for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
      const std::uint32_t entry = places_[at];
      if (entry == 0 || is_it(entry)) return entry;
    }
  }

  // Has the place fetched where find() will begin.
  void prefetch(std::uint64_t hash) const noexcept { prefetch_for_reading(&places_[hash & mask()]); }

  // The key must not be there yet.
  void insert(std::uint64_t hash, std::uint32_t entry) {
    std::size_t at = hash & mask();
    while (places_[at] != 0) at = (at + 1) & mask();
    places_[at] = entry;
  }

  // The entry must be there. `hash_of(entry)` gives the hash of any entry in the table.
  template <typename HashOf>
  void erase(std::uint64_t hash, std::uint32_t entry, HashOf&& hash_of) {
    std::size_t hole = hash & mask();
    while (places_[hole] != entry) {
      ELECTRA_ASSERT_NE(places_[hole], 0U);
      hole = (hole + 1) & mask();
    }
    for (std::size_t at = (hole + 1) & mask(); places_[at] != 0; at = (at + 1) & mask()) {
      const std::size_t home = hash_of(places_[at]) & mask();
      // The follower may move into the hole unless its home lies behind the hole.
      if (((at - home) & mask()) >= ((at - hole) & mask())) {
        places_[hole] = places_[at];
        hole = at;
      }
    }
    places_[hole] = 0;
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept { return places_.size() * sizeof(std::uint32_t); }

 private:
  [[nodiscard]] std::size_t mask() const noexcept { return places_.size() - 1; }

  std::vector<std::uint32_t> places_;
};

}  // namespace electra::state
