// The end of a journal that was written and that nobody was told of: what it is, and how it is cut.
//
// For a gateway that cannot start because a message of the last batches trips an assertion. Only what no receipt can have
// left for is ever cut: the note of the failure says so (trip_note.h), and no watermark may speak against it. Nobody may
// write to the journal meanwhile.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/pipeline/trip_note.h"
#include "meter-proto/base/bytes.h"

namespace electra::pipeline {

struct LostMessage {
  std::uint64_t batch = 0;
  std::uint32_t slot = 0;  // 0: the envelope names its sender by address
  std::uint64_t sequence = 0;
};

struct TailCut {
  TripNote note;
  std::uint64_t first_batch = 0;  // that is lost
  std::uint64_t last_batch = 0;
  std::uint64_t watermark = 0;  // highest in the journal
  std::filesystem::path file;   // of the first lost record
  std::uint64_t offset = 0;     // in it; 0: the whole file goes
  std::vector<std::filesystem::path> later_files;
  std::vector<LostMessage> messages;
};

// Looks only. The error is one sentence: why nothing can be cut.
[[nodiscard]] std::expected<TailCut, std::string> plan_tail_cut(const std::filesystem::path& journal_directory,
                                                                const std::optional<Bytes32>& genesis_hash,
                                                                const std::filesystem::path& snapshots_directory);

// Cuts what the plan says, durably, and removes the note.
[[nodiscard]] std::expected<void, std::string> cut_tail(const std::filesystem::path& journal_directory,
                                                        const TailCut& cut);

}  // namespace electra::pipeline
