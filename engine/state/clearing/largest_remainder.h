// Spreads a total over members in proportion to their weights, by largest remainder, without sorting and resumably.
//
// Each member gets the floor of its exact share; the units left over go to the members with the largest remainders, ties
// to the members that are visited first. Who those are is found by radix selection: the members are visited once to sum
// the floors, once per byte of the weight sum to count remainders (highest byte first), and once to take their shares. Every
// visit gives the same weight; between visits the whole state is this object and 256 counters.
#pragma once

#include <array>
#include <cstdint>

#include "engine/state/leaf_reader.h"
#include "engine/state/leaf_writer.h"
#include "meter-proto/base/checked.h"

namespace electra::state {

class LargestRemainder {
 public:
  using Counters = std::array<std::uint32_t, 256>;

  LargestRemainder() = default;
  // weight_sum is the sum over all members. If it is 0, total must be 0 too.
  LargestRemainder(std::uint64_t total, std::uint64_t weight_sum);

  // First pass, every member.
  void add_floor(std::uint64_t weight) noexcept {
    if (weight != 0) floors_ += share(weight).floor;
  }
  void end_floors();

  // Counting passes that are needed: 0..8, for the bytes count - 1 .. 0 of the remainders.
  [[nodiscard]] unsigned counting_passes() const noexcept;
  // One counting pass over byte `byte`: counters zeroed before, every member once, then end_pass.
  void count(std::uint64_t weight, unsigned byte, Counters& counters) const noexcept {
    if (weight == 0 || left_ == 0) return;
    const std::uint64_t remainder = share(weight).remainder;
    if (byte < 7 && (remainder ^ threshold_) >> (8 * (byte + 1)) != 0) return;
    ++counters[remainder >> (8 * byte) & 0xff];
  }
  void end_pass(unsigned byte, const Counters& counters);

  // Last pass, every member once, in the order that breaks ties.
  [[nodiscard]] std::uint64_t take(std::uint64_t weight) noexcept {
    if (weight == 0) return 0;
    const Share mine = share(weight);
    if (left_ == 0 || mine.remainder < threshold_) return mine.floor;
    if (mine.remainder > threshold_) return mine.floor + 1;
    if (ties_ == 0) return mine.floor;
    --ties_;
    return mine.floor + 1;
  }

  void append(LeafWriter& out) const { out.integers(total_, weight_sum_, floors_, left_, threshold_, ties_); }
  // The inverse. What was read may be compared, not used, before it was found equal to one that was computed.
  void read(LeafReader& from) { from.integers(total_, weight_sum_, floors_, left_, threshold_, ties_); }
  bool operator==(const LargestRemainder&) const = default;

 private:
  struct Share {
    std::uint64_t floor;
    std::uint64_t remainder;
  };
  [[nodiscard]] Share share(std::uint64_t weight) const noexcept {
    const u128 product = u128{total_} * weight;
    if (product <= UINT64_MAX) {  // one hardware division instead of a call
      const auto narrow = static_cast<std::uint64_t>(product);
      return {narrow / weight_sum_, narrow % weight_sum_};
    }
    return {static_cast<std::uint64_t>(product / weight_sum_), static_cast<std::uint64_t>(product % weight_sum_)};
  }

  std::uint64_t total_ = 0;
  std::uint64_t weight_sum_ = 0;
  std::uint64_t floors_ = 0;
  std::uint64_t left_ = 0;       // units that the floors leave over
  std::uint64_t threshold_ = 0;  // the remainder of the last member that gets one; known from its highest byte down
  std::uint64_t ties_ = 0;       // members at the threshold that (still) get one
};

}  // namespace electra::state
