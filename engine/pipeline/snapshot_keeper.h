// Sees that there are snapshots: decides when one begins, walks the state beside the traffic, seals it, puts old ones away.
//
// A snapshot begins behind a block, when the journal has grown by `every_bytes` since the last one. The cursor then goes
// through the state a bounded number of bytes at a time, at a bounded rate, while batches execute; leaves that change
// before their turn come by themselves. It is sealed when the batch is durable and its block's header signed. What fails
// here is told and counted, and stops nothing: a later snapshot is tried. Lives on the io thread.
// Costs while one is under way: about 1.2 ns of CPU a byte of it, and writes beside the journal's; else an addition a batch.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/pipeline/block_keeper.h"
#include "engine/state/machine.h"
#include "io/journal/journal_writer.h"
#include "io/snapshot/retention.h"
#include "io/snapshot/snapshot_writer.h"

namespace electra::pipeline {

struct SnapshotEvent {
  enum class Kind : std::uint8_t { begun, sealed, failed, put_away };
  Kind kind = Kind::begun;
  std::uint64_t batch = 0;
  std::uint64_t height = 0;
  std::uint64_t leaves = 0;       // of all tables
  std::uint64_t bytes = 0;        // of the file; sealed
  std::uint64_t duration_ns = 0;  // since begun
  std::uint64_t snapshots = 0;    // put_away: removed
  std::uint64_t segments = 0;     // put_away: dropped or archived
  std::string text{};             // failed: what, where, what to do
};

struct SnapshotSettings {
  std::filesystem::path directory;                      // empty: none are made and none are read
  std::uint64_t every_bytes = std::uint64_t{64} << 20;  // of the journal; 0: none are made
  std::uint32_t keep = 2;                               // 1 … 64
  io::OldSegments old_segments = io::OldSegments::keep;
  std::filesystem::path archive_directory;  // of segments, with OldSegments::archive
  io::RemovalPieces removal = {};           // of older snapshots
  // How fast a snapshot is made while it holds nobody back: so many bytes a second, and of a hundred bytes of the journal so
  // many, because it shall be there before the next one is due. A byte costs some 3 ns of the io thread.
  std::uint64_t bytes_per_second = std::uint64_t{24} << 20;
  std::uint32_t journal_percent = 50;
  // No batch is executed while so many bytes wait for the disk.
  std::uint64_t hold_bytes = std::uint64_t{64} << 20;
  std::function<void(const SnapshotEvent&)> on_event = {};  // io thread
  // For tests: another disk. Null: make_snapshot_device(loop).
  std::function<std::unique_ptr<io::SnapshotDevice>(io::Loop&)> other_device = {};
};

struct SnapshotCounters {
  std::uint64_t sealed = 0;
  std::uint64_t failed = 0;
  std::uint64_t bytes = 0;       // written, of failed ones too
  std::uint64_t cpu_ns = 0;      // of the cursor
  std::uint64_t last_batch = 0;  // of the newest one sealed, or restored from
};

class SnapshotKeeper final : private state::LeafSink, private io::SnapshotListener {
 public:
  struct House {
    io::Loop& loop;
    state::Machine& machine;
    const BlockKeeper& blocks;
    std::filesystem::path journal_directory;
    std::filesystem::path headers_file;
    std::function<void()> nudge;  // what holds() said may have changed
  };
  // The snapshot that the state was restored from, and the journal's bytes behind it. All of the house outlives this.
  struct Restored {
    std::uint64_t batch = 0;  // 0 = none
    std::uint64_t segment = 0;
    std::uint64_t journal_bytes = 0;
  };
  // The error: a directory cannot be made.
  [[nodiscard]] static std::expected<std::unique_ptr<SnapshotKeeper>, std::string> open(SnapshotSettings settings,
                                                                                        House house,
                                                                                        const Restored& restored);
  // Outside of the loop's callbacks only.
  ~SnapshotKeeper();

  // After machine and block keeper have executed the batch.
  void executed(const proto::BatchLink& link);
  // Of every record.
  void durable(const io::DurableRecord& record, const Bytes16& journal_id);
  // It is time for a snapshot, and it waits for a block to end.
  [[nodiscard]] bool wants_block_end() const noexcept {
    return settings_.every_bytes != 0 && journal_bytes_ >= settings_.every_bytes && phase_ == Phase::idle &&
           !stopped_ && !writer_->busy();
  }
  // Once a turn: goes on, if it is time to.
  void advance();
  // Too much waits for the disk: no batch is to be executed before nudge() is called.
  [[nodiscard]] bool holds() const noexcept { return writer_->unwritten_bytes() > settings_.hold_bytes; }

  // Nothing new begins. What is under way is given up, unless it is being sealed or put away: then ending() until it is done.
  void stop();
  [[nodiscard]] bool ending() const noexcept { return phase_ == Phase::sealing || retention_->busy(); }

  [[nodiscard]] SnapshotCounters counters() const noexcept;

 private:
  enum class Phase : std::uint8_t {
    idle,
    walking,  // the machine gives out leaves
    walked,   // the writer has all of them
    sealing,
  };
  struct Good {
    std::uint64_t batch = 0;
    std::uint64_t segment = 0;
  };

  SnapshotKeeper(SnapshotSettings settings, House house) : settings_(std::move(settings)), house_(std::move(house)) {}

  void leaf(state::Table table, std::uint32_t index, ByteSpan bytes) noexcept override;
  void on_snapshot_room() override;
  void on_snapshot_sealed(const io::SealedSnapshot& sealed) override;
  void on_snapshot_failed(const std::string& text) override;

  void begin(const proto::BatchLink& link);
  // The state's leaves, or their hashing, are under way.
  [[nodiscard]] bool walking() const noexcept;
  void walk();
  void seal_if_ready();
  void give_up() noexcept;
  void put_away();
  void fail(const std::string& text);
  void tell(SnapshotEvent event) const;

  const SnapshotSettings settings_;
  const House house_;
  std::unique_ptr<io::SnapshotWriter> writer_;
  std::unique_ptr<io::Retention> retention_;
  std::vector<Good> good_;  // known to be in order, oldest first; never more than settings_.keep

  Phase phase_ = Phase::idle;
  bool stopped_ = false;
  bool put_away_again_ = false;      // a snapshot was sealed meanwhile
  std::uint64_t journal_bytes_ = 0;  // since the last snapshot began

  // Of the one under way.
  std::uint64_t batch_ = 0;
  std::uint64_t height_ = 0;  // of the block that it closed
  std::uint64_t leaves_ = 0;
  std::uint64_t begin_ns_ = 0;            // monotonic
  std::optional<io::SnapshotSeal> seal_;  // once its batch is durable
  std::uint64_t allowance_ = 0;           // bytes that may be walked and hashed now
  std::uint64_t allowed_ns_ = 0;          // up to when allowance_ was reckoned
  std::uint64_t bytes_since_step_ = 0;    // of records, since something was walked or hashed
  std::uint64_t bytes_earned_ = 0;        // of records, since allowance_ was reckoned
  io::Timer timer_;

  SnapshotCounters counters_;
};

}  // namespace electra::pipeline
