// A signer whose key is in this process: for development chains, simulated meters and tests.
//
// The seed is expanded once, in the constructor; the secret lives in this object only and is wiped with it. Signing is
// deterministic (RFC 8032), so a message that is signed again after a restart has the same bytes.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

#include "crypto-offload/signer.h"

namespace electra::crypto {

class SoftwareSigner final : public Signer {
 public:
  // The 32-byte seed is the private key of RFC 8032 section 5.1.5. The caller wipes its copy.
  explicit SoftwareSigner(const Bytes32& seed);
  ~SoftwareSigner() override;
  SoftwareSigner(const SoftwareSigner&) = delete;
  SoftwareSigner& operator=(const SoftwareSigner&) = delete;

  [[nodiscard]] const Bytes32& public_key() const noexcept override { return public_key_; }

  [[nodiscard]] std::expected<Bytes64, SignError> sign(proto::SignatureKind kind, const Bytes32& genesis_hash,
                                                       std::uint64_t sequence, ByteSpan payload) const override;

 private:
  Bytes32 public_key_{};
  Bytes64 secret_key_{};  // seed ‖ public key
};

// The seed of a development key: SHA-256("electra/development-key/1" ‖ length of the phrase as 4 bytes, little endian ‖
// phrase ‖ name). Anyone who knows the phrase has every key: never for real meters.
[[nodiscard]] Bytes32 derive_development_seed(std::string_view phrase, std::string_view name);

}  // namespace electra::crypto
