#include "engine/electrad/amount.h"

#include <fmt/format.h>

#include <charconv>
#include <ctime>
#include <limits>

#include "meter-proto/base/checked.h"

namespace electra::app {
namespace {

constexpr std::size_t kDecimalsMax = 6;  // of one ELC: the smallest unit is 1 uelectra

bool equal_ignoring_case(std::string_view text, std::string_view lower) noexcept {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char letter = (text[i] >= 'A' && text[i] <= 'Z') ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
    if (letter != lower[i]) return false;
  }
  return true;
}

}  // namespace

std::optional<std::uint64_t> parse_whole(std::string_view text) noexcept {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::expected<std::uint64_t, std::string> parse_amount(std::string_view text) {
  const std::string_view number = text.substr(0, text.find_first_not_of("0123456789."));
  const std::string_view unit = text.substr(number.size());
  const bool in_elc = equal_ignoring_case(unit, "elc");
  if (unit.empty()) {
    return std::unexpected(fmt::format("\"{}\" has no unit: write {}uelectra or {}elc", text, text, text));
  }
  if (!in_elc && unit != "uelectra") {
    return std::unexpected(fmt::format("\"{}\" is not in uelectra or elc, the only token there is", text));
  }
  const std::string_view whole = number.substr(0, number.find('.'));
  std::string decimals;
  if (whole.size() < number.size()) {
    decimals = number.substr(whole.size() + 1);
    const bool digits_only = decimals.find('.') == std::string::npos;
    if (!in_elc || decimals.empty() || decimals.size() > kDecimalsMax || !digits_only) {
      return std::unexpected(
          fmt::format("\"{}\" is not an amount: whole uelectra, or elc with at most six decimals", text));
    }
  }
  const auto units = parse_whole(whole);
  if (!units) return std::unexpected(fmt::format("\"{}\" is not an amount such as 1500000uelectra or 1.5elc", text));
  if (!in_elc) return *units;

  decimals.resize(kDecimalsMax, '0');
  std::uint64_t fraction = 0;
  std::from_chars(decimals.data(), decimals.data() + decimals.size(), fraction);
  const u128 total = static_cast<u128>(*units) * kUelectraPerElc + fraction;
  if (total > std::numeric_limits<std::uint64_t>::max()) {
    return std::unexpected(fmt::format("\"{}\" is more than 64 bits of uelectra hold", text));
  }
  return static_cast<std::uint64_t>(total);
}

std::string amount_text(std::uint64_t uelectra) { return fmt::format("{}uelectra", uelectra); }

std::string elc_text(std::uint64_t uelectra) {
  std::string text = fmt::format("{}.{:06}", uelectra / kUelectraPerElc, uelectra % kUelectraPerElc);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + " ELC";
}

std::string elc_text(std::int64_t uelectra) {
  if (uelectra >= 0) return elc_text(static_cast<std::uint64_t>(uelectra));
  return "-" + elc_text(std::uint64_t{0} - static_cast<std::uint64_t>(uelectra));
}

std::optional<std::uint64_t> parse_instant(const std::string& text) {
  std::tm parts{};
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  const std::time_t seconds = timegm(&parts);
  if (seconds < 0) return std::nullopt;
  // strptime takes blanks, single digits and 31 February; only the one spelling of an instant is allowed.
  const auto instant = static_cast<std::uint64_t>(seconds);
  if (instant_text(instant) != text) return std::nullopt;
  return instant;
}

std::string instant_text(std::uint64_t unix_s) {
  const auto seconds = static_cast<std::time_t>(unix_s);
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return std::to_string(unix_s);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace electra::app
