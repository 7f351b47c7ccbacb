// A small chain on a recorded disk, the load that it serves, and what has to be true after whatever happened to the disk.
//
// Segments of 64 KiB, blocks of a few milliseconds, a snapshot after every few records, so that some hundred messages come
// to everything that the journal, snapshots, headers and the putting away of old files do.
#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "engine/pipeline/gateway.h"
#include "io/header_file.h"
#include "tests/pipeline/support.h"
#include "tests/sim/disk_log.h"

namespace electra::sim {

// Where everything lies, below a root: journal/, snapshots/, blocks/headers.bin, keys/GRID.signed, archive/.
class World {
 public:
  // Makes the root, if it is not there, and keys/ in it, as `electrad init` does.
  explicit World(std::filesystem::path root, io::OldSegments old_segments = io::OldSegments::archive);

  [[nodiscard]] const std::filesystem::path& root() const noexcept { return root_; }
  [[nodiscard]] std::filesystem::path journal() const { return root_ / "journal"; }
  [[nodiscard]] std::filesystem::path snapshots() const { return root_ / "snapshots"; }
  [[nodiscard]] std::filesystem::path archive() const { return root_ / "archive"; }
  [[nodiscard]] std::filesystem::path headers_file() const { return root_ / "blocks" / "headers.bin"; }
  [[nodiscard]] io::OldSegments old_segments() const noexcept { return old_segments_; }
  // So many batches there may be at once. Starting a gateway costs mostly the memory that it touches.
  [[nodiscard]] pipeline::GatewaySettings settings(std::uint32_t batches) const;

 private:
  std::filesystem::path root_;
  io::OldSegments old_segments_;
};

// What a client was told by a receipt.
struct Promise {
  test::MessageName name;
  Result result = Result::ok;
  std::uint64_t batch = 0;
  std::uint64_t moment = 0;  // of the disk's log, before which the receipt came
};

// Sends readings and transfers of three people and now and then a tick, several on their way at once.
class Load {
 public:
  // log: whose moments the promises get; null: none.
  Load(std::uint16_t port, std::uint64_t seed, const DiskLog* log = nullptr);

  // Until all are answered or the gateway has gone. True: all.
  bool send(std::uint64_t messages);
  // The same bytes as the message of this promise; its answer.
  [[nodiscard]] std::optional<test::Reply> repeat(const Promise& promise);

  [[nodiscard]] const std::vector<Promise>& promises() const noexcept { return promises_; }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
  [[nodiscard]] bool connected() const noexcept { return client_.connected(); }

 private:
  [[nodiscard]] std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  [[nodiscard]] static test::Bytes frame_of(const test::MessageName& name);
  bool take_reply();
  void move_time();
  [[nodiscard]] std::uint64_t next_sequence(state::Slot slot);

  test::Client client_;
  const DiskLog* const log_;
  std::mt19937_64 random_;
  std::map<state::Slot, std::uint64_t> sequences_;
  std::uint64_t under_way_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t time_s_ = 0;
  std::vector<Promise> promises_;
};

// The records of a journal and its signed headers, as far as they are there.
struct Chain {
  struct Record {
    Bytes32 hash{};
    bool closes_block = false;
    std::vector<test::MessageName> messages;
  };
  std::map<std::uint64_t, Record> records;  // by batch
  std::vector<io::HeaderEntry> headers;     // of height 1, 2, …
  std::string problem;                      // not empty: cannot be read
};
[[nodiscard]] Chain read_chain(const std::filesystem::path& journal, const std::filesystem::path& headers_file);

// What there was before a crash.
struct Life {
  std::vector<Promise> promises;
  Chain chain;
};

// Starts a gateway in the world as it is, and checks what a start after a crash has to give: it starts; what was promised
// below `moment` is there once, with its result; records and headers that `before` also has are the same; it serves on and
// gives a promised message's first answer again; the auditor agrees with every batch, header and root, and a replay from the
// genesis comes to the gateway's state. Empty: all is well.
[[nodiscard]] std::string problem_after_crash(const World& world, const Life& before, std::uint64_t moment,
                                              std::uint64_t seed);

}  // namespace electra::sim
