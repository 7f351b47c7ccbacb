// Points of edwards25519 in all lanes at once: one lane is one point. −x² + y² = 1 + d·x²·y².
//
// The formulas are those of Hisil, Wong, Carter and Dawson (2008) for a = −1 in extended coordinates (RFC 8032, 5.1.4).
// They are complete: the identity, equal and opposite operands and points of small order need no case of their own. A
// point is kept as Y + X, Y − X, 2Z and T, because that is what an addition reads; products are added before they are
// carried, so that these sums cost no carry beside the one that X and Y would need.
//
// All fields of the structs below have carried limbs (field.h), on the way in and out, if nothing else is said. Costs are
// counted in multiplications M and squares S of field.h.
//
// Written over the field of any backend: include that backend's field.h first, one backend in a translation unit. The
// rules of field.h for whoever includes it hold here too. No instruction of a certain machine appears in this folder.
#pragma once

#ifndef ELECTRA_LANES
#error "include a backend's field.h first"
#endif

#include "crypto-offload/tables/table_format.h"

namespace electra::crypto::ELECTRA_LANES {
namespace {

// (X : Y : Z : T) with x = X/Z, y = Y/Z and T = XY/Z; Z is never 0.
struct Point {
  Field sum;         // Y + X
  Field difference;  // Y − X
  Field double_z;    // 2Z
  Field t;           // T; without meaning after a step that was told not to compute it
};

// What a table holds: an affine point, as an addition wants it. Limbs carried, or as load_fields gives them.
struct AffineNiels {
  Field sum;         // y + x
  Field difference;  // y − x
  Field t2d;         // 2d·x·y
};

// A projective point for an addition: a common multiple of (Y + X, Y − X, Z, 2d·T).
struct ProjectiveNiels {
  Field sum;
  Field difference;
  Field z;
  Field t2d;
};

// An addition computes T only for another addition: before a doubling and before the encoding it is a product saved.
enum class NeedT { no, yes };

[[gnu::always_inline]] inline Point identity() { return {one(), one(), small(2), zero()}; }
[[gnu::always_inline]] inline AffineNiels identity_niels() { return {one(), one(), zero()}; }

// b in the lanes of the mask, a in the others.
[[gnu::always_inline]] inline Point select(Mask mask, const Point& a, const Point& b) {
  return {select(mask, a.sum, b.sum), select(mask, a.difference, b.difference), select(mask, a.double_z, b.double_z),
          select(mask, a.t, b.t)};
}

// −p in the lanes of the mask.
[[gnu::always_inline]] inline Point negate_where(Mask mask, const Point& p) {
  return {select(mask, p.sum, p.difference), select(mask, p.difference, p.sum), p.double_z,
          carry(widen(negate_where(mask, p.t)))};
}

// X = EF, Y = GH, Z = FG, T = EH. 4M, without T 3M.
template <NeedT kNeedT>
[[gnu::always_inline]] inline Point complete(const Field& e, const Field& f, const Field& g, const Field& h) {
  const Wide x = multiply_wide(e, f), y = multiply_wide(g, h);
  Point out;
  out.sum = carry(add_wide(y, x));
  out.difference = carry(subtract_wide(y, x));
  out.double_z = carry(twice_wide(multiply_wide(f, g)));
  if constexpr (kNeedT == NeedT::yes) {
    out.t = multiply(e, h);
  } else {
    out.t = e;  // any carried limbs
  }
  return out;
}

// p + q, in the lanes of the mask p − q. −q swaps sum and difference and negates t2d. 7M, without T 6M.
//
// Whatever an entry means, its limbs keep the ranges: a damaged one gives a wrong point and nothing worse. An entry of
// zeros gives X = Y = T = 0, the encoding of which is 32 zero bytes, and after the next doubling Z = 0.
template <NeedT kNeedT>
[[gnu::always_inline]] inline Point add_mixed(const Point& p, const AffineNiels& q, Mask negative) {
  const Wide a = multiply_wide(p.difference, select(negative, q.difference, q.sum));
  const Wide b = multiply_wide(p.sum, select(negative, q.sum, q.difference));
  const Wide c = multiply_wide(p.t, negate_where(negative, q.t2d));
  const Wide d = widen(p.double_z);
  return complete<kNeedT>(carry(subtract_wide(b, a)), carry(subtract_wide(d, c)), carry(add_wide(d, c)),
                          carry(add_wide(b, a)));
}

// p + q. 8M, without T 7M.
template <NeedT kNeedT>
[[gnu::always_inline]] inline Point add(const Point& p, const ProjectiveNiels& q) {
  const Wide a = multiply_wide(p.difference, q.difference);
  const Wide b = multiply_wide(p.sum, q.sum);
  const Wide c = multiply_wide(p.t, q.t2d);
  const Wide d = multiply_wide(p.double_z, q.z);
  return complete<kNeedT>(carry(subtract_wide(b, a)), carry(subtract_wide(d, c)), carry(add_wide(d, c)),
                          carry(add_wide(b, a)));
}

// p + q, in the lanes of the mask p − q. 8M, without T 7M.
template <NeedT kNeedT>
[[gnu::always_inline]] inline Point add(const Point& p, const ProjectiveNiels& q, Mask negative) {
  return add<kNeedT>(p, ProjectiveNiels{select(negative, q.sum, q.difference), select(negative, q.difference, q.sum),
                                        q.z, negate_where(negative, q.t2d)});
}

// 2p. 5M + 3S, without T 4M + 3S. Reads no T.
//
// From s = Y + X and m = Y − X, everything twice what the formula dbl-2008-hwcd has, and F and H with the other sign:
// s² − m² = 4XY, s² + m² = 2(X² + Y²), 2ms = 2(Y² − X²).
template <NeedT kNeedT>
[[gnu::always_inline]] inline Point twice(const Point& p) {
  const Wide s2 = square_wide(p.sum), m2 = square_wide(p.difference);
  const Wide g = twice_wide(multiply_wide(p.sum, p.difference));
  const Wide c = square_wide(p.double_z);
  return complete<kNeedT>(carry(subtract_wide(s2, m2)), carry(subtract_wide(c, g)), carry(g), carry(add_wide(s2, m2)));
}

// 2^count · p, count ≥ 1, with T. Not inlined for each caller: what it calls is long.
inline void twice_times(Point& p, std::uint32_t count) {
  for (; count > 1; --count) p = twice<NeedT::no>(p);
  p = twice<NeedT::yes>(p);
}

// For an addition of p: (Y + X, Y − X, Z, 2d·T), each twice. 1M.
[[gnu::always_inline]] inline ProjectiveNiels to_projective_niels(const Point& p) {
  return {add(p.sum, p.sum), add(p.difference, p.difference), p.double_z, multiply(p.t, all(kFourD))};
}

// From affine x and y. 1M; 2M.
[[gnu::always_inline]] inline Point from_affine(const Field& x, const Field& y) {
  return {add(y, x), subtract(y, x), small(2), multiply(x, y)};
}
[[gnu::always_inline]] inline AffineNiels to_affine_niels(const Field& x, const Field& y) {
  return {add(y, x), subtract(y, x), multiply(multiply(x, y), all(kTwoD))};
}

// Affine coordinates.
struct Affine {
  Field x, y;
};

// Given 1/(2Z), which many points share one inversion for. 2M.
[[gnu::always_inline]] inline Affine to_affine(const Point& p, const Field& inverse_of_double_z) {
  return {multiply(subtract(p.sum, p.difference), inverse_of_double_z),
          multiply(add(p.sum, p.difference), inverse_of_double_z)};
}

// The canonical encoding (RFC 8032, 5.1.2), given 1/(2Z). 2M. An inverse of 0, as of Z = 0, gives 32 zero bytes.
[[gnu::always_inline]] inline Words encode(const Point& p, const Field& inverse_of_double_z) {
  const Affine affine = to_affine(p, inverse_of_double_z);
  return set_sign(encode(affine.y), is_odd(affine.x));
}

// The lanes that hold the identity: X = 0 and Y = Z. Z = 0 is not the identity. Reads no T.
[[gnu::always_inline]] inline Mask is_identity(const Point& p) {
  return is_equal(p.sum, p.difference) & is_equal(add(p.sum, p.difference), p.double_z) &
         complement(is_zero(p.double_z));
}

// The lanes whose point has an order that divides 8. Reads no T.
inline Mask is_small_order(Point p) {
  for (int i = 0; i < 3; ++i) p = twice<NeedT::no>(p);
  return is_identity(p);
}

// --- From bytes -------------------------------------------------------------------------------------------------------

struct Decompressed {
  Point point;  // the identity in the lanes that are not in the mask
  Mask valid;
};

// A public key in each lane to its point, by RFC 8032, 5.1.3: valid are the lanes with y < p, an x for it, and not x = 0 with the
// sign bit. The rest of the registration rule (README.md of crypto-offload), an order other than a divisor of 8 and
// [L]A = identity, is left to the caller. About one inversion.
inline Decompressed decompress(const Words& words) {
  const Field y = from_words(words);
  const Field y2 = square(y);
  const Field u = subtract(y2, one());
  const Field v = add(multiply(y2, all(kD)), one());
  const Field v3 = multiply(square(v), v);
  const Field v7 = multiply(square(v3), v);
  Field x = multiply(multiply(u, v3), power_p58(multiply(u, v7)));  // of u/v or −u/v, if either has a root

  const Field vx2 = multiply(v, square(x));
  const Mask root = is_equal(vx2, u);
  const Mask root_of_negative = is_zero(add(vx2, u));
  x = select(root, multiply(x, all(kRootOfMinusOne)), x);

  const Mask sign = sign_of(words);
  const Mask zero_with_sign = is_zero(x) & sign;
  const Mask wrong_sign = is_odd(x) ^ sign;
  x = select(wrong_sign, x, negate(x));
  const Mask valid = (root | root_of_negative) & is_canonical_y(words) & complement(zero_with_sign);
  return {select(valid, identity(), from_affine(x, y)), valid};
}

// --- Table entries ----------------------------------------------------------------------------------------------------

// The entry of each lane (table_format.h); entry[i] is that of lane i. Masks the limbs to 51 bits: whatever memory holds,
// the contract of add_mixed is kept.
[[gnu::always_inline]] inline AffineNiels load_entries(const std::uint64_t* const* entry) {
  Field fields[3];
  load_fields(entry, fields);
  return {fields[0], fields[1], fields[2]};
}

// The opposite. Brings the limbs below 2^51.
[[gnu::always_inline]] inline void store_entries(std::uint64_t* const* entry, const AffineNiels& niels) {
  store_fields(entry, {canonical(niels.sum), canonical(niels.difference), canonical(niels.t2d)});
}

}  // namespace
}  // namespace electra::crypto::ELECTRA_LANES
