// The probe of one backend: lane_probe.h over its field. The .cc defines ELECTRA_CHECK_LIMB_RANGES, includes the backend's
// field.h, and then this.
#pragma once

#include "crypto-offload/lanes/general.h"
#include "crypto-offload/lanes/make_tables.h"
#include "crypto-offload/lanes/point.h"
#include "crypto-offload/lanes/registration.h"
#include "tests/crypto-offload/lane_probe.h"

namespace electra::crypto::ELECTRA_LANES {
namespace {

using lane_probe::Bytes;
using lane_probe::Entries;
using lane_probe::Limbs;
using lane_probe::NielsLimbs;
using lane_probe::PointLimbs;
using lane_probe::Range;
using lane_probe::RangeError;
using Lanes8 = lane_probe::Mask;

RangeError range_error;
int first_lane;  // of those that are being computed, of the probe's 8

// What a backend's check_limbs calls.
void expect_in_range(const char* function, int limb, int lane, std::int64_t value, Range range) {
  if ((value >= range.least && value < range.bound) || range_error.function != nullptr) return;
  range_error = {function, limb, first_lane + lane, value, range};
}

// Eight lanes, kLanes at a time.
template <typename Part>
void in_parts(const Part& part) {
  for (first_lane = 0; first_lane < 8; first_lane += kLanes) part();
  first_lane = 0;
}

// What the backend has in the place of a probe's type: its kLanes lanes from first_lane on. Each .cc has load_limbs and
// store_limbs for Field and Wide.
Field from(const Limbs& limbs) { return load_limbs<Field>(limbs, first_lane); }
Point from(const PointLimbs& p) { return {from(p.sum), from(p.difference), from(p.double_z), from(p.t)}; }
AffineNiels from(const NielsLimbs& n) { return {from(n.sum), from(n.difference), from(n.t2d)}; }
Words from(const Bytes& bytes) {
  const std::uint8_t* in[kLanes];
  for (int i = 0; i < kLanes; ++i) in[i] = bytes.lane[first_lane + i];
  return load_words(in);
}
Mask from(Lanes8 mask) { return static_cast<Mask>(mask >> first_lane & kAllLanes); }

void to(Limbs& out, const Field& a) { store_limbs(out, first_lane, a); }
void to(Limbs& out, const Wide& a) { store_limbs(out, first_lane, a); }
void to(PointLimbs& out, const Point& p) {
  to(out.sum, p.sum), to(out.difference, p.difference), to(out.double_z, p.double_z), to(out.t, p.t);
}
void to(NielsLimbs& out, const AffineNiels& n) {
  to(out.sum, n.sum), to(out.difference, n.difference), to(out.t2d, n.t2d);
}
void to(Bytes& bytes, const Words& words) {
  std::uint8_t* out[kLanes];
  for (int i = 0; i < kLanes; ++i) out[i] = bytes.lane[first_lane + i];
  store_words(out, words);
}
void to(Lanes8& out, Mask mask) { out = static_cast<Lanes8>(out | mask << first_lane); }

// A function over 8 lanes out of one over kLanes.
template <typename Out, auto kFunction, typename... In>
Out lift(const In&... in) {
  Out out{};
  in_parts([&] { to(out, kFunction(from(in)...)); });
  return out;
}

// The same with Wide for Limbs.
struct WideLimbs {
  const Limbs& limbs;
};
Wide from(const WideLimbs& wide) { return load_limbs<Wide>(wide.limbs, first_lane); }

template <NeedT kNeedT>
Point add_points(const Point& p, const Point& q) {
  return add<kNeedT>(p, to_projective_niels(q));
}

// Made by the compiler: nothing here may run before supported() has answered.
consteval lane_probe::Probe make_probe(const char* backend, bool (*supported)(), const lane_probe::Ranges& ranges) {
  using L = const Limbs&;
  using P = const PointLimbs&;
  using N = const NielsLimbs&;
  using B = const Bytes&;
  using M = Lanes8;
  lane_probe::Probe out{};
  out.backend = backend;
  out.supported = supported;
  out.ranges = ranges;
  out.first_range_error = [] {
    const RangeError error = range_error;
    range_error = {};
    return error;
  };

  out.carry = [](L a) { return lift<Limbs, [](const Wide& x) { return carry(x); }>(WideLimbs{a}); };
  out.add_wide = [](L a, L b) {
    return lift<Limbs, [](const Wide& x, const Wide& y) { return add_wide(x, y); }>(WideLimbs{a}, WideLimbs{b});
  };
  out.subtract_wide = [](L a, L b) {
    return lift<Limbs, [](const Wide& x, const Wide& y) { return subtract_wide(x, y); }>(WideLimbs{a}, WideLimbs{b});
  };
  out.twice_wide = [](L a) { return lift<Limbs, [](const Wide& x) { return twice_wide(x); }>(WideLimbs{a}); };
  out.add = [](L a, L b) { return lift<Limbs, [](const Field& x, const Field& y) { return add(x, y); }>(a, b); };
  out.subtract = [](L a, L b) {
    return lift<Limbs, [](const Field& x, const Field& y) { return subtract(x, y); }>(a, b);
  };
  out.negate = [](L a) { return lift<Limbs, [](const Field& x) { return negate(x); }>(a); };
  out.negate_where = [](M mask, L a) {
    return lift<Limbs, [](Mask m, const Field& x) { return negate_where(m, x); }>(mask, a);
  };
  out.select = [](M mask, L a, L b) {
    return lift<Limbs, [](Mask m, const Field& x, const Field& y) { return select(m, x, y); }>(mask, a, b);
  };
  out.multiply_wide = [](L a, L b) {
    return lift<Limbs, [](const Field& x, const Field& y) { return multiply_wide(x, y); }>(a, b);
  };
  out.multiply = [](L a, L b) {
    return lift<Limbs, [](const Field& x, const Field& y) { return multiply(x, y); }>(a, b);
  };
  out.square_wide = [](L a) { return lift<Limbs, [](const Field& x) { return square_wide(x); }>(a); };
  out.square = [](L a) { return lift<Limbs, [](const Field& x) { return square(x); }>(a); };
  out.invert = [](L a) { return lift<Limbs, invert>(a); };
  out.power_p58 = [](L a) { return lift<Limbs, power_p58>(a); };
  out.canonical = [](L a) { return lift<Limbs, [](const Field& x) { return canonical(x); }>(a); };
  out.from_bytes = [](B bytes) { return lift<Limbs, [](const Words& x) { return from_words(x); }>(bytes); };
  out.encode = [](L a) { return lift<Bytes, [](const Field& x) { return encode(x); }>(a); };
  out.equal_bytes = [](B a, B b) {
    return lift<M, [](const Words& x, const Words& y) { return equal_words(x, y); }>(a, b);
  };
  out.is_zero = [](L a) { return lift<M, [](const Field& x) { return is_zero(x); }>(a); };
  out.is_equal = [](L a, L b) { return lift<M, [](const Field& x, const Field& y) { return is_equal(x, y); }>(a, b); };
  out.is_odd = [](L a) { return lift<M, [](const Field& x) { return is_odd(x); }>(a); };
  out.root_of_minus_one = [] { return lift<Limbs, [] { return all(kRootOfMinusOne); }>(); };

  out.identity = [] { return lift<PointLimbs, [] { return identity(); }>(); };
  out.select_points = [](M mask, P a, P b) {
    return lift<PointLimbs, [](Mask m, const Point& x, const Point& y) { return select(m, x, y); }>(mask, a, b);
  };
  out.negate_point_where = [](M mask, P p) {
    return lift<PointLimbs, [](Mask m, const Point& x) { return negate_where(m, x); }>(mask, p);
  };
  out.add_mixed = [](P p, N q, M negative) {
    return lift<PointLimbs, [](const Point& x, const AffineNiels& y, Mask m) {
      return add_mixed<NeedT::yes>(x, y, m);
    }>(p, q, negative);
  };
  out.add_mixed_without_t = [](P p, N q, M negative) {
    return lift<PointLimbs, [](const Point& x, const AffineNiels& y, Mask m) { return add_mixed<NeedT::no>(x, y, m); }>(
        p, q, negative);
  };
  out.add_points = [](P p, P q) { return lift<PointLimbs, add_points<NeedT::yes>>(p, q); };
  out.add_points_without_t = [](P p, P q) { return lift<PointLimbs, add_points<NeedT::no>>(p, q); };
  out.twice = [](P p) { return lift<PointLimbs, [](const Point& x) { return twice<NeedT::yes>(x); }>(p); };
  out.twice_without_t = [](P p) { return lift<PointLimbs, [](const Point& x) { return twice<NeedT::no>(x); }>(p); };
  out.from_affine = [](L x, L y) {
    return lift<PointLimbs, [](const Field& u, const Field& v) { return from_affine(u, v); }>(x, y);
  };
  out.to_affine_niels = [](L x, L y) {
    return lift<NielsLimbs, [](const Field& u, const Field& v) { return to_affine_niels(u, v); }>(x, y);
  };
  out.identity_niels = [] { return lift<NielsLimbs, [] { return identity_niels(); }>(); };
  out.encode_point = [](P p) { return lift<Bytes, [](const Point& x) { return encode(x, invert(x.double_z)); }>(p); };
  out.is_identity = [](P p) { return lift<M, [](const Point& x) { return is_identity(x); }>(p); };
  out.is_small_order = [](P p) { return lift<M, [](const Point& x) { return is_small_order(x); }>(p); };
  out.decompress = [](B bytes, M& valid) {
    PointLimbs point{};
    valid = 0;
    in_parts([&] {
      const Decompressed decompressed = decompress(from(bytes));
      to(point, decompressed.point);
      to(valid, decompressed.valid);
    });
    return point;
  };
  out.load_entries = [](const Entries& entries) {
    NielsLimbs niels{};
    in_parts([&] {
      const std::uint64_t* lane[kLanes];
      for (int i = 0; i < kLanes; ++i) lane[i] = entries.lane[first_lane + i];
      to(niels, load_entries(lane));
    });
    return niels;
  };
  out.store_entries = [](Entries& entries, N niels) {
    in_parts([&] {
      std::uint64_t* lane[kLanes];
      for (int i = 0; i < kLanes; ++i) lane[i] = entries.lane[first_lane + i];
      store_entries(lane, from(niels));
    });
  };
  out.make_tables = make_tables_in_lanes;
  out.multiply_general = [](B keys, const LaneWords<4>& h, const CombDigits& s, const std::uint64_t* base,
                            M& decompressed) {
    PointLimbs point{};
    decompressed = 0;
    in_parts([&] {
      Point p;
      to(decompressed, multiply_general(from(keys), h, s, base, first_lane, p));
      to(point, p);
    });
    return point;
  };
  out.check_keys = [](B keys) { return lift<M, [](const Words& x) { return check_keys(x); }>(keys); };
  return out;
}

}  // namespace
}  // namespace electra::crypto::ELECTRA_LANES
