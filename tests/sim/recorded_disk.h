// A disk for a gateway that writes down what it is asked, tells late and out of order that something is done, and can fail
// or lie.
//
// Files are real ones below a root, so that recovery can read them; what a power cut would leave of them is worked out of
// the log (power_cut.h). One object serves the journal, the snapshots and the small files of one gateway at a time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "engine/pipeline/gateway.h"
#include "tests/sim/disk_log.h"

namespace electra::sim {

// Whose operations: each have their own count, from 0.
enum class Part : std::uint8_t { journal, snapshots, files };
inline constexpr std::size_t kParts = 3;

struct DiskFault {
  enum class Kind : std::uint8_t {
    none,
    fail,         // nothing happens
    short_write,  // half of it, and that is what the disk says
    torn,         // half of it, and the disk says that it failed
  };
  Kind kind = Kind::none;
  Part part = Part::journal;
  std::uint64_t at = 0;
  int error = 5;       // EIO
  bool lasts = false;  // all that follow fail, too
};

// What a disk, or a writer, must never do; for the tests of the tests.
struct DiskLies {
  bool journal_writes_stay_in_cache = false;  // called durable when they are not
  bool journal_writes_end_early = false;      // called durable some moments before they are
  bool directories_stay_in_cache = false;
  bool files_stay_in_cache = false;  // syncs of files do nothing
};

class RecordedDisk : public std::enable_shared_from_this<RecordedDisk> {
 public:
  // delay_us: an operation takes up to so long; 0: it is done in the same turn of the loop, in order.
  RecordedDisk(std::filesystem::path root, std::uint64_t seed, std::uint32_t delay_us);

  // Puts this disk into the settings.
  void serve(pipeline::GatewaySettings& settings);

  DiskFault fault;                    // set before the gateway opens
  std::atomic<bool> repaired{false};  // nothing fails any more
  DiskLies lies;

  [[nodiscard]] DiskLog& log() noexcept { return log_; }
  [[nodiscard]] std::uint64_t count(Part part) const noexcept { return counts_[static_cast<std::size_t>(part)]; }
  // What the fault hit: "write", "sync", …; empty: nothing came to it.
  [[nodiscard]] std::string hit() const;

  // --- for the devices ---
  // Counts an operation. The errno that it shall fail with, 0: none. `written`: of `bytes` so many reach the disk, and
  // *told of them are said to.
  [[nodiscard]] int judge(Part part, const char* what);
  struct Write {
    std::size_t reaches = 0;
    std::int64_t told = 0;  // or -errno
  };
  [[nodiscard]] Write judge_write(Part part, std::size_t bytes);
  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
  [[nodiscard]] std::uint32_t delay_us() const noexcept { return delay_us_; }

 private:
  [[nodiscard]] bool faulty(Part part, const char* what);

  DiskLog log_;
  const std::uint64_t seed_;
  const std::uint32_t delay_us_;
  std::array<std::atomic<std::uint64_t>, kParts> counts_{};
  std::atomic<const char*> hit_{nullptr};
};

}  // namespace electra::sim
