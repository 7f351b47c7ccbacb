// What a table of multiples looks like in memory, and who makes one. Included by files that are compiled for instructions
// which not every machine has: no inline functions of the standard library here.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto-offload/tables/comb_shape.h"

namespace electra::crypto {

// An entry: y + x, y − x, 2d·x·y of an affine point, modulo p and fully reduced, as 5 limbs of 51 bits each, least
// significant first, and a word 0. 64-byte aligned: two cache lines.
inline constexpr std::size_t kEntryBytes = 128;
inline constexpr std::size_t kEntryWords = kEntryBytes / sizeof(std::uint64_t);

// The shapes of the tables of keys, largest first. "Shape s" elsewhere is an index here.
inline constexpr CombShape kTableShapes[] = {kComb64KiB, kComb32KiB, kComb16KiB, kComb4KiB, kComb2KiB, kComb1KiB};
inline constexpr std::uint32_t kTableShapeCount = sizeof(kTableShapes) / sizeof(kTableShapes[0]);
inline constexpr std::uint32_t kNoTable = UINT32_MAX;  // a shape that stands for "no table"

[[nodiscard, gnu::always_inline]] constexpr std::size_t table_bytes(const CombShape& shape) noexcept {
  return shape.entries() * kEntryBytes;
}

// Writes the tables of −A for 1 to 8 public keys A (32 bytes that passed check_key): shape.entries() entries each, one
// table of the comb after the other as comb_shape.h numbers them, to tables[i] (64-byte aligned). checksums[i] is the
// checksum (table_checksum) of what was meant to be written, made from registers and not from memory. Allocates nothing
// on the heap; `scratch` has kMakeScratchBytes bytes, 64-byte aligned.
using MakeTables = void (*)(const std::uint8_t* const* keys, std::size_t count, const CombShape& shape,
                            std::uint64_t* const* tables, std::uint64_t* checksums, void* scratch);
inline constexpr std::size_t kMakeScratchBytes = std::size_t{1} << 20;

}  // namespace electra::crypto
