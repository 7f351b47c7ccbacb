// When a reading is due, which sequence it has and in which order the meters of a boundary send.
//
// Boundary i (0 … intervals) lies at start + i * interval; the reading there closes interval i - 1, and reading 0 is the
// baseline. A meter's possession took sequence 1, so reading i always has sequence 2 + i: the bytes of a reading follow
// from the data, the key and the chain alone, and a resend after any crash is the same message.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace electra::player {

inline constexpr std::uint64_t kPossessionSequence = 1;
inline constexpr std::uint64_t kFirstReadingSequence = 2;

// A reading may be sent again this far below the newest one of its meter; the gateway's window is 64 wide.
inline constexpr std::uint64_t kResendReadingsMax = 32;

[[nodiscard]] constexpr std::uint64_t reading_sequence(std::uint64_t boundary) noexcept {
  return kFirstReadingSequence + boundary;
}

// The first boundary that a meter whose highest used sequence is `highest_sequence` has not sent yet.
[[nodiscard]] constexpr std::uint64_t next_boundary(std::uint64_t highest_sequence) noexcept {
  return highest_sequence < kFirstReadingSequence ? 0 : highest_sequence - kFirstReadingSequence + 1;
}

// True when a meter that stands at `next` sends its reading of `boundary` in a resumed replay: it is new, or near enough
// to be answered as repeated. What lies further back was acknowledged long ago.
[[nodiscard]] constexpr bool sends_at(std::uint64_t next, std::uint64_t boundary) noexcept {
  return boundary + kResendReadingsMax >= next;
}

struct Schedule {
  std::int64_t start_s = 0;     // unix s of boundary 0
  std::int64_t interval_s = 0;  // > 0
  std::uint64_t intervals = 0;  // to replay; there are intervals + 1 boundaries

  [[nodiscard]] std::int64_t boundary_s(std::uint64_t boundary) const noexcept {
    return start_s + static_cast<std::int64_t>(boundary) * interval_s;
  }
  [[nodiscard]] std::int64_t end_s() const noexcept { return boundary_s(intervals); }

  // The lowest boundary that some meter has not sent, given the highest sequence of each; intervals + 1 = all sent.
  [[nodiscard]] std::uint64_t resume_boundary(std::span<const std::uint64_t> highest_sequences) const noexcept;
};

// The order in which `count` meters send at a boundary: ascending without a seed, else a permutation that follows from
// seed and boundary alone, the same on every machine.
class SendOrder {
 public:
  SendOrder(std::uint32_t count, std::optional<std::uint64_t> seed);

  [[nodiscard]] std::span<const std::uint32_t> at(std::uint64_t boundary);

 private:
  std::optional<std::uint64_t> seed_;
  std::vector<std::uint32_t> order_;
};

}  // namespace electra::player
