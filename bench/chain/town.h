// The data directory of a gateway in a small town, made without a network: what the audit and the replay read.
//
// 200 meters (every third with three phases, every tenth a producer) and the grid connection send a reading every quarter
// hour, their owners pay each other now and then. Messages come in batches of 1 to 64, each quarter of an hour is a block,
// closed by an empty record. Everything is executed by the machine and written by the journal's own writer, so the
// directory is what a gateway would leave. Signing takes 15 µs a message. The directory goes when the town does.
#pragma once

#include <expected>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "crypto-offload/verifier.h"
#include "engine/state/machine.h"
#include "meter-proto/chain/block_header.h"

namespace electra::bench {

// In the order of the journal.
struct TownMessages {
  std::vector<std::uint8_t> bytes;  // envelopes one after the other
  std::vector<std::size_t> ends;
  std::vector<std::uint32_t> senders;  // slots
};

class Town {
 public:
  // At least `messages`: the last quarter of an hour is finished. A directory of its own is made below `parent`.
  [[nodiscard]] static std::expected<std::unique_ptr<Town>, std::string> make(const std::filesystem::path& parent,
                                                                              std::uint64_t messages);
  ~Town();
  Town(const Town&) = delete;
  Town& operator=(const Town&) = delete;

  [[nodiscard]] const state::Genesis& genesis() const noexcept { return genesis_; }
  [[nodiscard]] std::filesystem::path journal() const { return directory_ / "journal"; }
  [[nodiscard]] std::filesystem::path headers_file() const { return directory_ / "blocks" / "headers.bin"; }

  // Every message of the journal as the verifier takes it; views into the town. Key numbers are slots.
  [[nodiscard]] std::span<const crypto::VerifyItem> items() const noexcept { return items_; }
  [[nodiscard]] std::uint64_t messages() const noexcept { return items_.size(); }
  [[nodiscard]] std::uint64_t batches() const noexcept { return batches_; }
  [[nodiscard]] const proto::BlockHeader& last_header() const noexcept { return last_header_; }
  [[nodiscard]] const Bytes32& settlement_digest() const noexcept { return settlement_digest_; }

 private:
  friend class TownMaker;
  Town() = default;

  std::filesystem::path directory_;
  state::Genesis genesis_;
  TownMessages messages_;
  Bytes16 tag_{};
  std::vector<crypto::VerifyItem> items_;
  std::uint64_t batches_ = 0;
  proto::BlockHeader last_header_;
  Bytes32 settlement_digest_{};
};

}  // namespace electra::bench
