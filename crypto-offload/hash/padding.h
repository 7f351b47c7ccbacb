// The end of a message as SHA-256 wants it (FIPS 180-4, 5.1.1), after one block of tag.
//
// Everything here has internal linkage: files compiled for special instructions include it (see backend.h).
#pragma once

#include <cstdint>
#include <cstring>

#include "meter-proto/base/sha256_compress.h"

namespace electra::crypto {
namespace {

inline constexpr std::uint32_t kBlockBytes = 64;

// Blocks after the tag's: the message, at least one bit, and 8 bytes of length.
constexpr std::uint32_t blocks_of(std::uint32_t bytes) noexcept {
  return static_cast<std::uint32_t>((std::uint64_t{bytes} + 9 + kBlockBytes - 1) / kBlockBytes);
}

// Length in bits of the tag block and `bytes` of message.
constexpr std::uint64_t bits_of(std::uint32_t bytes) noexcept { return 8 * (std::uint64_t{bytes} + kBlockBytes); }

// The one or two blocks that hold what is left after the last whole block of the message, and the padding.
struct Tail {
  alignas(64) std::uint8_t bytes[2 * kBlockBytes];
  std::uint32_t blocks;
};

// What follows the message, of which bytes % kBlockBytes bytes are left to the caller.
[[maybe_unused]] inline void fill_padding(Tail& tail, std::uint32_t bytes) noexcept {
  const std::uint32_t rest = bytes % kBlockBytes;
  const std::uint64_t bits = __builtin_bswap64(bits_of(bytes));
  tail.blocks = blocks_of(rest);
  std::uint8_t* const length = tail.bytes + tail.blocks * kBlockBytes - sizeof bits;
  tail.bytes[rest] = 0x80;
  std::memset(tail.bytes + rest + 1, 0, static_cast<std::size_t>(length - (tail.bytes + rest + 1)));
  std::memcpy(length, &bits, sizeof bits);
}

[[maybe_unused]] inline void fill_tail(Tail& tail, const std::uint8_t* in, std::uint32_t bytes) noexcept {
  const std::uint32_t rest = bytes % kBlockBytes;
  if (rest > 0) std::memcpy(tail.bytes, in + (bytes - rest), rest);
  fill_padding(tail, bytes);
}

// K[t] + W[t] of the block that follows a node's 64 bytes: a bit, zeros, a length of 128 bytes.
struct NodePadding {
  alignas(64) std::uint32_t scheduled[64];
};
constexpr std::uint32_t rotate_right(std::uint32_t x, int n) noexcept { return x >> n | x << (32 - n); }
constexpr NodePadding node_padding() noexcept {
  std::uint32_t w[64] = {};
  w[0] = 0x80000000;
  w[15] = 2 * kBlockBytes * 8;
  for (int t = 16; t < 64; ++t) {
    const std::uint32_t s0 = rotate_right(w[t - 15], 7) ^ rotate_right(w[t - 15], 18) ^ w[t - 15] >> 3;
    const std::uint32_t s1 = rotate_right(w[t - 2], 17) ^ rotate_right(w[t - 2], 19) ^ w[t - 2] >> 10;
    w[t] = s1 + w[t - 7] + s0 + w[t - 16];
  }
  NodePadding out{};
  for (int t = 0; t < 64; ++t) out.scheduled[t] = kSha256RoundConstants[t] + w[t];
  return out;
}
inline constexpr NodePadding kNodePadding = node_padding();

}  // namespace
}  // namespace electra::crypto
