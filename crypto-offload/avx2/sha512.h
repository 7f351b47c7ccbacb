// SHA-512 (FIPS 180-4) of messages in groups of 8, four side by side: the hash of a signature, R ‖ A ‖ tag ‖ sequence ‖
// payload, for machines without AVX-512.
//
// The parts of a message are read where they lie, never a byte beyond them; only its first block and the blocks with the
// padding are assembled. Items fill the lanes in the order in which they come. Four lanes cost what their longest message
// costs: one compression for each block of 128 bytes.
//
// Everything needs supported(). One core of a Zen 5 machine, 264 bytes a message, medians: 300 ns each (g++ 12; libsodium
// 1.0.18: 600 ns).
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto-offload/lanes/lane_words.h"
#include "crypto-offload/lanes/sha512_item.h"
#include "meter-proto/base/bytes.h"

namespace electra::crypto::avx2 {

// The digests as 512-bit little-endian values, as scalar.h takes them: items[8 g + lane] to lane `lane` of digests[g],
// ⌈count / 8⌉ groups. Lanes without an item get some value.
void sha512_lanes(const Sha512Item* items, std::size_t count, LaneWords<8>* digests) noexcept;

// The first `count` lanes, 1 to 8, as 64 bytes each.
void store_digests(const LaneWords<8>& digests, std::size_t count, Bytes64* out) noexcept;

}  // namespace electra::crypto::avx2
