#include "io/journal/recovery.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "io/journal/recovery_scan.h"
#include "io/journal/segment_files.h"
#include "meter-proto/base/sha256.h"

namespace electra::io {
namespace {

bool all_zero(ByteSpan bytes) noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

// A header that its own hash vouches for; nothing in it is believed before.
std::optional<RecordHeader> valid_header(ByteSpan bytes) noexcept {
  RecordHeader header;
  if (bytes.size() < sizeof header) return std::nullopt;
  if (std::memcmp(bytes.data(), kRecordMagic.data(), kRecordMagic.size()) != 0) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (compute_record_hash(header) != header.record_hash) return std::nullopt;
  return header;
}

// What no writer of this format puts into a header.
bool header_contradicts_itself(const RecordHeader& header) noexcept {
  return header.header_bytes != kRecordHeaderBytes || (header.flags & ~kRecordFlagsKnown) != 0 ||
         header.count > kRecordMessagesMax || header.body_bytes > kRecordBodyBytesMax ||
         (header.count == 0) != (header.body_bytes == 0) || header.batch == 0 || header.watermark >= header.batch ||
         ((header.flags & kRecordWatermark) != 0 && header.count != 0) || !all_zero(header.reserved);
}

class Scan {
 public:
  explicit Scan(const detail::ScanConfig& config) : config_(config) {
    if (config.genesis_hash) {
      position().genesis_hash = *config.genesis_hash;
      position().last_hash = *config.genesis_hash;
    }
  }

  std::expected<RecoveryResult, RecoveryError> run() {
    auto segments = list_segments(config_.directory);
    if (!segments) return std::unexpected(io_error(segments.error()));
    segments_ = std::move(*segments);
    if (segments_.empty()) return result_;

    for (;;) {
      auto finding = look();
      if (!finding) return std::unexpected(finding.error());
      auto evidence = needs_evidence(*finding) ? find_evidence(*finding) : Evidence::none;
      if (!evidence) return std::unexpected(evidence.error());
      const DecisionRow* row = &decide(*finding, *evidence);
      if (row->decision == Decision::damage && config_.live && !looked_again_) {
        looked_again_ = true;
        if (auto again = reopen(); !again) return std::unexpected(again.error());
        continue;
      }
      switch (row->decision) {
        case Decision::accept:
          looked_again_ = false;
          if (!accept())
            return std::unexpected(error(RecoveryError::Kind::stopped, "the records' receiver refused it"));
          break;
        case Decision::next_segment:
          if (!has_segment(position().segment + 1)) return finish(false, "");
          ++position().segment;
          position().offset = 0;
          break;
        case Decision::end:           return finish(false, "");
        case Decision::cut:           return finish(true, cut_text(*row));
        case Decision::damage:        return std::unexpected(error(RecoveryError::Kind::damage, row->reason));
        case Decision::wrong_genesis: return std::unexpected(error(RecoveryError::Kind::wrong_genesis, row->reason));
        case Decision::newer_format:  return std::unexpected(error(RecoveryError::Kind::newer_format, row->reason));
      }
    }
  }

 private:
  template <typename T>
  using Expected = std::expected<T, RecoveryError>;

  JournalPosition& position() noexcept { return result_.position; }
  std::uint64_t expected_batch() noexcept { return position().last_batch + 1; }
  bool has_segment(std::uint64_t segment) const {
    return std::binary_search(segments_.begin(), segments_.end(), segment);
  }

  static bool needs_evidence(Finding finding) noexcept {
    return finding != Finding::next_record && finding != Finding::segment_end;
  }

  RecoveryError error(RecoveryError::Kind kind, std::string_view reason) {
    return {kind, config_.directory / segment_name(position().segment), position().offset, expected_batch(),
            std::string(reason)};
  }

  RecoveryError io_error(const SegmentFileError& from) {
    return {RecoveryError::Kind::io_error, from.path, from.offset, expected_batch(), from.reason};
  }

  Expected<void> open_segment(std::uint64_t segment) {
    if (reader_.segment() == segment) return {};
    if (auto opened = reader_.open(config_.directory, segment); !opened)
      return std::unexpected(io_error(opened.error()));
    return {};
  }

  // For a live journal: list and read anew.
  Expected<void> reopen() {
    auto segments = list_segments(config_.directory);
    if (!segments) return std::unexpected(io_error(segments.error()));
    segments_ = std::move(*segments);
    if (!has_segment(position().segment)) return {};
    if (auto opened = reader_.open(config_.directory, position().segment); !opened) {
      return std::unexpected(io_error(opened.error()));
    }
    return {};
  }

  Finding segment_end_finding() {
    const bool later = segments_.back() > position().segment;
    return later && !has_segment(position().segment + 1) ? Finding::missing_segment : Finding::segment_end;
  }

  // Says what stands at the position; header_ and body_ are set for next_record and, the header only, for bad_body.
  Expected<Finding> look() {
    if (!has_segment(position().segment)) return Finding::missing_segment;  // only the first can be missing here
    if (auto opened = open_segment(position().segment); !opened) return std::unexpected(opened.error());
    const std::uint64_t left = reader_.size() - std::min(reader_.size(), position().offset);
    if (left == 0) return segment_end_finding();
    const auto block = reader_.at(position().offset, kRecordAlignment);
    if (!block) return std::unexpected(io_error(block.error()));
    if (all_zero(*block)) return Finding::zeros;

    const auto header = valid_header(*block);
    if (!header) return Finding::bad_header;
    header_ = *header;
    if (header_.format_version != kJournalFormatVersion) return Finding::newer_format;
    if (expected_batch() == 1 && !config_.genesis_hash) {
      position().genesis_hash = header_.genesis_hash;
      position().last_hash = header_.genesis_hash;
    }
    if (header_.genesis_hash != position().genesis_hash) return Finding::foreign_genesis;
    if (position().last_batch > 0 && header_.journal_id != position().journal_id) return Finding::foreign_journal;
    if (header_contradicts_itself(header_)) return Finding::inconsistent;
    if (header_.batch < expected_batch()) return Finding::stale;
    if (header_.segment != position().segment) return Finding::misplaced;
    if (header_.batch > expected_batch()) return Finding::ahead;
    if (header_.previous_hash != position().last_hash) return Finding::broken_chain;

    const std::uint64_t length = record_bytes(header_.body_bytes);
    const auto record = reader_.at(position().offset, length);
    if (!record) return std::unexpected(io_error(record.error()));
    if (record->size() < length) return Finding::bad_body;
    body_ = record->subspan(kRecordHeaderBytes, header_.body_bytes);
    if (sha256(body_) != header_.body_hash) return Finding::bad_body;
    if (!all_zero(record->subspan(kRecordHeaderBytes + header_.body_bytes))) return Finding::bad_body;

    const bool continues = header_.time_ns > position().last_time_ns && header_.watermark >= position().watermark;
    if (!continues || !body_is_well_formed(body_, header_.count)) return Finding::inconsistent;
    return Finding::next_record;
  }

  bool accept() {
    JournalPosition& now = position();
    const std::uint64_t length = record_bytes(header_.body_bytes);
    if (config_.sink != nullptr && !config_.sink->on_record({header_, body_, now.offset, now.segment})) return false;
    now.journal_id = header_.journal_id;
    now.last_batch = header_.batch;
    now.last_time_ns = header_.time_ns;
    now.last_hash = header_.record_hash;
    now.watermark = header_.watermark;
    if (header_.count > 0 || (header_.flags & kRecordBlockClose) != 0) last_needed_batch_ = header_.batch;
    now.watermark_behind = last_needed_batch_ > now.watermark;
    now.offset += length;
    ++result_.records;
    result_.messages += header_.count;
    result_.bytes += length;
    return true;
  }

  // What a record further on must be to count: of this journal, and newer than the expected batch.
  bool is_witness(const RecordHeader& header) {
    return header.format_version == kJournalFormatVersion && header.genesis_hash == position().genesis_hash &&
           header.batch > expected_batch() && header.watermark < header.batch &&
           header.body_bytes <= kRecordBodyBytesMax &&
           (position().last_batch == 0 || header.journal_id == position().journal_id);
  }

  Expected<Evidence> find_evidence(Finding finding) {
    Evidence evidence = Evidence::none;
    std::uint64_t offset = position().offset;
    if (finding == Finding::bad_body) {
      offset += record_bytes(header_.body_bytes);
    } else if (finding != Finding::ahead) {
      offset += kRecordAlignment;
    }
    const std::uint64_t last_segment = segments_.back();
    for (const std::uint64_t segment : segments_) {
      if (segment < position().segment) continue;
      const std::uint64_t from = segment == position().segment ? offset : 0;
      auto found = search_segment(segment, from, evidence);
      if (!found) return std::unexpected(found.error());
      if (evidence == Evidence::durable || segment == last_segment) break;
    }
    // Back to where the walk is; the window is read again.
    if (has_segment(position().segment)) {
      if (auto opened = open_segment(position().segment); !opened) return std::unexpected(opened.error());
    }
    return evidence;
  }

  Expected<void> search_segment(std::uint64_t segment, std::uint64_t from, Evidence& evidence) {
    if (auto opened = open_segment(segment); !opened) return std::unexpected(opened.error());
    for (std::uint64_t offset = from; offset < reader_.size();) {
      const auto block = reader_.at(offset, kRecordAlignment);
      if (!block) return std::unexpected(io_error(block.error()));
      if (block->empty()) break;
      offset += kRecordAlignment;
      const auto header = valid_header(*block);
      if (!header || !is_witness(*header)) continue;
      evidence = header->watermark >= expected_batch() ? Evidence::durable : std::max(evidence, Evidence::beyond);
      if (evidence == Evidence::durable) return {};
      offset += record_bytes(header->body_bytes) - kRecordAlignment;
    }
    return {};
  }

  std::string cut_text(const DecisionRow& row) {
    return (config_.directory / segment_name(position().segment)).string() + " at offset " +
           std::to_string(position().offset) + " (batch " + std::to_string(expected_batch()) +
           "): " + std::string(row.reason) + "; it was never acknowledged and is cut";
  }

  RecoveryResult finish(bool cut, std::string text) {
    result_.tail_cut = cut;
    result_.cut_text = std::move(text);
    return result_;
  }

  const detail::ScanConfig& config_;
  std::vector<std::uint64_t> segments_;
  SegmentReader reader_;
  RecordHeader header_{};
  ByteSpan body_;
  std::uint64_t last_needed_batch_ = 0;
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

}  // namespace electra::io
