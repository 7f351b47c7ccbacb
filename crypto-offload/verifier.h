// Verification of a batch of Ed25519 signatures of known keys: one interface, several backends, one predicate.
//
// Every backend gives the same verdict, bit for bit, because validators that disagree about a signature disagree about
// the chain. The predicate (README.md of this folder says how each backend comes to it):
//   Register(A)     32 bytes, canonical (y < p, not "x = 0 with sign"), decompresses, not of small order,
//                   [L]A = identity.
//   Verify(A, R‖S)  S < L; R is not an encoding of a small-order point; with h = SHA-512(R ‖ A ‖ M) mod L the canonical
//                   encoding of [S]B − [h]A equals the 32 bytes R.
// A verifier owns no message bytes: items are views that the caller keeps alive during the call. The virtual call is
// paid once a batch. Cost with libsodium: about 43 µs a signature.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "meter-proto/base/bytes.h"

namespace electra::crypto {

// One message to verify. Its signing bytes are tag ‖ sequence (8 bytes, little endian) ‖ payload; nobody assembles them
// before the verifier does.
struct VerifyItem {
  const std::uint8_t* public_key = nullptr;  // 32 bytes that passed check_key, as KeyStore::find gives them
  ByteSpan signature;                        // R ‖ S; any length but 64 is refused
  const Bytes16* tag = nullptr;              // names the kind of signature and the chain; never null
  std::uint64_t sequence = 0;
  ByteSpan payload;
};

// As above for signing bytes of any shape. For test vectors and tools: authority never comes from an untagged message.
struct RawVerifyItem {
  const std::uint8_t* public_key = nullptr;  // 32 bytes that passed check_key
  ByteSpan signature;
  ByteSpan message;
};

struct VerifyOutcome {
  // First 32 bytes of SHA-512(R ‖ A ‖ signing bytes), whatever the verdict. All zero only if the signature has not
  // 64 bytes: then there is no R to hash.
  Bytes32 message_id{};
  bool valid = false;
};

// Thread-safe: every method may be called by several threads at once, on disjoint outcome spans.
class Verifier {
 public:
  virtual ~Verifier() = default;

  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  // The registration rule. About 0.07 ms; not for the hot path.
  [[nodiscard]] virtual bool check_key(const Bytes32& public_key) const = 0;

  // The verification rule: items[i] to outcomes[i]; the spans have the same length. Under a key that check_key refuses
  // the verdict is unspecified (and memory stays safe).
  virtual void verify(std::span<const VerifyItem> items, std::span<VerifyOutcome> outcomes) const = 0;
  virtual void verify_raw(std::span<const RawVerifyItem> items, std::span<VerifyOutcome> outcomes) const = 0;
};

// The backend of this name: "sodium", or "auto" for the fastest one that this machine has. A backend tests itself
// before it is given out, so the error is an unknown name (the text lists the known ones) or a library whose rule is
// not ours.
[[nodiscard]] std::expected<std::unique_ptr<Verifier>, std::string> make_verifier(std::string_view name);

}  // namespace electra::crypto
