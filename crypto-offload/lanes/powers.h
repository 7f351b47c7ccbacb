// Long powers of a field element in all lanes: inverses and what square roots need. Chains of squares, each of which waits
// for the one before, so nothing here is inlined for its caller.
//
// Every function takes limbs below the factor bound and gives carried limbs. A backend's field.h includes this at its end.
#pragma once

#ifndef ELECTRA_LANES
#error "include a backend's field.h"
#endif

namespace electra::crypto::ELECTRA_LANES {
namespace {

// a^(2^count), count ≥ 1.
inline Field square_times(Field a, int count) {
  for (int i = 0; i < count; ++i) a = square(a);
  return a;
}

// a^(2^250 − 1), and a^11, which both chains below need.
struct PowerChain {
  Field ones_250;
  Field eleventh;
};
inline PowerChain power_chain(const Field& a) {
  const Field p2 = square(a);
  const Field p9 = multiply(square_times(p2, 2), a);
  const Field p11 = multiply(p9, p2);
  const Field ones_5 = multiply(square(p11), p9);  // a^(2^5 − 1)
  const Field ones_10 = multiply(square_times(ones_5, 5), ones_5);
  const Field ones_20 = multiply(square_times(ones_10, 10), ones_10);
  const Field ones_40 = multiply(square_times(ones_20, 20), ones_20);
  const Field ones_50 = multiply(square_times(ones_40, 10), ones_10);
  const Field ones_100 = multiply(square_times(ones_50, 50), ones_50);
  const Field ones_200 = multiply(square_times(ones_100, 100), ones_100);
  return {multiply(square_times(ones_200, 50), ones_50), p11};
}

// 1/a = a^(p − 2) = a^(2^255 − 21); 0 for a = 0. 254 squares, 11 multiplications.
inline Field invert(const Field& a) {
  const PowerChain chain = power_chain(a);
  return multiply(square_times(chain.ones_250, 5), chain.eleventh);
}

// a^((p − 5)/8) = a^(2^252 − 3), for square roots (RFC 8032, 5.1.3).
inline Field power_p58(const Field& a) { return multiply(square_times(power_chain(a).ones_250, 2), a); }

}  // namespace
}  // namespace electra::crypto::ELECTRA_LANES
