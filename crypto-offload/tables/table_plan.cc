#include "crypto-offload/tables/table_plan.h"

#include <algorithm>

#include "meter-proto/base/sentence.h"

namespace electra::crypto {
namespace {

constexpr std::size_t kChunkMiB = kChunkBytes >> 20;

constexpr bool divides_a_chunk() {
  for (const CombShape& shape : kTableShapes) {
    if (kChunkBytes % table_bytes(shape) != 0 || table_bytes(shape) % 64 != 0) return false;
  }
  return true;
}
static_assert(divides_a_chunk(), "tables fill chunks without a rest, and start on cache lines");

}  // namespace

std::size_t chunks_within(std::uint32_t keys_max, std::size_t memory_bytes_max) noexcept {
  return keys_max == 0 ? 0 : std::min(memory_bytes_max / kChunkBytes, kChunksMax);
}

std::size_t tables_bytes_max(std::uint32_t keys_max, std::size_t memory_bytes_max) noexcept {
  const std::size_t chunks = chunks_within(keys_max, memory_bytes_max);
  if (chunks == 0) return 0;
  return chunks * (kChunkBytes + kChunkStateBytes + kTablesPerChunkMax * kSlotBytes) +
         (std::size_t{keys_max} + 1) * kKeyLineBytes + kMakeScratchBytes;
}

std::uint32_t choose_shape(std::uint64_t keys, std::size_t chunks, std::uint32_t first) noexcept {
  std::uint32_t shape = first;
  while (shape + 1 < kTableShapeCount && keys > std::uint64_t{chunks} * tables_per_chunk(shape)) ++shape;
  return shape;
}

std::uint32_t shape_of_kib(std::uint32_t kib) noexcept {
  for (std::uint32_t shape = 0; shape < kTableShapeCount; ++shape) {
    if (table_bytes(kTableShapes[shape]) == std::size_t{kib} * 1024) return shape;
  }
  return kNoTable;
}

std::string reason_of(const TablePlan& plan) {
  if (plan.chunks_asked == 0) return "no tables: the configuration has no keys or less than 2 MiB for them";
  if (plan.no_thread) return "no tables: the system gave no thread to make them";
  if (plan.chunks == 0) return sentence("no tables: the system gave none of ", plan.chunks_asked * kChunkMiB, " MiB");
  const std::uint64_t per_chunk = tables_per_chunk(plan.shape);
  const std::uint64_t room = plan.chunks * per_chunk;
  const std::uint64_t chunks_needed = (plan.keys + per_chunk - 1) / per_chunk;
  std::string text = sentence(table_bytes(kTableShapes[plan.shape]) / 1024, " KiB a key",
                              plan.forced ? ", set by the configuration: " : ": ");
  if (plan.keys <= room) {
    text += sentence(plan.keys, " keys need ", chunks_needed * kChunkMiB, " MiB of ");
  } else {
    text += sentence(room, " of ", plan.keys, " keys have room in ");
  }
  text += sentence(plan.chunks * kChunkMiB, " MiB");
  if (plan.chunks < plan.chunks_asked) {
    text += sentence("; the system gave no more of ", plan.chunks_asked * kChunkMiB, " MiB");
  }
  return text;
}

}  // namespace electra::crypto
