#include "io/snapshot/snapshot_format.h"

#include <charconv>
#include <cstdio>

#include "meter-proto/base/sha256.h"

namespace electra::io {
namespace {

constexpr std::size_t kDigits = 12;
constexpr std::string_view kSuffix = ".snap";

}  // namespace

Bytes32 compute_header_hash(const SnapshotHeader& header) noexcept {
  return sha256(ByteSpan(reinterpret_cast<const std::uint8_t*>(&header), offsetof(SnapshotHeader, header_hash)));
}

std::filesystem::path snapshot_name(std::uint64_t batch) {
  std::array<char, 32> name{};
  const int length = std::snprintf(name.data(), name.size(), "%012llu.snap", static_cast<unsigned long long>(batch));
  return std::string(name.data(), static_cast<std::size_t>(length));
}

std::optional<std::uint64_t> parse_snapshot_name(std::string_view name) noexcept {
  if (name.size() != kDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  const std::string_view digits = name.substr(0, kDigits);
  std::uint64_t batch = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), batch);
  if (error != std::errc{} || end != digits.data() + digits.size() || batch == 0) return std::nullopt;
  return batch;
}

}  // namespace electra::io
