#include "crypto-offload/tables/reader_seats.h"

#include <algorithm>

namespace electra::crypto {
namespace {

std::atomic<std::size_t> threads_seen{0};

// Different threads look for a seat from different places, so that each comes back to its own cache line.
std::size_t first_seat() noexcept {
  thread_local const std::size_t first = threads_seen.fetch_add(1, std::memory_order_relaxed);
  return first;
}

}  // namespace

ReaderSeats::Seat* ReaderSeats::sit() noexcept {
  const std::size_t first = first_seat();
  for (std::size_t i = 0; i < kSeats; ++i) {
    Seat& seat = lines_[(first + i) % kSeats].seat;
    if (seat.load(std::memory_order_relaxed) != 0) continue;
    std::uint64_t free = 0;
    const std::uint64_t epoch = epoch_.load(std::memory_order_acquire);
    if (seat.compare_exchange_strong(free, epoch, std::memory_order_seq_cst)) return &seat;
  }
  return nullptr;
}

std::uint64_t ReaderSeats::oldest() const noexcept {
  std::uint64_t oldest = UINT64_MAX;
  for (const Line& line : lines_) {
    const std::uint64_t epoch = line.seat.load(std::memory_order_seq_cst);
    if (epoch != 0) oldest = std::min(oldest, epoch);
  }
  return oldest;
}

}  // namespace electra::crypto
