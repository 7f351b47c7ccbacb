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
// Before it a backend includes its field.h and declares the stages that have no points: sha512_lanes, store_digests, reduce,
// below_order, recode.
#pragma once

#include "crypto-offload/lanes/backend.h"
#include "crypto-offload/lanes/comb.h"
#include "crypto-offload/lanes/general.h"
#include "crypto-offload/lanes/lane_words.h"
#include "crypto-offload/lanes/sha512_item.h"

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

// The lanes where the canonical y is one of them.
inline Mask is_small_order_y(const Words& y) {
  Mask found = 0;
  for (const auto& small : kSmallOrderY) {
    found = static_cast<Mask>(found | equal_words(y, {{all(small[0]), all(small[1]), all(small[2]), all(small[3])}}));
  }
  return found;
}

// A group's scalars: h = hash mod L, the digits of S, and which lanes have S < L. `item` names the group's items, the last
// one again where the batch has ended.
struct Scalars {
  const LaneItem* item[kGroup];
  LaneWords<4> h;
  CombDigits s;
  std::uint8_t s_good;
};

inline void make_scalars(const LaneItem* items, std::size_t count, const LaneWords<8>& digest, Scalars* out) {
  const std::uint8_t* encodings[kGroup];
  for (std::size_t i = 0; i < kGroup; ++i) {
    out->item[i] = items + (i < count ? i : count - 1);
    encodings[i] = out->item[i]->signature + 32;
  }
  LaneWords<4> s;
  load_scalars(encodings, kGroup, &s);
  out->s_good = below_order(s);
  recode(s, kCombBase, &out->s);
  reduce(digest, &out->h);
}

// A point without T, as it waits for its inverse.
struct Waiting {
  Field sum, difference, double_z;
};

// Keys with tables. `good` gets the lanes that may be good.
inline void verify_with_tables(const LaneItem* items, std::size_t count, const CombShape& shape,
                               const LaneWords<8>* digests, const std::uint64_t* base, Waiting* points, Mask* good) {
  struct Prepared {
    CombSteps steps;
    std::uint8_t s_good;
  } ring[2];
  const auto prepare = [&](std::size_t g) {
    Scalars scalars;
    CombDigits h;
    make_scalars(items + kGroup * g, count - kGroup * g, digests[g], &scalars);
    recode(scalars.h, shape, &h);
    const std::uint64_t* tables[kGroup];
    for (std::size_t i = 0; i < kGroup; ++i) tables[i] = scalars.item[i]->table;
    list_steps(shape, tables, h, base, scalars.s, &ring[g & 1].steps);
    ring[g & 1].s_good = scalars.s_good;
  };
  const std::size_t groups = (count + kGroup - 1) / kGroup;
  prepare(0);
  for (std::uint32_t step = 0; step < shape.digits() + kCombBase.digits(); ++step) {
    for (std::size_t i = 0; i < kGroup; i += kLanes) prefetch_far(ring[0].steps.entry[step] + i);
  }
  for (std::size_t g = 0; g < groups; ++g) {
    const bool more = g + 1 < groups;
    if (more) prepare(g + 1);
    const CombSteps* const next = more ? &ring[(g + 1) & 1].steps : nullptr;
    for (std::size_t half = 0; half < kHalves; ++half) {
      const int first_lane = static_cast<int>(half) * kLanes;
      const Point p = evaluate_combs(ring[g & 1].steps, next, shape, first_lane);
      points[g * kHalves + half] = {p.sum, p.difference, p.double_z};
      good[g * kHalves + half] = static_cast<Mask>(ring[g & 1].s_good >> first_lane & kAllLanes);
    }
  }
}

// Keys without.
inline void verify_in_general(const LaneItem* items, std::size_t count, const LaneWords<8>* digests,
                              const std::uint64_t* base, Waiting* points, Mask* good) {
  Scalars scalars;
  for (std::size_t g = 0; g * kGroup < count; ++g) {
    make_scalars(items + kGroup * g, count - kGroup * g, digests[g], &scalars);
    for (std::size_t half = 0; half < kHalves; ++half) {
      const int first_lane = static_cast<int>(half) * kLanes;
      const std::uint8_t* keys[kLanes];
      for (int i = 0; i < kLanes; ++i) keys[i] = scalars.item[first_lane + i]->key;
      Point p;
      const Mask decompressed = multiply_general(load_words(keys), scalars.h, scalars.s, base, first_lane, p);
      points[g * kHalves + half] = {p.sum, p.difference, p.double_z};
      good[g * kHalves + half] = static_cast<Mask>(scalars.s_good >> first_lane & decompressed);
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
    good[i] = static_cast<Mask>(good[i] & complement(zero));
    before[i] = product;
    product = multiply(product, points[i].double_z);
  }
  Field inverse = invert(product);
  for (std::size_t i = n; i-- > 0;) {
    const Waiting& p = points[i];
    const Affine affine = to_affine({p.sum, p.difference, p.double_z, p.sum}, multiply(inverse, before[i]));
    const Words y = encode(affine.y);
    inverse = multiply(inverse, p.double_z);
    const std::uint8_t* r[kLanes];
    for (std::size_t k = 0; k < kLanes; ++k) {
      const std::size_t at = i * kLanes + k;
      r[k] = items[at < count ? at : count - 1].signature;
    }
    const Mask same = equal_words(set_sign(y, is_odd(affine.x)), load_words(r));
    good[i] = static_cast<Mask>(good[i] & same & complement(is_small_order_y(y)));
  }
}

void verify_items(const LaneItem* items, std::size_t count, std::uint32_t shape, const std::uint64_t* base,
                  std::uint8_t* valid, std::uint8_t* hashes) {
  require_item_count(count);
  Sha512Item parts[kLaneItemsMax];
  for (std::size_t i = 0; i < count; ++i) {
    const LaneItem& item = items[i];
    parts[i] = {item.signature, item.key, item.tag, item.sequence, item.payload, item.payload_bytes};
  }
  LaneWords<8> digests[kGroupsMax];
  sha512_lanes(parts, count, digests);
  for (std::size_t at = 0; at < count; at += kGroup) {
    const std::size_t left = count - at;
    store_digests(digests[at / kGroup], left < kGroup ? left : kGroup, reinterpret_cast<Bytes64*>(hashes + 64 * at));
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
