// What is left behind when an assertion fails while a batch executes: a note beside the journal that names the message.
//
// Written in the moment of the failure, by the thread that fails, right before the process aborts; the next start tells of
// it, and `electrad repair` cuts nothing without it. A few lines of text, "key value" each. A start that gets through its
// journal removes it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "meter-proto/base/bytes.h"

namespace electra::pipeline {

struct TripNote {
  std::uint64_t batch = 0;
  std::uint32_t message = 0;   // 1 …; the first may also stand for the timers that fire before it. 0: behind the last
  std::uint32_t messages = 0;  // of the batch
  std::uint32_t slot = 0;
  std::uint64_t sequence = 0;
  Bytes32 id{};
  // Receipts of batches up to this one may have left; of later ones none has. Nothing: not known, because the batch failed
  // in a replay.
  std::optional<std::uint64_t> acknowledged;

  // One sentence.
  [[nodiscard]] std::string text() const;
};

[[nodiscard]] std::filesystem::path trip_note_file(const std::filesystem::path& journal_directory);

// Also from within a failing assertion: no exception leaves it, and a failure to write is no failure.
void write_trip_note(const TripNote& note, const std::filesystem::path& file) noexcept;
// Nothing: there is none, or it is not whole.
[[nodiscard]] std::optional<TripNote> read_trip_note(const std::filesystem::path& file);

}  // namespace electra::pipeline
