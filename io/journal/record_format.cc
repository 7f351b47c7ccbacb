#include "io/journal/record_format.h"

#include <charconv>
#include <cstdio>

#include "meter-proto/base/sha256.h"

namespace electra::io {
namespace {

constexpr std::size_t kSegmentDigits = 12;
constexpr std::string_view kSegmentSuffix = ".seg";

}  // namespace

Bytes32 compute_record_hash(const RecordHeader& header) noexcept {
  return sha256(ByteSpan(reinterpret_cast<const std::uint8_t*>(&header), offsetof(RecordHeader, record_hash)));
}

std::filesystem::path segment_name(std::uint64_t segment) {
  std::array<char, 32> name{};
  const int length = std::snprintf(name.data(), name.size(), "%012llu.seg", static_cast<unsigned long long>(segment));
  return std::string(name.data(), static_cast<std::size_t>(length));
}

std::optional<std::uint64_t> parse_segment_name(std::string_view name) noexcept {
  if (name.size() != kSegmentDigits + kSegmentSuffix.size() || !name.ends_with(kSegmentSuffix)) return std::nullopt;
  const std::string_view digits = name.substr(0, kSegmentDigits);
  std::uint64_t segment = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), segment);
  if (error != std::errc{} || end != digits.data() + digits.size() || segment == 0) return std::nullopt;
  return segment;
}

bool body_is_well_formed(ByteSpan body, std::uint32_t count) noexcept {
  EntryCursor cursor(body);
  ByteSpan envelope;
  std::uint64_t bytes = 0;
  std::uint32_t entries = 0;
  for (; cursor.next(envelope); ++entries) bytes += kEntryLengthBytes + envelope.size();
  return entries == count && bytes == body.size();
}

bool EntryCursor::next(ByteSpan& envelope) noexcept {
  if (rest_.size() < kEntryLengthBytes) return false;
  const std::size_t length = load_le16(rest_.data());
  if (length == 0 || length > rest_.size() - kEntryLengthBytes) return false;
  envelope = rest_.subspan(kEntryLengthBytes, length);
  rest_ = rest_.subspan(kEntryLengthBytes + length);
  return true;
}

}  // namespace electra::io
