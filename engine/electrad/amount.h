// Amounts of money and instants as people write them, and back.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace electra::app {

inline constexpr std::uint64_t kUelectraPerElc = 1'000'000;

// "1500000uelectra", "1.5elc" (at most six decimals; capitals allowed). The unit is part of an amount: a bare number is
// refused, because a factor of a million hangs on it.
[[nodiscard]] std::expected<std::uint64_t, std::string> parse_amount(std::string_view text);

// "1500000uelectra"
[[nodiscard]] std::string amount_text(std::uint64_t uelectra);

// "1.5 ELC", "-0.000001 ELC": exact, without trailing zeros.
[[nodiscard]] std::string elc_text(std::int64_t uelectra);
[[nodiscard]] std::string elc_text(std::uint64_t uelectra);

// "2016-01-04T00:00:00Z" ↔ unix seconds, 1970 … 9999. UTC only.
[[nodiscard]] std::optional<std::uint64_t> parse_instant(const std::string& text);
[[nodiscard]] std::string instant_text(std::uint64_t unix_s);

// Digits only, no sign, no leading zero but "0" itself.
[[nodiscard]] std::optional<std::uint64_t> parse_whole(std::string_view text) noexcept;

}  // namespace electra::app
