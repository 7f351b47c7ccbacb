// A histogram of latencies: 64 steps per power of two, so that a quantile is within 1.6 % of the truth.
//
// Fixed size (about 30 KiB), one increment a value, any 64-bit value. Belongs to one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace electra::player {

class LatencyHistogram {
 public:
  void add(std::uint64_t latency_ns) noexcept;
  void merge(const LatencyHistogram& other) noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t max_ns() const noexcept { return max_ns_; }

  // The smallest step's upper end that at least `per_mille` thousandths of the values do not exceed (nearest rank);
  // never above max_ns(). 0 when empty. per_mille 0 … 1000.
  [[nodiscard]] std::uint64_t quantile_ns(std::uint32_t per_mille) const noexcept;

 private:
  static constexpr std::size_t kStepBits = 6;
  static constexpr std::size_t kSteps = std::size_t{1} << kStepBits;
  static constexpr std::size_t kBuckets = (64 - kStepBits + 1) * kSteps;

  static std::size_t bucket_of(std::uint64_t value) noexcept;
  static std::uint64_t bucket_end(std::size_t bucket) noexcept;

  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ns_ = 0;
};

}  // namespace electra::player
