// Signed combs: how the bits of a scalar become digits, and which multiple of the point each entry of a table is.
//
// A comb of `teeth` t, `rows` v and `tables` b multiplies by a scalar with v · b additions and v − 1 doublings, out of b
// tables of 2^(t−1) entries. It has n = t · v · b bits, and n is at least 254.
//
// 1. Odd: a scalar h < L that is even is replaced by h + L (the point has order L). Now h is odd and below 2^254.
// 2. Signs: h = Σ s[p] · 2^p over p = 0 … n − 1, each s[p] = +1 or −1. s[n−1] = +1; for the others s[p] = +1 where bit
//    p + 1 of h is set, −1 where it is not. In one number: u = (h >> 1) + 2^(n−1), s[p] = +1 where bit p of u is set.
// 3. Digits: tooth i (0 … t − 1) of table j in row r is the sign at position
//        p = (j · t + i) · v + r.
//    Those t bits of u, tooth 0 lowest, are d. The top tooth gives the digit's sign and the others its entry:
//        d ≥ 2^(t−1): + entry d − 2^(t−1) of table j;    else: − entry 2^(t−1) − 1 − d.
// 4. Tables: entry e (0 … 2^(t−1) − 1) of table j is, for the point P, this odd multiple times 2^(j · t · v):
//        entry(j, e) = 2^(j · t · v) · (2^((t−1) · v) + Σ ±2^(i · v) over i = 0 … t − 2) · P, + where bit i of e is set.
// 5. Evaluation: Q = identity; for r = v − 1 down to 0: Q = 2 Q, then Q = Q ± entry for each table j. Then Q = h · P:
//        h · P = Σ_r 2^r · Σ_j ± entry(j, e(r, j)).
//    No digit is zero, so no entry and no branch is needed for one.
//
// With t = 8, v = 8, b = 4 (64 KiB of entries of 128 bytes; 32 additions, 7 doublings) table j is word j of u, row r are
// the bits r of its 8 bytes, and byte i is tooth i.
//
// Example: t = 2, v = 2, b = 1, so n = 4, and h = 5 (here the bound of 254 bits is set aside). u = 2 + 8 = 1010 in binary:
// h = 8 − 4 + 2 − 1. Row 0 has bits 0 and 2 of u: d = 00, − entry 1. Row 1 has bits 1 and 3: d = 11, + entry 1.
// entry 0 = (4 − 1) P, entry 1 = (4 + 1) P. Evaluation: + 5 P, doubled 10 P, − 5 P: 5 P.
#pragma once

#include <cstdint>

namespace electra::crypto {

// Its functions are always_inline: files that are compiled for instructions which not every machine has use them, and must
// leave no copy for the linker to keep for everyone.
struct CombShape {
  std::uint32_t teeth;   // t
  std::uint32_t rows;    // v: one more than the doublings
  std::uint32_t tables;  // b

  [[nodiscard, gnu::always_inline]] constexpr std::uint32_t bits() const noexcept { return teeth * rows * tables; }
  [[nodiscard, gnu::always_inline]] constexpr std::uint32_t digits() const noexcept { return rows * tables; }
  [[nodiscard, gnu::always_inline]] constexpr std::uint32_t entries_per_table() const noexcept {
    return 1U << (teeth - 1);
  }
  [[nodiscard, gnu::always_inline]] constexpr std::uint32_t entries() const noexcept {
    return tables * entries_per_table();
  }
};

inline constexpr std::uint32_t kCombBitsMin = 254;  // an odd h + L < 2 L has so many
inline constexpr std::uint32_t kCombBitsMax = 320;
inline constexpr std::uint32_t kCombDigitsMax = 128;
inline constexpr std::uint32_t kCombEntriesMax = 65'536;
inline constexpr std::uint32_t kCombTeethMax = 16;
inline constexpr std::uint32_t kCombColumnsMax = 64;  // teeth of all tables together: the bits of one row

// Whether recode() takes the shape.
[[nodiscard]] constexpr bool valid(const CombShape& shape) noexcept {
  return shape.teeth >= 2 && shape.teeth <= kCombTeethMax && shape.tables >= 1 && shape.tables <= kCombColumnsMax &&
         shape.rows >= 1 && shape.rows <= kCombDigitsMax && shape.teeth * shape.tables <= kCombColumnsMax &&
         shape.bits() >= kCombBitsMin && shape.bits() <= kCombBitsMax && shape.digits() <= kCombDigitsMax &&
         shape.entries() <= kCombEntriesMax;
}

// Shapes for the table sizes of a key, entries of 128 bytes, and for the base point.
inline constexpr CombShape kComb64KiB = {.teeth = 8, .rows = 8, .tables = 4};
inline constexpr CombShape kComb32KiB = {.teeth = 8, .rows = 16, .tables = 2};
inline constexpr CombShape kComb16KiB = {.teeth = 6, .rows = 11, .tables = 4};
inline constexpr CombShape kComb4KiB = {.teeth = 4, .rows = 16, .tables = 4};
inline constexpr CombShape kComb2KiB = {.teeth = 4, .rows = 32, .tables = 2};
inline constexpr CombShape kComb1KiB = {.teeth = 4, .rows = 64, .tables = 1};
inline constexpr CombShape kCombBase = {.teeth = 11, .rows = 8, .tables = 3};  // 24 additions, 384 KiB
static_assert(valid(kComb64KiB) && valid(kComb32KiB) && valid(kComb16KiB) && valid(kComb4KiB) && valid(kComb2KiB) &&
              valid(kComb1KiB) && valid(kCombBase));
static_assert(kComb64KiB.entries() == 512 && kComb32KiB.entries() == 256 && kComb16KiB.entries() == 128 &&
              kComb4KiB.entries() == 32 && kComb2KiB.entries() == 16 && kComb1KiB.entries() == 8);

// Stops the program if the shape is not valid. Defined in a file that any x86-64 runs.
void require_valid(const CombShape& shape) noexcept;

}  // namespace electra::crypto
