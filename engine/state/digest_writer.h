// Feeds values into a SHA-256 in one unambiguous form: integers little endian, text and tables with their length.
#pragma once

#include <concepts>
#include <string_view>

#include "meter-proto/base/bytes.h"
#include "meter-proto/base/sha256.h"

namespace electra::state {

class DigestWriter {
 public:
  template <std::integral T>
  DigestWriter& integer(T value) {
    if (used_ + sizeof value > buffer_.size()) flush();
    std::memcpy(buffer_.data() + used_, &value, sizeof value);
    used_ += sizeof value;
    return *this;
  }
  template <typename... T>
  DigestWriter& integers(T... values) {
    (integer(values), ...);
    return *this;
  }
  // A value whose length its type fixes.
  DigestWriter& fixed(ByteSpan bytes) {
    flush();
    hash_.update(bytes);
    return *this;
  }
  DigestWriter& text(std::string_view value) {
    integer(static_cast<std::uint64_t>(value.size()));
    return fixed(bytes_of(value));
  }
  [[nodiscard]] Bytes32 finish() {
    flush();
    return hash_.finish();
  }

 private:
  void flush() {
    if (used_ != 0) hash_.update(ByteSpan(buffer_.data(), used_));
    used_ = 0;
  }

  Sha256 hash_;
  std::array<std::uint8_t, 512> buffer_;
  std::size_t used_ = 0;
};

}  // namespace electra::state
