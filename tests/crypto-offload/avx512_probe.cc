#define ELECTRA_CHECK_LIMB_RANGES
#include "tests/crypto-offload/avx512_probe.h"

#include "crypto-offload/avx512/field.h"
#include "crypto-offload/avx512/sign_comb.h"
#include "crypto-offload/lanes/comb_row.h"
#include "crypto-offload/lanes/make_tables.h"
#include "crypto-offload/lanes/point.h"

namespace electra::crypto {
namespace {

avx512_probe::RangeError range_error;

}  // namespace

namespace avx512 {
namespace {

void check_limbs(const char* function, const std::uint64_t (*limbs)[kLanes], std::uint64_t bound) {
  for (int k = 0; k < kLimbs; ++k) {
    for (int i = 0; i < kLanes; ++i) {
      if (limbs[k][i] >= bound && range_error.function == nullptr) range_error = {function, k, i, limbs[k][i], bound};
    }
  }
}

}  // namespace
}  // namespace avx512

namespace avx512_probe {
namespace {

template <typename T>
T load(const Limbs& limbs) {
  T out;
  for (int k = 0; k < 5; ++k) out.limb[k] = _mm512_loadu_si512(limbs.limb[k]);
  return out;
}
avx512::Field field(const Limbs& limbs) { return load<avx512::Field>(limbs); }
avx512::Wide wide(const Limbs& limbs) { return load<avx512::Wide>(limbs); }

template <typename T>
Limbs store(const T& value) {
  Limbs out;
  for (int k = 0; k < 5; ++k) _mm512_storeu_si512(out.limb[k], value.limb[k]);
  return out;
}

avx512::Point point(const PointLimbs& p) { return {field(p.sum), field(p.difference), field(p.double_z), field(p.t)}; }
PointLimbs store(const avx512::Point& p) { return {store(p.sum), store(p.difference), store(p.double_z), store(p.t)}; }
avx512::AffineNiels niels(const NielsLimbs& n) { return {field(n.sum), field(n.difference), field(n.t2d)}; }
NielsLimbs store(const avx512::AffineNiels& n) { return {store(n.sum), store(n.difference), store(n.t2d)}; }

avx512::Words words(const Bytes& bytes) {
  const std::uint8_t* in[8];
  for (int i = 0; i < 8; ++i) in[i] = bytes.lane[i];
  return avx512::load_words(in);
}
Bytes store(const avx512::Words& words) {
  Bytes bytes;
  std::uint8_t* out[8];
  for (int i = 0; i < 8; ++i) out[i] = bytes.lane[i];
  avx512::store_words(out, words);
  return bytes;
}

}  // namespace

RangeError first_range_error() {
  const RangeError out = range_error;
  range_error = {};
  return out;
}

Bounds bounds() { return {avx512::kCarriedBound, avx512::kFactorBound, avx512::kProductBound, avx512::kWideBound}; }

Limbs carry(const Limbs& a) { return store(avx512::carry(wide(a))); }
Limbs add_wide(const Limbs& a, const Limbs& b) { return store(avx512::add_wide(wide(a), wide(b))); }
Limbs subtract_wide(const Limbs& a, const Limbs& b) { return store(avx512::subtract_wide(wide(a), wide(b))); }
Limbs twice_wide(const Limbs& a) { return store(avx512::twice_wide(wide(a))); }
Limbs add(const Limbs& a, const Limbs& b) { return store(avx512::add(field(a), field(b))); }
Limbs subtract(const Limbs& a, const Limbs& b) { return store(avx512::subtract(field(a), field(b))); }
Limbs negate(const Limbs& a) { return store(avx512::negate(field(a))); }
Limbs negate_where(Mask mask, const Limbs& a) { return store(avx512::negate_where(mask, field(a))); }
Limbs select(Mask mask, const Limbs& a, const Limbs& b) { return store(avx512::select(mask, field(a), field(b))); }
Limbs multiply_wide(const Limbs& a, const Limbs& b) { return store(avx512::multiply_wide(field(a), field(b))); }
Limbs multiply(const Limbs& a, const Limbs& b) { return store(avx512::multiply(field(a), field(b))); }
Limbs square_wide(const Limbs& a) { return store(avx512::square_wide(field(a))); }
Limbs square(const Limbs& a) { return store(avx512::square(field(a))); }
Limbs multiply_by_3(const Limbs& a) { return store(avx512::multiply_small<3>(field(a))); }
Limbs multiply_by_1023(const Limbs& a) { return store(avx512::multiply_small<1023>(field(a))); }
Limbs invert(const Limbs& a) { return store(avx512::invert(field(a))); }
Limbs power_p58(const Limbs& a) { return store(avx512::power_p58(field(a))); }
Limbs canonical(const Limbs& a) { return store(avx512::canonical(field(a))); }
Limbs from_bytes(const Bytes& bytes) { return store(avx512::from_words(words(bytes))); }
Bytes encode(const Limbs& a) { return store(avx512::encode(field(a))); }
Mask equal_bytes(const Bytes& a, const Bytes& b) { return avx512::equal_words(words(a), words(b)); }
Mask is_zero(const Limbs& a) { return avx512::is_zero(field(a)); }
Mask is_equal(const Limbs& a, const Limbs& b) { return avx512::is_equal(field(a), field(b)); }
Mask is_odd(const Limbs& a) { return avx512::is_odd(field(a)); }
Limbs root_of_minus_one() { return store(avx512::all(avx512::kRootOfMinusOne)); }

using avx512::NeedT;

PointLimbs identity() { return store(avx512::identity()); }
PointLimbs select(Mask mask, const PointLimbs& a, const PointLimbs& b) {
  return store(avx512::select(mask, point(a), point(b)));
}
PointLimbs negate_where(Mask mask, const PointLimbs& p) { return store(avx512::negate_where(mask, point(p))); }
PointLimbs add_mixed(const PointLimbs& p, const NielsLimbs& q, Mask negative) {
  return store(avx512::add_mixed<NeedT::yes>(point(p), niels(q), negative));
}
PointLimbs add_mixed_without_t(const PointLimbs& p, const NielsLimbs& q, Mask negative) {
  return store(avx512::add_mixed<NeedT::no>(point(p), niels(q), negative));
}
PointLimbs add(const PointLimbs& p, const PointLimbs& q) {
  return store(avx512::add<NeedT::yes>(point(p), avx512::to_projective_niels(point(q))));
}
PointLimbs add_without_t(const PointLimbs& p, const PointLimbs& q) {
  return store(avx512::add<NeedT::no>(point(p), avx512::to_projective_niels(point(q))));
}
PointLimbs twice(const PointLimbs& p) { return store(avx512::twice<NeedT::yes>(point(p))); }
PointLimbs twice_without_t(const PointLimbs& p) { return store(avx512::twice<NeedT::no>(point(p))); }
PointLimbs from_affine(const Limbs& x, const Limbs& y) { return store(avx512::from_affine(field(x), field(y))); }
NielsLimbs to_affine_niels(const Limbs& x, const Limbs& y) {
  return store(avx512::to_affine_niels(field(x), field(y)));
}
NielsLimbs identity_niels() { return store(avx512::identity_niels()); }
Bytes encode(const PointLimbs& p) { return store(avx512::encode(point(p), avx512::invert(field(p.double_z)))); }
Mask is_identity(const PointLimbs& p) { return avx512::is_identity(point(p)); }
Mask is_small_order(const PointLimbs& p) { return avx512::is_small_order(point(p)); }
PointLimbs decompress(const Bytes& bytes, Mask& valid) {
  const avx512::Decompressed out = avx512::decompress(words(bytes));
  valid = out.valid;
  return store(out.point);
}
NielsLimbs load_entries(const Entries& entries) {
  const std::uint64_t* in[8];
  for (int i = 0; i < 8; ++i) in[i] = entries.lane[i];
  return store(avx512::load_entries(in));
}
void store_entries(Entries& entries, const NielsLimbs& n) {
  std::uint64_t* out[8];
  for (int i = 0; i < 8; ++i) out[i] = entries.lane[i];
  avx512::store_entries(out, niels(n));
}

void make_tables(const std::uint8_t* const* keys, std::size_t count, const CombShape& shape,
                 std::uint64_t* const* tables, std::uint64_t* checksums, void* scratch) {
  avx512::make_tables_in_lanes(keys, count, shape, tables, checksums, scratch);
}

void make_sign_tables(std::uint64_t* tables) { avx512::make_sign_tables(tables); }
PointLimbs multiply_base(const std::uint64_t* tables, const Bytes& signs) {
  return store(avx512::multiply_base(tables, words(signs)));
}

}  // namespace avx512_probe
}  // namespace electra::crypto
