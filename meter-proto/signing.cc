#include "meter-proto/signing.h"

#include <sodium/crypto_hash_sha512.h>

#include "meter-proto/base/assert.h"
#include "meter-proto/base/sha256.h"

namespace electra::proto {

std::string_view signature_kind_name(SignatureKind kind) noexcept {
  switch (kind) {
    case SignatureKind::message:    return "message";
    case SignatureKind::hello:      return "hello";
    case SignatureKind::possession: return "possession";
    case SignatureKind::header:     return "header";
    case SignatureKind::vote:       return "vote";
    case SignatureKind::command:    return "command";
  }
  ELECTRA_ASSERT_LE(kind, SignatureKind::command);  // a number outside the enumeration
  return {};
}

Bytes16 signing_tag(SignatureKind kind, const Bytes32& genesis_hash) noexcept {
  const Bytes32 digest =
      Sha256().update("electra/").update(signature_kind_name(kind)).update("/1").update(genesis_hash).finish();
  Bytes16 tag;
  std::copy_n(digest.begin(), tag.size(), tag.begin());
  return tag;
}

ByteSpan signing_bytes(const Bytes16& tag, std::uint64_t sequence, ByteSpan payload, MutableByteSpan out) {
  ELECTRA_ASSERT_LE(kSigningPrefixBytes + payload.size(), out.size());
  std::copy(tag.begin(), tag.end(), out.begin());
  store_le64(out.data() + tag.size(), sequence);
  std::copy(payload.begin(), payload.end(), out.begin() + kSigningPrefixBytes);
  return out.first(kSigningPrefixBytes + payload.size());
}

Bytes32 message_id(const Bytes32& public_key, const Bytes64& signature, ByteSpan signing_bytes) noexcept {
  crypto_hash_sha512_state state;
  crypto_hash_sha512_init(&state);
  crypto_hash_sha512_update(&state, signature.data(), 32);
  crypto_hash_sha512_update(&state, public_key.data(), public_key.size());
  crypto_hash_sha512_update(&state, signing_bytes.data(), signing_bytes.size());
  Bytes64 digest;
  crypto_hash_sha512_final(&state, digest.data());
  Bytes32 id;
  std::copy_n(digest.begin(), id.size(), id.begin());
  return id;
}

}  // namespace electra::proto
