#include "engine/electrad/meter/schedule.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace electra::player {
namespace {

// splitmix64 (Steele, Lea, Flood, 2014): std::shuffle's result differs between libraries, this one's does not.
std::uint64_t next_random(std::uint64_t& state) noexcept {
  state += 0x9e3779b97f4a7c15U;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

}  // namespace

std::uint64_t Schedule::resume_boundary(std::span<const std::uint64_t> highest_sequences) const noexcept {
  std::uint64_t lowest = intervals + 1;
  for (const std::uint64_t highest : highest_sequences) lowest = std::min(lowest, next_boundary(highest));
  return lowest;
}

SendOrder::SendOrder(std::uint32_t count, std::optional<std::uint64_t> seed) : seed_(seed), order_(count) {
  std::iota(order_.begin(), order_.end(), 0U);
}

std::span<const std::uint32_t> SendOrder::at(std::uint64_t boundary) {
  if (!seed_) return order_;
  std::iota(order_.begin(), order_.end(), 0U);
  std::uint64_t state = *seed_ ^ (boundary * 0xd1342543de82ef95U);
  for (std::size_t left = order_.size(); left > 1; --left) {
    std::swap(order_[left - 1], order_[next_random(state) % left]);  // Fisher-Yates; the modulo's bias is of no weight
  }
  return order_;
}

}  // namespace electra::player
