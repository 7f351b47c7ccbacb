#include "engine/electrad/meter/meter_key.h"

#include <sodium.h>

#include <optional>

#include "crypto-offload/software_signer.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/signing.h"

namespace electra::player {
namespace {

constexpr std::size_t kSigningBytesMax = proto::kSigningPrefixBytes + strict::kFrameBytesMax;

}  // namespace

MeterKey::MeterKey(std::string_view phrase, std::string_view name) {
  ELECTRA_ASSERT(sodium_init() >= 0);
  const Bytes32 seed = crypto::derive_development_seed(phrase, name);
  crypto_sign_ed25519_seed_keypair(public_key_.data(), secret_key_.data(), seed.data());
}

Bytes64 MeterKey::sign(ByteSpan signing_bytes) const {
  Bytes64 signature{};
  crypto_sign_ed25519_detached(signature.data(), nullptr, signing_bytes.data(), signing_bytes.size(),
                               secret_key_.data());
  return signature;
}

client::SignFunction MeterKey::sign_function() const {
  return [this](proto::SignatureKind kind, const Bytes32& genesis_hash, std::uint64_t sequence,
                ByteSpan payload) -> std::optional<Bytes64> {
    std::array<std::uint8_t, kSigningBytesMax> buffer;
    if (proto::kSigningPrefixBytes + payload.size() > buffer.size()) return std::nullopt;
    return sign(proto::signing_bytes(proto::signing_tag(kind, genesis_hash), sequence, payload, buffer));
  };
}

client::SignFunction MeterKey::sign_function(Bytes32& id) const {
  return [this, &id](proto::SignatureKind kind, const Bytes32& genesis_hash, std::uint64_t sequence,
                     ByteSpan payload) -> std::optional<Bytes64> {
    std::array<std::uint8_t, kSigningBytesMax> buffer;
    if (proto::kSigningPrefixBytes + payload.size() > buffer.size()) return std::nullopt;
    const ByteSpan bytes = proto::signing_bytes(proto::signing_tag(kind, genesis_hash), sequence, payload, buffer);
    const Bytes64 signature = sign(bytes);
    id = proto::message_id(public_key_, signature, bytes);
    return signature;
  };
}

}  // namespace electra::player
