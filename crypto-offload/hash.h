// Many SHA-256 hashes at once, all under one tag: what trees, leaves and headers are made of.
//
// A tagged hash (as BIP-340) is SHA-256(SHA-256(tag) ‖ SHA-256(tag) ‖ message). The 64 tag bytes are one block, so its
// state is computed once and every hash begins there. Several backends (hash/) give the same bits; the fastest one that
// this machine has is chosen once, by CPUID. Nothing here allocates, and all of it may be called by several threads at
// once. One hash of bulk data is meter-proto/base/sha256.h; costs are in README.md of this folder.
//
// Memory: jobs take effect in the order of the span. Job i reads its input before any job j >= i writes its output, so
// `out` may overlap the job's own input and those of the jobs before it (a level of a tree may be folded into its own
// left half), but no input of a later job, no other output, and neither the midstate nor the jobs. No alignment is asked
// of any pointer.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace electra::crypto {

// State of SHA-256 after one block of 64 bytes: where every hash with this tag begins.
struct HashMidstate {
  std::array<std::uint32_t, 8> words;

  friend bool operator==(const HashMidstate&, const HashMidstate&) = default;
};

// The state after SHA-256(tag) ‖ SHA-256(tag).
[[nodiscard]] HashMidstate tag_midstate(std::string_view tag) noexcept;

struct HashJob {
  const std::uint8_t* in;  // may be null when bytes is 0
  std::uint32_t bytes;
  std::uint8_t* out;  // 32 bytes
};

// out = SHA-256(tag block ‖ in[0..bytes)). Jobs of equal length run side by side in lanes; neighbours of different
// lengths are correct but slower.
void hash_many(const HashMidstate& midstate, std::span<const HashJob> jobs) noexcept;

struct NodeJob {
  const std::uint8_t* in;  // 64 bytes: left ‖ right
  std::uint8_t* out;       // 32 bytes
};

// out = SHA-256(tag block ‖ in[0..64)). As hash_many of 64 bytes, but faster: the second block is padding alone, and
// its message schedule is a constant.
void hash_nodes(const HashMidstate& midstate, std::span<const NodeJob> jobs) noexcept;

// What the two functions above use for many jobs: "avx512", "sha-ni", "avx2" or "portable".
[[nodiscard]] std::string_view hash_backend() noexcept;

// For tests and benchmarks: the backends that this machine can run, "portable" first, and the two functions on one of
// them alone. hash/backend.h says what a backend is.
struct HashBackend;
[[nodiscard]] std::span<const HashBackend* const> hash_backends() noexcept;
void hash_many(const HashBackend& backend, const HashMidstate& midstate, std::span<const HashJob> jobs) noexcept;
void hash_nodes(const HashBackend& backend, const HashMidstate& midstate, std::span<const NodeJob> jobs) noexcept;

}  // namespace electra::crypto
