// Includes nothing with inline functions that other files share: see crypto-offload/avx512/field.h.
#include "bench/verify/stage_loops.h"

#include <time.h>

#include "crypto-offload/avx512/field.h"
#include "crypto-offload/avx512/scalar.h"
#include "crypto-offload/avx512/sha512.h"
#include "crypto-offload/lanes/verify.h"

namespace electra::crypto::stage_loops {
namespace {

using namespace ELECTRA_LANES;

alignas(64) LaneWords<8> digests[kGroupsMax];
alignas(64) std::uint8_t hashes[kLaneItemsMax * 64];
Scalars scalars_of_group;
CombDigits key_digits;
CombSteps steps;
Waiting points[kPointsMax];
Mask good[kPointsMax];

std::size_t points_of(const Batch& batch) { return (batch.count + kGroup - 1) / kGroup * kHalves; }

}  // namespace

void hash(const Batch& batch) {
  Sha512Item parts[kLaneItemsMax];
  for (std::size_t i = 0; i < batch.count; ++i) {
    const LaneItem& item = batch.items[i];
    parts[i] = {item.signature, item.key, item.tag, item.sequence, item.payload, item.payload_bytes};
  }
  sha512_lanes(parts, batch.count, digests);
  for (std::size_t at = 0; at < batch.count; at += kGroup) {
    const std::size_t left = batch.count - at;
    store_digests(digests[at / kGroup], left < kGroup ? left : kGroup, reinterpret_cast<Bytes64*>(hashes + 64 * at));
  }
}

void scalars(const Batch& batch) {
  for (std::size_t at = 0; at < batch.count; at += kGroup) {
    make_scalars(batch.items + at, batch.count - at, digests[at / kGroup], &scalars_of_group);
    if (batch.shape == kNoTable) continue;
    recode(scalars_of_group.h, kTableShapes[batch.shape], &key_digits);
    const std::uint64_t* tables[kGroup];
    for (std::size_t i = 0; i < kGroup; ++i) tables[i] = scalars_of_group.item[i]->table;
    list_steps(kTableShapes[batch.shape], tables, key_digits, batch.base, scalars_of_group.s, &steps);
    asm volatile("" : : "r"(&steps) : "memory");  // nobody reads them: keeps the compiler from leaving them out
  }
}

void scalars_and_points(const Batch& batch) {
  if (batch.shape == kNoTable) {
    verify_in_general(batch.items, batch.count, digests, batch.base, points, good);
  } else {
    verify_with_tables(batch.items, batch.count, kTableShapes[batch.shape], digests, batch.base, points, good);
  }
}

std::size_t compare(const Batch& batch) {
  avx512::compare(batch.items, batch.count, points, good, points_of(batch));
  std::size_t count = 0;
  for (std::size_t i = 0; i < batch.count; ++i) count += good[i / kLanes] >> (i % kLanes) & 1;
  return count;
}

std::size_t whole(const Batch& batch) {
  std::uint8_t valid[kLaneItemsMax];
  verify_items(batch.items, batch.count, batch.shape, batch.base, valid, hashes);
  std::size_t count = 0;
  for (std::size_t i = 0; i < batch.count; ++i) count += valid[i];
  return count;
}

double nanoseconds_of_a_cycle() {
  // A multiplication of registers takes 3 cycles on every x86-64 of the last ten years, and each waits for the one before.
  constexpr int kRounds = 10'000;
  constexpr int kMultiplications = 10;
  constexpr double kCycles = 3.0 * kRounds * kMultiplications;
  timespec begin{};
  timespec end{};
  std::uint64_t x = 3;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (int i = 0; i < kRounds; ++i) {
    asm volatile(
        "imul %0, %0\n\timul %0, %0\n\timul %0, %0\n\timul %0, %0\n\timul %0, %0\n\t"
        "imul %0, %0\n\timul %0, %0\n\timul %0, %0\n\timul %0, %0\n\timul %0, %0"
        : "+r"(x));
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  return (static_cast<double>(end.tv_sec - begin.tv_sec) * 1e9 + static_cast<double>(end.tv_nsec - begin.tv_nsec)) /
         kCycles;
}

}  // namespace electra::crypto::stage_loops
