#include "meter-proto/address.h"

#include "meter-proto/base/bech32.h"
#include "meter-proto/base/sha256.h"

namespace electra::proto {

Bytes20 address_of(const Bytes32& public_key) noexcept {
  const Bytes32 digest = sha256(public_key);
  Bytes20 address;
  std::copy_n(digest.begin(), address.size(), address.begin());
  return address;
}

std::string address_text(const Bytes20& address) { return bech32_encode(kAddressPrefix, address); }

std::expected<Bytes20, std::string> parse_address(std::string_view text) {
  const auto fail = [&](const std::string& why) {
    return std::unexpected(std::string("\"").append(text.substr(0, 100)).append("\" is not an address: ").append(why));
  };
  const auto decoded = bech32_decode(text);
  if (!decoded) return fail(decoded.error());
  if (decoded->prefix != kAddressPrefix) return fail("it does not begin with \"electra1\"");
  const auto bytes = bech32_bytes(decoded->values);
  if (!bytes) return fail(bytes.error());
  const auto address = array_of<20>(*bytes);
  if (!address) return fail("it has " + std::to_string(bytes->size()) + " bytes, not 20");
  return *address;
}

}  // namespace electra::proto
