// The key of a simulated meter, derived from a printed phrase.
//
// Unlike crypto::SoftwareSigner it does not verify what it signed: a load generator signs as many messages as the gateway
// verifies, on the same machine, its keys are public knowledge anyway, and the gateway's verdict is the check. It signs
// the same tagged structures and nothing else. Cost: 8 to 15 µs for a signature alone; many together take less
// (crypto-offload/batch_signer.h), and ReadingBatch signs so.
#pragma once

#include <string_view>

#include "crypto-offload/batch_signer.h"
#include "meter-proto/base/bytes.h"
#include "meter-proto/client/message.h"

namespace electra::player {

class MeterKey {
 public:
  // crypto::derive_development_seed(phrase, name) is the private key.
  MeterKey(std::string_view phrase, std::string_view name);

  [[nodiscard]] const Bytes32& public_key() const noexcept { return key_.public_key(); }

  // For crypto::sign_many.
  [[nodiscard]] const crypto::ExpandedKey& expanded() const noexcept { return key_; }

  // Signs for hello and messages. The key must outlive the function.
  [[nodiscard]] client::SignFunction sign_function() const;

 private:
  crypto::ExpandedKey key_;
};

}  // namespace electra::player
