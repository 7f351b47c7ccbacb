// Keeps the gateway's chain of blocks: decides when a block ends, makes its header, and sees that it is signed and kept.
//
// A block ends with the first record that comes `interval_ns` after the block's first one (by the records' time or by the
// monotonic clock), with an empty record if none comes, and before it grows beyond its bounds. The decision stands in the
// record's flag, so heights and headers follow from the journal: at a start they are made again, compared with the file of
// headers, and what is missing there is signed. The keeper refuses a journal that ends below the height that the key has
// signed before: signing on would contradict it. io thread only, but for the signer's own thread.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "engine/chain/block_maker.h"
#include "engine/pipeline/header_signer.h"

namespace electra::pipeline {

struct BlockSettings {
  std::shared_ptr<const crypto::Signer> signer;  // of the gateway's key
  std::filesystem::path headers_file;            // its directory is made
  std::filesystem::path signed_height_file;      // beside the key
  std::uint64_t interval_ns = 1'000'000'000;
  std::uint32_t unsigned_max = 600;  // headers that may wait; then the gateway stops taking messages
  // For the log: why headers cannot be signed now; empty when they can again. Called from the signer's thread.
  std::function<void(const std::string&)> on_signer_problem = {};
  // For tests: another disk for the two files. Null: make_file_device().
  std::shared_ptr<io::FileDevice> other_device = {};
};

class BlockKeeper {
 public:
  // Right after Machine::create(). The machine outlives this.
  [[nodiscard]] static std::expected<std::unique_ptr<BlockKeeper>, std::string> open(BlockSettings settings,
                                                                                     state::Machine& machine);
  // Of a machine that was restored as of the end of the block `last`, whose header the file of headers has: its maker.
  [[nodiscard]] static std::expected<std::unique_ptr<BlockKeeper>, std::string> open(
      BlockSettings settings, state::Machine& machine, std::unique_ptr<chain::BlockMaker> maker,
      const proto::BlockHeader& last);

  [[nodiscard]] chain::BlockMaker& maker() noexcept { return *maker_; }
  [[nodiscard]] const chain::BlockMaker& maker() const noexcept { return *maker_; }

  // --- start ---
  // For every header that the journal's replay makes, in order.
  [[nodiscard]] std::expected<void, std::string> recover(const proto::BlockHeader& header);
  // For every record that was replayed, after recover() of the header that it may have closed.
  void replayed(const proto::BatchLink& link, std::uint64_t monotonic_ns) noexcept { note(link, monotonic_ns); }
  // After the last one. Nothing: all is well. A text: this journal is an older copy, or another history, than what the
  // key has signed; only a new epoch helps.
  [[nodiscard]] std::string contradiction() const;
  // Above every epoch that the key or the file of headers has seen.
  [[nodiscard]] std::uint32_t next_epoch() const noexcept;
  // From here on headers are signed. Drops headers of the file that the journal does not have.
  [[nodiscard]] std::expected<void, std::string> start(std::function<void()> wake);
  [[nodiscard]] const std::string& warning() const noexcept { return warning_; }  // of recover(); may be empty

  // --- traffic ---
  // Whether a batch of `messages` at this moment shall be the last of its block.
  [[nodiscard]] bool ends_block(std::size_t messages, std::uint64_t time_ns, std::uint64_t monotonic_ns) const noexcept;
  // After the batch was executed. The header of a block that ends with it is made by work().
  void executed(const proto::BatchLink& link, std::span<const state::VerifiedMessage> messages,
                std::span<const state::Outcome> outcomes, std::uint64_t monotonic_ns);
  // Hashes about `bytes` more of what the header of a closed block needs; between two batches.
  void work(std::size_t bytes);
  [[nodiscard]] bool working() const noexcept { return maker_->closing(); }
  // The batch and all before it are durable: their headers may leave.
  void durable(std::uint64_t batch);

  // Something but watermarks lies in the block under way: it wants to be closed at some time.
  [[nodiscard]] bool open() const noexcept { return open_; }
  [[nodiscard]] std::uint64_t due_ns() const noexcept;  // monotonic; UINT64_MAX while not open()
  // Too many headers wait: no message is taken. While the signer is only slow that is back-pressure, which peers do not
  // notice; when it has a problem it may last, so messages are refused and questions answered.
  [[nodiscard]] bool full() const noexcept { return signer_ && signer_->waiting() >= settings_.unsigned_max; }
  [[nodiscard]] bool refusing() const { return full() && !problem().empty(); }

  // --- for people ---
  [[nodiscard]] std::uint64_t signed_height() const noexcept { return file_->count(); }
  [[nodiscard]] std::uint32_t unsigned_headers() const noexcept { return signer_ ? signer_->waiting() : 0; }
  [[nodiscard]] std::string problem() const { return signer_ ? signer_->problem() : std::string(); }
  // Nothing: there is no signed header of this height.
  [[nodiscard]] std::optional<io::HeaderEntry> signed_header(std::uint64_t height) const;

 private:
  struct Pending {
    std::uint64_t batch = 0;
    proto::BlockHeader header;
  };

  BlockKeeper(BlockSettings settings, state::Machine& machine) : settings_(std::move(settings)), machine_(machine) {}
  [[nodiscard]] static std::expected<std::unique_ptr<BlockKeeper>, std::string> open_files(BlockSettings settings,
                                                                                           state::Machine& machine);
  // Whether, and since when, the block under way holds something.
  void note(const proto::BatchLink& link, std::uint64_t monotonic_ns) noexcept;

  BlockSettings settings_;
  state::Machine& machine_;
  std::unique_ptr<chain::BlockMaker> maker_;
  std::unique_ptr<io::HeaderFile> file_;
  std::unique_ptr<io::SignedHeightFile> highest_;
  std::unique_ptr<HeaderSigner> signer_;

  // Start.
  std::deque<proto::BlockHeader> unsigned_;  // that the file does not have
  std::uint32_t file_epoch_ = 0;             // of the file's last header
  std::uint64_t kept_ = 0;                   // headers of the file that are as they should be
  bool highest_seen_ = false;                // the header that the key signed last is one of this journal
  std::string warning_;

  // Traffic.
  std::uint64_t durable_batch_ = 0;
  std::uint64_t closing_batch_ = 0;  // the last of the block that is being closed
  bool open_ = false;
  std::uint64_t open_time_ns_ = 0;       // record time of the block's first batch
  std::uint64_t open_monotonic_ns_ = 0;  // and when that was
  std::deque<Pending> pending_;          // made, but not durable yet
};

}  // namespace electra::pipeline
