// The registration rule in lanes, with the windows of the general path.
#pragma once
#include "crypto-offload/lanes/general.h"

namespace electra::crypto::ELECTRA_LANES {
namespace {

inline Mask check_keys(const Words& words) {
  LaneWords<4> order;
  for (int k = 0; k < 4; ++k) {
    for (int i = 0; i < 8; ++i) order.word[k][i] = kOrder[k];
  }
  const Decompressed a = decompress(words);
  WindowDigits digits;
  recode_windows(order, 0, digits);
  OddMultiples multiples;
  make_odd_multiples(a.point, multiples);
  Point q = add<NeedT::no>(identity(), window_entry(multiples, digits, kWindows - 1));
  for (std::uint32_t w = kWindows - 1; w-- > 0;) {
    for (std::uint32_t i = 1; i < kWindowBits; ++i) q = twice<NeedT::no>(q);
    q = twice<NeedT::yes>(q);
    q = add<NeedT::no>(q, window_entry(multiples, digits, w));
  }
  return static_cast<Mask>(is_identity(q) & a.valid & complement(is_small_order(a.point)));
}

}  // namespace
}  // namespace electra::crypto::ELECTRA_LANES
