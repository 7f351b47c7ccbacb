// Which sequences a sender has used, and what became of the last 64.
//
// A sequence may rise by at most 2^20 at once and may arrive up to 63 behind the highest used one. The same message again
// gets its first answer; another message under a used sequence is told so. One window a sender, whatever its key.
//
// In two pieces, because every message looks at the first and at one place of the second: which are used (16 bytes, four
// senders a cache line), and the answers. One behind the other they are the leaf; places of sequences that are not used
// are zero.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "engine/state/leaf_reader.h"
#include "meter-proto/base/result.h"

namespace electra::state {

inline constexpr std::uint64_t kSequenceWindow = 64;
inline constexpr std::uint64_t kSequenceRiseMax = std::uint64_t{1} << 20;

// What became of one message.
struct SequenceEntry {
  std::uint64_t id_prefix = 0;  // first 8 bytes of the message id
  std::uint64_t batch = 0;
  std::uint32_t detail = 0;
  Result result = Result::ok;
  std::uint16_t reserved = 0;
};
static_assert(sizeof(SequenceEntry) == 24);

// Of sequence s at s % 64.
struct alignas(64) SequenceEntries {
  std::array<SequenceEntry, kSequenceWindow> places{};

  [[nodiscard]] SequenceEntry& of(std::uint64_t sequence) noexcept { return places[sequence % kSequenceWindow]; }
  [[nodiscard]] const SequenceEntry& of(std::uint64_t sequence) const noexcept {
    return places[sequence % kSequenceWindow];
  }
};
static_assert(sizeof(SequenceEntries) == kSequenceWindow * sizeof(SequenceEntry));

class SequenceWindow {
 public:
  static constexpr std::size_t kLeafBytes = 2 * sizeof(std::uint64_t) + sizeof(SequenceEntries);

  [[nodiscard]] std::uint64_t highest() const noexcept { return highest_; }

  // `entries` are this window's, here and below. ok: the sequence is free. Otherwise sequence_too_old, sequence_too_new or
  // sequence_used; with the latter `same` is the entry if this very message used it, else null.
  [[nodiscard]] Result check(std::uint64_t sequence, std::uint64_t id_prefix, const SequenceEntries& entries,
                             const SequenceEntry*& same) const noexcept {
    same = nullptr;
    if (sequence > highest_) return sequence - highest_ > kSequenceRiseMax ? Result::sequence_too_new : Result::ok;
    const std::uint64_t behind = highest_ - sequence;
    if (behind >= kSequenceWindow) return Result::sequence_too_old;
    if ((used_ >> behind & 1) == 0) return Result::ok;
    const SequenceEntry& entry = entries.of(sequence);
    if (entry.id_prefix == id_prefix) same = &entry;
    return Result::sequence_used;
  }

  // The newest batch that what check() says of a sequence, other than ok, follows from; 0: none.
  [[nodiscard]] std::uint64_t decided_in(std::uint64_t sequence, const SequenceEntries& entries) const noexcept {
    const bool inside = sequence <= highest_ && highest_ - sequence < kSequenceWindow;
    return entries.of(inside ? sequence : highest_).batch;
  }

  // The sequence must have been checked as free.
  void use(std::uint64_t sequence, const SequenceEntry& entry, SequenceEntries& entries) noexcept {
    if (sequence > highest_) {
      const std::uint64_t rise = sequence - highest_;
      used_ = rise >= kSequenceWindow ? 0 : used_ << rise;
      for (std::uint64_t skipped = sequence - std::min(rise, kSequenceWindow) + 1; skipped < sequence; ++skipped)
        entries.of(skipped) = {};
      highest_ = sequence;
    }
    used_ |= std::uint64_t{1} << (highest_ - sequence);
    entries.of(sequence) = entry;
  }

  // The window whose leaf this is. `newest_batch` is the highest of its entries, 0 if there is none.
  [[nodiscard]] static LeafCheck decode(ByteSpan bytes, SequenceWindow& window, SequenceEntries& entries,
                                        std::uint64_t& newest_batch);

 private:
  std::uint64_t highest_ = 0;  // 0 = none used yet
  std::uint64_t used_ = 0;     // bit i: highest_ - i was used
};
static_assert(sizeof(SequenceWindow) + sizeof(SequenceEntries) == SequenceWindow::kLeafBytes);

inline LeafCheck SequenceWindow::decode(ByteSpan bytes, SequenceWindow& window, SequenceEntries& entries,
                                        std::uint64_t& newest_batch) {
  LeafReader reader(bytes);
  reader.records(std::span<SequenceWindow>(&window, 1));
  reader.records(std::span<SequenceEntry>(entries.places));
  if (!reader.good()) return wrong_leaf("has " + std::to_string(bytes.size()) + " bytes");
  newest_batch = 0;
  for (std::uint64_t behind = 0; behind < kSequenceWindow; ++behind) {
    const bool used = (window.used_ >> behind & 1) != 0;
    const std::uint64_t place = (window.highest_ - behind) % kSequenceWindow;
    const auto where = [&](std::string_view field) {
      return "entry " + std::to_string(place) + ": " + std::string(field);
    };
    const SequenceEntry& entry = entries.places[place];
    if (behind == 0 && window.highest_ != 0 && !used) return wrong_leaf("the highest sequence is not marked as used");
    // Sequences begin at 1.
    if (behind >= window.highest_ && used) return wrong_leaf("a sequence below 1 is marked as used");
    if (!used &&
        (entry.id_prefix | entry.batch | entry.detail | static_cast<std::uint16_t>(entry.result) | entry.reserved) != 0)
      return wrong_leaf(where("is not zero, but its sequence is not used"));
    if (!used) continue;
    if (!consumes_sequence(entry.result) ||
        (entry.result != Result::ok && result_name(entry.result) == result_name(static_cast<Result>(UINT16_MAX))))
      return wrong_field(where("result"), static_cast<std::uint16_t>(entry.result), "a code that uses up a sequence");
    if (entry.reserved != 0) return wrong_field(where("the last two bytes"), entry.reserved, "0");
    if (entry.batch == 0) return wrong_field(where("batch"), entry.batch, "above 0");
    newest_batch = std::max(newest_batch, entry.batch);
  }
  return {};
}

}  // namespace electra::state
