// The gateway: joins sockets, verification, journal and state machine. One object, one io thread.
//
// One thread calls open(), run() and the destructor, the io thread: it owns the sockets, the journal and the state machine.
// Batches of `parallel_batch_min` messages or more are verified by the TBB flow graph, smaller ones by one thread aside, those
// of less than 8 on the io thread. Nothing that follows from a batch leaves before its record is durable. See pipeline/README.md for the way
// of a message.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "crypto-offload/verifier.h"
#include "engine/pipeline/block_keeper.h"
#include "engine/pipeline/datagram_counters.h"
#include "engine/pipeline/named_execution.h"
#include "engine/pipeline/snapshot_keeper.h"
#include "engine/pipeline/trip_note.h"
#include "engine/state/machine.h"
#include "engine/state/types.h"
#include "io/tcp_server.h"

namespace electra::io {
class Loop;
class SegmentDevice;
}  // namespace electra::io

namespace electra::pipeline {

// An operator's signed BeginEpoch{epoch, machine.height() + 1}: the bytes of its envelope, or one sentence why not.
using EpochMessage =
    std::function<std::expected<std::vector<std::uint8_t>, std::string>(const state::Machine&, std::uint32_t epoch)>;

struct GatewaySettings {
  state::Genesis genesis;
  BlockSettings blocks;
  SnapshotSettings snapshots;
  // For a journal that contradicts what the key has signed (a restored backup): begins a new epoch. Without it such a
  // journal is refused; with it any other one is.
  EpochMessage begin_epoch;
  std::filesystem::path journal_directory;
  std::string listen_host = "127.0.0.1";
  std::uint16_t listen_port = 26600;        // 0 = any free port; Gateway::port() tells
  bool listen_udp = false;                  // also datagrams, at the same address and port
  std::size_t udp_buffer_bytes = 8U << 20;  // asked of the kernel for datagrams that wait to be read
  bool replay_clock = false;                // true: time moves by Tick frames only
  crypto::VerifierOptions verifier;         // its keys_max follows from the genesis
  std::uint32_t verify_threads = 0;         // 0 = as many as the machine has
  std::uint32_t parallel_batch_min = 64;    // messages; smaller batches have one thread
  std::uint32_t batch_messages_max = 8192;  // 2 … 8192
  std::uint32_t batches_max = 8;            // pool size, 2 … 64; its exhaustion is the back-pressure
  std::uint32_t connections_max = 1024;
  std::uint32_t records_in_flight = 4;  // being written at once at most, 1 … 16; small ones two
  std::uint64_t segment_bytes = 64U << 20;
  // Free space of the journal's file system below which only the gateway's and operators' messages are taken; 0: none.
  std::uint64_t journal_reserve_bytes = 0;
  std::function<void(const std::string&)> on_disk_problem = {};  // begins, one sentence; empty: it is over
  std::uint32_t refusals_max = 64;  // that a session may cause before it is closed; sixteen good messages earn one back
  std::uint32_t sender_messages_per_second = 0;  // of one sender, gateway and operators excepted; 0: no limit
  std::uint32_t sender_burst = 10'000;           // that it may have unused
  std::uint32_t hello_timeout_s = 10;
  std::size_t output_bytes_max = std::size_t{4} << 20;  // that may wait for one peer; see io/tcp_server.h
  std::uint64_t output_stall_ns = 30'000'000'000;       // without a byte that the peer takes of them
  std::string version;                                  // of the program, for status answers

  // At the start, before the journal is replayed, when an assertion failed while a batch executed: which message it was.
  std::function<void(const TripNote&)> on_tripped = {};

  // For tests and benchmarks: another verifier, another disk. Null: make_verifier(verifier) and make_segment_device(loop).
  std::function<std::unique_ptr<crypto::Verifier>(const crypto::VerifierOptions&)> other_verifier = {};
  std::function<std::unique_ptr<io::SegmentDevice>(io::Loop&)> other_device = {};
  // For tests: what executes a batch instead of the machine itself, in service and in the replay.
  Execution other_execution = {};
};

enum class StopReason { requested, journal_failed };

// What open() found and what follows from the limits: for the first lines of the log. Memory in bytes.
struct GatewayStart {
  std::uint64_t restored_batch = 0;  // of the snapshot that the state comes from; 0: none, it was made from the genesis
  std::uint64_t restored_height = 0;
  std::uint64_t restored_bytes = 0;  // of its file
  std::uint64_t restored_leaves = 0;
  std::uint64_t restored_ns = 0;                // that it took
  std::vector<std::string> unusable_snapshots;  // newer ones, each with the reason
  std::uint64_t replayed_ns = 0;                // that the journal behind it took
  std::uint64_t records = 0;                    // replayed from the journal
  std::uint64_t messages = 0;
  std::uint64_t journal_bytes = 0;
  std::string cut_text;  // not empty: a torn tail was cut; what and why
  std::uint64_t height = 0;
  std::uint64_t signed_height = 0;  // the rest is being signed
  std::string headers_text;         // not empty: the file of headers was mended
  std::string verifier;
  crypto::TableStatus tables;  // of the keys so far; made beside recovery, from the genesis on, and beside service
  std::string executor;        // of the verify stage: "tbb" or "worker"
  std::uint32_t verify_threads = 0;
  bool direct_io = false;
  std::size_t state_bytes = 0;
  std::size_t keys_bytes = 0;
  std::size_t batches_bytes = 0;
  std::size_t sessions_bytes = 0;
  std::size_t senders_bytes = 0;     // of the senders' buckets
  std::size_t datagrams_bytes = 0;   // 0: it takes none
  std::size_t udp_buffer_bytes = 0;  // that the kernel granted, not in datagrams_bytes
};

// Figures since start. Times are CPU nanoseconds, but for the journal: that is waiting.
struct GatewayCounters {
  std::uint64_t batches = 0;
  std::uint64_t messages = 0;         // executed
  std::uint64_t refused = 0;          // before the chain
  std::uint64_t refused_by_rate = 0;  // of them, because their sender had sent too many
  std::uint64_t refused_by_disk = 0;  // because the disk is nearly full
  std::uint64_t journal_bytes = 0;    // of records, with padding
  std::uint64_t zero_bytes = 0;       // that the journal wrote ahead of its records
  std::uint64_t decode_ns = 0;        // io thread
  std::uint64_t verify_ns = 0;        // summed over threads
  std::uint64_t execute_ns = 0;       // io thread
  std::uint64_t journal_wait_ns = 0;  // submit to durable, summed over batches
  std::uint64_t largest_batch = 0;
  std::uint64_t height = 0;  // of the last closed block
  std::uint64_t signed_height = 0;
  SnapshotCounters snapshots;
  DatagramCounters datagrams;
  std::array<std::uint64_t, io::kCloseReasons> closed{};  // connections, by io::CloseReason
};

class Gateway {
 public:
  // Recovers the journal (progress(bytes_done, bytes_total) is called now and then), then listens. The error text says
  // what was wrong, where, and what to do.
  using Progress = std::function<void(std::uint64_t, std::uint64_t)>;
  [[nodiscard]] static std::expected<std::unique_ptr<Gateway>, std::string> open(GatewaySettings settings,
                                                                                 const Progress& progress = {});
  virtual ~Gateway() = default;

  // Serves until request_stop() or a failed journal. On return everything acknowledged is durable and the sockets are
  // closed.
  virtual StopReason run() = 0;

  // Any thread, and signal handlers.
  virtual void request_stop() noexcept = 0;

  [[nodiscard]] virtual std::uint16_t port() const noexcept = 0;
  [[nodiscard]] virtual const state::Machine& machine() const noexcept = 0;  // io thread, or when run() is not running
  [[nodiscard]] virtual GatewayCounters counters() const noexcept = 0;       // likewise
  [[nodiscard]] virtual const chain::BlockMaker& blocks() const noexcept = 0;  // likewise
  [[nodiscard]] virtual GatewayStart facts() const = 0;
  [[nodiscard]] virtual std::string failure() const = 0;  // after journal_failed: what failed, where, what to do
};

}  // namespace electra::pipeline
