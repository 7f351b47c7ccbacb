// Writes one snapshot at a time through the loop, beside everything else: begin, leaves, end, seal.
//
// Lives on the loop's thread. Leaves are copied into chunks that go to the disk two at a time, under a name that no reader
// takes for a snapshot's. seal() writes the header, syncs the file, renames it and syncs the directory, so that a snapshot
// exists whole or not at all; its name is not there before it is durable. Any failure ends this snapshot and only this one:
// the file goes away, the next may begin. Leaves that come faster than the disk writes wait in memory; the owner watches
// unwritten_bytes(). add() is in the middle of what may not wait, so it only copies; the owner lets the hashing of what was
// added go on by hash(), at its leisure. Memory is 1 MiB while idle, 24 MiB after a snapshot that needed as much.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "io/loop.h"
#include "io/snapshot/snapshot_device.h"
#include "io/snapshot/snapshot_format.h"

namespace electra::io {

struct SnapshotWriterConfig {
  std::filesystem::path directory;  // made if it is not there
  // Of leaves that wait for the disk. Beyond it the snapshot fails.
  std::uint64_t unwritten_bytes_max = std::uint64_t{96} << 20;
};

// What the header says beside what the writer counts. Known when the record of the batch is durable.
struct SnapshotSeal {
  std::uint64_t time_ns = 0;
  Bytes32 genesis_hash{};
  Bytes16 journal_id{};
  std::uint64_t segment = 0;
  std::uint64_t record_offset = 0;
  std::uint64_t record_end = 0;
  std::uint64_t watermark = 0;
  Bytes32 record_hash{};
  std::array<std::uint8_t, kSnapshotBlockHeaderBytes> block_header{};
  // Not empty: a file that is made durable before the snapshot gets its name (that of block headers).
  std::filesystem::path sync_first{};
};

struct SealedSnapshot {
  std::uint64_t batch = 0;
  std::uint64_t segment = 0;  // of the batch's record
  std::uint64_t leaves = 0;
  std::uint64_t bytes = 0;  // of the file
};

class SnapshotListener {
 public:
  // Inside Loop::run_once. A chunk has reached the disk: there is room for more.
  virtual void on_snapshot_room() = 0;
  virtual void on_snapshot_sealed(const SealedSnapshot& sealed) = 0;
  // What failed, where (file, offset) and what to do. busy() until its file is gone.
  virtual void on_snapshot_failed(const std::string& text) = 0;

 protected:
  ~SnapshotListener() = default;
};

class SnapshotWriter {
 public:
  // Makes the directory and removes drafts of snapshots that were never sealed. Synchronous.
  [[nodiscard]] static std::expected<std::unique_ptr<SnapshotWriter>, std::string> open(
      Loop& loop, const SnapshotWriterConfig& config, SnapshotListener& listener,
      std::unique_ptr<SnapshotDevice> device = nullptr);
  // Outside of the loop's callbacks only. Abandons what is under way; turns the loop until nothing is in flight.
  ~SnapshotWriter();
  SnapshotWriter(const SnapshotWriter&) = delete;
  SnapshotWriter& operator=(const SnapshotWriter&) = delete;

  // Not while busy(). The error is a sentence; nothing is under way then.
  [[nodiscard]] std::expected<void, std::string> begin(std::uint64_t batch, std::span<const std::uint32_t> leaf_counts);
  // Takes a copy. Any order. After a failure it does nothing, so that who hands out leaves need not ask.
  void add(std::uint8_t table, std::uint32_t index, ByteSpan leaf);
  // Hashes about so many bytes of what was added, oldest first; what is hashed goes to the disk. Nothing is written, and the
  // snapshot is not sealed, without it.
  void hash(std::uint64_t bytes);
  [[nodiscard]] std::uint64_t unhashed_bytes() const noexcept;
  // All leaves of all tables were added: asserted, unless the snapshot has failed.
  void end();
  // After end().
  void seal(const SnapshotSeal& seal);
  // The listener hears nothing more of it. The file goes away while busy(). One that has its name already stays.
  void abandon();

  [[nodiscard]] bool busy() const noexcept;    // from begin() until the file is sealed or gone
  [[nodiscard]] bool taking() const noexcept;  // from begin() to end() or a failure
  [[nodiscard]] std::uint64_t batch() const noexcept;
  [[nodiscard]] std::uint64_t leaves() const noexcept;           // added to the one under way
  [[nodiscard]] std::uint64_t unwritten_bytes() const noexcept;  // taken, and not yet on the disk
  [[nodiscard]] std::uint64_t bytes_written() const noexcept;    // since open(), of all snapshots

 private:
  struct Impl;
  explicit SnapshotWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace electra::io
