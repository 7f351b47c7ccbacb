// Signing of tagged structures with one Ed25519 key.
//
// Invariant: nothing is signed but tag ‖ sequence ‖ payload, where the tag names kind and chain, so that a signature of
// one kind can never be used as another; and no signature leaves before it was verified against the signer's public
// key, so that a fault in a token or in memory cannot leak a key through a wrong signature. A signer owns its key.
// Cost with software: about 15 µs to sign and 43 µs to verify.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string_view>

#include "meter-proto/base/bytes.h"
#include "meter-proto/signing.h"

namespace electra::crypto {

// Longest payload that a signer takes, in bytes: far above every structure that Electra signs.
inline constexpr std::size_t kSignedPayloadBytesMax = 4096;

enum class SignError : std::uint8_t {
  payload_too_long,   // more than kSignedPayloadBytesMax
  self_check_failed,  // the signature made did not verify; it was destroyed
  unavailable,        // the token is gone or refuses
};

// One sentence for people.
[[nodiscard]] std::string_view sign_error_text(SignError error) noexcept;

class Signer {
 public:
  virtual ~Signer() = default;

  [[nodiscard]] virtual const Bytes32& public_key() const noexcept = 0;

  // Signature R ‖ S over proto::signing_tag(kind, genesis_hash) ‖ sequence ‖ payload. Thread-safe.
  [[nodiscard]] virtual std::expected<Bytes64, SignError> sign(proto::SignatureKind kind, const Bytes32& genesis_hash,
                                                               std::uint64_t sequence, ByteSpan payload) const = 0;
};

}  // namespace electra::crypto
