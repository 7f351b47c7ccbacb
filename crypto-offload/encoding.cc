#include "crypto-offload/encoding.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace electra::crypto {
namespace {

using Bytes = std::array<std::uint8_t, 32>;

// Little endian, as on the wire.
constexpr Bytes kGroupOrder = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                               0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                               0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};

// p + offset for the values around p whose low byte does not carry.
constexpr Bytes around_prime(int offset) {
  Bytes bytes{};
  bytes.fill(0xff);
  bytes[0] = static_cast<std::uint8_t>(0xed + offset);
  bytes[31] = 0x7f;
  return bytes;
}
constexpr Bytes kPrime = around_prime(0);
constexpr Bytes kMinusOne = around_prime(-1);
constexpr Bytes kOne = {1};

// y of every encoding of a point of small order; either sign may stand above it. The only y that have a second,
// non-canonical form below 2^255 are those below 19, which here are 0 and 1.
constexpr std::array<Bytes, 7> kSmallOrderY = {
    Bytes{},  // 0: order 4
    kOne,     // 1: order 1, the identity
    Bytes{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
          0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},  // order 8
    Bytes{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
          0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},  // order 8
    kMinusOne,        // −1: order 2
    kPrime,           // 0 again
    around_prime(1),  // 1 again
};

bool less_little_endian(const std::uint8_t* a, const std::uint8_t* b) noexcept {
  for (std::size_t i = 32; i-- > 0;) {
    if (a[i] != b[i]) return a[i] < b[i];
  }
  return false;
}

Bytes without_sign(Encoding point) noexcept {
  Bytes y;
  std::memcpy(y.data(), point.data(), y.size());
  y[31] &= 0x7f;
  return y;
}

}  // namespace

bool is_canonical_scalar(Encoding s) noexcept { return less_little_endian(s.data(), kGroupOrder.data()); }

bool is_canonical_point(Encoding point) noexcept {
  const Bytes y = without_sign(point);
  if (!less_little_endian(y.data(), kPrime.data())) return false;
  const bool sign = (point[31] & 0x80) != 0;
  return !(sign && (y == kOne || y == kMinusOne));
}

bool is_small_order_point(Encoding point) noexcept {
  const Bytes y = without_sign(point);
  return std::ranges::find(kSmallOrderY, y) != kSmallOrderY.end();
}

}  // namespace electra::crypto
