// Bytes and how they are written for people.
//
// Fixed-size values (hashes, keys, addresses) are arrays and travel by value; everything else is a view that owns
// nothing. Integers on the wire and on disk are little endian. Hex is written in lower case and read in either.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace electra {

static_assert(std::endian::native == std::endian::little, "loads and stores below are plain copies");

using Bytes16 = std::array<std::uint8_t, 16>;
using Bytes20 = std::array<std::uint8_t, 20>;
using Bytes32 = std::array<std::uint8_t, 32>;
using Bytes64 = std::array<std::uint8_t, 64>;
using ByteSpan = std::span<const std::uint8_t>;
using MutableByteSpan = std::span<std::uint8_t>;

// Views of the same memory, no copy.
[[nodiscard]] inline ByteSpan bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view text_of(ByteSpan bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Copy into a fixed-size value; nothing when the length differs.
template <std::size_t kSize>
[[nodiscard]] std::optional<std::array<std::uint8_t, kSize>> array_of(ByteSpan bytes) noexcept {
  if (bytes.size() != kSize) return std::nullopt;
  std::array<std::uint8_t, kSize> out;
  std::copy_n(bytes.data(), kSize, out.begin());
  return out;
}

[[nodiscard]] inline bool equal_bytes(ByteSpan left, ByteSpan right) noexcept {
  return left.size() == right.size() && std::equal(left.begin(), left.end(), right.begin());
}

// The caller guarantees that the integer's bytes are there.
[[nodiscard]] inline std::uint16_t load_le16(const std::uint8_t* from) noexcept {
  std::uint16_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
[[nodiscard]] inline std::uint32_t load_le32(const std::uint8_t* from) noexcept {
  std::uint32_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
[[nodiscard]] inline std::uint64_t load_le64(const std::uint8_t* from) noexcept {
  std::uint64_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
inline void store_le16(std::uint8_t* to, std::uint16_t value) noexcept { std::memcpy(to, &value, sizeof value); }
inline void store_le32(std::uint8_t* to, std::uint32_t value) noexcept { std::memcpy(to, &value, sizeof value); }
inline void store_le64(std::uint8_t* to, std::uint64_t value) noexcept { std::memcpy(to, &value, sizeof value); }

// Two lower-case digits a byte, no prefix.
[[nodiscard]] std::string to_hex(ByteSpan bytes);

// Nothing when a character is no hex digit or their number is odd. No prefix, no white space.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text);

// The same into a value of fixed size: false (and `out` unspecified) unless the text has exactly out.size() bytes.
[[nodiscard]] bool from_hex(std::string_view text, MutableByteSpan out) noexcept;

}  // namespace electra
