// From snapshots on disk back to a state: which one can be used, and what it gives.
//
// A snapshot is used only if every byte of it is in order, its leaves make a state whose root and counts are those of its
// block's header, that header is the one in the file of headers, and the journal holds the record that it stands behind.
// Signatures are not verified here: whoever can write the file of headers can write the journal. Gateway, auditor and tools
// read snapshots through this. Costs a pass over the file, some 100 ns a leaf, and the trees.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/chain/block_maker.h"
#include "engine/state/machine.h"
#include "io/journal/recovery.h"
#include "io/snapshot/snapshot_format.h"

namespace electra::pipeline {

// A state as of the end of a block.
struct RestoredState {
  std::unique_ptr<state::Machine> machine;
  std::unique_ptr<chain::BlockMaker> maker;  // of this machine
  proto::BlockHeader header;                 // of the block
  io::SnapshotHeader snapshot{};
  std::filesystem::path file;
};

using RestoreProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;  // bytes

// Reads a snapshot and makes its state. The error is a sentence that begins with the path.
[[nodiscard]] std::expected<RestoredState, std::string> restore_snapshot(const std::filesystem::path& file,
                                                                         const state::Genesis& genesis,
                                                                         const RestoreProgress& progress = {});

// Of the block that the snapshot's batch closed; the error is a sentence that begins with the path.
[[nodiscard]] std::expected<proto::BlockHeader, std::string> header_in_snapshot(const std::filesystem::path& file,
                                                                                const io::SnapshotHeader& snapshot);

// Where the journal goes on behind it.
[[nodiscard]] io::JournalStart start_behind(const io::SnapshotHeader& snapshot, const proto::BlockHeader& header);

// Where snapshots are looked for, and what they have to fit.
struct SnapshotPlaces {
  std::filesystem::path snapshots;  // empty: there are none
  std::filesystem::path journal;
  std::filesystem::path headers_file;
};

// Which snapshots: those of batches `first` to `last`, of blocks up to `last_height`.
struct SnapshotRange {
  std::uint64_t first = 0;
  std::uint64_t last = UINT64_MAX;
  std::uint64_t last_height = UINT64_MAX;
  bool newest_first = true;
};

struct SnapshotSearch {
  std::optional<RestoredState> found;
  std::vector<std::string> unusable;  // one sentence a snapshot that was tried before
};

// The first one that can be used. The error: the directory cannot be listed.
[[nodiscard]] std::expected<SnapshotSearch, std::string> find_snapshot(const SnapshotPlaces& places,
                                                                       const state::Genesis& genesis,
                                                                       const SnapshotRange& range = {},
                                                                       const RestoreProgress& progress = {});

// Whether the snapshot can be used, by the same checks; its block's header. For auditors: costs what restoring costs.
[[nodiscard]] std::expected<proto::BlockHeader, std::string> check_snapshot(const std::filesystem::path& file,
                                                                            const SnapshotPlaces& places,
                                                                            const state::Genesis& genesis);

// The number of the journal's lowest segment; 0: there is none. Above 1: what came before was dropped or archived.
[[nodiscard]] std::expected<std::uint64_t, std::string> first_segment(const std::filesystem::path& journal);

// Whether a journal that begins with a later segment than the first may do so: a snapshot (whose header is in order) begins
// there or behind.
[[nodiscard]] bool may_begin_later(const std::filesystem::path& journal, const std::filesystem::path& snapshots);

// Why a journal that begins with `segment` > 1 is no use without a snapshot, and what to do.
[[nodiscard]] std::string begins_later_text(const std::filesystem::path& journal, std::uint64_t segment,
                                            const std::vector<std::string>& unusable);

// Bytes of the journal's files from a place on, for progress.
[[nodiscard]] std::uint64_t journal_bytes_from(const std::filesystem::path& journal, std::uint64_t segment,
                                               std::uint64_t offset);

}  // namespace electra::pipeline
