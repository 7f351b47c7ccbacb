// What a message gets when its sender has first to be registered, from the backend, the reference and libsodium.
#pragma once

#include <gtest/gtest.h>
#include <sodium.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "crypto-offload/verifier.h"
#include "tests/crypto-offload/reference_ed25519.h"

namespace electra::crypto {

// The suites have the backends of this machine (backend_names()) as parameters.
inline std::string name_of_backend(const testing::TestParamInfo<std::string_view>& info) {
  return std::string(info.param);
}

inline std::unique_ptr<Verifier> verifier_or_throw(std::string_view name) {
  auto verifier = make_verifier(name);
  if (!verifier) throw std::runtime_error(verifier.error());
  return std::move(*verifier);
}

inline VerifyOutcome verify_one_raw(const Verifier& verifier, const Bytes32& public_key, ByteSpan signature,
                                    ByteSpan message) {
  const RawVerifyItem item{.public_key = public_key.data(), .signature = signature, .message = message};
  VerifyOutcome outcome;
  verifier.verify_raw({&item, 1}, {&outcome, 1});
  return outcome;
}

// An unknown key is refused before any arithmetic, so the verdict of a message whose key cannot be registered is known.
inline bool accepts_registered(const Verifier& verifier, const Bytes32& public_key, ByteSpan signature,
                               ByteSpan message) {
  return verifier.check_key(public_key) && verify_one_raw(verifier, public_key, signature, message).valid;
}

inline bool libsodium_accepts(const Bytes32& public_key, ByteSpan signature, ByteSpan message) {
  return signature.size() == 64 &&
         crypto_sign_verify_detached(signature.data(), message.data(), message.size(), public_key.data()) == 0;
}

inline Bytes32 expected_id(const Bytes32& public_key, ByteSpan signature, ByteSpan message) {
  if (signature.size() != 64) return {};
  std::vector<std::uint8_t> assembled(signature.begin(), signature.begin() + 32);
  assembled.insert(assembled.end(), public_key.begin(), public_key.end());
  assembled.insert(assembled.end(), message.begin(), message.end());
  Bytes64 hash;
  crypto_hash_sha512(hash.data(), assembled.data(), assembled.size());
  return *array_of<32>(ByteSpan(hash).first(32));
}

}  // namespace electra::crypto
