#include "engine/electrad/meter/meter_key.h"

#include <optional>

#include "crypto-offload/software_signer.h"
#include "meter-proto/signing.h"

namespace electra::player {

MeterKey::MeterKey(std::string_view phrase, std::string_view name)
    : key_(crypto::derive_development_seed(phrase, name)) {}

client::SignFunction MeterKey::sign_function() const {
  return [this](proto::SignatureKind kind, const Bytes32& genesis_hash, std::uint64_t sequence,
                ByteSpan payload) -> std::optional<Bytes64> {
    if (payload.size() > crypto::kSignedPayloadBytesMax) return std::nullopt;
    const Bytes16 tag = proto::signing_tag(kind, genesis_hash);
    const crypto::SignItem item{.key = &key_, .tag = &tag, .sequence = sequence, .payload = payload};
    Bytes64 signature;
    crypto::sign_many({&item, 1}, {&signature, 1});
    return signature;
  };
}

}  // namespace electra::player
