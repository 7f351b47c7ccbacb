// SHA-512 (FIPS 180-4) of 8 messages side by side: the hash of a signature, R ‖ A ‖ tag ‖ sequence ‖ payload.
//
// Nobody assembles the message: its parts are read where they lie, never a byte beyond them, and nothing is allocated.
// Items fill the lanes in the order in which they come. Lanes of different lengths run together, and a lane that has
// ended keeps its state. A group therefore costs what its longest message costs: one compression for each block of 128
// bytes. Mixed lengths waste nothing as long as the block counts ⌈(bytes + 17) / 128⌉ of a group agree; messages of 1
// and of 5 blocks in turn cost 5 / 3 of what they would cost sorted. From 9 messages on two groups run interleaved (16
// items, the longest of 16 counts), because one alone waits for its own results; a single message costs as much as 8.
//
// Everything needs supported(). One core of a Zen 5 machine, 264 bytes a message, medians: 78 ns each in a group of 8, 76
// in two, at best 66 (g++ 12; libsodium 1.0.18: 610 ns).
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto-offload/lanes/lane_words.h"
#include "crypto-offload/lanes/sha512_item.h"
#include "meter-proto/base/bytes.h"

namespace electra::crypto::avx512 {

// The digests as 512-bit little-endian values, as scalar.h takes them: items[8 g + lane] to lane `lane` of digests[g],
// ⌈count / 8⌉ groups. Lanes without an item get some value.
void sha512_lanes(const Sha512Item* items, std::size_t count, LaneWords<8>* digests) noexcept;

// The first `count` lanes, 1 to 8, as 64 bytes each.
void store_digests(const LaneWords<8>& digests, std::size_t count, Bytes64* out) noexcept;

// items[i] to digests[i], any number of them.
void sha512_many(const Sha512Item* items, std::size_t count, Bytes64* digests) noexcept;

}  // namespace electra::crypto::avx512
