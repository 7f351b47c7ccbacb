// When memory that readers may see can be used again: seats of readers, and epochs.
//
// A reader takes a seat, writes into it the epoch that it finds, loads words that lead to memory, reads the memory, and
// leaves. The one writer takes a word back (so that it leads there no more), then begins an epoch and remembers its
// number as the memory's stamp. The memory may be written again once oldest() is not below the stamp: no seat then
// holds an epoch before it. All operations named below are seq_cst, or at least what is said.
//
// Why that is right. Let W be the writer's store that takes the word back, E its fetch_add that begins the epoch with
// the stamp s, and L its load of a seat in oldest(), in this order. Let C be a reader's compare-exchange into this seat
// and R its load of the word, in this order. W, L, C and R are seq_cst and so have one total order, which agrees with
// the order within each thread. Suppose R saw the word from before W. Then R precedes W in that order, hence
// C < R < W < L, and L sees C's value or a later one of the seat:
//   1. C's value, an epoch e. It is below s: the reader loaded e (acquire) before C. Had it seen s or more, then E
//      (release) and with it W would happen before R, and R could not see an older value than W's. So oldest() < s: the
//      memory waits. A reader that saw W's value, too, may have loaded its epoch before E; then it is waited for in
//      vain, which costs time and nothing else.
//   2. A later value. Then the reader has left: its store of 0 (release) is followed in this seat only by
//      compare-exchanges of later readers and their stores of 0. A compare-exchange continues the release sequence, and
//      a later reader's store of 0 comes after its own compare-exchange, which acquired. So all that the reader read
//      happens before L, and before what the writer does to the memory after L.
// A reader whose C comes after L in the total order has W < L < C < R, and sees W's value or a later one.
//
// In its place W may store a word that leads elsewhere: the argument is about the old value only.
//
// Costs: a reader pays one compare-exchange of a cache line that is its thread's alone as long as there are not more
// threads than seats, and one store. The loads of words are plain loads on x86-64. The writer reads kSeats lines.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace electra::crypto {

class ReaderSeats {
 public:
  static constexpr std::size_t kSeats = 64;

  using Seat = std::atomic<std::uint64_t>;  // the epoch in which its reader sat down; 0: free

  ReaderSeats() = default;
  ReaderSeats(const ReaderSeats&) = delete;
  ReaderSeats& operator=(const ReaderSeats&) = delete;

  // Any thread. Null when all seats are taken: the reader may then look at nothing. Never waits.
  [[nodiscard]] Seat* sit() noexcept;
  static void leave(Seat* seat) noexcept { seat->store(0, std::memory_order_release); }

  // Writer: begins an epoch, after words were taken back, and gives the stamp of the memory that they led to.
  [[nodiscard]] std::uint64_t begin_epoch() noexcept { return epoch_.fetch_add(1, std::memory_order_seq_cst) + 1; }
  // Writer: memory with a stamp up to this one has no reader.
  [[nodiscard]] std::uint64_t oldest() const noexcept;

 private:
  struct alignas(128) Line {
    Seat seat{0};
  };
  alignas(128) std::atomic<std::uint64_t> epoch_{1};
  std::array<Line, kSeats> lines_{};
};

}  // namespace electra::crypto
