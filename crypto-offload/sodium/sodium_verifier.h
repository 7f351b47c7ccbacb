// The libsodium backend: one signature after another, any x86-64. The oracle for the faster backends.
//
// The bytes that the rule refuses outright (S ≥ L, small-order R, non-canonical A) are checked by our own code;
// libsodium 1.0.18 then does what the rule says, cofactorless: it compares the encoding of [S]B − [h]A with R. Later
// releases of libsodium multiply by the cofactor, which is another predicate: self_check.h notices.
#pragma once

#include "crypto-offload/verifier.h"

namespace electra::crypto::sodium {

class SodiumVerifier final : public Verifier {
 public:
  SodiumVerifier();

  [[nodiscard]] std::string_view name() const noexcept override { return "sodium"; }
  [[nodiscard]] bool check_key(const Bytes32& public_key) const override;
  void verify(std::span<const VerifyItem> items, std::span<VerifyOutcome> outcomes) const override;
  void verify_raw(std::span<const RawVerifyItem> items, std::span<VerifyOutcome> outcomes) const override;
};

}  // namespace electra::crypto::sodium
