#include "meter-proto/strict/envelope.h"

#include "meter-proto/strict/reader.h"

namespace electra::strict {

Result decode_envelope(ByteSpan bytes, EnvelopeView& envelope) noexcept {
  Reader reader(bytes);
  envelope.slot = reader.uint32<1>();
  envelope.address = reader.bytes<2>();
  envelope.key_generation = reader.uint32<3>();
  envelope.sequence = reader.fixed64<4>();
  envelope.payload = reader.bytes<5>();
  envelope.signature = reader.bytes<6>();
  const bool by_slot = envelope.slot != 0 && envelope.address.empty();
  const bool by_address = envelope.slot == 0 && envelope.address.size() == kAddressBytes;
  const bool accepted = reader.done() && (by_slot || by_address) && envelope.key_generation != 0 &&
                        envelope.sequence != 0 && !envelope.payload.empty() &&
                        envelope.signature.size() == kSignatureBytes;
  return accepted ? Result::ok : Result::malformed_frame;
}

}  // namespace electra::strict
