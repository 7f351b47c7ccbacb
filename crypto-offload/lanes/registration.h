// The registration rule (README.md of crypto-offload), a key in each lane: canonical, a point, not of small order, and
// [L]A = identity.
//
// L is constant, so the way to [L]A is fixed: 252 doublings and the additions of 23 odd multiples up to ±15. Branches by L
// only, none by a key. Include a backend's field.h first.
#pragma once

#include "crypto-offload/lanes/point.h"

namespace electra::crypto::ELECTRA_LANES {
namespace {

// L = Σ digit[place] · 2^place; a digit is 0 or one of ±1, ±3 … ±15, and of five in a row at most one is not 0.
struct OrderDigits {
  static constexpr int kPlaces = 253;
  std::int8_t digit[kPlaces];
};
consteval OrderDigits order_digits() {
  OrderDigits out{};
  std::uint64_t rest[4] = {kOrder[0], kOrder[1], kOrder[2], kOrder[3]};
  for (std::int8_t& digit : out.digit) {
    const std::uint64_t low = rest[0] & 31;
    if ((low & 1) != 0) {
      digit = static_cast<std::int8_t>(low < 16 ? static_cast<int>(low) : static_cast<int>(low) - 32);
      rest[0] -= low;
      std::uint64_t carry = low < 16 ? 0 : 32;
      for (std::uint64_t& word : rest) {
        word += carry;
        carry = word < carry ? 1 : 0;
      }
    }
    for (int k = 0; k < 4; ++k) rest[k] = rest[k] >> 1 | (k < 3 ? rest[k + 1] << 63 : 0);
  }
  return out;
}
constexpr OrderDigits kOrderDigits = order_digits();
static_assert(kOrderDigits.digit[OrderDigits::kPlaces - 1] == 1);

// The lanes whose 32 bytes pass the rule.
inline Mask check_keys(const Words& keys) {
  const Decompressed a = decompress(keys);
  ProjectiveNiels odd[8];  // odd[k]: 2k + 1 times A
  const ProjectiveNiels two = to_projective_niels(twice<NeedT::yes>(a.point));
  Point multiple = a.point;
  for (int k = 0;; ++k) {
    odd[k] = to_projective_niels(multiple);
    if (k == 7) break;
    multiple = add<NeedT::yes>(multiple, two);
  }
  Point q = a.point;
  for (int place = OrderDigits::kPlaces - 2; place >= 0; --place) {
    q = twice<NeedT::yes>(q);
    const int digit = kOrderDigits.digit[place];
    if (digit > 0) q = add<NeedT::yes>(q, odd[digit / 2]);
    if (digit < 0) q = add<NeedT::yes>(q, odd[-digit / 2], kAllLanes);
  }
  // L is odd: of the points whose order divides 8, only the identity has [L]A = identity.
  return static_cast<Mask>(a.valid & is_identity(q) & complement(is_identity(a.point)));
}

}  // namespace
}  // namespace electra::crypto::ELECTRA_LANES
