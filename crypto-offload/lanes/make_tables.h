// Tables of multiples of public keys, several keys side by side: the MakeTables of tables/table_format.h.
//
// The teeth of a comb lie on one chain of doublings. An entry is an earlier one plus twice a tooth,
//   entry(j, e) = entry(j, e − 2^i) + 2 · tooth(j, i)   with i the highest bit of e,
// and one inversion makes a whole block of entries affine (Montgomery's trick). So an entry costs 15M, and a key before that
// (teeth · tables − 1) · rows doublings. Nothing but values depends on a key's bytes; one that is no point gets the table
// of the identity.
//
// Include a backend's field.h first.
#pragma once

#include "crypto-offload/lanes/point.h"

namespace electra::crypto::ELECTRA_LANES {
namespace {

// Entries that share an inversion; a larger table is made in pieces. A power of 2.
constexpr std::uint32_t kBlockEntries = 256;

// What make_tables writes to its scratch memory.
struct TableScratch {
  Point entry[kBlockEntries];
  Field product[kBlockEntries + 1];                    // product[n]: twice that of 2Z of all entries before n
  Point piece_start[kCombEntriesMax / kBlockEntries];  // of a table of several pieces
  ProjectiveNiels tooth_twice[kCombTeethMax - 1];      // of the table that is being made
  alignas(64) std::uint64_t nowhere[kEntryWords];      // where lanes without a key write
};
static_assert(sizeof(TableScratch) <= kMakeScratchBytes && alignof(TableScratch) <= 64);

static_assert(kCombBitsMin > kCombColumnsMax, "make_teeth takes for granted that a comb has more than one row");

// Where the next entry of each lane goes, and which number it has.
struct TableTargets {
  std::uint64_t* entry[kLanes];
  std::uint64_t step[kLanes];  // in words; 0 in lanes without a key
  std::uint64_t index;
  Lanes checksum;  // of the entries before
};

// What an entry adds to table_checksum: Σ word[k] · (2k + 1) + 2 · (words before it) · Σ word[k].
[[gnu::always_inline]] inline Lanes entry_checksum(const Field (&fields)[3], std::uint64_t index) {
  // Σ k · word[k] is the sum of all tails, a tail being the sum of the words from some k > 0 on.
  Lanes tail = word_of(fields[2], kLimbs - 1);
  Lanes tails = tail;
  for (int k = 3 * kLimbs - 2; k > 0; --k) {
    tail = add_words(tail, word_of(fields[k / kLimbs], k % kLimbs));
    tails = add_words(tails, tail);
  }
  const Lanes sum = add_words(tail, word_of(fields[0], 0));
  return add_words(add_words(sum, add_words(tails, tails)), multiply_words(sum, all(2 * kEntryWords * index)));
}

// Makes entry n of a block.
[[gnu::always_inline]] inline void put_entry(TableScratch& scratch, std::uint32_t n, const Point& p) {
  scratch.entry[n] = p;
  scratch.product[n + 1] = multiply(scratch.product[n], p.double_z);
}

// Writes the first `count` entries of the block to the tables. The order of the products is chosen for the time it takes:
// none waits for the one before it, and canonical forms, which are no products, are made between them.
inline void write_block(const TableScratch& scratch, std::uint32_t count, TableTargets& targets) {
  Field inverse = invert(scratch.product[count]);
  inverse = add(inverse, inverse);  // of the product of 2Z of the entries up to n
  Field inverse_of_z = multiply(inverse, scratch.product[count - 1]);
  for (std::uint32_t n = count; n-- > 0;) {
    const Point& p = scratch.entry[n];
    const Field t = multiply(p.t, inverse_of_z);
    const Field sum = canonical(multiply(p.sum, inverse_of_z));
    const Field t2d = multiply(t, all(kTwoD));
    const Field difference = canonical(multiply(p.difference, inverse_of_z));
    inverse = multiply(inverse, p.double_z);
    const Field fields[3] = {sum, difference, canonical(t2d)};
    targets.checksum = add_words(targets.checksum, entry_checksum(fields, targets.index + n));
    inverse_of_z = multiply(inverse, scratch.product[n == 0 ? 0 : n - 1]);  // the last one is not used
    std::uint64_t* to[kLanes];
    for (int i = 0; i < kLanes; ++i) to[i] = targets.entry[i] + n * targets.step[i];
    store_fields(to, fields);
  }
  for (int i = 0; i < kLanes; ++i) targets.entry[i] += count * targets.step[i];
  targets.index += count;
}

// One table's teeth out of the chain of doublings, which stands at its first tooth and is left at that of the next table:
// twice each tooth but the last, and entry 0, the last tooth minus all others.
inline void make_teeth(const CombShape& shape, bool is_last, Point& chain, ProjectiveNiels* tooth_twice,
                       Point& entry0) {
  entry0 = identity();
  for (std::uint32_t i = 0; i + 1 < shape.teeth; ++i) {
    entry0 = add<NeedT::yes>(entry0, to_projective_niels(chain), kAllLanes);
    twice_times(chain, 1);
    tooth_twice[i] = to_projective_niels(chain);
    twice_times(chain, shape.rows - 1);
  }
  entry0 = add<NeedT::yes>(entry0, to_projective_niels(chain));
  if (!is_last) twice_times(chain, shape.rows);
}

// The tables of the points of all lanes.
inline void make_tables_of(Point chain, const CombShape& shape, TableScratch& scratch, TableTargets& targets) {
  const std::uint32_t entries = shape.entries_per_table();
  const std::uint32_t piece = entries < kBlockEntries ? entries : kBlockEntries;
  const auto piece_bits = static_cast<std::uint32_t>(__builtin_ctz(piece));
  std::uint32_t filled = 0;
  scratch.product[0] = add(one(), one());
  for (std::uint32_t table = 0; table < shape.tables; ++table) {
    make_teeth(shape, table + 1 == shape.tables, chain, scratch.tooth_twice, scratch.piece_start[0]);
    for (std::uint32_t q = 0; q < entries / piece; ++q) {
      if (filled + piece > kBlockEntries) {
        write_block(scratch, filled, targets);
        filled = 0;
      }
      if (q > 0) {
        const std::uint32_t lowest = static_cast<std::uint32_t>(__builtin_ctz(q));
        scratch.piece_start[q] =
            add<NeedT::yes>(scratch.piece_start[q & (q - 1)], scratch.tooth_twice[piece_bits + lowest]);
      }
      put_entry(scratch, filled, scratch.piece_start[q]);
      for (std::uint32_t i = 0; i < piece_bits; ++i) {
        const std::uint32_t half = 1U << i;
        for (std::uint32_t n = filled; n < filled + half; ++n) {
          put_entry(scratch, n + half, add<NeedT::yes>(scratch.entry[n], scratch.tooth_twice[i]));
        }
      }
      filled += piece;
    }
  }
  write_block(scratch, filled, targets);
}

// MakeTables of table_format.h, for any valid shape.
inline void make_tables_in_lanes(const std::uint8_t* const* keys, std::size_t count, const CombShape& shape,
                                 std::uint64_t* const* tables, std::uint64_t* checksums, void* scratch_memory) {
  require_valid(shape);
  auto& scratch = *static_cast<TableScratch*>(scratch_memory);
  for (std::size_t first = 0; first < count; first += kLanes) {
    const std::uint8_t* key[kLanes];
    TableTargets targets;
    for (std::size_t i = 0; i < kLanes; ++i) {
      const bool used = first + i < count;
      key[i] = keys[used ? first + i : first];
      targets.entry[i] = used ? tables[first + i] : scratch.nowhere;
      targets.step[i] = used ? kEntryWords : 0;
    }
    targets.index = 0;
    targets.checksum = all(0);
    const Decompressed a = decompress(load_words(key));
    make_tables_of(negate_where(kAllLanes, a.point), shape, scratch, targets);
    alignas(64) std::uint64_t sums[kLanes];
    store(sums, targets.checksum);
    for (std::size_t i = 0; i < kLanes && first + i < count; ++i) checksums[first + i] = sums[i];
  }
}

}  // namespace
}  // namespace electra::crypto::ELECTRA_LANES
