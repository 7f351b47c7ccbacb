// The key of a simulated meter, derived from a printed phrase.
//
// Unlike crypto::SoftwareSigner it does not verify what it signed: a load generator signs as many messages as the gateway
// verifies, on the same machine, its keys are public knowledge anyway, and the gateway's verdict is the check. It signs
// the same tagged structures and nothing else. Cost: about 15 µs a signature.
#pragma once

#include <cstdint>
#include <string_view>

#include "meter-proto/base/bytes.h"
#include "meter-proto/client/message.h"

namespace electra::player {

class MeterKey {
 public:
  // crypto::derive_development_seed(phrase, name) is the private key.
  MeterKey(std::string_view phrase, std::string_view name);

  [[nodiscard]] const Bytes32& public_key() const noexcept { return public_key_; }

  // Signs for hello and messages. The key must outlive the function.
  [[nodiscard]] client::SignFunction sign_function() const;

  // The same, and leaves the message's id in `id`, which must outlive the function.
  [[nodiscard]] client::SignFunction sign_function(Bytes32& id) const;

 private:
  [[nodiscard]] Bytes64 sign(ByteSpan signing_bytes) const;

  Bytes32 public_key_{};
  Bytes64 secret_key_{};  // libsodium's: seed ‖ public key
};

}  // namespace electra::player
