// A home's chain for those who look back: its journal executed up to a block, and the signed headers beside it. Reads only.
//
// It begins with the newest snapshot that is early enough, else with the genesis; a proof is checked against its header anyway.
// Safe while a gateway serves. Hashes are checked and signatures are not: `electrad verify` is for that.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>

#include "crypto-offload/key_store.h"
#include "crypto-offload/verifier.h"
#include "engine/electrad/exit_code.h"
#include "engine/electrad/home.h"
#include "engine/electrad/progress_bar.h"
#include "engine/pipeline/replay.h"
#include "engine/pipeline/restore.h"
#include "io/header_file.h"
#include "meter-proto/chain/block_header.h"

namespace electra::app {

class OfflineChain;

// Executes records until its seeker has what it wants, at the latest at the end of block `last_height`.
class Execution : public pipeline::RecordReplayer {
 public:
  Execution(OfflineChain& chain, std::uint64_t last_height);

  bool on_record(const io::RecordView& record) override;
  [[nodiscard]] bool done() const noexcept { return done_; }

 protected:
  // After each block. True: no more records are needed.
  [[nodiscard]] virtual bool block_ended() { return false; }

  state::Machine& machine_;

 private:
  std::uint64_t last_height_;
  bool done_;
  ProgressBar progress_;
};

class OfflineChain {
 public:
  // Refuses a home without a chain, or without a signed header.
  [[nodiscard]] static std::expected<std::unique_ptr<OfflineChain>, Failure> open(const Home& home);

  // Before anything below but signed_height() and header(). The state to execute from: of a block up to `last_height`; of the
  // earliest that can be made with `earliest`.
  [[nodiscard]] std::expected<void, Failure> begin(std::uint64_t last_height, bool earliest = false);

  [[nodiscard]] state::Machine& machine() noexcept { return *machine_; }
  [[nodiscard]] const state::Machine& machine() const noexcept { return *machine_; }
  [[nodiscard]] crypto::KeyStore& keys() noexcept { return *keys_; }
  [[nodiscard]] crypto::Verifier& verifier() noexcept { return *verifier_; }
  [[nodiscard]] std::uint64_t signed_height() const noexcept { return headers_->count(); }

  // Of the machine as it is now.
  [[nodiscard]] const chain::StateTrees& trees();

  // Runs an execution from there, once. A failure unless it came to its end.
  [[nodiscard]] std::expected<void, Failure> run(Execution& execution);

  // height 1..signed_height(); it names that height. Its signature is not checked.
  [[nodiscard]] std::expected<proto::SignedHeader, Failure> header(std::uint64_t height) const;

 private:
  OfflineChain(const Home& home, state::Genesis genesis) : home_(home), genesis_(std::move(genesis)) {}

  const Home home_;
  const state::Genesis genesis_;
  std::unique_ptr<io::HeaderFile> headers_;
  std::unique_ptr<state::Machine> machine_;
  std::unique_ptr<chain::BlockMaker> maker_;  // whose trees follow the machine
  std::optional<io::JournalStart> start_;     // nothing: the journal's beginning
  std::unique_ptr<crypto::Verifier> verifier_;
  std::unique_ptr<crypto::KeyStore> keys_;
};

}  // namespace electra::app
