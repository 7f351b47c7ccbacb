// Who pays whom: pseudo-random choices that are a function of a seed, the same on every machine.
//
// No generator with a state: the choice for message n is a hash of (seed, n), so that signing threads, the model and a
// second process agree without telling each other. Integers only; Zipf's law stands as a table of cumulative weights.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace electra::bench {

// A permutation of 64-bit numbers whose every output bit depends on every input bit (SplitMix64's finaliser).
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t value) noexcept {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

// 0 … bound - 1 from a hash; bound above 0. The bias is below bound / 2^64.
[[nodiscard]] constexpr std::uint64_t scale_to(std::uint64_t hash, std::uint64_t bound) noexcept {
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(hash) * bound) >> 64);
}

enum class Skew : std::uint8_t {
  uniform,
  zipf,  // the k-th most popular is chosen 1/k times as often as the first
};
[[nodiscard]] std::string_view skew_name(Skew skew) noexcept;

// Chooses one of `count` things. Popular ones are not neighbours: ranks are scattered over the numbers.
class Picker {
 public:
  Picker(Skew skew, std::uint32_t count);  // count above 0; zipf takes 8 bytes each

  // 0 … count - 1. With zipf about 20 steps of a binary search for a million.
  [[nodiscard]] std::uint32_t pick(std::uint64_t hash) const noexcept;

 private:
  std::uint32_t count_;
  std::uint64_t step_ = 1;                 // prime to count_: rank times step_ runs over all numbers
  std::vector<std::uint64_t> cumulative_;  // zipf: of the weights of ranks 0 … i
};

}  // namespace electra::bench
