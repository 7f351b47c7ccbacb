// The choice of a table's size: the largest of kTableShapes of which all learned keys get one within the budget.
//
// Pure functions of the number of keys and of chunks, so that every case is a line of a test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "crypto-offload/tables/table_format.h"
#include "crypto-offload/tables/table_memory.h"

namespace electra::crypto {

// Tables of shape `shape` in a chunk: 32 … 2048. No table lies across two chunks.
[[nodiscard]] constexpr std::uint32_t tables_per_chunk(std::uint32_t shape) noexcept {
  return static_cast<std::uint32_t>(kChunkBytes / table_bytes(kTableShapes[shape]));
}
inline constexpr std::uint32_t kTablesPerChunkMax = tables_per_chunk(kTableShapeCount - 1);
inline constexpr std::size_t kChunksMax = UINT32_MAX / kTablesPerChunkMax;  // 4 TiB

// How many chunks the tables of keys with numbers up to keys_max get at most.
[[nodiscard]] std::size_t chunks_within(std::uint32_t keys_max, std::size_t memory_bytes_max) noexcept;

// What all of it can take, in bytes: chunks, a line for each number, 20 bytes a KiB of the chunks, the maker's scratch memory.
[[nodiscard]] std::size_t tables_bytes_max(std::uint32_t keys_max, std::size_t memory_bytes_max) noexcept;
inline constexpr std::size_t kKeyLineBytes = 64;
inline constexpr std::size_t kSlotBytes = 20;  // of each of kTablesPerChunkMax in a chunk: owner, and place in a queue
inline constexpr std::size_t kChunkStateBytes = 32;

// The first shape from `first` on (they get smaller) of which `keys` tables fit into `chunks`; the last one if none
// does.
[[nodiscard]] std::uint32_t choose_shape(std::uint64_t keys, std::size_t chunks, std::uint32_t first) noexcept;

// The shape whose table has so many KiB, or kNoTable.
[[nodiscard]] std::uint32_t shape_of_kib(std::uint32_t kib) noexcept;

struct TablePlan {
  std::uint32_t shape = 0;
  bool forced = false;           // the shape was set, and not chosen
  std::uint64_t keys = 0;        // learned
  std::size_t chunks = 0;        // what there is for tables
  std::size_t chunks_asked = 0;  // what the configuration allows; more than `chunks` if the system gave no more
  bool no_thread = false;        // the system gave no thread to make tables; `chunks` is 0
};

// Why tables have this size, as one sentence without a full stop: "64 KiB a key: 123 keys need 8 MiB of 256 MiB".
[[nodiscard]] std::string reason_of(const TablePlan& plan);

}  // namespace electra::crypto
