// How much each sender may write: a bucket of tokens, one token a message, filled at a steady rate up to a burst.
//
// Kept as one instant a slot, the one at which the bucket will be full again: taking a token moves it by the time that the
// rate needs for one, and it may not lie further ahead than the whole burst takes (the "virtual scheduling" of ITU-T I.371,
// annex A). So a message costs one line of memory and no division, and time needs no ticks. A message whose signature turns
// out to be forged gives its token back: nobody can spend another's. 8 bytes a slot, allocated at the start; none when
// there is no limit. io thread only; it bounds what comes into the journal and is no part of the state.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/state/types.h"

namespace electra::pipeline {

class SenderBuckets {
 public:
  // For slots 1 … slots_max. per_second 0: no limit. burst is at least 1.
  SenderBuckets(std::uint32_t slots_max, std::uint32_t per_second, std::uint32_t burst)
      : token_ns_(per_second == 0 ? 0 : kSecondNs / per_second),
        ahead_max_ns_(token_ns_ * (std::max(burst, 1U) - 1)),
        full_at_ns_(token_ns_ == 0 ? 0 : slots_max + std::size_t{1}) {}

  // One message of this sender at this (monotonic) instant. False: its bucket is empty, and nothing was taken.
  [[nodiscard]] bool take(state::Slot slot, std::uint64_t now_ns) noexcept {
    if (slot >= full_at_ns_.size()) return true;
    std::uint64_t& full_at_ns = full_at_ns_[slot];
    const std::uint64_t from_ns = std::max(full_at_ns, now_ns);
    if (from_ns - now_ns > ahead_max_ns_) return false;
    full_at_ns = from_ns + token_ns_;
    return true;
  }

  // A token that take() gave and that was not used.
  void give_back(state::Slot slot) noexcept {
    if (slot >= full_at_ns_.size()) return;
    full_at_ns_[slot] -= std::min(full_at_ns_[slot], token_ns_);
  }

  [[nodiscard]] bool limited() const noexcept { return token_ns_ != 0; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return full_at_ns_.size() * sizeof(std::uint64_t); }

 private:
  static constexpr std::uint64_t kSecondNs = 1'000'000'000;

  std::uint64_t token_ns_;  // in which one token comes; 0: no limit
  std::uint64_t ahead_max_ns_;
  std::vector<std::uint64_t> full_at_ns_;  // by slot; monotonic
};

}  // namespace electra::pipeline
