// SHA-256 (FIPS 180-4), incremental and in one call.
//
// The one seam for a faster implementation: nobody else in the project calls a library's SHA-256. An object is about 100
// bytes, lives on the stack and is used once: update any number of times, then finish.
#pragma once

#include "meter-proto/base/bytes.h"

namespace electra {

class Sha256 {
 public:
  Sha256() noexcept;
  Sha256& update(ByteSpan bytes) noexcept;
  Sha256& update(std::string_view text) noexcept { return update(bytes_of(text)); }
  [[nodiscard]] Bytes32 finish() noexcept;

 private:
  alignas(8) std::array<std::uint8_t, 104> state_;  // the library's state; size asserted in the source file
};

[[nodiscard]] Bytes32 sha256(ByteSpan bytes) noexcept;
[[nodiscard]] inline Bytes32 sha256(std::string_view text) noexcept { return sha256(bytes_of(text)); }

}  // namespace electra
