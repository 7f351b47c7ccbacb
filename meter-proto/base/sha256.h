// SHA-256 (FIPS 180-4), incremental and in one call.
//
// One stream of any length; many short hashes at once are crypto-offload/hash.h. An object is about 100 bytes, lives on
// the stack and is used once: update any number of times, then finish. With x86's SHA extension about 0.6 ns a byte,
// else portably (sha256_compress.h).
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
  static constexpr std::size_t kBlockBytes = 64;

  std::array<std::uint32_t, 8> state_;  // after the whole blocks so far
  std::uint64_t bytes_ = 0;             // of all updates; the last bytes_ % 64 of them are in pending_
  std::array<std::uint8_t, kBlockBytes> pending_;
};

[[nodiscard]] Bytes32 sha256(ByteSpan bytes) noexcept;
[[nodiscard]] inline Bytes32 sha256(std::string_view text) noexcept { return sha256(bytes_of(text)); }

}  // namespace electra
