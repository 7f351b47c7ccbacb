#include "meter-proto/base/bytes.h"

namespace electra {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

int digit_value(char digit) noexcept {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

}  // namespace

std::string to_hex(ByteSpan bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

bool from_hex(std::string_view text, MutableByteSpan out) noexcept {
  if (text.size() != out.size() * 2) return false;
  for (std::size_t index = 0; index < out.size(); ++index) {
    const int high = digit_value(text[index * 2]);
    const int low = digit_value(text[index * 2 + 1]);
    if (high < 0 || low < 0) return false;
    out[index] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::vector<std::uint8_t> bytes(text.size() / 2);
  if (!from_hex(text, bytes)) return std::nullopt;
  return bytes;
}

}  // namespace electra
