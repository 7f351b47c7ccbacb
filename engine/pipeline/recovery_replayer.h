// Recovery's sink: replays the journal, makes the headers of blocks again, and shows progress.
#pragma once

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "engine/pipeline/gateway.h"
#include "engine/pipeline/named_execution.h"
#include "engine/pipeline/replay.h"
#include "io/loop.h"

namespace electra::pipeline {

// Bytes of the files in a directory.
[[nodiscard]] inline std::uint64_t directory_bytes(const std::filesystem::path& directory) {
  std::uint64_t bytes = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    if (entry.is_regular_file(ignored)) bytes += entry.file_size(ignored);
  }
  return bytes;
}

class RecoveryReplayer final : public RecordReplayer {
 public:
  RecoveryReplayer(state::Machine& machine, crypto::KeyStore& keys, crypto::Verifier& verifier, BlockKeeper& keeper,
                   const NamedExecution& execution, const Gateway::Progress& progress, std::uint64_t bytes_total)
      : RecordReplayer(machine, keys, verifier, &keeper.maker()),
        keeper_(keeper),
        execution_(execution),
        progress_(progress),
        bytes_total_(bytes_total) {}

 protected:
  void execute(state::Machine& machine, const state::BatchInput& batch, std::span<state::Outcome> outcomes) override {
    execution_.replay(machine, batch, outcomes);
  }
  bool after_block(const io::RecordView&, const proto::BlockHeader& header) override {
    const auto recovered = keeper_.recover(header);
    if (!recovered) refuse(recovered.error());
    return recovered.has_value();
  }
  void after_record(const io::RecordView& record, std::span<const state::VerifiedMessage>,
                    std::span<const state::Outcome>) override {
    keeper_.replayed(link_of(record.header), io::monotonic_ns());
    bytes_ += io::record_bytes(record.header.body_bytes);
    if (progress_ && bytes_ >= shown_ + (std::uint64_t{1} << 20)) {
      shown_ = bytes_;
      progress_(bytes_, std::max(bytes_, bytes_total_));
    }
  }

 private:
  BlockKeeper& keeper_;
  const NamedExecution& execution_;
  const Gateway::Progress& progress_;
  const std::uint64_t bytes_total_;
  std::uint64_t bytes_ = 0;
  std::uint64_t shown_ = 0;
};

}  // namespace electra::pipeline
