// Which sequences a sender has used, and what became of the last 64.
//
// A sequence may rise by at most 2^20 at once and may arrive up to 63 behind the highest used one. The same message again
// gets its first answer; another message under a used sequence is told so. One window a sender, whatever its key. Its bytes in memory are its
// leaf: places of sequences that are not used are zero.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "meter-proto/base/result.h"

namespace electra::state {

inline constexpr std::uint64_t kSequenceWindow = 64;
inline constexpr std::uint64_t kSequenceRiseMax = std::uint64_t{1} << 20;

class SequenceWindow {
 public:
  struct Entry {
    std::uint64_t id_prefix = 0;  // first 8 bytes of the message id
    std::uint64_t batch = 0;
    std::uint32_t detail = 0;
    Result result = Result::ok;
    std::uint16_t reserved = 0;
  };
  static_assert(sizeof(Entry) == 24);

  [[nodiscard]] std::uint64_t highest() const noexcept { return highest_; }

  // ok: the sequence is free. Otherwise sequence_too_old, sequence_too_new or sequence_used; with the latter `same` is
  // the entry if this very message used it, else null.
  [[nodiscard]] Result check(std::uint64_t sequence, std::uint64_t id_prefix, const Entry*& same) const noexcept {
    same = nullptr;
    if (sequence > highest_) return sequence - highest_ > kSequenceRiseMax ? Result::sequence_too_new : Result::ok;
    const std::uint64_t behind = highest_ - sequence;
    if (behind >= kSequenceWindow) return Result::sequence_too_old;
    if ((used_ >> behind & 1) == 0) return Result::ok;
    const Entry& entry = entries_[sequence % kSequenceWindow];
    if (entry.id_prefix == id_prefix) same = &entry;
    return Result::sequence_used;
  }

  // The sequence must have been checked as free.
  void use(std::uint64_t sequence, const Entry& entry) noexcept {
    if (sequence > highest_) {
      const std::uint64_t rise = sequence - highest_;
      used_ = rise >= kSequenceWindow ? 0 : used_ << rise;
      for (std::uint64_t skipped = sequence - std::min(rise, kSequenceWindow) + 1; skipped < sequence; ++skipped)
        entries_[skipped % kSequenceWindow] = {};
      highest_ = sequence;
    }
    used_ |= std::uint64_t{1} << (highest_ - sequence);
    entries_[sequence % kSequenceWindow] = entry;
  }

 private:
  std::uint64_t highest_ = 0;                     // 0 = none used yet
  std::uint64_t used_ = 0;                        // bit i: highest_ - i was used
  std::array<Entry, kSequenceWindow> entries_{};  // of sequence s at s % 64
};

}  // namespace electra::state
