// Reads a leaf back, field by field, in the order in which LeafWriter put the fields; and how people are told what is wrong.
//
// Never reads beyond the bytes: what is missing is read as zero, and good() says so at the end. Nothing that was read may be
// used, beyond a comparison, before good() was asked.
#pragma once

#include <concepts>
#include <cstring>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "meter-proto/base/bytes.h"

namespace electra::state {

// Nothing, or what is wrong with a leaf, as the end of a sentence that began with table and index.
using LeafCheck = std::expected<void, std::string>;

[[nodiscard]] inline std::unexpected<std::string> wrong_leaf(std::string text) {
  return std::unexpected(std::move(text));
}
// "asset is 7; it must be 1..2"
template <std::integral T>
[[nodiscard]] std::unexpected<std::string> wrong_field(std::string_view field, T value, std::string_view rule) {
  return wrong_leaf(std::string(field) + " is " + std::to_string(value) + "; it must be " + std::string(rule));
}
template <std::integral T, std::integral U>
[[nodiscard]] std::unexpected<std::string> wrong_field(std::string_view field, T value, U must_be) {
  return wrong_field(field, value, std::string_view(std::to_string(must_be)));
}

class LeafReader {
 public:
  explicit LeafReader(ByteSpan bytes) noexcept : rest_(bytes) {}

  // A bool is a byte 0 or 1.
  template <std::integral... T>
  void integers(T&... values) noexcept {
    (integer(values), ...);
  }
  // Records without padding, as they will lie in memory.
  template <typename T>
  void records(std::span<T> values) noexcept {
    static_assert(std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>);
    take(values.data(), values.size_bytes());
  }

  // Every byte was read, none was missing, and every flag was one.
  [[nodiscard]] bool good() const noexcept { return good_ && rest_.empty(); }

 private:
  template <std::integral T>
  void integer(T& value) noexcept {
    if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t byte = 0;
      take(&byte, 1);
      good_ &= byte <= 1;
      value = byte == 1;
    } else {
      take(&value, sizeof value);
    }
  }
  void take(void* to, std::size_t size) noexcept {
    if (rest_.size() < size) {
      good_ = false;
      std::memset(to, 0, size);
      rest_ = {};
      return;
    }
    std::memcpy(to, rest_.data(), size);
    rest_ = rest_.subspan(size);
  }

  ByteSpan rest_;
  bool good_ = true;
};

}  // namespace electra::state
