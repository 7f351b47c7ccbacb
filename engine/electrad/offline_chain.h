// A home's chain for those who look back: its journal executed up to a block, and the signed headers beside it. Reads only.
//
// Safe while a gateway serves. Hashes are checked and signatures are not: `electrad verify` is for that.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>

#include "crypto-offload/key_store.h"
#include "crypto-offload/verifier.h"
#include "engine/electrad/exit_code.h"
#include "engine/electrad/home.h"
#include "engine/electrad/progress_bar.h"
#include "engine/pipeline/replay.h"
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
  bool done_ = false;
  ProgressBar progress_;
};

class OfflineChain {
 public:
  // Refuses a home without a chain, or without a signed header.
  [[nodiscard]] static std::expected<std::unique_ptr<OfflineChain>, Failure> open(const Home& home);

  [[nodiscard]] state::Machine& machine() noexcept { return *machine_; }
  [[nodiscard]] const state::Machine& machine() const noexcept { return *machine_; }
  [[nodiscard]] crypto::KeyStore& keys() noexcept { return *keys_; }
  [[nodiscard]] crypto::Verifier& verifier() noexcept { return *verifier_; }
  [[nodiscard]] std::uint64_t signed_height() const noexcept { return headers_->count(); }

  // Runs an execution from genesis, once. A failure unless it came to its end.
  [[nodiscard]] std::expected<void, Failure> run(Execution& execution);

  // height 1..signed_height(); it names that height. Its signature is not checked.
  [[nodiscard]] std::expected<proto::SignedHeader, Failure> header(std::uint64_t height) const;

 private:
  explicit OfflineChain(const Home& home) : home_(home) {}

  const Home home_;
  std::unique_ptr<io::HeaderFile> headers_;
  std::unique_ptr<state::Machine> machine_;
  std::unique_ptr<crypto::Verifier> verifier_;
  std::unique_ptr<crypto::KeyStore> keys_;
};

}  // namespace electra::app
