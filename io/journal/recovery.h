// What a journal directory holds after a stop of any kind: the records to replay and the place to continue, or the damage.
//
// Recovery only reads. It checks every record's hashes, chain, order, segment and padding, hands the good ones out in order
// and decides by a table (decision_table()) what a bad place means: above every watermark it is a torn tail and is cut; at
// or below one it is damage, and the caller must not start. Signatures are not verified. Reads are large and sequential;
// memory is about 7 MiB. JournalWriter::open does the cut that recovery found.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "io/journal/record_format.h"
#include "meter-proto/base/bytes.h"

namespace electra::io {

// What stands at the place where the next record is expected.
enum class Finding : std::uint8_t {
  next_record,      // whole, and follows in the chain
  segment_end,      // the file ends exactly here, and the next segment is there or none is
  missing_segment,  // the file ends exactly here (or there is no first one); the next number is not there, a later one is
  zeros,            // zeros up to the next 4 KiB boundary or the file's end: never written
  bad_header,       // no valid header (also: too few bytes are left)
  bad_body,         // header valid; body or padding is not, or the file ends inside
  ahead,            // a valid record of this segment with a higher batch number
  stale,            // a valid record with a batch number that was passed
  misplaced,        // a valid record that belongs to another segment, and was not passed
  broken_chain,     // the right batch number, but the previous hash is another
  foreign_genesis,  // a valid record of another chain
  foreign_journal,  // a valid record of this chain from another journal
  inconsistent,     // hashes are good and the contents cannot be: this was written, not torn
  newer_format,     // hashes are good and the format version is unknown
};
inline constexpr unsigned kFindings = 14;

// What valid records further on (in this segment and later ones, the place itself if `ahead`) say about the expected batch.
enum class Evidence : std::uint8_t {
  none,     // there is no valid record further on
  beyond,   // there are, but no watermark reaches the expected batch: they were written while it was in flight
  durable,  // a watermark says that the expected batch was durable
};
inline constexpr unsigned kEvidences = 3;

enum class Decision : std::uint8_t {
  accept,         // hand the record out, go on behind it
  next_segment,   // go on at the start of the next segment if there is one, else the journal ends here
  end,            // the journal ends here, in order
  cut,            // the journal ends here; what follows was never acknowledged and is removed
  damage,         // refuse: something that was durable is not whole
  wrong_genesis,  // refuse: another chain's journal
  newer_format,   // refuse: written by a newer program
};

struct DecisionRow {
  Finding finding;
  Evidence evidence;
  Decision decision;
  std::string_view reason;  // for the message
};

// Every pair of finding and evidence exactly once, finding-major.
[[nodiscard]] std::span<const DecisionRow> decision_table() noexcept;
[[nodiscard]] const DecisionRow& decide(Finding finding, Evidence evidence) noexcept;
[[nodiscard]] std::string_view finding_name(Finding finding) noexcept;
[[nodiscard]] std::string_view evidence_name(Evidence evidence) noexcept;
[[nodiscard]] std::string_view decision_name(Decision decision) noexcept;

// Takes the records in order.
class RecordSink {
 public:
  // False stops recovery with RecoveryError::Kind::stopped.
  [[nodiscard]] virtual bool on_record(const RecordView& record) = 0;

 protected:
  ~RecordSink() = default;
};

// Where the journal stands; JournalWriter::open continues from it.
struct JournalPosition {
  Bytes32 genesis_hash{};
  Bytes16 journal_id{};  // zero while there is no record
  std::uint64_t last_batch = 0;
  std::uint64_t last_time_ns = 0;
  Bytes32 last_hash{};            // genesis hash while there is no record
  std::uint64_t watermark = 0;    // highest that a record carries
  bool watermark_behind = false;  // a record with messages or a block's end lies above the watermark
  std::uint64_t segment = 1;      // where the next record goes …
  std::uint64_t offset = 0;       // … if it fits
};

// Where to begin when what came before is known from elsewhere (a snapshot): behind the record of batch
// position.last_batch, which begins at record_offset of position.segment. That record has to be there and to have the hash
// position.last_hash. Segments below need not be there, and nobody looks at them.
struct JournalStart {
  JournalPosition position;
  std::uint64_t record_offset = 0;
};

struct RecoveryResult {
  JournalPosition position;
  std::uint64_t records = 0;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;  // of the accepted records on disk
  bool tail_cut = false;    // something non-zero behind the position is dropped
  std::string cut_text;     // what was cut and why, for the log
};

struct RecoveryError {
  enum class Kind : std::uint8_t {
    damage,
    wrong_genesis,
    newer_format,
    io_error,
    stopped,
    no_start,  // the record to begin behind is not there
  };
  Kind kind = Kind::damage;
  std::filesystem::path file;
  std::uint64_t offset = 0;
  std::uint64_t batch = 0;  // the one that was expected there
  std::string reason;

  // One sentence with the place and what to do.
  [[nodiscard]] std::string text() const;
};

// directory holds the segments (a missing or empty one is an empty journal). sink may be nullptr.
[[nodiscard]] std::expected<RecoveryResult, RecoveryError> recover_journal(const std::filesystem::path& directory,
                                                                           const Bytes32& genesis_hash,
                                                                           RecordSink* sink);
// The same from a place on; counts are of what follows it.
[[nodiscard]] std::expected<RecoveryResult, RecoveryError> recover_journal(const std::filesystem::path& directory,
                                                                           const JournalStart& start, RecordSink* sink);

// Whether the record that `start` stands behind is there. The error's kind is no_start, or io_error.
[[nodiscard]] std::expected<void, RecoveryError> check_start(const std::filesystem::path& directory,
                                                             const JournalStart& start);

}  // namespace electra::io
