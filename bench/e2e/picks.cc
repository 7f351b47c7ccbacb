#include "bench/e2e/picks.h"

#include <algorithm>
#include <numeric>

#include "meter-proto/base/assert.h"

namespace electra::bench {
namespace {

// Weight of the most popular; 2^40 times the 16 that the harmonic numbers stay below fits easily.
constexpr std::uint64_t kTopWeight = std::uint64_t{1} << 40;

// About the golden section of the count.
std::uint64_t scattering_step(std::uint32_t count) {
  std::uint64_t step = std::max<std::uint64_t>(1, std::uint64_t{count} * 618 / 1000);
  while (std::gcd(step, std::uint64_t{count}) != 1) ++step;
  return step;
}

}  // namespace

std::string_view skew_name(Skew skew) noexcept { return skew == Skew::uniform ? "uniform" : "zipf"; }

Picker::Picker(Skew skew, std::uint32_t count) : count_(count) {
  ELECTRA_ASSERT_LT(0u, count);
  if (skew == Skew::uniform) return;
  step_ = scattering_step(count);
  cumulative_.reserve(count);
  std::uint64_t sum = 0;
  for (std::uint64_t rank = 1; rank <= count; ++rank) {
    sum += kTopWeight / rank;
    cumulative_.push_back(sum);
  }
}

std::uint32_t Picker::pick(std::uint64_t hash) const noexcept {
  if (cumulative_.empty()) return static_cast<std::uint32_t>(scale_to(hash, count_));
  const std::uint64_t place = scale_to(hash, cumulative_.back());
  const auto found = std::ranges::upper_bound(cumulative_, place);
  const auto rank = static_cast<std::uint64_t>(found - cumulative_.begin());
  return static_cast<std::uint32_t>(rank * step_ % count_);
}

}  // namespace electra::bench
