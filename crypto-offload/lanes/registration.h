// The registration rule in lanes, for now with the windows of the general path.
#pragma once
#include "crypto-offload/lanes/general.h"
namespace electra::crypto::ELECTRA_LANES {
namespace {
inline Mask check_keys(const Words& words) {
  LaneWords<4> l, z;
  for (int k = 0; k < 4; ++k)
    for (int i = 0; i < 8; ++i) {
      l.word[k][i] = kOrder[k];
      z.word[k][i] = 0;
    }
  CombDigits s;
  recode(z, kCombBase, &s);
  (void)s;
  const Decompressed a = decompress(words);
  WindowDigits digits;
  recode_windows(l, 0, digits);
  OddMultiples m;
  make_odd_multiples(a.point, m);
  Point q = add_window<NeedT::no>(identity(), m, digits, kWindows - 1);
  for (std::uint32_t w = kWindows - 1; w-- > 0;) {
    twice_times(q, kWindowBits);
    q = add_window<NeedT::no>(q, m, digits, w);
  }
  return static_cast<Mask>(is_identity(q) & a.valid & complement(is_small_order(a.point)));
}
}  // namespace
}  // namespace electra::crypto::ELECTRA_LANES
