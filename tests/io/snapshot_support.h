// A snapshot writer that is driven to the end of each step, leaves to write, and a disk that fails or stops on command.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/snapshot/snapshot_reader.h"
#include "io/snapshot/snapshot_writer.h"
#include "tests/io/support.h"

namespace electra::io {

// By table and index.
using Leaves = std::map<std::pair<std::uint8_t, std::uint32_t>, std::vector<std::uint8_t>>;

// `count` leaves over three tables, each about `bytes` long, some empty; together a function of the arguments.
[[nodiscard]] Leaves some_leaves(std::uint32_t count, std::size_t bytes);
[[nodiscard]] std::vector<std::uint32_t> counts_of(const Leaves& leaves);

// Record 17 of segment 3.
[[nodiscard]] SnapshotSeal some_seal();

// Counts operations of all kinds from 0.
struct SnapshotFault {
  enum class Kind { none, fail, short_write, exit };
  Kind kind = Kind::none;
  std::uint64_t at = 0;
  int error = 5;  // EIO
};
class FaultySnapshotDevice final : public SnapshotDevice {
 public:
  FaultySnapshotDevice(Loop& loop, const SnapshotFault& fault);
  std::expected<int, int> create(const std::filesystem::path& path) override;
  std::expected<int, int> open(const std::filesystem::path& path) override;
  std::expected<int, int> open_to_free(const std::filesystem::path& path) override;
  void close(int fd) override;
  int sync_directory(const std::filesystem::path& directory) override { return disk_->sync_directory(directory); }
  void write(Operation& operation, int fd, ByteSpan bytes, std::uint64_t offset) override;
  void sync(Operation& operation, int fd) override;
  void rename(Operation& operation, const std::filesystem::path& from, const std::filesystem::path& to) override;
  void link(Operation& operation, const std::filesystem::path& from, const std::filesystem::path& to) override;
  void remove(Operation& operation, const std::filesystem::path& path) override;
  void free(Operation& operation, int fd, std::uint64_t offset, std::uint64_t bytes) override;

 private:
  struct Late {
    Operation* operation;
    std::int32_t result;
  };
  // Whether this is the one; with Kind::exit the process is over.
  [[nodiscard]] bool faulty();
  void complete_later(Operation& operation, std::int32_t result);

  Loop& loop_;
  const SnapshotFault fault_;
  std::unique_ptr<SnapshotDevice> disk_;
  std::uint64_t operations_ = 0;
  std::vector<Late> late_;
  Deferred deliver_;
};

class Snapshots final : private SnapshotListener {
 public:
  explicit Snapshots(std::filesystem::path directory) : directory_(std::move(directory)) {}
  ~Snapshots();

  // The error text of whatever failed.
  [[nodiscard]] std::string open(std::optional<SnapshotFault> fault = std::nullopt,
                                 std::uint64_t unwritten_max = std::uint64_t{96} << 20);
  // Begins, adds, ends, seals, and waits until nothing is under way. What failed, or empty.
  [[nodiscard]] std::string make(std::uint64_t batch, const Leaves& leaves, const SnapshotSeal& seal = some_seal());
  void settle();

  Loop& loop() { return *loop_; }
  SnapshotWriter& writer() { return *writer_; }
  std::vector<SealedSnapshot> sealed;
  std::vector<std::string> failures;
  std::uint64_t rooms = 0;

 private:
  void on_snapshot_room() override { ++rooms; }
  void on_snapshot_sealed(const SealedSnapshot& done) override { sealed.push_back(done); }
  void on_snapshot_failed(const std::string& text) override { failures.push_back(text); }

  std::filesystem::path directory_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<SnapshotWriter> writer_;
};

// What a reader handed out.
struct ReadLeaves final : LeafReceiver {
  std::optional<SnapshotHeader> header;
  Leaves leaves;
  bool twice = false;
  std::string refuse;  // not empty: says this of every leaf
  std::expected<void, std::string> on_header(const SnapshotHeader& said) override;
  std::expected<void, std::string> on_leaf(std::uint8_t table, std::uint32_t index, ByteSpan leaf) override;
};

// Names of the files in a directory, sorted.
[[nodiscard]] std::vector<std::string> file_names(const std::filesystem::path& directory);

}  // namespace electra::io
