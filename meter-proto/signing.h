// What a signature signs.
//
// Signing bytes = tag (16) ‖ sequence (8, little endian) ‖ payload. The tag names the chain and the kind of signature, so
// that a signature of one kind, or for one chain, is never good for another. The key is bound because Ed25519 hashes it.
#pragma once

#include "meter-proto/base/bytes.h"

namespace electra::proto {

enum class SignatureKind : std::uint8_t { message, hello, possession, header, vote, command };

inline constexpr std::size_t kSigningPrefixBytes = 24;  // tag and sequence

// "message", "hello", …: the word in the tag.
[[nodiscard]] std::string_view signature_kind_name(SignatureKind kind) noexcept;

// The first 16 bytes of SHA-256("electra/<kind>/1" ‖ genesis hash). Compute once a session, not once a message.
[[nodiscard]] Bytes16 signing_tag(SignatureKind kind, const Bytes32& genesis_hash) noexcept;

// Writes kSigningPrefixBytes + payload.size() bytes to the front of `out`, which must be large enough (asserted), and
// returns that part. `payload` must not overlap it.
ByteSpan signing_bytes(const Bytes16& tag, std::uint64_t sequence, ByteSpan payload, MutableByteSpan out);

// The first 32 bytes of SHA-512(R ‖ A ‖ signing bytes), the hash that verification computes anyway. `signature` is the
// message's 64 bytes R ‖ S; S is unique for the rest, so the id names the whole signed message.
[[nodiscard]] Bytes32 message_id(const Bytes32& public_key, const Bytes64& signature, ByteSpan signing_bytes) noexcept;

}  // namespace electra::proto
