// The name of a key holder: the first 20 bytes of SHA-256 of its first public key, written electra1….
//
// It never changes, whatever keys follow. On the wire it is 20 bytes, for people it is bech32.
#pragma once

#include <expected>
#include <string>

#include "meter-proto/base/bytes.h"

namespace electra::proto {

inline constexpr std::string_view kAddressPrefix = "electra";

[[nodiscard]] Bytes20 address_of(const Bytes32& public_key) noexcept;

// 46 characters, "electra1…".
[[nodiscard]] std::string address_text(const Bytes20& address);

// The error is one sentence for people that says what is wrong with the text.
[[nodiscard]] std::expected<Bytes20, std::string> parse_address(std::string_view text);

}  // namespace electra::proto
