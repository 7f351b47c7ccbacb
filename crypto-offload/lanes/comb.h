// [S]B − [h]A for keys whose table is there: two signed combs whose doublings are the same.
//
// The comb of −A has `rows` rows of `tables` digits (comb_shape.h), the comb of B has 8 rows of 3 digits, and every shape of
// a key has at least 8 rows: so row r of B is added where row r of A is. With a 64 KiB table that is 32 + 24 additions and
// 7 doublings. A row's last addition computes no T, because a doubling does not read it.
//
// The entries of the next group are asked for while this one is added up, digit for digit: 16 cache lines for each addition,
// about what memory gives in that time. Without it half the rate is left (DESIGN section 8).
//
// Tables may hold anything: load_entries masks the limbs, and every index is inside its table whatever the scalars are.
#pragma once

#include "crypto-offload/lanes/base_comb.h"
#include "crypto-offload/lanes/comb_digits.h"
#include "crypto-offload/lanes/point.h"
#include "crypto-offload/tables/table_format.h"

namespace electra::crypto::ELECTRA_LANES {
namespace {

// What the comb reads for kLanes signatures that have tables of one shape.
struct CombInput {
  const std::uint64_t* const* tables;  // of −A, one a lane
  const CombDigits* a;                 // of h, for the shape
  const CombDigits* b;                 // of S, for kCombBase
  int lane;                            // of the digits: the first of the kLanes
};

[[gnu::always_inline]] inline void prefetch_entries(const std::uint64_t* const* tables, const std::uint16_t* entry) {
  for (int i = 0; i < kLanes; ++i) {
    const std::uint64_t* at = tables[i] + std::size_t{entry[i]} * kEntryWords;
    __builtin_prefetch(at);
    __builtin_prefetch(at + kEntryWords / 2);
  }
}

[[gnu::always_inline]] inline AffineNiels entries_of_digit(const CombInput& in, std::uint32_t digit) {
  const std::uint64_t* at[kLanes];
  for (int i = 0; i < kLanes; ++i) at[i] = in.tables[i] + std::size_t{in.a->entry[digit][in.lane + i]} * kEntryWords;
  return load_entries(at);
}
[[gnu::always_inline]] inline Mask sign_of_digit(const CombDigits& digits, std::uint32_t digit, int lane) {
  return static_cast<Mask>(digits.negative[digit] >> lane);
}

// An entry, or its negative, as a point: 4·(x, y) over Z = 4, with one multiplication where an addition to the identity
// has seven.
[[gnu::always_inline]] inline Point to_point(const AffineNiels& q, Mask negative) {
  const Field sum = select(negative, q.sum, q.difference), difference = select(negative, q.difference, q.sum);
  const Field x2 = subtract(sum, difference), y2 = add(sum, difference);  // 2x, 2y
  Point p;
  p.sum = multiply_small<4>(sum);
  p.difference = multiply_small<4>(difference);
  p.double_z = {{all(8), all(0), all(0), all(0), all(0)}};
  p.t = multiply(x2, y2);
  return p;
}

// The point, without T. `next` names the group whose entries will be needed after this one; null: none.
inline Point evaluate_combs(const CombInput& in, const CombInput* next, const CombShape& shape,
                            const std::uint64_t* base) {
  const auto ask = [&](std::uint32_t digit) __attribute__((always_inline)) {
    if (next != nullptr) prefetch_entries(next->tables, next->a->entry[digit] + next->lane);
  };
  std::uint32_t row = shape.rows - 1;
  std::uint32_t digit = row * shape.tables;
  Point p = to_point(entries_of_digit(in, digit), sign_of_digit(*in.a, digit, in.lane));
  ask(digit);
  std::uint32_t table = 1;
  while (true) {
    const bool base_row = row < kCombBase.rows;
    const std::uint32_t with_t = base_row ? shape.tables : shape.tables - 1;
    for (; table < with_t; ++table) {
      digit = row * shape.tables + table;
      ask(digit);
      p = add_mixed<NeedT::yes>(p, entries_of_digit(in, digit), sign_of_digit(*in.a, digit, in.lane));
    }
    if (base_row) {
      p = add_base_row(p, *in.b, in.lane, row, base);
    } else if (table < shape.tables) {
      digit = row * shape.tables + table;
      ask(digit);
      p = add_mixed<NeedT::no>(p, entries_of_digit(in, digit), sign_of_digit(*in.a, digit, in.lane));
    }
    if (row == 0) return p;
    --row;
    table = 0;
    p = twice<NeedT::yes>(p);
  }
}

}  // namespace
}  // namespace electra::crypto::ELECTRA_LANES
