// The walk behind recover_journal and read_journal; not for others.
#pragma once

#include <expected>
#include <filesystem>
#include <optional>

#include "io/journal/recovery.h"

namespace electra::io::detail {

struct ScanConfig {
  std::filesystem::path directory;
  std::optional<Bytes32> genesis_hash;  // nothing: the first record's
  RecordSink* sink = nullptr;
  // The journal may be written to meanwhile: what looks damaged is looked at once more before it is believed.
  bool live = false;
  std::optional<JournalStart> start{};  // nothing: with batch 1. Then genesis_hash is not looked at
};

[[nodiscard]] std::expected<RecoveryResult, RecoveryError> scan_journal(const ScanConfig& config);

}  // namespace electra::io::detail
