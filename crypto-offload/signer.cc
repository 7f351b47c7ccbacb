#include "crypto-offload/signer.h"

namespace electra::crypto {

std::string_view sign_error_text(SignError error) noexcept {
  switch (error) {
    case SignError::payload_too_long:  return "the payload is longer than a signer takes";
    case SignError::self_check_failed: return "the signature did not verify under the signer's own public key";
    case SignError::unavailable:       return "the key is not available";
  }
  return "unknown signing error";
}

}  // namespace electra::crypto
