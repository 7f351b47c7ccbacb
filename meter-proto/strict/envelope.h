// The signed message on the wire, read in place.
//
// The strict decoder defines what is accepted; libprotobuf may accept more. Views point into the input and live as long
// as it does. No allocation; about 15 ns a message.
#pragma once

#include "meter-proto/base/bytes.h"
#include "meter-proto/base/result.h"

namespace electra::strict {

inline constexpr std::size_t kAddressBytes = 20;
inline constexpr std::size_t kSignatureBytes = 64;

struct EnvelopeView {
  std::uint32_t slot = 0;            // >= 1, or 0: the sender is named by address
  ByteSpan address{};                // 20 bytes, or empty: the sender is named by slot
  std::uint32_t key_generation = 0;  // >= 1
  std::uint64_t sequence = 0;        // >= 1
  ByteSpan payload{};                // 1 byte or more; decode_payload reads it
  ByteSpan signature{};              // 64 bytes, R ‖ S
};

// ok, or malformed_frame (`envelope` is then unspecified). Refused: both or neither form of sender, an absent or zero
// key_generation, sequence, payload or signature, a wrong length, and everything that is not canonical protobuf.
[[nodiscard]] Result decode_envelope(ByteSpan bytes, EnvelopeView& envelope) noexcept;

}  // namespace electra::strict
