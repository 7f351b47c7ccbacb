// A message to hash in one lane, as its parts lie in memory.
#pragma once

#include <cstdint>

namespace electra::crypto {

// One message: r ‖ key ‖ tag ‖ sequence (8 bytes, little endian) ‖ payload, 88 bytes before the payload. A part that is
// null is left out, and with the tag the sequence. The parts may lie anywhere, at any alignment. No address and no branch
// depends on their bytes.
struct Sha512Item {
  const std::uint8_t* r = nullptr;    // 32 bytes, or null
  const std::uint8_t* key = nullptr;  // 32 bytes, or null
  const std::uint8_t* tag = nullptr;  // 16 bytes, or null
  std::uint64_t sequence = 0;
  const std::uint8_t* payload = nullptr;  // may be null when there is none
  std::uint32_t payload_bytes = 0;        // any
};

}  // namespace electra::crypto
