// Tables of multiples of known keys: which key has one, where it lies, and how it is made, replaced and taken away while
// verification runs.
//
// One thread at a time calls learn and forget; one thread of this class makes tables; any number of threads read. A
// reader takes no lock and never waits.
//
// A table is trusted input of verification, so it must never be wrong silently:
//  - A reader finds a table by the key's number and the key's 32 bytes; a number that stands for another key has none.
//  - A table becomes visible (release) after the checksum of what its maker meant to write was compared with the memory,
//    read back. One that does not agree is made again; after the second time its key stays on the general path.
//  - Memory is used again only after every Reading that may have seen its table has ended: a removed table is stamped with
//    an epoch, and waits until no reader is left that began before (epoch-based reclamation; the argument is in
//    key_tables.cc).
//
// Sizes: tables have the largest of kTableShapes for which all learned keys fit into the budget. When a key more would not
// fit, the next smaller size is taken and the tables that are there are made again, piece by piece in their own memory;
// their keys are verified on the general path for that moment. A forced size never changes: keys beyond the budget have no
// table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "crypto-offload/tables/table_format.h"
#include "crypto-offload/verifier.h"
#include "meter-proto/base/bytes.h"

namespace electra::crypto {

// The checksum of a table's words: Σ word[i] · (2i + 1) modulo 2^64.
[[nodiscard]] std::uint64_t table_checksum(const std::uint64_t* words, std::size_t count) noexcept;

class KeyTables {
 public:
  struct Options {
    std::uint32_t keys_max = 0;
    std::size_t memory_bytes_max = 0;
    std::uint32_t table_kib = 0;  // 0: chosen
    std::function<void(const TableStatus&)> on_change = {};
  };

  // Starts the thread that makes tables. No memory is taken for tables before there are keys.
  KeyTables(const Options& options, MakeTables make);
  ~KeyTables();
  KeyTables(const KeyTables&) = delete;
  KeyTables& operator=(const KeyTables&) = delete;

  // As in Verifier.
  void learn(std::uint32_t number, const Bytes32& key);
  void forget(std::uint32_t number);
  void settle();
  [[nodiscard]] TableStatus status() const;

  // A table that may be read while the Reading lives that found it; entries null: there is none.
  struct Found {
    const std::uint64_t* entries = nullptr;
    std::uint32_t shape = 0;  // index in kTableShapes
  };

  // What a verification holds while it reads tables. Not to be held for longer than a batch: memory waits for it.
  class Reading {
   public:
    explicit Reading(const KeyTables& tables) noexcept;
    ~Reading();
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;

    // Asks for the cache line that find(number) reads. Any number.
    void prefetch(std::uint32_t number) const noexcept;
    // The table of this key, if `number` stands for the key and its table is ready.
    [[nodiscard]] Found find(std::uint32_t number, const std::uint8_t* key) const noexcept;

   private:
    const KeyTables& tables_;
    std::size_t seat_;
  };

  // Where the table of a number lies, for tests that damage it. Null: none.
  [[nodiscard]] std::uint64_t* memory_of_table(std::uint32_t number) noexcept;

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace electra::crypto
