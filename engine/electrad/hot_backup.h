// A copy of a home that another machine can start from, taken while a gateway serves or not: without any private key.
//
// The newest snapshot that fits the journal, the journal from its segment on up to the last whole record, the headers of the
// blocks therein, configuration and genesis. Without a snapshot the whole journal. What has been written stays what it is,
// so the copy is of one moment although the gateway writes on. It is read back and checked before the genesis, which makes
// a home of it, is written; so a copy that was interrupted is none. Keys, and the development seed from which they would
// follow, stay where they are.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <string>

#include "engine/electrad/exit_code.h"
#include "engine/electrad/home.h"
#include "meter-proto/base/bytes.h"

namespace electra::app {

struct BackupSummary {
  std::string chain_id;
  Bytes32 genesis_hash{};
  std::uint64_t snapshot_batch = 0;  // 0: the whole journal
  std::uint64_t snapshot_height = 0;
  std::uint64_t last_batch = 0;
  std::uint64_t height = 0;  // of the last signed header
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0;  // of all files
};

// `out` is made, or empty. On a failure what was copied is removed again. progress(bytes done, bytes in all).
[[nodiscard]] std::expected<BackupSummary, Failure> make_backup(
    const Home& home, const std::filesystem::path& out,
    const std::function<void(std::uint64_t, std::uint64_t)>& progress);

// The text of a config.yml without its development seed; a sentence if it cannot be taken out.
[[nodiscard]] std::expected<std::string, std::string> without_development_seed(std::string_view file,
                                                                               const std::string& text);

}  // namespace electra::app
