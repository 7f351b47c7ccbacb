// Appends values to a leaf in the one form that all leaves have: integers little endian, of their type's width.
#pragma once

#include <concepts>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "meter-proto/base/bytes.h"

namespace electra::state {

class LeafWriter {
 public:
  explicit LeafWriter(std::vector<std::uint8_t>& out) noexcept : out_(out) {}

  template <std::integral... T>
  LeafWriter& integers(T... values) {
    (append(&values, sizeof values), ...);
    return *this;
  }
  // A value whose length its type or the state's parameters fix.
  LeafWriter& fixed(ByteSpan bytes) {
    append(bytes.data(), bytes.size());
    return *this;
  }
  LeafWriter& text(std::string_view value) {
    integers(static_cast<std::uint32_t>(value.size()));
    return fixed(bytes_of(value));
  }
  // Records without padding, as they lie in memory.
  template <typename T>
  LeafWriter& records(std::span<const T> values) {
    static_assert(std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>);
    append(values.data(), values.size_bytes());
    return *this;
  }

 private:
  void append(const void* from, std::size_t size) {
    const auto* bytes = static_cast<const std::uint8_t*>(from);
    out_.insert(out_.end(), bytes, bytes + size);
  }

  std::vector<std::uint8_t>& out_;
};

}  // namespace electra::state
