// One place of a journal and what stands there: the checks that recovery and the walk share; not for others.
//
// Whoever walks holds an Expectation (what the next record must continue, and where it must stand); look() compares the
// disk with it. Nothing here decides: decisions are the table's.
#pragma once

#include <expected>
#include <filesystem>
#include <vector>

#include "io/journal/record_format.h"
#include "io/journal/recovery.h"
#include "io/journal/segment_files.h"

namespace electra::io::detail {

struct Expectation {
  JournalPosition at;          // the last record, and the place of the next one
  bool genesis_known = false;  // at.genesis_hash is; else any will do
  std::uint64_t record_segment =
      1;  // what the records of this file call it; at.segment but in a file that was misplaced
  std::uint64_t last_needed_batch = 0;  // of the last record with messages or a block's end

  [[nodiscard]] std::uint64_t batch() const noexcept { return at.last_batch + 1; }
  void start_segment(std::uint64_t segment) noexcept;
  // Right behind the record that `start` names.
  void start_behind(const JournalPosition& position) noexcept;
  // The record at the place becomes the last one; the place is behind it.
  void take(const RecordHeader& header) noexcept;
};

[[nodiscard]] bool all_zero(ByteSpan bytes) noexcept;

class JournalPlaces {
 public:
  template <typename T>
  using Expected = std::expected<T, SegmentFileError>;

  explicit JournalPlaces(std::filesystem::path directory) : directory_(std::move(directory)) {}

  // Lists the segments, anew when called again; what was read is then read again too. odd_names: takes the "*.seg" files
  // that are no segments, which are an error without it.
  [[nodiscard]] Expected<void> list(std::vector<std::filesystem::path>* odd_names = nullptr);
  [[nodiscard]] const std::vector<std::uint64_t>& segments() const noexcept { return segments_; }  // ascending
  [[nodiscard]] bool has_segment(std::uint64_t segment) const noexcept;
  [[nodiscard]] std::filesystem::path file(std::uint64_t segment) const { return directory_ / segment_name(segment); }

  // What stands at the place. Sets header() when its hash is good, body() for next_record.
  [[nodiscard]] Expected<Finding> look(const Expectation& expected);

  // True when a whole record stands there: header, body, padding and entries are right in themselves. Sets header(), body().
  [[nodiscard]] Expected<bool> read_whole(std::uint64_t segment, std::uint64_t offset);

  // What records behind the place say; after look().
  [[nodiscard]] Expected<Evidence> find_evidence(const Expectation& expected, Finding finding);

  // True when the record that `start` stands behind is whole and in its place.
  [[nodiscard]] Expected<bool> has_start(const JournalStart& start);

  // One block of 4096 bytes, fewer or none at the file's end.
  [[nodiscard]] Expected<ByteSpan> block(std::uint64_t segment, std::uint64_t offset);

  [[nodiscard]] const RecordHeader& header() const noexcept { return header_; }
  [[nodiscard]] ByteSpan body() const noexcept { return body_; }

 private:
  [[nodiscard]] Expected<void> open_segment(std::uint64_t segment);
  [[nodiscard]] Finding judge_header(const Expectation& expected) const noexcept;
  [[nodiscard]] Expected<bool> read_body(std::uint64_t offset);
  [[nodiscard]] Expected<void> search_segment(const Expectation& expected, std::uint64_t segment, std::uint64_t from,
                                              Evidence& evidence);

  std::filesystem::path directory_;
  std::vector<std::uint64_t> segments_;
  SegmentReader reader_;
  RecordHeader header_{};
  ByteSpan body_;
};

}  // namespace electra::io::detail
