// Read-only iteration over a journal's records, for inspection, export and tests. Knows no genesis in advance.
//
// It applies recovery's rules (it is recovery with the first record's genesis), so it may be used on the directory of a
// running gateway: it then ends at the last record that was whole when it looked.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>

#include "io/journal/recovery.h"

namespace electra::io {

// Hands every record to the sink. An empty directory is an empty journal.
[[nodiscard]] std::expected<RecoveryResult, RecoveryError> read_journal(const std::filesystem::path& directory,
                                                                        RecordSink& sink);
// What follows a record that is known from elsewhere.
[[nodiscard]] std::expected<RecoveryResult, RecoveryError> read_journal(const std::filesystem::path& directory,
                                                                        const JournalStart& start, RecordSink& sink);

}  // namespace electra::io
