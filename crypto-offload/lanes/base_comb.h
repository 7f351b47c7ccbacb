// The comb of the base point, kCombBase: one table for all lanes, 384 KiB, which the second-level cache keeps.
#pragma once

#include "crypto-offload/lanes/comb_digits.h"
#include "crypto-offload/lanes/point.h"
#include "crypto-offload/tables/table_format.h"

namespace electra::crypto::ELECTRA_LANES {
namespace {

// The entries of a digit of kLanes scalars, `lane` being the first of them in the digits.
[[gnu::always_inline]] inline AffineNiels base_entries(const CombDigits& digits, int lane, std::uint32_t digit,
                                                       const std::uint64_t* base) {
  const std::uint64_t* at[kLanes];
  for (int i = 0; i < kLanes; ++i) at[i] = base + std::size_t{digits.entry[digit][lane + i]} * kEntryWords;
  return load_entries(at);
}

// p + the digits of one row (0 … 7). Without T: a doubling or the encoding follows.
[[gnu::always_inline]] inline Point add_base_row(Point p, const CombDigits& digits, int lane, std::uint32_t row,
                                                 const std::uint64_t* base) {
  static_assert(kCombBase.tables == 3);
  std::uint32_t digit = row * kCombBase.tables;
  for (const std::uint32_t last = digit + 2; digit < last; ++digit) {
    p = add_mixed<NeedT::yes>(p, base_entries(digits, lane, digit, base),
                              static_cast<Mask>(digits.negative[digit] >> lane));
  }
  return add_mixed<NeedT::no>(p, base_entries(digits, lane, digit, base),
                              static_cast<Mask>(digits.negative[digit] >> lane));
}

}  // namespace
}  // namespace electra::crypto::ELECTRA_LANES
