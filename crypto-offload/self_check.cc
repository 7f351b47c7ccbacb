#include "crypto-offload/self_check.h"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "crypto-offload/sodium/library.h"
#include "meter-proto/base/assert.h"

namespace electra::crypto {
namespace {

constexpr std::size_t kPointBytes = 32;
constexpr std::size_t kMessageAt = 2 * kPointBytes;  // in R ‖ A ‖ M

}  // namespace

std::expected<void, std::string> self_check(const Verifier& verifier) {
  sodium::require_library();
  // A signature made by hand, so that R may carry a defect of order 8: with r = 7 and a = 9,
  // R = [7]B + T, A = [9]B, S = 7 + 9h. Without the cofactor it is valid just if T is the identity.
  static constexpr Bytes32 kSeven = {7};
  static constexpr Bytes32 kNine = {9};
  static constexpr Bytes32 kIdentity = {1};
  static constexpr Bytes32 kOrder8 = {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
                                      0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
                                      0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05};
  static constexpr std::array<std::uint8_t, 4> kMessage = {'s', 'e', 'l', 'f'};

  const auto accepts = [&](const Bytes32& defect) {
    std::array<std::uint8_t, kMessageAt + kMessage.size()> assembled{};
    std::uint8_t* const r = assembled.data();
    std::uint8_t* const a = assembled.data() + kPointBytes;
    Bytes32 base_multiple;
    bool made = crypto_scalarmult_ed25519_base_noclamp(base_multiple.data(), kSeven.data()) == 0;
    made = crypto_core_ed25519_add(r, base_multiple.data(), defect.data()) == 0 && made;
    made = crypto_scalarmult_ed25519_base_noclamp(a, kNine.data()) == 0 && made;
    ELECTRA_ASSERT(made);
    std::ranges::copy(kMessage, assembled.begin() + kMessageAt);

    Bytes64 hash;
    Bytes32 h;
    crypto_hash_sha512(hash.data(), assembled.data(), assembled.size());
    crypto_core_ed25519_scalar_reduce(h.data(), hash.data());
    Bytes64 signature{};
    std::copy_n(r, kPointBytes, signature.data());
    crypto_core_ed25519_scalar_mul(h.data(), h.data(), kNine.data());
    crypto_core_ed25519_scalar_add(signature.data() + kPointBytes, h.data(), kSeven.data());

    const RawVerifyItem item{.public_key = a, .signature = signature, .message = kMessage};
    VerifyOutcome outcome;
    verifier.verify_raw({&item, 1}, {&outcome, 1});
    return outcome.valid;
  };

  std::string who = "the verifier " + std::string(verifier.name());
  if (verifier.name() == "sodium") who += std::string(" (libsodium ") + sodium_version_string() + ")";
  if (!accepts(kIdentity)) return std::unexpected(who + " refuses a good signature");
  if (accepts(kOrder8)) {
    return std::unexpected(who + " verifies with the cofactor; Electra's rule is without");
  }
  return {};
}

}  // namespace electra::crypto
