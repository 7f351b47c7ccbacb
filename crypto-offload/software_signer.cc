#include "crypto-offload/software_signer.h"

#include <sodium.h>

#include <array>

#include "crypto-offload/sodium/library.h"
#include "meter-proto/base/sha256.h"

namespace electra::crypto {

SoftwareSigner::SoftwareSigner(const Bytes32& seed) {
  sodium::require_library();
  static_assert(sizeof(secret_key_) == crypto_sign_SECRETKEYBYTES);
  crypto_sign_seed_keypair(public_key_.data(), secret_key_.data(), seed.data());
}

SoftwareSigner::~SoftwareSigner() { sodium_memzero(secret_key_.data(), secret_key_.size()); }

std::expected<Bytes64, SignError> SoftwareSigner::sign(proto::SignatureKind kind, const Bytes32& genesis_hash,
                                                       std::uint64_t sequence, ByteSpan payload) const {
  if (payload.size() > kSignedPayloadBytesMax) return std::unexpected(SignError::payload_too_long);

  std::array<std::uint8_t, proto::kSigningPrefixBytes + kSignedPayloadBytesMax> buffer;
  const ByteSpan message = proto::signing_bytes(proto::signing_tag(kind, genesis_hash), sequence, payload, buffer);

  Bytes64 signature;
  crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(), secret_key_.data());
  if (crypto_sign_verify_detached(signature.data(), message.data(), message.size(), public_key_.data()) != 0) {
    sodium_memzero(signature.data(), signature.size());
    return std::unexpected(SignError::self_check_failed);
  }
  return signature;
}

Bytes32 derive_development_seed(std::string_view phrase, std::string_view name) {
  constexpr std::string_view kDomain = "electra/development-key/1";
  std::array<std::uint8_t, 4> length;
  store_le32(length.data(), static_cast<std::uint32_t>(phrase.size()));
  return Sha256().update(kDomain).update(length).update(phrase).update(name).finish();
}

}  // namespace electra::crypto
