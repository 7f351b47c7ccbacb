// Assertions that stay on in release.
//
// They state what must be true whatever the outside sends; a failing one is a bug here, never bad input. It prints the
// condition, both operands and the place to stderr, and aborts. Cost: one predictable branch.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

namespace electra::detail {

[[noreturn]] void assertion_failed(const char* condition, const std::string& left, const std::string& right,
                                   const char* file, int line) noexcept;

template <typename T>
std::string operand_text(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_enum_v<T>) {
    return operand_text(static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (std::is_arithmetic_v<T>) {
    return std::to_string(value);
  } else if constexpr (std::is_convertible_v<T, std::string>) {
    return std::string(value);
  } else if constexpr (std::is_null_pointer_v<T>) {
    return "nullptr";
  } else if constexpr (std::is_pointer_v<T>) {
    return std::to_string(reinterpret_cast<std::uintptr_t>(value));
  } else {
    return "(object of " + std::to_string(sizeof(T)) + " bytes)";
  }
}

template <typename T>
inline constexpr bool kPlainInteger =
    std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char> && !std::is_same_v<T, wchar_t>;

// By value and not by bit pattern: -1 is less than 1u.
template <typename L, typename R>
constexpr bool equal(const L& left, const R& right) {
  if constexpr (kPlainInteger<L> && kPlainInteger<R>)
    return std::cmp_equal(left, right);
  else
    return left == right;
}
template <typename L, typename R>
constexpr bool less(const L& left, const R& right) {
  if constexpr (kPlainInteger<L> && kPlainInteger<R>)
    return std::cmp_less(left, right);
  else
    return left < right;
}
template <typename L, typename R>
constexpr bool less_equal(const L& left, const R& right) {
  if constexpr (kPlainInteger<L> && kPlainInteger<R>)
    return std::cmp_less_equal(left, right);
  else
    return left <= right;
}

}  // namespace electra::detail

#define ELECTRA_ASSERT(condition)                                                  \
  do {                                                                             \
    if (!(condition)) [[unlikely]]                                                 \
      ::electra::detail::assertion_failed(#condition, "", "", __FILE__, __LINE__); \
  } while (false)

#define ELECTRA_ASSERT_COMPARE(holds, sign, left, right)                                                            \
  do {                                                                                                              \
    const auto& electra_left = (left);                                                                              \
    const auto& electra_right = (right);                                                                            \
    if (!(holds(electra_left, electra_right))) [[unlikely]]                                                         \
      ::electra::detail::assertion_failed(#left " " sign " " #right, ::electra::detail::operand_text(electra_left), \
                                          ::electra::detail::operand_text(electra_right), __FILE__, __LINE__);      \
  } while (false)

#define ELECTRA_ASSERT_EQ(left, right) ELECTRA_ASSERT_COMPARE(::electra::detail::equal, "==", left, right)
#define ELECTRA_ASSERT_NE(left, right) ELECTRA_ASSERT_COMPARE(!::electra::detail::equal, "!=", left, right)
#define ELECTRA_ASSERT_LT(left, right) ELECTRA_ASSERT_COMPARE(::electra::detail::less, "<", left, right)
#define ELECTRA_ASSERT_LE(left, right) ELECTRA_ASSERT_COMPARE(::electra::detail::less_equal, "<=", left, right)
