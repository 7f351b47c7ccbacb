#include "engine/electrad/meter/latency.h"

#include <algorithm>
#include <bit>

namespace electra::player {

// Values below kSteps have a bucket each. Above, the kStepBits bits after the leading one choose the step.
std::size_t LatencyHistogram::bucket_of(std::uint64_t value) noexcept {
  if (value < kSteps) return static_cast<std::size_t>(value);
  const auto exponent = static_cast<std::size_t>(std::bit_width(value)) - 1;  // >= kStepBits
  const std::size_t step = static_cast<std::size_t>(value >> (exponent - kStepBits)) - kSteps;
  return (exponent - kStepBits + 1) * kSteps + step;
}

std::uint64_t LatencyHistogram::bucket_end(std::size_t bucket) noexcept {
  if (bucket < kSteps) return bucket;
  const std::size_t shift = bucket / kSteps - 1;
  const std::uint64_t step = bucket % kSteps + kSteps;
  return (step << shift) + ((std::uint64_t{1} << shift) - 1);
}

void LatencyHistogram::add(std::uint64_t latency_ns) noexcept {
  ++counts_[bucket_of(latency_ns)];
  ++count_;
  max_ns_ = std::max(max_ns_, latency_ns);
}

void LatencyHistogram::merge(const LatencyHistogram& other) noexcept {
  for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

std::uint64_t LatencyHistogram::quantile_ns(std::uint32_t per_mille) const noexcept {
  if (count_ == 0) return 0;
  const std::uint64_t rank = std::max<std::uint64_t>(1, (count_ * per_mille + 999) / 1000);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen >= rank) return std::min(bucket_end(i), max_ns_);
  }
  return max_ns_;
}

}  // namespace electra::player
