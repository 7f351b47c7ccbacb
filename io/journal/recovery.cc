#include "io/journal/recovery.h"

#include "io/journal/journal_places.h"
#include "io/journal/recovery_scan.h"

namespace electra::io {
namespace {

class Scan {
 public:
  explicit Scan(const detail::ScanConfig& config) : config_(config), places_(config.directory) {
    if (config.start) {
      next_.start_behind(config.start->position);
    } else if (config.genesis_hash) {
      next_.genesis_known = true;
      next_.at.genesis_hash = *config.genesis_hash;
      next_.at.last_hash = *config.genesis_hash;
    }
  }

  std::expected<RecoveryResult, RecoveryError> run() {
    if (config_.start) {
      if (auto there = check_start(); !there) return std::unexpected(std::move(there.error()));
    } else {
      if (auto listed = places_.list(); !listed) return std::unexpected(io_error(listed.error()));
      if (places_.segments().empty()) return finish(false, "");
    }

    for (;;) {
      auto finding = places_.look(next_);
      if (!finding) return std::unexpected(io_error(finding.error()));
      auto evidence = needs_evidence(*finding) ? places_.find_evidence(next_, *finding) : Evidence::none;
      if (!evidence) return std::unexpected(io_error(evidence.error()));
      const DecisionRow* row = &decide(*finding, *evidence);
      if (row->decision == Decision::damage && config_.live && !looked_again_) {
        looked_again_ = true;
        if (auto listed = places_.list(); !listed) return std::unexpected(io_error(listed.error()));
        continue;
      }
      switch (row->decision) {
        case Decision::accept:
          looked_again_ = false;
          if (!accept())
            return std::unexpected(error(RecoveryError::Kind::stopped, "the records' receiver refused it"));
          break;
        case Decision::next_segment:
          if (!places_.has_segment(next_.at.segment + 1)) return finish(false, "");
          next_.start_segment(next_.at.segment + 1);
          break;
        case Decision::end:           return finish(false, "");
        case Decision::cut:           return finish(true, cut_text(*row));
        case Decision::damage:        return std::unexpected(error(RecoveryError::Kind::damage, row->reason));
        case Decision::wrong_genesis: return std::unexpected(error(RecoveryError::Kind::wrong_genesis, row->reason));
        case Decision::newer_format:  return std::unexpected(error(RecoveryError::Kind::newer_format, row->reason));
      }
    }
  }

  std::expected<void, RecoveryError> check_start() {
    if (auto listed = places_.list(); !listed) return std::unexpected(io_error(listed.error()));
    const JournalStart& start = *config_.start;
    const auto there = places_.has_start(start);
    if (!there) return std::unexpected(io_error(there.error()));
    if (*there) return {};
    return std::unexpected(RecoveryError{RecoveryError::Kind::no_start, places_.file(start.position.segment),
                                         start.record_offset, start.position.last_batch,
                                         "this record is not there, or is another one"});
  }

 private:
  static bool needs_evidence(Finding finding) noexcept {
    return finding != Finding::next_record && finding != Finding::segment_end;
  }

  RecoveryError error(RecoveryError::Kind kind, std::string_view reason) const {
    return {kind, places_.file(next_.at.segment), next_.at.offset, next_.batch(), std::string(reason)};
  }

  RecoveryError io_error(const SegmentFileError& from) const {
    return {RecoveryError::Kind::io_error, from.path, from.offset, next_.batch(), from.reason};
  }

  bool accept() {
    const RecordHeader& header = places_.header();
    const RecordView view{header, places_.body(), next_.at.offset, next_.at.segment};
    if (config_.sink != nullptr && !config_.sink->on_record(view)) return false;
    next_.take(header);
    ++result_.records;
    result_.messages += header.count;
    result_.bytes += record_bytes(header.body_bytes);
    return true;
  }

  std::string cut_text(const DecisionRow& row) const {
    return places_.file(next_.at.segment).string() + " at offset " + std::to_string(next_.at.offset) + " (batch " +
           std::to_string(next_.batch()) + "): " + std::string(row.reason) + "; it was never acknowledged and is cut";
  }

  RecoveryResult finish(bool cut, std::string text) {
    result_.position = next_.at;
    result_.tail_cut = cut;
    result_.cut_text = std::move(text);
    return result_;
  }

  const detail::ScanConfig& config_;
  detail::JournalPlaces places_;
  detail::Expectation next_;
  bool looked_again_ = false;
  RecoveryResult result_;
};

}  // namespace

std::string RecoveryError::text() const {
  const std::string place = file.string() + " at offset " + std::to_string(offset) + " (batch " +
                            std::to_string(batch) + " expected): " + reason;
  switch (kind) {
    case Kind::damage:
      return "the journal is damaged: " + place +
             "; restore this file from a replica or a backup, or move it away to look at it, but do not delete it";
    case Kind::wrong_genesis:
      return "the journal belongs to another chain: " + place + "; check the genesis file and the data directory";
    case Kind::newer_format:
      return "the journal was written by a newer version: " + place + "; start that version, or a later one";
    case Kind::io_error: return "cannot read the journal: " + place + "; check the disk and the permissions";
    case Kind::stopped:  return "reading the journal was stopped: " + place;
    case Kind::no_start: return "the journal does not hold the record to begin behind: " + place;
  }
  return place;
}

std::expected<RecoveryResult, RecoveryError> detail::scan_journal(const ScanConfig& config) {
  return Scan(config).run();
}

std::expected<RecoveryResult, RecoveryError> recover_journal(const std::filesystem::path& directory,
                                                             const Bytes32& genesis_hash, RecordSink* sink) {
  return detail::scan_journal({.directory = directory, .genesis_hash = genesis_hash, .sink = sink});
}

std::expected<RecoveryResult, RecoveryError> recover_journal(const std::filesystem::path& directory,
                                                             const JournalStart& start, RecordSink* sink) {
  return detail::scan_journal(
      {.directory = directory, .genesis_hash = start.position.genesis_hash, .sink = sink, .start = start});
}

std::expected<void, RecoveryError> check_start(const std::filesystem::path& directory, const JournalStart& start) {
  const detail::ScanConfig config{.directory = directory, .genesis_hash = start.position.genesis_hash, .start = start};
  return Scan(config).check_start();
}

}  // namespace electra::io
