// Puts away what a newer snapshot makes superfluous: older snapshots, and segments of the journal below the oldest one kept.
//
// Files go one after the other through the loop, so that the thread that serves does not wait for the file system. A segment
// goes only after every snapshot that needs it; the lowest goes first, and durably (the directory that it was moved to is
// synced, then the one that it left), so that no crash leaves a gap. Files that are gone already are no failure.
//
// A snapshot of more than a few MiB becomes a draft by its name first, and then goes in pieces: where the file system tells
// the disk what is free ("discard"), a file of 70 MiB that goes at once makes every durable write meanwhile wait for 5 ms.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/loop.h"
#include "io/snapshot/snapshot_device.h"

namespace electra::io {

enum class OldSegments : std::uint8_t {
  keep,
  archive,  // moved to a directory of the same file system
  drop,
};

struct RetentionPlan {
  std::vector<std::filesystem::path> remove;    // snapshots
  std::vector<std::filesystem::path> segments;  // lowest number first
};

// Of snapshots, those that are none of `kept`; of segments, those below `first_segment`, none with OldSegments::keep. The
// error is a sentence: a directory cannot be listed.
[[nodiscard]] std::expected<RetentionPlan, std::string> plan_retention(const std::filesystem::path& snapshot_directory,
                                                                       const std::vector<std::uint64_t>& kept,
                                                                       const std::filesystem::path& journal_directory,
                                                                       std::uint64_t first_segment,
                                                                       OldSegments old_segments);

struct RemovalPieces {
  std::uint64_t bytes = std::uint64_t{4} << 20;
  std::uint64_t pause_ns = 10'000'000;  // between two of them
};

class Retention {
 public:
  struct Done {
    std::uint64_t snapshots = 0;  // removed
    std::uint64_t segments = 0;   // moved or removed
    std::string failure;          // not empty: the first thing that could not be done; the rest was left
  };

  // archive: where segments are moved, made here if they are to be; the error is a sentence.
  [[nodiscard]] static std::expected<std::unique_ptr<Retention>, std::string> open(
      Loop& loop, OldSegments old_segments, const std::filesystem::path& archive,
      std::unique_ptr<SnapshotDevice> device = nullptr, const RemovalPieces& pieces = {});
  // Outside of the loop's callbacks only: turns the loop until nothing is in flight.
  ~Retention();
  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;

  [[nodiscard]] bool busy() const noexcept;
  // Not while busy(). `done` is called inside Loop::run_once, also for an empty plan.
  void start(RetentionPlan plan, std::function<void(const Done&)> done);

 private:
  struct Impl;
  explicit Retention(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace electra::io
