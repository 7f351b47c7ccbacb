// The part of the verification rule that looks at bytes only: which encodings are refused before any arithmetic.
//
// Shared by every backend, so that no library's own idea of "canonical" or "small order" decides. All input is public:
// nothing here needs constant time. A few nanoseconds each.
#pragma once

#include <cstdint>
#include <span>

namespace electra::crypto {

using Encoding = std::span<const std::uint8_t, 32>;

// S < L, L = 2^252 + 27742317777372353535851937790883648493 being the order of the base point (RFC 8032, 5.1.7).
[[nodiscard]] bool is_canonical_scalar(Encoding s) noexcept;

// The canonical form of a point, if it is one at all: y < p = 2^255 − 19, and not x = 0 with the sign bit set. x is 0
// just where y is 1 or −1.
[[nodiscard]] bool is_canonical_point(Encoding point) noexcept;

// One of the 14 encodings, canonical or not and with either sign, of the 8 points whose order divides 8.
[[nodiscard]] bool is_small_order_point(Encoding point) noexcept;

}  // namespace electra::crypto
