// [S]B − [h]A for keys without tables: the keys are decompressed, and the doublings are made that a table saves.
//
// h is written in windows of 5 signs, as a comb would have them (tables/comb_shape.h, step 1 and 2): each window is an odd
// digit, ± 1, 3 … 31, so that none is zero. The odd multiples of −A lie in a small table of each lane. The 8 rows of the
// comb of B are added in the last 8 of the doublings.
//
// Cost: a decompression, 15 additions and a doubling for the small table, 250 doublings, 51 + 24 additions. Addresses depend
// on h and S: for public data only. Include a backend's field.h first.
#pragma once

#include "crypto-offload/lanes/comb_row.h"
#include "crypto-offload/lanes/lane_words.h"
#include "crypto-offload/lanes/point.h"

namespace electra::crypto::ELECTRA_LANES {
namespace {

constexpr std::uint32_t kWindowBits = 5;
constexpr std::uint32_t kWindows = 51;
constexpr std::uint32_t kOddMultiples = 1U << (kWindowBits - 1);
static_assert(kWindows * kWindowBits >= kCombBitsMin && kWindows * kWindowBits <= 256);

// Entry e of each lane is 2e + 1 times its point.
struct OddMultiples {
  alignas(64) std::uint64_t entry[kOddMultiples][kLanes][kFieldsWords<4>];
};

// The digits of each lane: ± (2 · entry + 1), window 0 the lowest. Eight bytes are written at once.
struct WindowDigits {
  std::uint8_t entry[kLanes][(kWindows + 7) / 8 * 8];
  std::uint8_t negative[(kWindows + 7) / 8 * 8];  // masks
};

inline void store_niels(const ProjectiveNiels& niels, std::uint64_t (&to)[kLanes][kFieldsWords<4>]) {
  std::uint64_t* lane[kLanes];
  for (int i = 0; i < kLanes; ++i) lane[i] = to[i];
  store_own_fields(lane, {niels.sum, niels.difference, niels.z, niels.t2d});
}

inline void make_odd_multiples(Point p, OddMultiples& out) {
  const ProjectiveNiels two = to_projective_niels(twice<NeedT::yes>(p));
  for (std::uint32_t e = 0;; ++e) {
    store_niels(to_projective_niels(p), out.entry[e]);
    if (e + 1 == kOddMultiples) return;
    p = add<NeedT::yes>(p, two);
  }
}

// The lowest 40 bits, eight windows, to a byte each: in halves, quarters, eighths.
[[gnu::always_inline]] inline std::uint64_t spread_windows(std::uint64_t bits) {
  static_assert(kWindowBits == 5);
  bits = (bits & 0x00000000000fffff) | (bits & 0x000000fffff00000) << 12;
  bits = (bits & 0x000003ff000003ff) | (bits & 0x000ffc00000ffc00) << 6;
  return (bits & 0x001f001f001f001f) | (bits & 0x03e003e003e003e0) << 3;
}

// Digits of lanes first_lane … first_lane + kLanes − 1 of scalars below L. Other scalars give digits in range that stand
// for something else.
inline void recode_windows(const LaneWords<4>& scalars, int first_lane, WindowDigits& out) {
  constexpr std::uint32_t kTop = kWindows * kWindowBits - 1;
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  std::uint64_t negatives[sizeof out.negative / 8] = {};
  for (int i = 0; i < kLanes; ++i) {
    std::uint64_t u[5] = {};
    const std::uint64_t even = (scalars.word[0][first_lane + i] & 1) - 1;  // all ones for an even scalar
    unsigned __int128 sum = 0;
    for (int k = 0; k < 4; ++k) {
      sum += scalars.word[k][first_lane + i];
      sum += kOrder[k] & even;
      u[k] = static_cast<std::uint64_t>(sum);
      sum >>= 64;
    }
    for (int k = 0; k < 4; ++k) u[k] = u[k] >> 1 | u[k + 1] << 63;
    u[kTop / 64] |= std::uint64_t{1} << kTop % 64;
    for (std::uint32_t eight = 0; 8 * eight < kWindows; ++eight) {
      const std::uint32_t bit = 8 * eight * kWindowBits;
      const std::uint64_t above = bit % 64 == 0 ? 0 : u[bit / 64 + 1] << (64 - bit % 64);
      const std::uint64_t digits = spread_windows(u[bit / 64] >> bit % 64 | above);
      const std::uint64_t negative = ~digits >> (kWindowBits - 1) & kOnes;
      const std::uint64_t entries = (digits ^ negative * 0xff) & kOnes * (kOddMultiples - 1);
      __builtin_memcpy(out.entry[i] + 8 * eight, &entries, 8);
      negatives[eight] |= negative << i;
    }
  }
  __builtin_memcpy(out.negative, negatives, sizeof negatives);
}

// The multiples that the digits of window w stand for.
[[gnu::always_inline]] inline ProjectiveNiels window_entry(const OddMultiples& multiples, const WindowDigits& digits,
                                                           std::uint32_t w) {
  const std::uint64_t* entry[kLanes];
  for (int i = 0; i < kLanes; ++i) entry[i] = multiples.entry[digits.entry[i][w]][i];
  Field fields[4];
  load_own_fields(entry, fields);
  const Mask negative = digits.negative[w];
  return {select(negative, fields[0], fields[1]), select(negative, fields[1], fields[0]), fields[2],
          negate_where(negative, fields[3])};
}

// [S]B − [h]A without T in the lanes first_lane … of h and of the digits of S, which are of shape kCombBase, as `base`, the
// table of B, is. `keys` are the encodings of A; a key of an order other than L gives a wrong point. Gives the mask of the
// lanes whose key is a point; in the others A is taken for the identity.
inline Mask multiply_general(const Words& keys, const LaneWords<4>& h, const CombDigits& s, const std::uint64_t* base,
                             int first_lane, Point& out) {
  WindowDigits digits;
  recode_windows(h, first_lane, digits);
  const Decompressed a = decompress(keys);
  OddMultiples multiples;
  make_odd_multiples(negate_where(kAllLanes, a.point), multiples);

  prefetch_row(base, kCombBase, s, kCombBase.rows - 1, first_lane);
  // The windows that end before the doublings which the rows of B share.
  constexpr std::uint32_t kSharedWindows = (kCombBase.rows + kWindowBits - 1) / kWindowBits;
  Point q = add<NeedT::no>(identity(), window_entry(multiples, digits, kWindows - 1));
  for (std::uint32_t w = kWindows - 1; w-- > kSharedWindows;) {
    const ProjectiveNiels entry = window_entry(multiples, digits, w);  // before the doublings, which do not wait for it
    for (std::uint32_t i = 1; i < kWindowBits; ++i) q = twice<NeedT::no>(q);
    q = twice<NeedT::yes>(q);
    q = add<NeedT::no>(q, entry);
  }
  for (std::uint32_t bit = kSharedWindows * kWindowBits; bit-- > 0;) {
    q = twice<NeedT::yes>(q);
    if (bit % kWindowBits == 0) q = add<NeedT::yes>(q, window_entry(multiples, digits, bit / kWindowBits));
    if (bit >= kCombBase.rows) continue;
    if (bit > 0) prefetch_row(base, kCombBase, s, bit - 1, first_lane);
    q = add_row(q, base, kCombBase, s, bit, first_lane);
  }
  out = q;
  return a.valid;
}

}  // namespace
}  // namespace electra::crypto::ELECTRA_LANES
