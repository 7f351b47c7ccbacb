// The grain of the strict decoder: a cursor that reads canonical protobuf and nothing else.
//
// Canonical means what the official libraries write: fields in ascending order, each at most once, minimal varints, zero
// scalars absent. A decoder asks for its fields in order and at the end whether everything was consumed; that alone
// refuses duplicate, misordered and unknown fields, because they are left over. Once something is wrong the cursor stays
// failed, so a decoder checks once, at the end. No allocation; views point into the input.
#pragma once

#include "meter-proto/base/bytes.h"

namespace electra::strict {

enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2 };

// All fields of the strict messages have numbers below 16, so a tag is one byte.
[[nodiscard]] constexpr std::uint8_t field_tag(std::uint32_t field, WireType type) noexcept {
  return static_cast<std::uint8_t>((field << 3) | static_cast<std::uint32_t>(type));
}

class Reader {
 public:
  explicit Reader(ByteSpan bytes) noexcept : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  // Good so far, and every byte was read.
  [[nodiscard]] bool done() const noexcept { return good_ && at_ == end_; }
  [[nodiscard]] bool good() const noexcept { return good_; }

  // True, and the tag is consumed, when the next field is this one.
  [[nodiscard]] bool take(std::uint8_t tag) noexcept {
    if (at_ == end_ || *at_ != tag) return false;
    ++at_;
    return true;
  }

  // Consumes and returns the next tag, whatever it is; 0, which is no tag, at the end.
  [[nodiscard]] std::uint8_t next_tag() noexcept { return at_ == end_ ? std::uint8_t{0} : *at_++; }

  // A scalar: 0 when absent. A zero that was written out fails.
  template <std::uint32_t kField>
  [[nodiscard]] std::uint64_t uint64() noexcept {
    if (!take(field_tag(kField, WireType::varint))) return 0;
    const std::uint64_t value = varint();
    if (value == 0) good_ = false;
    return value;
  }
  template <std::uint32_t kField>
  [[nodiscard]] std::uint32_t uint32() noexcept {
    const std::uint64_t value = uint64<kField>();
    if (value > UINT32_MAX) good_ = false;
    return static_cast<std::uint32_t>(value);
  }
  template <std::uint32_t kField>
  [[nodiscard]] bool boolean() noexcept {
    const std::uint64_t value = uint64<kField>();
    if (value > 1) good_ = false;
    return value != 0;
  }
  template <std::uint32_t kField>
  [[nodiscard]] std::uint64_t fixed64() noexcept {
    if (!take(field_tag(kField, WireType::fixed64))) return 0;
    if (end_ - at_ < 8) return fail();
    const std::uint64_t value = load_le64(at_);
    at_ += 8;
    if (value == 0) good_ = false;
    return value;
  }
  // A bytes or string field: empty when absent. An empty one that was written out fails.
  template <std::uint32_t kField>
  [[nodiscard]] ByteSpan bytes() noexcept {
    if (!take(field_tag(kField, WireType::bytes))) return {};
    const ByteSpan value = counted();
    if (value.empty()) good_ = false;
    return value;
  }

  // A length and that many bytes. Unlike the above it may be empty: a sub-message, whose tag the caller took.
  [[nodiscard]] ByteSpan counted() noexcept {
    const std::uint64_t length = varint();
    if (length > static_cast<std::uint64_t>(end_ - at_)) {
      (void)fail();
      return {};
    }
    const ByteSpan value{at_, static_cast<std::size_t>(length)};
    at_ += length;
    return value;
  }

 private:
  std::uint64_t fail() noexcept {
    good_ = false;
    at_ = end_;
    return 0;
  }

  // At most ten bytes; the last one is not zero (minimal) and the value fits into 64 bits.
  std::uint64_t varint() noexcept {
    if (at_ == end_) return fail();
    std::uint64_t value = *at_++;
    if (value < 0x80) return value;
    value &= 0x7f;
    for (unsigned shift = 7; shift < 64; shift += 7) {
      if (at_ == end_) return fail();
      const std::uint64_t byte = *at_++;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (byte == 0 || (shift == 63 && byte > 1)) return fail();
        return value;
      }
    }
    return fail();
  }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  bool good_ = true;
};

}  // namespace electra::strict
