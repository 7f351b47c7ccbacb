// A small chain whose gateway makes snapshots often, a disk for them that can be slow or broken, and what they lead to.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/pipeline/restore.h"
#include "engine/pipeline/snapshot_keeper.h"
#include "io/snapshot/snapshot_device.h"
#include "tests/pipeline/blocks_support.h"

namespace electra::test {

// What a test says to the disk of a running gateway, and sees of it.
struct SnapshotDisk {
  std::atomic<bool> held{false};                                   // operations are done, but nobody hears of it
  std::atomic<std::int64_t> fail_in{-1};                           // so many operations from now one fails; -1: none
  std::atomic<int> error{5};                                       // with this: EIO
  std::atomic<std::uint64_t> operations{0};                        // begun
  std::function<void(const std::filesystem::path& to)> on_rename;  // before it; from the gateway's thread
};
[[nodiscard]] std::unique_ptr<io::SnapshotDevice> make_watched_device(io::Loop& loop, SnapshotDisk& disk);

struct SnapshotChain : BlockChain {
  std::shared_ptr<SnapshotDisk> disk = std::make_shared<SnapshotDisk>();

  [[nodiscard]] std::filesystem::path snapshots() const { return data() / "snapshots"; }
  [[nodiscard]] std::filesystem::path archive() const { return data() / "archive"; }
  // A snapshot whenever the journal has grown by `every_bytes`; all are kept unless the caller says otherwise.
  [[nodiscard]] pipeline::GatewaySettings settings(std::uint64_t every_bytes = 16 * 4096) const;
  [[nodiscard]] pipeline::SnapshotPlaces places() const {
    return {.snapshots = snapshots(), .journal = data(), .headers_file = headers_file()};
  }
  // Batches of the snapshots that are there.
  [[nodiscard]] std::vector<std::uint64_t> batches() const;
  [[nodiscard]] std::filesystem::path file(std::uint64_t batch) const;
  // Turns a bit in the middle of the file.
  void damage(std::uint64_t batch) const;
  [[nodiscard]] std::vector<std::uint64_t> segments() const;
};

// What the gateway told of snapshots. Any thread.
class SnapshotLog {
 public:
  [[nodiscard]] std::function<void(const pipeline::SnapshotEvent&)> listener();
  [[nodiscard]] std::vector<pipeline::SnapshotEvent> events() const;
  [[nodiscard]] std::size_t count(pipeline::SnapshotEvent::Kind kind) const;
  // False: not within kPatience.
  [[nodiscard]] bool wait_for(pipeline::SnapshotEvent::Kind kind, std::size_t count) const;
  // Begun, and neither sealed nor failed: cut off by a stop, or going on.
  [[nodiscard]] std::size_t under_way() const;

 private:
  struct Shared {
    std::mutex mutex;
    std::vector<pipeline::SnapshotEvent> events;
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

// Readings of M2, one batch each, all answered. Within ASSERT_NO_FATAL_FAILURE.
void send_readings(Client& client, std::uint64_t count);
// A snapshot that begins meanwhile is waited for, so that a slow machine makes as many as a fast one; once one has not ended
// within a second, none is any more.
void send_readings(Client& client, std::uint64_t count, const SnapshotLog& log);

}  // namespace electra::test
