// Arithmetic that says when it leaves its range.
//
// Energy and money are 64-bit integers; products of the two go through 128 bits. Nothing here wraps silently, and every
// division states its rounding.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>

#include "meter-proto/base/assert.h"

namespace electra {

__extension__ using u128 = unsigned __int128;
__extension__ using i128 = __int128;

// The exact result, or nothing when it does not fit into T.
template <std::integral T>
[[nodiscard]] constexpr std::optional<T> checked_add(T left, std::type_identity_t<T> right) noexcept {
  T result{};
  if (__builtin_add_overflow(left, right, &result)) return std::nullopt;
  return result;
}
template <std::integral T>
[[nodiscard]] constexpr std::optional<T> checked_sub(T left, std::type_identity_t<T> right) noexcept {
  T result{};
  if (__builtin_sub_overflow(left, right, &result)) return std::nullopt;
  return result;
}
template <std::integral T>
[[nodiscard]] constexpr std::optional<T> checked_mul(T left, std::type_identity_t<T> right) noexcept {
  T result{};
  if (__builtin_mul_overflow(left, right, &result)) return std::nullopt;
  return result;
}

// The value as a narrower type, or nothing when it does not fit.
[[nodiscard]] constexpr std::optional<std::uint64_t> narrow_u64(u128 value) noexcept {
  if (value > static_cast<u128>(UINT64_MAX)) return std::nullopt;
  return static_cast<std::uint64_t>(value);
}

// numerator / denominator to the nearest integer; a tie goes to the even neighbour. denominator > 0.
[[nodiscard]] constexpr u128 round_half_even(u128 numerator, u128 denominator) {
  ELECTRA_ASSERT(denominator != 0);
  const u128 quotient = numerator / denominator;
  const u128 remainder = numerator % denominator;
  const u128 other = denominator - remainder;  // compared instead of 2 * remainder, which could overflow
  if (remainder > other || (remainder == other && (quotient & 1) != 0)) return quotient + 1;
  return quotient;
}

}  // namespace electra
