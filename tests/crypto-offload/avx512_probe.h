// The vector arithmetic of crypto-offload/avx512, made callable from tests that are compiled for any machine.
//
// avx512_probe.cc is the only file of the tests with the instructions; it includes no header with inline functions that
// others share, as the linker could keep its copy for everyone. The arithmetic is compiled there with its range checks:
// the first limb outside the contract of any function, inner ones included, is kept until it is asked for. Call nothing
// here before avx512::supported() has answered. One thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto-offload/tables/table_format.h"

namespace electra::crypto::avx512_probe {

// limb[k][i] is limb k of lane i.
struct Limbs {
  std::uint64_t limb[5][8];
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

struct RangeError {
  const char* function = nullptr;  // none: no error
  int limb = 0;
  int lane = 0;
  std::uint64_t value = 0;
  std::uint64_t bound = 0;
};
// The first one since the last call.
[[nodiscard]] RangeError first_range_error();

// The bounds of field.h.
struct Bounds {
  std::uint64_t carried, factor, product, wide;
};
[[nodiscard]] Bounds bounds();

// field.h, by the same names.
Limbs carry(const Limbs& a);
Limbs add_wide(const Limbs& a, const Limbs& b);
Limbs subtract_wide(const Limbs& a, const Limbs& b);
Limbs twice_wide(const Limbs& a);
Limbs add(const Limbs& a, const Limbs& b);
Limbs subtract(const Limbs& a, const Limbs& b);
Limbs negate(const Limbs& a);
Limbs negate_where(Mask mask, const Limbs& a);
Limbs select(Mask mask, const Limbs& a, const Limbs& b);
Limbs multiply_wide(const Limbs& a, const Limbs& b);
Limbs multiply(const Limbs& a, const Limbs& b);
Limbs square_wide(const Limbs& a);
Limbs square(const Limbs& a);
Limbs multiply_by_3(const Limbs& a);
Limbs multiply_by_1023(const Limbs& a);
Limbs invert(const Limbs& a);
Limbs power_p58(const Limbs& a);
Limbs canonical(const Limbs& a);
Limbs from_bytes(const Bytes& bytes);
Bytes encode(const Limbs& a);
Mask equal_bytes(const Bytes& a, const Bytes& b);
Mask is_zero(const Limbs& a);
Mask is_equal(const Limbs& a, const Limbs& b);
Mask is_odd(const Limbs& a);
Limbs root_of_minus_one();

// point.h, by the same names. Without T: `t` of the result means nothing.
PointLimbs identity();
PointLimbs select(Mask mask, const PointLimbs& a, const PointLimbs& b);
PointLimbs negate_where(Mask mask, const PointLimbs& p);
PointLimbs add_mixed(const PointLimbs& p, const NielsLimbs& q, Mask negative);
PointLimbs add_mixed_without_t(const PointLimbs& p, const NielsLimbs& q, Mask negative);
PointLimbs add(const PointLimbs& p, const PointLimbs& q);  // q by way of ProjectiveNiels
PointLimbs add_without_t(const PointLimbs& p, const PointLimbs& q);
PointLimbs twice(const PointLimbs& p);
PointLimbs twice_without_t(const PointLimbs& p);
PointLimbs from_affine(const Limbs& x, const Limbs& y);
NielsLimbs to_affine_niels(const Limbs& x, const Limbs& y);
NielsLimbs identity_niels();
Bytes encode(const PointLimbs& p);  // with an inversion of its own
Mask is_identity(const PointLimbs& p);
Mask is_small_order(const PointLimbs& p);
PointLimbs decompress(const Bytes& bytes, Mask& valid);
NielsLimbs load_entries(const Entries& entries);
void store_entries(Entries& entries, const NielsLimbs& niels);

// lanes/make_tables.h: a MakeTables.
void make_tables(const std::uint8_t* const* keys, std::size_t count, const CombShape& shape,
                 std::uint64_t* const* tables, std::uint64_t* checksums, void* scratch);

// sign_comb.h: the table, of kSignTableWords words, 64-byte aligned; and [r]B from the sign bits of r.
void make_sign_tables(std::uint64_t* tables);
PointLimbs multiply_base(const std::uint64_t* tables, const Bytes& signs);

}  // namespace electra::crypto::avx512_probe
