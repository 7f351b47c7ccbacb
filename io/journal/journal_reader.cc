#include "io/journal/journal_reader.h"

#include "io/journal/recovery_scan.h"

namespace electra::io {

std::expected<RecoveryResult, RecoveryError> read_journal(const std::filesystem::path& directory, RecordSink& sink) {
  return detail::scan_journal({.directory = directory, .genesis_hash = std::nullopt, .sink = &sink, .live = true});
}

std::expected<RecoveryResult, RecoveryError> read_journal(const std::filesystem::path& directory,
                                                          const JournalStart& start, RecordSink& sink) {
  return detail::scan_journal({.directory = directory,
                               .genesis_hash = start.position.genesis_hash,
                               .sink = &sink,
                               .live = true,
                               .start = start});
}

}  // namespace electra::io
