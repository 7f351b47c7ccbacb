// Signed messages made ready for the wire.
//
// A sender keeps the bytes it made until it has a receipt, and resends those bytes: a message signed again under the same
// sequence would be another message if anything in it changed. The signer is a function, so that a key may live in a file,
// a token or a test; it gets the parts and not raw bytes, because a signer signs only structures with a tag of their own.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "meter-proto/encode.h"
#include "meter-proto/signing.h"

namespace electra::client {

// Signs tag(kind, genesis hash) ‖ sequence ‖ payload. Nothing when it cannot.
using SignFunction = std::function<std::optional<Bytes64>(proto::SignatureKind kind, const Bytes32& genesis_hash,
                                                          std::uint64_t sequence, ByteSpan payload)>;

// How an envelope or a hello names its sender: by slot, or by address while the slot is not known.
struct Sender {
  std::uint32_t slot = 0;  // 0 = by address
  Bytes20 address{};       // looked at only when slot is 0
  std::uint32_t key_generation = 1;
};

// Writes one whole frame with the signed message to the front of `out` and returns its size. The error is one sentence:
// the signer could not sign, or the message is longer than a frame may be or than `out`. No allocation when it works.
[[nodiscard]] std::expected<std::size_t, std::string> write_message_frame(
    const Sender& sender, const Bytes32& genesis_hash, std::uint64_t sequence, const strict::PayloadView& payload,
    const SignFunction& sign, MutableByteSpan out);

// Its last step, for whoever signs several messages together: `payload` is what proto::encode_payload wrote, `signature` over it
// is the sender's.
[[nodiscard]] std::expected<std::size_t, std::string> write_signed_frame(const Sender& sender, std::uint64_t sequence,
                                                                         ByteSpan payload, const Bytes64& signature,
                                                                         MutableByteSpan out);

// As write_message_frame, into memory of its own.
[[nodiscard]] std::expected<std::vector<std::uint8_t>, std::string> make_message_frame(
    const Sender& sender, const Bytes32& genesis_hash, std::uint64_t sequence, const strict::PayloadView& payload,
    const SignFunction& sign);

}  // namespace electra::client
