// [S]B − [h]A for keys whose table is there: two signed combs whose doublings are the same.
//
// The comb of −A has `rows` rows of `tables` digits (comb_shape.h), the comb of B has 8 rows of 3 digits, and every shape of
// a key has at least so many rows: so row r of B is added where row r of A is. With a 64 KiB table that is 32 + 24 additions and
// 7 doublings.
//
// What the additions read is listed beforehand, so that it can be asked for in time: each addition asks memory for the
// entries which the next group's same addition will read, and the second-level cache for those of two additions later.
//
// One addition stands in the code, and one doubling: with three copies of the addition, one of them without T, the loop
// leaves the cache of decoded instructions and costs a fifth more.
//
// Tables may hold anything: load_fields masks the limbs, and every index is inside its table whatever the scalars are.
// Include a backend's field.h first.
#pragma once

#include "crypto-offload/lanes/comb_digits.h"
#include "crypto-offload/lanes/point.h"
#include "crypto-offload/tables/table_format.h"

namespace electra::crypto::ELECTRA_LANES {
namespace {

static_assert(
    [] {
      for (const CombShape& shape : kTableShapes) {
        if (shape.rows < kCombBase.rows) return false;
      }
      return true;
    }(),
    "the rows of B are added beside rows of A");

// The additions of 8 signatures, in their order: for each row from the top, the digits of h, and those of S in the last 8.
struct CombSteps {
  static constexpr std::uint32_t kAhead = 2;  // steps that are listed behind the last, for whoever looks ahead
  static constexpr std::uint32_t kMax = kCombDigitsMax + kCombBase.digits() + kAhead;
  const std::uint64_t* entry[kMax][8];
  std::uint8_t negative[kMax];  // bit `lane`: subtracted
};

// tables[lane]: of −A. `a` are the digits of h for the shape, `b` those of S for kCombBase, `base` is its table.
inline void list_steps(const CombShape& shape, const std::uint64_t* const* tables, const CombDigits& a,
                       const std::uint64_t* base, const CombDigits& b, CombSteps* out) {
  std::uint32_t step = 0;
  const auto add = [&](const std::uint64_t* const* from, const CombDigits& digits, std::uint32_t digit) {
    for (int i = 0; i < 8; ++i) out->entry[step][i] = from[i] + std::uint64_t{digits.entry[digit][i]} * kEntryWords;
    out->negative[step++] = digits.negative[digit];
  };
  const std::uint64_t* bases[8];
  for (auto& one : bases) one = base;
  for (std::uint32_t row = shape.rows; row-- > 0;) {
    for (std::uint32_t j = 0; j < shape.tables; ++j) add(tables, a, row * shape.tables + j);
    if (row >= kCombBase.rows) continue;
    for (std::uint32_t j = 0; j < kCombBase.tables; ++j) add(bases, b, row * kCombBase.tables + j);
  }
  for (std::uint32_t i = 0; i < CombSteps::kAhead; ++i) add(bases, b, 0);
}

// An entry, or its negative, as a point: 4·(x, y) over Z = 4, with one multiplication where an addition to the identity
// has seven.
[[gnu::always_inline]] inline Point to_point(const AffineNiels& q, Mask negative) {
  const Field sum = select(negative, q.sum, q.difference), difference = select(negative, q.difference, q.sum);
  const Field twice_sum = add(sum, sum), twice_difference = add(difference, difference);
  return {add(twice_sum, twice_sum), add(twice_difference, twice_difference), small(8),
          multiply(subtract(sum, difference), add(sum, difference))};  // T = 2x · 2y
}

// Asks for both cache lines of an entry of each lane: to the first level, or to the second.
[[gnu::always_inline]] inline void prefetch_near(const std::uint64_t* const* entry) {
  for (int i = 0; i < kLanes; ++i) {
    __builtin_prefetch(entry[i], 0, 3);
    __builtin_prefetch(entry[i] + kEntryWords / 2, 0, 3);
  }
}
[[gnu::always_inline]] inline void prefetch_far(const std::uint64_t* const* entry) {
  for (int i = 0; i < kLanes; ++i) {
    __builtin_prefetch(entry[i], 0, 2);
    __builtin_prefetch(entry[i] + kEntryWords / 2, 0, 2);
  }
}

// The points of lanes first_lane … of 8. `next` are the steps that follow these, by the same lanes; null: none.
inline Point evaluate_combs(const CombSteps& steps, const CombSteps* next, const CombShape& shape, int first_lane) {
  const auto negative = [&](std::uint32_t step) {
    return static_cast<Mask>(steps.negative[step] >> first_lane & kAllLanes);
  };
  if (next != nullptr) prefetch_far(next->entry[0] + first_lane);
  Point p = to_point(load_entries(steps.entry[0] + first_lane), negative(0));
  std::uint32_t step = 1, of_key = shape.tables;
  for (std::uint32_t row = shape.rows - 1;; --row) {
    const std::uint32_t end = of_key + (row < kCombBase.rows ? kCombBase.tables : 0);
    for (; step < end; ++step) {
      if (next != nullptr) prefetch_far(next->entry[step] + first_lane);
      prefetch_near(steps.entry[step + CombSteps::kAhead] + first_lane);
      p = add_mixed<NeedT::yes>(p, load_entries(steps.entry[step] + first_lane), negative(step));
    }
    if (row == 0) return p;
    of_key = end + shape.tables;
    p = twice<NeedT::yes>(p);
  }
}

}  // namespace
}  // namespace electra::crypto::ELECTRA_LANES
