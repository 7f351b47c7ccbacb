#include "engine/pipeline/tail_cut.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/pipeline/restore.h"
#include "io/journal/journal_walk.h"
#include "io/journal/record_format.h"
#include "io/journal/segment_files.h"
#include "meter-proto/strict/envelope.h"

namespace electra::pipeline {
namespace {

class TailFinder final : public io::WalkVisitor {
 public:
  TailFinder(std::uint64_t first_batch, TailCut& cut) : first_batch_(first_batch), cut_(cut) {}

  bool on_record(const io::RecordView& record, bool) override {
    cut_.watermark = std::max(cut_.watermark, record.header.watermark);
    cut_.last_batch = record.header.batch;
    if (record.header.batch < first_batch_) return true;
    if (cut_.first_batch == 0) {
      cut_.first_batch = record.header.batch;
      segment = record.segment;
      cut_.offset = record.file_offset;
    }
    ByteSpan bytes;
    for (io::EntryCursor entries(record.body); entries.next(bytes);) {
      strict::EnvelopeView envelope;
      if (strict::decode_envelope(bytes, envelope) != Result::ok) continue;
      cut_.messages.push_back({.batch = record.header.batch, .slot = envelope.slot, .sequence = envelope.sequence});
    }
    return true;
  }

  bool on_fault(const io::WalkFault& fault) override {
    fault_text = fault.text();
    return false;
  }

  std::uint64_t segment = 0;
  std::string fault_text;

 private:
  const std::uint64_t first_batch_;
  TailCut& cut_;
};

std::unexpected<std::string> system_error(const std::filesystem::path& path, const char* what) {
  return std::unexpected(path.string() + ": " + what + ": " + std::strerror(errno));
}

// What was done to a file or directory is on the disk.
std::expected<void, std::string> sync(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_error(path, "cannot be opened");
  const int status = ::fsync(fd);
  ::close(fd);
  if (status != 0) return system_error(path, "cannot be synced");
  return {};
}

}  // namespace

std::expected<TailCut, std::string> plan_tail_cut(const std::filesystem::path& journal_directory,
                                                  const std::optional<Bytes32>& genesis_hash,
                                                  const std::filesystem::path& snapshots_directory) {
  const auto note = read_trip_note(trip_note_file(journal_directory));
  if (!note) {
    return std::unexpected(journal_directory.string() +
                           ": no assertion has failed while a batch executed, so there is nothing to cut");
  }
  const std::string where = "execution stopped " + note->text();
  if (!note->acknowledged) {
    return std::unexpected(where +
                           ", in a replay: its receipts may have left before, so it is not cut. A program that "
                           "executes it is needed");
  }
  if (note->batch <= *note->acknowledged) {
    return std::unexpected(where + ", and receipts up to batch " + std::to_string(*note->acknowledged) + " have left");
  }
  TailCut cut;
  cut.note = *note;
  TailFinder finder(note->batch, cut);
  const auto walked = io::walk_journal(journal_directory, genesis_hash, finder,
                                       {.allow_torn_tail = true,
                                        .live = false,
                                        .begins_later = may_begin_later(journal_directory, snapshots_directory)});
  if (!walked) return std::unexpected(walked.error().text());
  if (!finder.fault_text.empty()) {
    return std::unexpected("the journal is damaged, which is another matter: " + finder.fault_text);
  }
  if (cut.first_batch == 0) {
    return std::unexpected(where + ". Its record never reached the journal, which ends with batch " +
                           std::to_string(cut.last_batch) + ": start again");
  }
  if (cut.watermark >= cut.first_batch) {
    return std::unexpected(where + ". The journal says that records up to batch " + std::to_string(cut.watermark) +
                           " were known to be durable, so receipts may have left: nothing is cut");
  }
  cut.file = journal_directory / io::segment_name(finder.segment);
  const auto segments = io::list_segments(journal_directory);
  if (!segments) return std::unexpected(segments.error().path.string() + ": " + segments.error().reason);
  for (const std::uint64_t segment : *segments) {
    if (segment > finder.segment) cut.later_files.push_back(journal_directory / io::segment_name(segment));
  }
  return cut;
}

std::expected<void, std::string> cut_tail(const std::filesystem::path& journal_directory, const TailCut& cut) {
  // From the end: whatever a failure leaves is a journal that ends earlier than before, and the note is still there.
  std::error_code error;
  for (auto file = cut.later_files.rbegin(); file != cut.later_files.rend(); ++file) {
    if (!std::filesystem::remove(*file, error)) return std::unexpected(file->string() + ": " + error.message());
  }
  if (cut.offset == 0) {
    if (!std::filesystem::remove(cut.file, error)) return std::unexpected(cut.file.string() + ": " + error.message());
  } else {
    if (::truncate(cut.file.c_str(), static_cast<off_t>(cut.offset)) != 0)
      return system_error(cut.file, "cannot be cut");
    if (auto synced = sync(cut.file); !synced) return synced;
  }
  if (auto synced = sync(journal_directory); !synced) return synced;
  std::filesystem::remove(trip_note_file(journal_directory), error);
  return sync(journal_directory);
}

}  // namespace electra::pipeline
