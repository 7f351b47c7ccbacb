// Adding up a row of the comb of B: what the digits of each lane name (tables/comb_shape.h), out of one table.
//
// Digits come from recode(), which keeps every entry inside its table. CombDigits has 8 lanes; a field of fewer takes kLanes
// of them from `first_lane` on. Addresses depend on the digits: for public data only. Costs 7M a digit.
//
// Include a backend's field.h first.
#pragma once

#include "crypto-offload/lanes/comb_digits.h"
#include "crypto-offload/lanes/point.h"

namespace electra::crypto::ELECTRA_LANES {
namespace {

// Where the entry of each lane lies.
struct EntryPointers {
  const std::uint64_t* lane[kLanes];
};

// Of digit `digit`, in one table for all lanes.
[[gnu::always_inline]] inline EntryPointers entries_of(const std::uint64_t* table, const CombDigits& digits,
                                                       std::uint32_t digit, int first_lane) {
  EntryPointers out;
  for (int i = 0; i < kLanes; ++i) out.lane[i] = table + digits.entry[digit][first_lane + i] * kEntryWords;
  return out;
}

// Asks for both cache lines of each entry.
[[gnu::always_inline]] inline void prefetch(const EntryPointers& entries) {
  for (int i = 0; i < kLanes; ++i) {
    __builtin_prefetch(entries.lane[i]);
    __builtin_prefetch(entries.lane[i] + kEntryWords / 2);
  }
}

// The lanes that subtract their entry.
[[gnu::always_inline]] inline Mask negative_of(const CombDigits& digits, std::uint32_t digit, int first_lane) {
  return static_cast<Mask>(digits.negative[digit] >> first_lane & kAllLanes);
}

// p plus the digits of one row of `shape` out of one table for all lanes.
[[gnu::always_inline]] inline Point add_row(Point p, const std::uint64_t* table, const CombShape& shape,
                                            const CombDigits& digits, std::uint32_t row, int first_lane) {
  for (std::uint32_t digit = row * shape.tables; digit < (row + 1) * shape.tables; ++digit) {
    const EntryPointers entries = entries_of(table, digits, digit, first_lane);
    p = add_mixed<NeedT::yes>(p, load_entries(entries.lane), negative_of(digits, digit, first_lane));
  }
  return p;
}

// Asks for the entries of that row.
[[gnu::always_inline]] inline void prefetch_row(const std::uint64_t* table, const CombShape& shape,
                                                const CombDigits& digits, std::uint32_t row, int first_lane) {
  for (std::uint32_t digit = row * shape.tables; digit < (row + 1) * shape.tables; ++digit) {
    prefetch(entries_of(table, digits, digit, first_lane));
  }
}

}  // namespace
}  // namespace electra::crypto::ELECTRA_LANES
