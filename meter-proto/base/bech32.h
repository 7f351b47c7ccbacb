// Bech32 (BIP 173): text with a prefix and a checksum that finds any four wrong characters.
//
// Bytes in, text out, and back. Text is written in lower case; either case is read, a mixture is refused. At most 90
// characters.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "meter-proto/base/bytes.h"

namespace electra {

// prefix ‖ "1" ‖ bytes in groups of five bits ‖ six characters of checksum. The prefix is lower case and not empty; prefix
// and bytes together fit in 90 characters (asserted).
[[nodiscard]] std::string bech32_encode(std::string_view prefix, ByteSpan bytes);

struct Bech32 {
  std::string prefix;
  std::vector<std::uint8_t> values;  // groups of five bits, checksum removed
};

// The error is one sentence for people.
[[nodiscard]] std::expected<Bech32, std::string> bech32_decode(std::string_view text);

// Groups of five bits to bytes; refused when padding is longer than four bits or not zero.
[[nodiscard]] std::expected<std::vector<std::uint8_t>, std::string> bech32_bytes(std::span<const std::uint8_t> values);

}  // namespace electra
