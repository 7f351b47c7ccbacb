// What a backend with several signatures side by side is: a few functions over plain memory, compiled for instructions
// that not every machine has, behind pointers. LaneVerifier (lane_verifier.h) is the Verifier above them; it is compiled
// for every machine and does what needs no vectors: lengths, tables, groups.
//
// The functions are safe for any number of threads. They allocate nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto-offload/tables/table_format.h"

namespace electra::crypto {

inline constexpr std::size_t kLaneItemsMax = 256;

// A signature of 64 bytes to verify. The message is tag ‖ sequence (8 bytes, little endian) ‖ payload, or the payload
// alone if the tag is null.
struct LaneItem {
  const std::uint8_t* signature = nullptr;  // R ‖ S
  const std::uint8_t* key = nullptr;        // 32 bytes
  const std::uint64_t* table = nullptr;     // of −A; null if the call is for items without one
  const std::uint8_t* tag = nullptr;        // 16 bytes
  std::uint64_t sequence = 0;
  const std::uint8_t* payload = nullptr;
  std::uint32_t payload_bytes = 0;
};

// Stops the program unless 1 <= count <= kLaneItemsMax. Defined in a file that any x86-64 runs, because backends are compiled
// for instructions that not every machine has, and an assertion makes strings.
void require_item_count(std::size_t count) noexcept;

struct LaneBackend {
  const char* name;

  // The verdict (1 or 0) and the hash SHA-512(R ‖ A ‖ message), 64 bytes, of each of 1 … kLaneItemsMax items. All items have a table
  // of the shape kTableShapes[shape], or none has one and the shape is kNoTable. `base` is the table of B, shape
  // kCombBase. A table of any content, also one that is being written, gives a verdict for its own item only, and never
  // a good one for a signature whose R is an encoding of a point of small order.
  void (*verify)(const LaneItem* items, std::size_t count, std::uint32_t shape, const std::uint64_t* base,
                 std::uint8_t* valid, std::uint8_t* hashes);

  // The registration rule for 1 … 8 keys: bit i is set if keys[i] passes.
  std::uint8_t (*check_keys)(const std::uint8_t* const* keys, std::size_t count);

  MakeTables make_tables;
};

}  // namespace electra::crypto
