// A batch of up to 256 signatures, each on its own: hash, reduction, digits, combs, one inversion for all, comparison.
//
// Groups of 8 signatures go through the stages; a backend of 4 lanes takes a group in two halves. Digits are made one group
// ahead, so that the comb can ask for the entries of the next group while it adds up those of this one. What is left of
// each group is Y + X, Y − X and 2Z; the inverses of all 2Z come from one inversion a lane (Montgomery's trick). A lane
// whose 2Z is 0, which only a damaged table gives, takes part with 1 and fails: it would make the product 0 for all.
//
// The verdict: S < L, the encoding of the point is R, and R is not of small order. R is compared with an encoding that is
// canonical by construction, so that the list of small order needs only canonical forms.
//
// Before it a backend includes its field.h and declares the stages that have no points: sha512_lanes, store_digests,
// load_scalars, reduce, below_order, recode.
#pragma once

#include "crypto-offload/lanes/backend.h"
#include "crypto-offload/lanes/comb.h"
#include "crypto-offload/lanes/general.h"
#include "crypto-offload/lanes/lane_words.h"

namespace electra::crypto::ELECTRA_LANES {
namespace {

constexpr std::size_t kGroup = 8;
constexpr std::size_t kGroupsMax = kLaneItemsMax / kGroup;
constexpr std::size_t kHalves = kGroup / kLanes;
constexpr std::size_t kPointsMax = kGroupsMax * kHalves;

// y of the points whose order divides 8: 0, 1, −1 and the two of order 8 (encoding.cc has them with their sources).
constexpr std::uint64_t kSmallOrderY[5][4] = {
    {0, 0, 0, 0},
    {1, 0, 0, 0},
    {0xffffffffffffffec, 0xffffffffffffffff, 0xffffffffffffffff, 0x7fffffffffffffff},
    {0xb027b2c28f95e826, 0xf098eff289f4c345, 0x3933c6d305acdfd5, 0x05fc536d880238b1},
    {0x4fd84d3d706a17c7, 0x0f67100d760b3cba, 0xc6cc392cfa53202a, 0x7a03ac9277fdc74e}};

// The lanes with a canonical encoding of such a point, under either sign.
inline Mask is_small_order_encoding(Words words) {
  words = without_sign(words);
  Mask found = 0;
  for (const auto& y : kSmallOrderY) found = static_cast<Mask>(found | equal_words(words, all_words(y)));
  return found;
}

// What is made of a group before its points: the digits of h and S.
struct Prepared {
  LaneWords<4> h;
  CombDigits a, b;
  const LaneItem* item[kGroup];  // the last one again where the batch has ended
  const std::uint64_t* table[kGroup];
  std::uint8_t s_good;
};

inline void prepare(const LaneItem* items, std::size_t count, const LaneWords<8>& digests, const CombShape* shape,
                    Prepared* out) {
  const std::uint8_t* s[kGroup];
  for (std::size_t i = 0; i < kGroup; ++i) {
    const LaneItem* item = items + (i < count ? i : count - 1);
    out->item[i] = item;
    out->table[i] = item->table;
    s[i] = item->signature + 32;
  }
  LaneWords<4> scalars;
  load_scalars(s, kGroup, &scalars);
  out->s_good = below_order(scalars);
  recode(scalars, kCombBase, &out->b);
  reduce(digests, &out->h);
  if (shape != nullptr) recode(out->h, *shape, &out->a);
}

inline CombInput input_of(const Prepared& prepared, std::size_t half) {
  return {prepared.table + half * kLanes, &prepared.a, &prepared.b, static_cast<int>(half) * kLanes};
}

// A point without T, as it waits for its inverse.
struct Waiting {
  Field sum, difference, double_z;
};

// The points of all groups; what each gives is made from its `Prepared` by `point`.
inline void verify_with_tables(const LaneItem* items, std::size_t count, const CombShape& shape,
                               const LaneWords<8>* digests, const std::uint64_t* base, Waiting* points, Mask* good) {
  Prepared ring[2];
  const std::size_t groups = (count + kGroup - 1) / kGroup;
  prepare(items, count, digests[0], &shape, &ring[0]);
  for (std::uint32_t digit = shape.digits(); digit-- > 0;) {
    for (std::size_t half = 0; half < kHalves; ++half) {
      prefetch_entries(ring[0].table + half * kLanes, ring[0].a.entry[digit] + half * kLanes);
    }
  }
  for (std::size_t g = 0; g < groups; ++g) {
    const Prepared& now = ring[g & 1];
    const Prepared& then = ring[(g + 1) & 1];
    const bool more = g + 1 < groups;
    if (more) prepare(items + kGroup * (g + 1), count - kGroup * (g + 1), digests[g + 1], &shape, &ring[(g + 1) & 1]);
    for (std::size_t half = 0; half < kHalves; ++half) {
      const CombInput input = input_of(now, half);
      const CombInput next = input_of(then, half);
      const Point p = evaluate_combs(input, more ? &next : nullptr, shape, base);
      points[g * kHalves + half] = {p.sum, p.difference, p.double_z};
      good[g * kHalves + half] = static_cast<Mask>(now.s_good >> (half * kLanes));
    }
  }
}

// The same without tables.
inline void verify_in_general(const LaneItem* items, std::size_t count, const LaneWords<8>* digests,
                              const std::uint64_t* base, Waiting* points, Mask* good) {
  Prepared now;
  for (std::size_t g = 0; g * kGroup < count; ++g) {
    prepare(items + kGroup * g, count - kGroup * g, digests[g], nullptr, &now);
    for (std::size_t half = 0; half < kHalves; ++half) {
      const std::uint8_t* keys[kLanes];
      for (int i = 0; i < kLanes; ++i) keys[i] = now.item[half * kLanes + static_cast<std::size_t>(i)]->key;
      Mask decompressed;
      const Point p =
          evaluate_in_general(load_words(keys), now.h, now.b, static_cast<int>(half) * kLanes, base, &decompressed);
      points[g * kHalves + half] = {p.sum, p.difference, p.double_z};
      good[g * kHalves + half] = static_cast<Mask>((now.s_good >> (half * kLanes)) & decompressed);
    }
  }
}

// Whether each point is the R of its signature. `good` comes with the lanes that may be.
inline void compare(const LaneItem* items, std::size_t count, Waiting* points, Mask* good, std::size_t n) {
  Field before[kPointsMax];  // the product of all 2Z before this one
  Field product = one();
  for (std::size_t i = 0; i < n; ++i) {
    const Mask zero = is_zero(points[i].double_z);
    points[i].double_z = select(zero, points[i].double_z, one());
    good[i] = static_cast<Mask>(good[i] & ~zero);
    before[i] = product;
    product = multiply(product, points[i].double_z);
  }
  Field inverse = invert(product);
  for (std::size_t i = n; i-- > 0;) {
    const Waiting& p = points[i];
    const Words encoded = encode({p.sum, p.difference, p.double_z, p.sum}, multiply(inverse, before[i]));
    inverse = multiply(inverse, p.double_z);
    const std::uint8_t* r[kLanes];
    for (std::size_t k = 0; k < kLanes; ++k) {
      const std::size_t at = i * kLanes + k;
      r[k] = items[at < count ? at : count - 1].signature;
    }
    good[i] = static_cast<Mask>(good[i] & equal_words(encoded, load_words(r)) &
                                ~static_cast<unsigned>(is_small_order_encoding(encoded)));
  }
}

void verify_items(const LaneItem* items, std::size_t count, std::uint32_t shape, const std::uint64_t* base,
                  std::uint8_t* valid, std::uint8_t* hashes) {
  ELECTRA_ASSERT(count >= 1 && count <= kLaneItemsMax);
  Sha512Item parts[kLaneItemsMax];
  for (std::size_t i = 0; i < count; ++i) {
    const LaneItem& item = items[i];
    parts[i] = {item.signature, item.key, item.tag, item.sequence, item.payload, item.payload_bytes};
  }
  LaneWords<8> digests[kGroupsMax];
  sha512_lanes(parts, count, digests);
  for (std::size_t at = 0; at < count; at += kGroup) {
    const std::size_t left = count - at;
    store_digests(digests[at / kGroup], left < kGroup ? left : kGroup, hashes + 64 * at);
  }

  const std::size_t n = (count + kGroup - 1) / kGroup * kHalves;
  Waiting points[kPointsMax];
  Mask good[kPointsMax];
  if (shape == kNoTable) {
    verify_in_general(items, count, digests, base, points, good);
  } else {
    verify_with_tables(items, count, kTableShapes[shape], digests, base, points, good);
  }
  compare(items, count, points, good, n);
  for (std::size_t i = 0; i < count; ++i) valid[i] = static_cast<std::uint8_t>(good[i / kLanes] >> (i % kLanes) & 1);
}

}  // namespace
}  // namespace electra::crypto::ELECTRA_LANES
