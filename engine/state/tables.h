// The state as tables of leaves: what a state root is made of.
//
// Everything that can influence execution lies in exactly one leaf of one table. A leaf is a row of bytes, every integer
// little endian, that is a function of the state alone; docs/state-machine.md gives the leaves, and those that outside
// checkers read (accounts, meters, holders) are defined in meter-proto/chain/leaves.h. A table never shrinks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace electra::state {

// The numbers are part of the state root.
enum class Table : std::uint8_t {
  chain = 0,              // one leaf: time, heights, epoch, rules, parameters, limits. Always touched
  holders = 1,            // leaf slot - 1
  windows = 2,            // leaf slot - 1: used sequences
  accounts = 3,           // leaf account number - 1
  pending_transfers = 4,  // leaf entry - 1; all zero = free
  meters = 5,             // leaf meter number
  readings = 6,           // leaf meter number: its ring of readings
  bill_lines = 7,         // leaf meter number: the lines of its last bill
  intervals = 8,          // leaf interval mod places: the prices of settled intervals
  cycles = 9,             // leaf cycle mod 1024: sums of final cycles
  settlement = 10,        // one leaf: totals and the settling cursor. Always touched
};
inline constexpr std::size_t kTables = 11;

// By table number.
using LeafCounts = std::array<std::uint32_t, kTables>;

// "chain", "holders", …
[[nodiscard]] std::string_view table_name(Table table) noexcept;

}  // namespace electra::state
