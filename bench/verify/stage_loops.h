// The stages of verification in 8 lanes, one by one: what bench_verify --stages times. Compiled for AVX-512 IFMA: call
// none before avx512::supported() has answered.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto-offload/lanes/backend.h"

namespace electra::crypto::stage_loops {

// Up to kLaneItemsMax items whose keys all have tables of this shape, or none has one (kNoTable).
struct Batch {
  const LaneItem* items = nullptr;
  std::size_t count = 0;
  std::uint32_t shape = kNoTable;
  const std::uint64_t* base = nullptr;  // the table of B
};

// Each takes what the one before left behind, of the same batch. One thread.
void hash(const Batch& batch);                // SHA-512 of R ‖ A ‖ message, and the 64 bytes of each
void scalars(const Batch& batch);             // reduction modulo L, digits; the list of what a comb adds
void scalars_and_points(const Batch& batch);  // the same again, and [S]B − [h]A by combs or in general
std::size_t compare(const Batch& batch);  // one inversion, encoding, comparison with R; how many signatures are good
// All of them in one piece, as the verifier calls them: likewise.
std::size_t whole(const Batch& batch);

// The nanoseconds of a cycle of this core now. Takes some 100 µs.
[[nodiscard]] double nanoseconds_of_a_cycle();

}  // namespace electra::crypto::stage_loops
