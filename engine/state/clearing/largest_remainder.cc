#include "engine/state/clearing/largest_remainder.h"

#include <bit>

#include "meter-proto/base/assert.h"

namespace electra::state {

LargestRemainder::LargestRemainder(std::uint64_t total, std::uint64_t weight_sum)
    : total_(total), weight_sum_(weight_sum) {
  if (weight_sum == 0) ELECTRA_ASSERT_EQ(total, 0U);
}

void LargestRemainder::end_floors() {
  ELECTRA_ASSERT_LE(floors_, total_);
  left_ = total_ - floors_;
  ties_ = left_;
}

unsigned LargestRemainder::counting_passes() const noexcept {
  if (left_ == 0) return 0;
  return (static_cast<unsigned>(std::bit_width(weight_sum_ - 1)) + 7) / 8;
}

void LargestRemainder::end_pass(unsigned byte, const Counters& counters) {
  if (left_ == 0) return;
  // From the largest bucket down: whoever is above the bucket in which the units run out gets one for certain.
  std::size_t bucket = counters.size();
  for (;;) {
    ELECTRA_ASSERT_LT(0U, bucket);
    --bucket;
    if (counters[bucket] >= ties_) break;
    ties_ -= counters[bucket];
  }
  threshold_ |= std::uint64_t{bucket} << (8 * byte);
}

}  // namespace electra::state
