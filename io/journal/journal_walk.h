// A walk over a journal directory for those who examine it: it goes on behind damage and says what is wrong where.
//
// Recovery stops at the first bad place and forgives a torn tail; the walk judges each place by the same checks and the same
// table, tells the visitor, looks for the next whole record at the multiples of 4096 further on (in this segment or a later
// one) and goes on there. It is stricter than recovery in two things: every byte behind the last record must be zero, and
// no number may be missing among the segments, so one flipped bit anywhere is at least one fault.
// What no journal can show by itself: that records are missing at its very end together with every later watermark.
// Reads only. Memory is about 7 MiB whatever the directory holds. Signatures are not verified.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "io/journal/record_format.h"
#include "io/journal/recovery.h"

namespace electra::io {

enum class WalkFaultKind : std::uint8_t {
  damage,     // something that was durable is not whole, or something stands where nothing can
  torn_tail,  // behind it nothing was ever acknowledged: what a crash, or a gateway that is writing, leaves at the end
  wrong_genesis,  // a record of another chain
  newer_format,   // a record that a newer program wrote
};
[[nodiscard]] std::string_view walk_fault_kind_name(WalkFaultKind kind) noexcept;

struct WalkFault {
  WalkFaultKind kind = WalkFaultKind::damage;
  Finding finding = Finding::bad_header;  // zeros: only zeros were expected, and `offset` is the first other byte
  std::filesystem::path file{};
  std::uint64_t offset = 0;
  std::uint64_t batch = 0;  // the one that was expected there
  std::string reason{};
  // Where the walk goes on: with the record at the place itself, or the next whole one further on. 0: there is none.
  std::uint64_t next_batch = 0;
  std::filesystem::path next_file{};
  std::uint64_t next_offset = 0;

  // One line with the place.
  [[nodiscard]] std::string text() const;
};

class WalkVisitor {
 public:
  // A whole record: its own hashes are right and its body is well formed. `follows`: it continues the record handed out
  // before it (number, previous hash, time, watermark, genesis, journal id), batch 1 the genesis; false comes only after
  // an on_fault that says why. record.segment is the file's number, header.segment may be another. False stops the walk.
  [[nodiscard]] virtual bool on_record(const RecordView& record, bool follows) = 0;
  // False stops the walk.
  [[nodiscard]] virtual bool on_fault(const WalkFault& fault) = 0;

 protected:
  ~WalkVisitor() = default;
};

struct WalkOptions {
  // A torn tail is no fault: the walk ends before it, and WalkEnd says how long it is. For a gateway that crashed or runs.
  bool allow_torn_tail = false;
  // The journal may be written to meanwhile: what looks damaged is looked at once more before it is told. Wants
  // allow_torn_tail, because a write in flight looks like one.
  bool live = false;
  // The journal may begin with a later segment than the first: its first record is believed if it is whole. For journals
  // whose beginning was dropped or archived; what it continues is for the caller to know.
  bool begins_later = false;
};

struct WalkEnd {
  std::uint64_t records = 0;  // handed out
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;  // of these records on disk
  std::uint64_t faults = 0;
  bool stopped = false;  // by the visitor
  // Behind the last record handed out that is of this chain; last_batch = 0 when there was none (genesis_hash is then the
  // one that was given, or zero).
  JournalPosition position;
  std::uint64_t tail_bytes = 0;  // from position to the last byte of its segment that is not zero; 0: only zeros follow
  std::string tail_text;         // what the tail is, for people; empty without one
};

// genesis_hash: nothing takes that of the first whole record. A missing or empty directory is an empty journal. The error's
// kind is io_error: a file or directory cannot be read.
[[nodiscard]] std::expected<WalkEnd, RecoveryError> walk_journal(const std::filesystem::path& directory,
                                                                 const std::optional<Bytes32>& genesis_hash,
                                                                 WalkVisitor& visitor, const WalkOptions& options = {});

}  // namespace electra::io
