// A key that can be slow or gone, the headers of a small chain, and what the auditor says of it: for the tests of blocks.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>

#include "engine/pipeline/audit.h"
#include "meter-proto/chain/block_header.h"
#include "tests/pipeline/support.h"

namespace electra::test {

// The gateway's key behind a token with faults.
class FaultySigner final : public crypto::Signer {
 public:
  explicit FaultySigner(std::chrono::milliseconds delay = 0ms) : key_(seed_of(holder_name(kGrid))), delay_(delay) {}

  [[nodiscard]] const Bytes32& public_key() const noexcept override { return key_.public_key(); }
  [[nodiscard]] std::expected<Bytes64, crypto::SignError> sign(proto::SignatureKind kind, const Bytes32& genesis_hash,
                                                               std::uint64_t sequence, ByteSpan payload) const override;

  void set_dead(bool dead) noexcept { dead_ = dead; }
  // Held: sign() does not return until it is let go.
  void set_held(bool held);
  // Signatures that it gave.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

 private:
  crypto::SoftwareSigner key_;
  const std::chrono::milliseconds delay_;
  std::atomic<bool> dead_{false};
  mutable std::atomic<std::uint64_t> count_{0};
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool held_ = false;
};

// small_settings(), with the record of the highest signed height in keys/ and not beside the journal.
struct BlockChain {
  TempDirectory directory;

  [[nodiscard]] std::filesystem::path data() const { return directory.path() / "data"; }
  [[nodiscard]] std::filesystem::path headers_file() const { return data() / "blocks" / "headers.bin"; }
  [[nodiscard]] std::filesystem::path signed_file() const { return directory.path() / "keys" / "GRID.signed"; }

  // Blocks end `interval` after their first message.
  [[nodiscard]] pipeline::GatewaySettings settings(std::chrono::nanoseconds interval = 1ns) const;
  // A start, `count` blocks with a message each, a stop. Within ASSERT_NO_FATAL_FAILURE.
  void live(std::uint64_t count, state::Slot sender = kM2) const;
  // Copies the data (journal and headers), or puts a copy back.
  void save(const std::string& name) const;
  void restore(const std::string& name) const;
};

[[nodiscard]] Bytes file_bytes(const std::filesystem::path& path);
void write_bytes(const std::filesystem::path& path, const Bytes& bytes);

// The whole entries of a file of headers; one that cannot be decoded fails the test.
[[nodiscard]] std::vector<proto::SignedHeader> headers_in(const std::filesystem::path& file);
[[nodiscard]] std::uint64_t record_count(const std::filesystem::path& journal);
// Numbers of the batches that end a block; on a running gateway too.
[[nodiscard]] std::vector<std::uint64_t> closing_batches(const std::filesystem::path& journal);

// Asks the gateway for its status until it is so. The last one; a failure of the test if it never was.
wire::Status wait_for_status(Client& client, const std::function<bool(const wire::Status&)>& so);
// Sends a message and waits until its block is closed. Within ASSERT_NO_FATAL_FAILURE.
void close_a_block(Client& client, std::uint64_t sequence);

// Empty: the auditor finds nothing wrong.
[[nodiscard]] std::string audit_problems(const BlockChain& chain);

}  // namespace electra::test
