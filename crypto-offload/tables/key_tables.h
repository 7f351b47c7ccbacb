// Tables of multiples of known keys: which key has one, where it lies, and how it is made, replaced and taken away
// while verification runs.
//
// One thread at a time calls learn and forget; one thread of this class makes tables; any number of threads read. A
// reader takes no lock and never waits, and neither do learn and forget: they leave a note for the thread that makes
// tables.
//
// A table is trusted input of verification, so it must never be wrong silently:
//  - A reader finds a table by the key's number and the key's 32 bytes; a number stands for one key for ever.
//  - A table becomes visible (release) after the checksum of what its maker meant to write was compared with the
//    memory, read back. One that does not agree is made again; after the second time its key stays on the general
//    path, and the memory is its own until it is forgotten or the size changes, so that nobody else gets it.
//  - Memory is used again only after every Reading that may have seen its table has ended (reader_seats.h has the
//    argument).
//
// Sizes: tables have the largest of kTableShapes for which all learned keys fit into the budget. When a key more
// would not fit, a smaller size is taken, and the tables that are there are made again in free memory of the budget,
// chunk by chunk; readers see the old table or the new one. Only if there is no free memory the keys of one chunk,
// the first, do without for that moment. Sizes never grow again. A forced size never changes: keys beyond the budget
// have no table until others are forgotten.
//
// Cost: find() is one cache line, a Reading with one find() 7 ns. Memory beside the tables, touched as it is used: 64 bytes a
// number, 20 bytes a KiB of the budget, kMakeScratchBytes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>

#include "crypto-offload/tables/reader_seats.h"
#include "crypto-offload/tables/table_format.h"
#include "crypto-offload/tables/table_memory.h"
#include "crypto-offload/tables/table_plan.h"
#include "crypto-offload/verifier.h"
#include "meter-proto/base/bytes.h"

namespace electra::crypto {

// The checksum of a table's words: Σ word[i] · (2i + 1) modulo 2^64.
[[nodiscard]] std::uint64_t table_checksum(const std::uint64_t* words, std::size_t count) noexcept;

class KeyTables {
  struct Line;

 public:
  struct Options {
    std::uint32_t keys_max = 0;
    std::size_t memory_bytes_max = 0;  // in whole chunks, rounded down
    std::uint32_t table_kib = 0;       // one of kTableShapes; 0: chosen
    // Called by the thread that makes tables, at most once a second, while there is work and when there is none left.
    // May call status, and nothing else here.
    std::function<void(const TableStatus&)> on_change = {};
    // Gives chunks of take_chunk, or none: for tests that make memory short.
    std::function<Chunk()> memory = take_chunk;
  };

  // Starts the thread that makes tables. No memory is taken for tables before there are keys. A system that is short of
  // memory, for tables or for the thread, has keys without tables, and status says so.
  KeyTables(const Options& options, MakeTables make);
  // No Reading lives, and nobody waits in settle. Waits for the tables that are being made (at most 8).
  ~KeyTables();
  KeyTables(const KeyTables&) = delete;
  KeyTables& operator=(const KeyTables&) = delete;

  // As in Verifier.
  void learn(std::uint32_t number, const Bytes32& key);
  void forget(std::uint32_t number);
  void settle();  // not by a thread that holds a Reading: a table may wait for its memory
  [[nodiscard]] TableStatus status() const;

  // A table that may be read while the Reading lives that found it; entries null: there is none.
  struct Found {
    const std::uint64_t* entries = nullptr;
    std::uint32_t shape = 0;  // index in kTableShapes; tables of one Reading may have different ones
  };

  // What a verification holds while it reads tables. Not to be held for longer than a batch: memory waits for it.
  // Beyond ReaderSeats::kSeats at once a Reading finds nothing, and its batch goes the general path.
  class Reading {
   public:
    explicit Reading(const KeyTables& tables) noexcept;
    ~Reading();
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;

    // Asks for the cache line that find(number) reads. Any number.
    void prefetch(std::uint32_t number) const noexcept;
    // The table of this key, if `number` stands for the key and its table is ready. Any number; 32 bytes.
    [[nodiscard]] Found find(std::uint32_t number, const std::uint8_t* key) const noexcept;

   private:
    ReaderSeats::Seat* const seat_;  // null: all were taken
    Line* const lines_;
    const std::uint32_t keys_max_;  // 0 without a seat, so that no number is found
  };

  // Where the table of a number lies, for tests that damage it. Null: none.
  [[nodiscard]] std::uint64_t* memory_of_table(std::uint32_t number) noexcept;

 private:
  // What there is about a number, zero at first. The upper part is for readers: the key is written once, before the
  // word is first set. The word is a table's address, aligned to 64, plus 1 + its shape; 0: no table.
  struct alignas(64) Line {
    std::uint8_t key[32];
    std::uint64_t word;  // by atomic_ref
    // Of the thread that makes tables, but for `next` before its number is taken from the notes, `wanted`, `noted` and
    // `named`; key_tables.cc says more.
    std::uint32_t next;
    std::uint32_t slot;
    std::uint32_t before;
    std::uint32_t after;
    std::uint8_t wanted;
    std::uint8_t noted;
    std::uint8_t named;
    std::uint8_t stage;
  };
  static_assert(sizeof(Line) == kKeyLineBytes);
  static constexpr std::uint64_t kShapeBits = 63;

  struct Inside;
  std::unique_ptr<Inside> inside_;
};

inline void KeyTables::Reading::prefetch(std::uint32_t number) const noexcept {
  if (number <= keys_max_) __builtin_prefetch(lines_ + number);
}

inline KeyTables::Found KeyTables::Reading::find(std::uint32_t number, const std::uint8_t* key) const noexcept {
  if (number - 1 >= keys_max_) return {};
  Line& line = lines_[number];
  const std::uint64_t word = std::atomic_ref(line.word).load(std::memory_order_seq_cst);
  if (word == 0 || std::memcmp(line.key, key, sizeof line.key) != 0) return {};
  return {.entries = reinterpret_cast<const std::uint64_t*>(word & ~kShapeBits),
          .shape = static_cast<std::uint32_t>((word & kShapeBits) - 1)};
}

}  // namespace electra::crypto
