// [r]B for eight secret scalars r: a signed comb (tables/comb_shape.h has the idea) whose table is read whole.
//
// All lanes multiply the same point, so they share one table, and a lookup among its 16 entries is an instruction on
// registers, a permutation of two vectors by the lanes' indices, for each of the 15 limbs of an entry. All of a table is
// loaded whatever the indices are; signs are masks. So neither an address nor a branch depends on a scalar.
//
// The comb has 256 bits, in 64 blocks of 4 neighbours: row r is bit r of each block, and the blocks are dealt to 13 tables
// so that digits need no assembling. Let u be the sign bits (comb_shape.h, n = 256; word k of u is u_k), and let bit
// 4q + k of y be bit 4q + r of u_k: four masks and shifts for a row. Then
//   table j (0 … 12): its 4 index teeth are nibble j of y: tooth k is the block at position 64k + 4j of u.
//   table j (0 … 11): its sign tooth is bit 63 − j of y: the block at position 64 (3 − j mod 4) + 4 (15 − ⌊j/4⌋).
//   table 12 has no sign tooth: its 16 entries are all there are.
// Entries, e = 0 … 15:
//   entry(j, e) = (2^(position of j's sign tooth) + Σ ±2^(64k + 4j) over k = 0 … 3) B, + where bit k of e is set,
//   without the first term for j = 12.
// A clear sign tooth means the opposite entry of the complemented index. 52 additions (the first of them a conversion) and
// 3 doublings: 369 M + 9 S.
//
// In memory limb l of all 16 entries of table j are words 16 (15 j + l) …: 15 limbs as AffineNiels has them, 25 KB.
#pragma once

#include "crypto-offload/avx512/field.h"
#include "crypto-offload/lanes/point.h"

namespace electra::crypto::avx512 {
namespace {

constexpr int kSignTables = 13;
constexpr int kSignEntries = 16;
constexpr int kSignRows = 4;
constexpr int kNielsLimbs = 3 * kLimbs;
constexpr int kSignTableStep = kNielsLimbs * kSignEntries;  // words of a table

// The entry with this index, of which the lowest 4 bits count, of one table.
[[gnu::always_inline]] inline AffineNiels lookup(const std::uint64_t* table, Lanes index) {
  AffineNiels out;
  Field* const fields[3] = {&out.sum, &out.difference, &out.t2d};
  for (int l = 0; l < kNielsLimbs; ++l) {
    const std::uint64_t* limbs = table + kSignEntries * l;
    fields[l / kLimbs]->limb[l % kLimbs] =
        _mm512_permutex2var_epi64(_mm512_load_si512(limbs), index, _mm512_load_si512(limbs + kLanes));
  }
  return out;
}

// y of a row.
[[gnu::always_inline]] inline Lanes row_bits(const Words& signs, int row) {
  const Lanes mask = all(0x1111111111111111);
  Lanes y = all(0);
  for (int k = 0; k < 4; ++k) {
    const Lanes bits = _mm512_srl_epi64(signs.word[k], _mm_cvtsi32_si128(row));
    y = _mm512_or_si512(y, _mm512_slli_epi64(_mm512_and_si512(bits, mask), static_cast<unsigned>(k)));
  }
  return y;
}

// ± the entry of a table with a sign tooth.
template <NeedT kNeedT>
[[gnu::always_inline]] inline Point add_signed(const Point& p, const std::uint64_t* tables, int j, Lanes y) {
  const Lanes index = _mm512_srl_epi64(y, _mm_cvtsi32_si128(4 * j));
  const Mask negative = _mm512_testn_epi64_mask(y, _mm512_sll_epi64(all(1), _mm_cvtsi32_si128(63 - j)));
  const Lanes turned = _mm512_mask_xor_epi64(index, negative, index, all(15));
  return add_mixed<kNeedT>(p, lookup(tables + kSignTableStep * j, turned), negative);
}

// 1/(2d), which makes T of an entry's 2d·x·y.
constexpr std::uint64_t kInverseOfTwoD[kLimbs] = {0x0793b66e4fc18, 0x184279542e25e, 0x3739ecc16bbad, 0x390cac5884533,
                                                  0x60483f690a6ae};

// [r]B from the sign bits of r. Reads all of the table. T of the result means nothing.
inline Point multiply_base(const std::uint64_t* tables, const Words& signs) {
  constexpr int kLast = kSignTables - 1;
  Point p;
  for (int row = kSignRows - 1; row >= 0; --row) {
    const Lanes y = row_bits(signs, row);
    const AffineNiels entry = lookup(tables + kSignTableStep * kLast, _mm512_srli_epi64(y, 4 * kLast));
    if (row == kSignRows - 1) {
      p = {entry.sum, entry.difference, identity().double_z, multiply(entry.t2d, all(kInverseOfTwoD))};
    } else {
      p = add_mixed<NeedT::yes>(twice<NeedT::yes>(p), entry, Mask{0});
    }
    for (int j = 0; j < kLast - 1; ++j) p = add_signed<NeedT::yes>(p, tables, j, y);
    p = add_signed<NeedT::no>(p, tables, kLast - 1, y);
  }
  return p;
}

// --- The table --------------------------------------------------------------------------------------------------------

[[gnu::always_inline]] inline Field all_lanes(const Field& a, int lane) {
  Field out;
  for (int k = 0; k < kLimbs; ++k)
    out.limb[k] = _mm512_permutexvar_epi64(all(static_cast<std::uint64_t>(lane)), a.limb[k]);
  return out;
}
[[gnu::always_inline]] inline Point all_lanes(const Point& p, int lane) {
  return {all_lanes(p.sum, lane), all_lanes(p.difference, lane), all_lanes(p.double_z, lane), all_lanes(p.t, lane)};
}

// B = (x, 4/5) with x even (RFC 8032, 5.1), in all lanes.
inline Point base_point() {
  constexpr std::uint64_t kSixes = 0x6666666666666666;
  return decompress({{all(kSixes - 14), all(kSixes), all(kSixes), all(kSixes)}}).point;
}

inline void make_sign_tables(std::uint64_t* tables) {
  // Lane k of powers[q]: 2^(64k + 4q) B. Lanes 4 to 7 are not used.
  Point powers[16];
  powers[0] = base_point();
  for (int k = 1; k < 4; ++k) {
    Point more = powers[0];
    twice_times(more, 64);
    powers[0] = select(static_cast<Mask>(kAllLanes << k), powers[0], more);
  }
  for (int q = 1; q < 16; ++q) {
    powers[q] = powers[q - 1];
    twice_times(powers[q], 4);
  }

  for (int j = 0; j < kSignTables; ++j) {
    for (int half = 0; half < 2; ++half) {
      const Lanes index =
          _mm512_add_epi64(_mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7), all(static_cast<std::uint64_t>(kLanes * half)));
      Point p = j == kSignTables - 1 ? identity() : all_lanes(powers[15 - j / 4], 3 - j % 4);
      for (int k = 0; k < 4; ++k) {
        const Mask minus = _mm512_testn_epi64_mask(index, all(std::uint64_t{1} << k));
        p = add<NeedT::yes>(p, to_projective_niels(all_lanes(powers[j], k)), minus);
      }
      const Affine affine = to_affine(p, invert(p.double_z));
      const AffineNiels niels = to_affine_niels(affine.x, affine.y);
      const Field fields[3] = {canonical(niels.sum), canonical(niels.difference), canonical(niels.t2d)};
      for (int l = 0; l < kNielsLimbs; ++l) {
        _mm512_store_si512(tables + kSignTableStep * j + kSignEntries * l + kLanes * half,
                           fields[l / kLimbs].limb[l % kLimbs]);
      }
    }
  }
}

}  // namespace
}  // namespace electra::crypto::avx512
