#include "io/journal/journal_places.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "meter-proto/base/sha256.h"

namespace electra::io::detail {
namespace {

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

// What a record further on must be to count: of this journal, and newer than the expected batch.
bool is_witness(const RecordHeader& header, const Expectation& expected) noexcept {
  return header.format_version == kJournalFormatVersion &&
         (!expected.genesis_known || header.genesis_hash == expected.at.genesis_hash) &&
         header.batch > expected.batch() && header.watermark < header.batch &&
         header.body_bytes <= kRecordBodyBytesMax &&
         (expected.at.last_batch == 0 || header.journal_id == expected.at.journal_id);
}

}  // namespace

bool all_zero(ByteSpan bytes) noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

void Expectation::start_segment(std::uint64_t segment) noexcept {
  at.segment = segment;
  at.offset = 0;
  record_segment = segment;
}

void Expectation::start_behind(const JournalPosition& position) noexcept {
  at = position;
  genesis_known = true;
  record_segment = position.segment;
  last_needed_batch = position.watermark_behind ? position.last_batch : 0;
}

void Expectation::take(const RecordHeader& header) noexcept {
  at.genesis_hash = header.genesis_hash;
  genesis_known = true;
  record_segment = header.segment;
  at.journal_id = header.journal_id;
  at.last_batch = header.batch;
  at.last_time_ns = header.time_ns;
  at.last_hash = header.record_hash;
  at.watermark = header.watermark;
  if (header.count > 0 || (header.flags & kRecordBlockClose) != 0) last_needed_batch = header.batch;
  at.watermark_behind = last_needed_batch > at.watermark;
  at.offset += record_bytes(header.body_bytes);
}

JournalPlaces::Expected<void> JournalPlaces::list(std::vector<std::filesystem::path>* odd_names) {
  reader_.close();
  auto segments = list_segments(directory_, odd_names);
  if (!segments) return std::unexpected(segments.error());
  segments_ = std::move(*segments);
  return {};
}

bool JournalPlaces::has_segment(std::uint64_t segment) const noexcept {
  return std::binary_search(segments_.begin(), segments_.end(), segment);
}

JournalPlaces::Expected<void> JournalPlaces::open_segment(std::uint64_t segment) {
  if (reader_.segment() == segment) return {};
  return reader_.open(directory_, segment);
}

JournalPlaces::Expected<ByteSpan> JournalPlaces::block(std::uint64_t segment, std::uint64_t offset) {
  if (auto opened = open_segment(segment); !opened) return std::unexpected(opened.error());
  return reader_.at(offset, kRecordAlignment);
}

JournalPlaces::Expected<Finding> JournalPlaces::look(const Expectation& expected) {
  const JournalPosition& at = expected.at;
  if (!has_segment(at.segment)) return Finding::missing_segment;  // only the first can be missing here
  const auto block = this->block(at.segment, at.offset);
  if (!block) return std::unexpected(block.error());
  if (at.offset >= reader_.size()) {
    const bool later = segments_.back() > at.segment;
    return later && !has_segment(at.segment + 1) ? Finding::missing_segment : Finding::segment_end;
  }
  if (all_zero(*block)) return Finding::zeros;

  const auto header = valid_header(*block);
  if (!header) return Finding::bad_header;
  header_ = *header;
  const Finding finding = judge_header(expected);
  if (finding != Finding::next_record) return finding;

  const auto whole = read_body(at.offset);
  if (!whole) return std::unexpected(whole.error());
  if (!*whole) return Finding::bad_body;
  const bool continues = header_.time_ns > at.last_time_ns && header_.watermark >= at.watermark;
  if (!continues || !body_is_well_formed(body_, header_.count)) return Finding::inconsistent;
  return Finding::next_record;
}

// The order matters: what makes the rest of a header meaningless is named first.
Finding JournalPlaces::judge_header(const Expectation& expected) const noexcept {
  const JournalPosition& at = expected.at;
  const Bytes32& genesis_hash = expected.genesis_known ? at.genesis_hash : header_.genesis_hash;
  if (header_.format_version != kJournalFormatVersion) return Finding::newer_format;
  if (header_.genesis_hash != genesis_hash) return Finding::foreign_genesis;
  if (at.last_batch > 0 && header_.journal_id != at.journal_id) return Finding::foreign_journal;
  if (header_contradicts_itself(header_)) return Finding::inconsistent;
  if (header_.batch < expected.batch()) return Finding::stale;
  if (header_.segment != expected.record_segment) return Finding::misplaced;
  if (header_.batch > expected.batch()) return Finding::ahead;
  if (header_.previous_hash != (at.last_batch > 0 ? at.last_hash : genesis_hash)) return Finding::broken_chain;
  return Finding::next_record;
}

// Of the record whose header is header_; its entries are not looked at.
JournalPlaces::Expected<bool> JournalPlaces::read_body(std::uint64_t offset) {
  const std::uint64_t length = record_bytes(header_.body_bytes);
  const auto record = reader_.at(offset, length);
  if (!record) return std::unexpected(record.error());
  if (record->size() < length) return false;
  body_ = record->subspan(kRecordHeaderBytes, header_.body_bytes);
  return sha256(body_) == header_.body_hash && all_zero(record->subspan(kRecordHeaderBytes + header_.body_bytes));
}

JournalPlaces::Expected<bool> JournalPlaces::read_whole(std::uint64_t segment, std::uint64_t offset) {
  const auto block = this->block(segment, offset);
  if (!block) return std::unexpected(block.error());
  const auto header = valid_header(*block);
  if (!header || header->format_version != kJournalFormatVersion || header_contradicts_itself(*header)) return false;
  header_ = *header;
  const auto whole = read_body(offset);
  if (!whole) return std::unexpected(whole.error());
  return *whole && body_is_well_formed(body_, header_.count);
}

JournalPlaces::Expected<bool> JournalPlaces::has_start(const JournalStart& start) {
  const JournalPosition& at = start.position;
  if (!has_segment(at.segment)) return false;
  const auto whole = read_whole(at.segment, start.record_offset);
  if (!whole || !*whole) return whole;
  return header_.batch == at.last_batch && header_.record_hash == at.last_hash && header_.segment == at.segment &&
         header_.genesis_hash == at.genesis_hash && header_.journal_id == at.journal_id &&
         start.record_offset + record_bytes(header_.body_bytes) == at.offset;
}

JournalPlaces::Expected<Evidence> JournalPlaces::find_evidence(const Expectation& expected, Finding finding) {
  const JournalPosition& at = expected.at;
  std::uint64_t offset = at.offset;
  if (finding == Finding::bad_body) {
    offset += record_bytes(header_.body_bytes);
  } else if (finding != Finding::ahead) {
    offset += kRecordAlignment;
  }
  Evidence evidence = Evidence::none;
  for (const std::uint64_t segment : segments_) {
    if (segment < at.segment) continue;
    const std::uint64_t from = segment == at.segment ? offset : 0;
    if (auto searched = search_segment(expected, segment, from, evidence); !searched)
      return std::unexpected(searched.error());
    if (evidence == Evidence::durable) break;
  }
  return evidence;
}

JournalPlaces::Expected<void> JournalPlaces::search_segment(const Expectation& expected, std::uint64_t segment,
                                                            std::uint64_t from, Evidence& evidence) {
  for (std::uint64_t offset = from;;) {
    const auto block = this->block(segment, offset);
    if (!block) return std::unexpected(block.error());
    if (block->empty()) return {};
    offset += kRecordAlignment;
    const auto header = valid_header(*block);
    if (!header || !is_witness(*header, expected)) continue;
    evidence = header->watermark >= expected.batch() ? Evidence::durable : std::max(evidence, Evidence::beyond);
    if (evidence == Evidence::durable) return {};
    offset += record_bytes(header->body_bytes) - kRecordAlignment;
  }
}

}  // namespace electra::io::detail
