// A maker of tables whose words follow from key, shape and place, so that a reader can check that what it sees is the
// whole table of its key; and that lies, waits or is slow when a test says so.
//
// MakeTables is a plain function, so the wishes are global: each test begins with reset().
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto-offload/tables/key_tables.h"
#include "crypto-offload/tables/table_format.h"
#include "meter-proto/base/bytes.h"

namespace electra::crypto::fake {

// What a maker may do wrong: the checksum is of the right table, and the memory holds another.
enum class Lie : std::uint8_t { none = 0, one_bit = 1, all_zero = 2, second_half_missing = 3, neighbours_table = 4 };

// A key of this number. The maker lies the first `times` times that it makes its table.
[[nodiscard]] Bytes32 key_of(std::uint32_t number, Lie lie = Lie::none, std::uint8_t times = 0);

void make_tables(const std::uint8_t* const* keys, std::size_t count, const CombShape& shape,
                 std::uint64_t* const* tables, std::uint64_t* checksums, void* scratch);

// Whether every word is the one of this key's table of this shape.
[[nodiscard]] bool whole(const KeyTables::Found& found, const Bytes32& key);

void reset();

// While it lives each call waits at it. Made after the KeyTables whose builder it stops, so that it opens before they end.
// A call that does not come within a minute ends the program.
class Gate {
 public:
  Gate();
  ~Gate() { open(); }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // Waits until a call stands at the gate.
  void wait_for_a_call();
  // Lets the call at the gate pass, and waits until the next one stands there.
  void let_one_pass();
  void open();
};

// What each call does first: waits at the gate, if there is one. For makers of real tables that a test holds up.
void pass_gate();

// Each call takes so long, at least.
void set_slowness_ms(std::uint32_t milliseconds);
// Calls that have begun since reset().
[[nodiscard]] std::uint64_t calls();

}  // namespace electra::crypto::fake
