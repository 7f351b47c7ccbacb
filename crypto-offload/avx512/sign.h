// Ed25519 signatures (RFC 8032, 5.1.6) of 8 messages side by side: the vector part of batch_signer.h, which is the
// interface for everyone else.
//
// Constant time in the key: what depends on a scalar, a prefix or a nonce is neither a branch nor an address (sign_comb.h
// says how the table is read; lanes/sha512_item.h and scalar.h promise the same). Lengths and counts are public. The stack
// that held a nonce is wiped, in builds without a sanitizer: those have larger frames. Plain memory and plain pointers;
// everything but the constants needs supported(). Allocates nothing.
//
// One core of a Zen 5 machine, 200 bytes signed, medians: 0.69 µs a signature of 256 (libsodium: 14 µs), 1.08 µs of 8.
// Almost 0.5 µs are the comb. The inversion is 2.4 µs, however many signatures share it, and signing one takes as long as
// signing 8.
#pragma once

#include <cstddef>
#include <cstdint>

namespace electra::crypto::avx512 {

inline constexpr std::size_t kSignItemsMax = 256;

// The table of multiples of the base point that signing reads, 64-byte aligned: 13 · 15 · 16 words.
inline constexpr std::size_t kSignTableWords = 3120;

// What sign_lanes wipes below its own frame: the frames of all that it calls, 14 KB of g++ 12 and 22 KB of clang 19. A test
// looks whether they are no more.
inline constexpr std::size_t kSignStackBytesMax = 32'768;

// One message: tag ‖ sequence (8 bytes, little endian) ‖ payload.
struct SignLaneItem {
  const std::uint8_t* scalar = nullptr;      // 32 bytes, clamped
  const std::uint8_t* prefix = nullptr;      // 32 bytes
  const std::uint8_t* public_key = nullptr;  // 32 bytes
  const std::uint8_t* tag = nullptr;         // 16 bytes
  std::uint64_t sequence = 0;
  const std::uint8_t* payload = nullptr;  // may be null when there is none
  std::uint32_t payload_bytes = 0;
};

// About 0.1 ms.
void make_sign_table(std::uint64_t* table) noexcept;

// The signatures R ‖ S of 1 to kSignItemsMax items to signatures[i], 64 bytes each, that overlap nothing else.
void sign_lanes(const std::uint64_t* table, const SignLaneItem* items, std::size_t count,
                std::uint8_t (*signatures)[64]) noexcept;

}  // namespace electra::crypto::avx512
