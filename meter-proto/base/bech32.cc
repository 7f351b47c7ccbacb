#include "meter-proto/base/bech32.h"

#include "meter-proto/base/assert.h"

namespace electra {
namespace {

constexpr std::string_view kAlphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
constexpr std::size_t kTextMax = 90;
constexpr std::size_t kChecksumCharacters = 6;

// One step of the BCH code's remainder.
std::uint32_t checksum_step(std::uint32_t remainder, std::uint8_t value) noexcept {
  constexpr std::array<std::uint32_t, 5> kGenerator = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
  const std::uint32_t top = remainder >> 25;
  remainder = ((remainder & 0x1ffffff) << 5) ^ value;
  for (std::size_t bit = 0; bit < kGenerator.size(); ++bit) {
    if ((top >> bit) & 1) remainder ^= kGenerator[bit];
  }
  return remainder;
}

std::uint32_t checksum_of_prefix(std::string_view prefix) noexcept {
  std::uint32_t remainder = 1;
  for (const char letter : prefix) remainder = checksum_step(remainder, static_cast<std::uint8_t>(letter >> 5));
  remainder = checksum_step(remainder, 0);
  for (const char letter : prefix) remainder = checksum_step(remainder, static_cast<std::uint8_t>(letter & 31));
  return remainder;
}

}  // namespace

std::string bech32_encode(std::string_view prefix, ByteSpan bytes) {
  std::string text(prefix);
  text.push_back('1');
  std::uint32_t remainder = checksum_of_prefix(prefix);
  const auto put = [&](std::uint8_t value) {
    remainder = checksum_step(remainder, value);
    text.push_back(kAlphabet[value]);
  };
  std::uint32_t bits = 0;
  unsigned bit_count = 0;
  for (const std::uint8_t byte : bytes) {
    bits = (bits << 8) | byte;
    for (bit_count += 8; bit_count >= 5; bit_count -= 5) put((bits >> (bit_count - 5)) & 31);
  }
  if (bit_count > 0) put((bits << (5 - bit_count)) & 31);

  for (std::size_t index = 0; index < kChecksumCharacters; ++index) remainder = checksum_step(remainder, 0);
  remainder ^= 1;
  for (std::size_t index = 0; index < kChecksumCharacters; ++index) {
    text.push_back(kAlphabet[(remainder >> (5 * (kChecksumCharacters - 1 - index))) & 31]);
  }
  ELECTRA_ASSERT_LE(text.size(), kTextMax);
  return text;
}

std::expected<Bech32, std::string> bech32_decode(std::string_view text) {
  if (text.size() > kTextMax) return std::unexpected("longer than 90 characters");
  std::string lower;
  bool has_upper = false;
  bool has_lower = false;
  for (const char letter : text) {
    if (letter < 33 || letter > 126) return std::unexpected("a character outside printable ASCII");
    const bool upper = letter >= 'A' && letter <= 'Z';
    has_upper |= upper;
    has_lower |= letter >= 'a' && letter <= 'z';
    lower.push_back(upper ? static_cast<char>(letter - 'A' + 'a') : letter);
  }
  if (has_upper && has_lower) return std::unexpected("upper and lower case are mixed");
  const std::size_t separator = lower.rfind('1');
  if (separator == std::string::npos) return std::unexpected("no separator \"1\"");
  if (separator == 0) return std::unexpected("the prefix is empty");
  if (lower.size() - separator - 1 < kChecksumCharacters) return std::unexpected("too short for a checksum");

  Bech32 result;
  result.prefix = lower.substr(0, separator);
  std::uint32_t remainder = checksum_of_prefix(result.prefix);
  for (const char letter : std::string_view(lower).substr(separator + 1)) {
    const std::size_t value = kAlphabet.find(letter);
    if (value == std::string_view::npos) return std::unexpected("a character outside the bech32 alphabet");
    result.values.push_back(static_cast<std::uint8_t>(value));
    remainder = checksum_step(remainder, result.values.back());
  }
  if (remainder != 1) return std::unexpected("the checksum does not match: a character is wrong");
  result.values.resize(result.values.size() - kChecksumCharacters);
  return result;
}

std::expected<std::vector<std::uint8_t>, std::string> bech32_bytes(std::span<const std::uint8_t> values) {
  std::vector<std::uint8_t> bytes;
  std::uint32_t bits = 0;
  unsigned bit_count = 0;
  for (const std::uint8_t value : values) {
    bits = ((bits << 5) | value) & 0xfff;
    bit_count += 5;
    if (bit_count >= 8) {
      bit_count -= 8;
      bytes.push_back(static_cast<std::uint8_t>(bits >> bit_count));
    }
  }
  if (bit_count > 4) return std::unexpected("a superfluous character at the end");
  if ((bits & ((1u << bit_count) - 1)) != 0) return std::unexpected("padding bits are not zero");
  return bytes;
}

}  // namespace electra
