// The vector arithmetic of each backend of crypto-offload, made callable from tests that are compiled for any machine.
//
// A probe takes and gives 8 lanes whatever its backend has: one of fewer lanes does a part of them at a time.
// avx512_probe.cc and avx2_probe.cc are the only files of the tests with the instructions; they include no header with
// inline functions that others share, as the linker could keep their copy for everyone. The arithmetic is compiled there
// with its range checks: the first limb outside the contract of any function, inner ones included, is kept until it is
// asked for. Call nothing of a probe before its supported() has answered. One thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto-offload/lanes/comb_digits.h"
#include "crypto-offload/lanes/lane_words.h"
#include "crypto-offload/tables/table_format.h"

namespace electra::crypto::lane_probe {

// limb[k][i] is limb k of lane i; the number of the lane is Σ limb[k] · 2^(51k).
struct Limbs {
  std::int64_t limb[5][8];
};
struct Bytes {
  std::uint8_t lane[8][32];
};
struct PointLimbs {
  Limbs sum, difference, double_z, t;
};
struct NielsLimbs {
  Limbs sum, difference, t2d;
};
struct alignas(64) Entries {
  std::uint64_t lane[8][16];
};
using Mask = std::uint8_t;

// least ≤ limb < bound.
struct Range {
  std::int64_t least, bound;
};
// The ranges of field.h.
struct Ranges {
  Range carried, factor, product, wide;
  Range carried_product;  // of the product of carried factors
  Range reducible;        // what canonical takes
  Range canonical;
};

struct RangeError {
  const char* function = nullptr;  // none: no error
  int limb = 0;
  int lane = 0;
  std::int64_t value = 0;
  Range range = {};
};

struct Probe {
  const char* backend;
  bool (*supported)();
  Ranges ranges;
  RangeError (*first_range_error)();  // the first one since the last call

  // field.h, by the same names.
  Limbs (*carry)(const Limbs&);
  Limbs (*add_wide)(const Limbs&, const Limbs&);
  Limbs (*subtract_wide)(const Limbs&, const Limbs&);
  Limbs (*twice_wide)(const Limbs&);
  Limbs (*add)(const Limbs&, const Limbs&);
  Limbs (*subtract)(const Limbs&, const Limbs&);
  Limbs (*negate)(const Limbs&);
  Limbs (*negate_where)(Mask, const Limbs&);
  Limbs (*select)(Mask, const Limbs&, const Limbs&);
  Limbs (*multiply_wide)(const Limbs&, const Limbs&);
  Limbs (*multiply)(const Limbs&, const Limbs&);
  Limbs (*square_wide)(const Limbs&);
  Limbs (*square)(const Limbs&);
  Limbs (*invert)(const Limbs&);
  Limbs (*power_p58)(const Limbs&);
  Limbs (*canonical)(const Limbs&);
  Limbs (*from_bytes)(const Bytes&);
  Bytes (*encode)(const Limbs&);
  Mask (*equal_bytes)(const Bytes&, const Bytes&);
  Mask (*is_zero)(const Limbs&);
  Mask (*is_equal)(const Limbs&, const Limbs&);
  Mask (*is_odd)(const Limbs&);
  Limbs (*root_of_minus_one)();

  // lanes/point.h, by the same names. Without T: `t` of the result means nothing.
  PointLimbs (*identity)();
  PointLimbs (*select_points)(Mask, const PointLimbs&, const PointLimbs&);
  PointLimbs (*negate_point_where)(Mask, const PointLimbs&);
  PointLimbs (*add_mixed)(const PointLimbs&, const NielsLimbs&, Mask negative);
  PointLimbs (*add_mixed_without_t)(const PointLimbs&, const NielsLimbs&, Mask negative);
  PointLimbs (*add_points)(const PointLimbs&, const PointLimbs&);  // the second by way of ProjectiveNiels
  PointLimbs (*add_points_without_t)(const PointLimbs&, const PointLimbs&);
  PointLimbs (*twice)(const PointLimbs&);
  PointLimbs (*twice_without_t)(const PointLimbs&);
  PointLimbs (*from_affine)(const Limbs& x, const Limbs& y);
  NielsLimbs (*to_affine_niels)(const Limbs& x, const Limbs& y);
  NielsLimbs (*identity_niels)();
  Bytes (*encode_point)(const PointLimbs&);  // with an inversion of its own
  Mask (*is_identity)(const PointLimbs&);
  Mask (*is_small_order)(const PointLimbs&);
  PointLimbs (*decompress)(const Bytes&, Mask& valid);
  NielsLimbs (*load_entries)(const Entries&);
  void (*store_entries)(Entries&, const NielsLimbs&);

  // lanes/make_tables.h, lanes/general.h, lanes/registration.h
  MakeTables make_tables;
  PointLimbs (*multiply_general)(const Bytes& keys, const LaneWords<4>& h, const CombDigits& s,
                                 const std::uint64_t* base, Mask& decompressed);
  Mask (*check_keys)(const Bytes& keys);
};

extern const Probe kAvx512Probe;
extern const Probe kAvx2Probe;

// avx512/sign_comb.h: the table, of kSignTableWords words, 64-byte aligned; and [r]B from the sign bits of r.
void make_sign_tables(std::uint64_t* tables);
PointLimbs multiply_base(const std::uint64_t* tables, const Bytes& signs);

}  // namespace electra::crypto::lane_probe
