#include "bench/e2e/latencies.h"

#include <algorithm>
#include <cmath>

#include "meter-proto/base/assert.h"

namespace electra::bench {

std::vector<std::uint32_t> Latencies::sorted() const {
  std::vector<std::uint32_t> values;
  values.reserve(stamps_.size());
  for (const std::uint32_t stamp : stamps_) {
    if ((stamp & kAnswered) != 0) values.push_back(stamp & kClock);
  }
  std::ranges::sort(values);
  return values;
}

double percentile_us(std::span<const std::uint32_t> sorted, double share) {
  ELECTRA_ASSERT(share > 0 && share <= 1);
  if (sorted.empty()) return 0;
  const double rank = std::ceil(share * static_cast<double>(sorted.size()) - 1e-9);
  const std::size_t index = static_cast<std::size_t>(std::max(1.0, rank)) - 1;
  return static_cast<double>(sorted[std::min(index, sorted.size() - 1)]) * static_cast<double>(Latencies::kUnitNs) /
         1000.0;
}

Percentiles percentiles(std::span<const std::uint32_t> sorted) {
  return {.p50_us = percentile_us(sorted, 0.50),
          .p90_us = percentile_us(sorted, 0.90),
          .p99_us = percentile_us(sorted, 0.99),
          .p999_us = percentile_us(sorted, 0.999),
          .p9999_us = percentile_us(sorted, 0.9999),
          .max_us = percentile_us(sorted, 1.0)};
}

std::vector<CurvePoint> latency_curve(std::span<const std::uint32_t> sorted) {
  // Twelve steps to each further nine, as far as there are messages to tell about.
  constexpr int kStepsPerNine = 12;
  std::vector<CurvePoint> curve;
  const double beyond_min = std::max(1e-4, 1.0 / static_cast<double>(std::max<std::size_t>(1, sorted.size())));
  for (int step = 0;; ++step) {
    const double beyond = 0.5 * std::pow(10.0, -static_cast<double>(step) / kStepsPerNine);
    if (beyond < beyond_min) break;
    curve.push_back({.share = 1 - beyond, .us = percentile_us(sorted, 1 - beyond)});
  }
  curve.push_back({.share = 1 - beyond_min, .us = percentile_us(sorted, 1 - beyond_min)});
  return curve;
}

}  // namespace electra::bench
