#include "engine/pipeline/export.h"

#include <algorithm>
#include <utility>

#include "engine/pipeline/packed_writer.h"
#include "engine/pipeline/replay.h"
#include "engine/pipeline/restore.h"
#include "io/journal/journal_walk.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/base/sentence.h"

namespace electra::pipeline {
namespace {

ExportError error_of(ExportError::Kind kind, std::string text) { return {kind, std::move(text)}; }

// Of all files; more are added while a gateway writes.
std::uint64_t bytes_in(const std::filesystem::path& directory) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;
    if (const std::uintmax_t size = entry->file_size(gone); !gone) bytes += size;
  }
  return bytes;
}

// Takes the journal's records, and stops behind the last block that is wanted.
class Exporter final : public io::WalkVisitor {
 public:
  Exporter(const ExportOptions& options, const io::HeaderFile& headers, PackedWriter& writer, std::uint64_t last_height,
           std::uint64_t last_batch)
      : options_(options),
        headers_(headers),
        writer_(writer),
        last_batch_(last_batch),
        journal_bytes_(bytes_in(options.journal_directory)) {
    summary.first_height = options.first_height;
    summary.last_height = last_height;
    batch_hash_ = header_hash_ = options.genesis_hash;
  }

  // The journal begins in or behind the block after this one: what is before it is not looked at.
  void begin_behind(const proto::BlockHeader& header) {
    height_ = header.height;
    batch_hash_ = header.batch_hash;
    header_hash_ = proto::header_hash(header);
    skip_to_ = header.last_batch;
  }

  bool on_record(const io::RecordView& record, bool follows) override {
    ELECTRA_ASSERT(follows);  // a fault comes first, and ends the walk
    const std::string problem = record.header.batch <= skip_to_ ? std::string() : take(record);
    journal_bytes_done_ += io::record_bytes(record.header.body_bytes);
    if (options_.progress) options_.progress(std::min(journal_bytes_done_, journal_bytes_), journal_bytes_);
    if (!problem.empty() && !error) error = error_of(ExportError::Kind::damaged, problem);
    return !error && height_ < summary.last_height;
  }

  bool on_fault(const io::WalkFault& fault) override {
    error = error_of(ExportError::Kind::damaged, fault.text());
    return false;
  }

  // What the journal lacks although the headers name it; empty: nothing.
  [[nodiscard]] std::string missing() const {
    if (height_ >= summary.last_height) return {};
    return sentence(headers_.path().string(), ": names block ", summary.last_height, " that ends with batch ",
                    last_batch_, ", but the journal ends in block ", height_ + 1);
  }

  ExportSummary summary;
  std::optional<ExportError> error;

 private:
  [[nodiscard]] bool wanted() const { return height_ + 1 >= summary.first_height; }

  // Empty, or what does not fit. Writing fails into `error`.
  [[nodiscard]] std::string take(const io::RecordView& record) {
    if (batches_ == 0) {
      if (std::string problem = begin_block(); !problem.empty() || error) return problem;
    }
    const proto::BatchLink link = link_of(record.header);
    batch_hash_ = proto::batch_hash(batch_hash_, link);
    ++batches_;
    messages_ += link.count;
    const bool last = (link.flags & io::kRecordBlockClose) != 0;
    if (wanted()) {
      const chain::PackedBatch batch{
          .time_ns = link.time_ns, .flags = link.flags, .count = link.count, .body_bytes = link.body_bytes};
      if (std::string fault = chain::packed_batch_fault(batch, last); !fault.empty())
        return sentence(options_.journal_directory.string(), ": batch ", link.number, " at offset ", record.file_offset,
                        ": ", fault);
      ++summary.batches;
      summary.messages += link.count;
      if (!kept(writer_.add_batch(batch, record.body))) return {};
    }
    return last ? end_block(link) : std::string();
  }

  [[nodiscard]] std::string begin_block() {
    io::HeaderEntry entry;
    if (auto read = headers_.read(height_ + 1, entry); !read) {
      error = error_of(ExportError::Kind::in_out, read.error());
      return {};
    }
    const auto header = proto::decode_signed_header(entry);
    if (!header) return does_not_fit("it is not a header");
    header_ = header->header;
    if (std::string fault = chain::packed_block_fault(header_); !fault.empty()) return does_not_fit(fault);
    if (header_.height != height_ + 1) return does_not_fit("it is that of another height");
    if (header_.previous_hash != header_hash_) return does_not_fit("it does not continue the header before it");
    if (wanted()) (void)kept(writer_.begin_block(entry));
    return {};
  }

  [[nodiscard]] std::string end_block(const proto::BatchLink& link) {
    if (header_.last_batch != link.number || header_.batches != batches_ || header_.messages != messages_ ||
        header_.time_ns != link.time_ns || header_.rules_version != link.rules_version) {
      return does_not_fit("the journal's block has other batches, messages or times");
    }
    if (header_.batch_hash != batch_hash_) return does_not_fit("the journal's batches have another hash");
    if (wanted() && !kept(writer_.end_block())) return {};
    ++height_;
    header_hash_ = proto::header_hash(header_);
    batches_ = 0;
    messages_ = 0;
    summary.last_header_hash = header_hash_;
    return {};
  }

  [[nodiscard]] std::string does_not_fit(std::string_view why) const {
    return sentence(headers_.path().string(), ": the header of block ", height_ + 1, " at offset ",
                    height_ * io::kHeaderEntryBytes, " does not fit: ", why);
  }

  bool kept(const std::expected<void, std::string>& written) {
    if (!written) error = error_of(ExportError::Kind::in_out, written.error());
    return written.has_value();
  }

  const ExportOptions& options_;
  const io::HeaderFile& headers_;
  PackedWriter& writer_;
  const std::uint64_t last_batch_;  // of the last block that is wanted
  const std::uint64_t journal_bytes_;
  std::uint64_t journal_bytes_done_ = 0;

  std::uint64_t height_ = 0;   // of the last block that is whole
  std::uint64_t skip_to_ = 0;  // batches up to this one are of blocks that are not all here
  Bytes32 batch_hash_{};
  Bytes32 header_hash_{};
  // Of the block under way.
  proto::BlockHeader header_;
  std::uint32_t batches_ = 0;
  std::uint64_t messages_ = 0;
};

// The last batch of the block, or why this cannot be known.
std::expected<std::uint64_t, ExportError> last_batch_of(const io::HeaderFile& headers, std::uint64_t height) {
  io::HeaderEntry entry;
  if (auto read = headers.read(height, entry); !read)
    return std::unexpected(error_of(ExportError::Kind::in_out, read.error()));
  const auto header = proto::decode_signed_header(entry);
  if (!header) {
    return std::unexpected(
        error_of(ExportError::Kind::damaged,
                 sentence(headers.path().string(), ": what stands at offset ", (height - 1) * io::kHeaderEntryBytes,
                          " is not the header of block ", height)));
  }
  return header->header.last_batch;
}

// The last block of which the journal may lack batches: height 0 if it begins with the first.
std::expected<proto::BlockHeader, ExportError> block_before(const ExportOptions& options,
                                                            const io::HeaderFile& headers) {
  const auto first = first_segment(options.journal_directory);
  if (!first) return std::unexpected(error_of(ExportError::Kind::in_out, first.error()));
  if (*first <= 1) return proto::BlockHeader{};
  class FirstRecord final : public io::WalkVisitor {
   public:
    bool on_record(const io::RecordView& record, bool) override {
      batch = record.header.batch;
      return false;
    }
    bool on_fault(const io::WalkFault& fault) override {
      problem = fault.text();
      return false;
    }
    std::uint64_t batch = 0;
    std::string problem;
  } record;
  const auto walked = io::walk_journal(options.journal_directory, options.genesis_hash, record,
                                       {.allow_torn_tail = true, .live = true, .begins_later = true});
  if (!walked) return std::unexpected(error_of(ExportError::Kind::in_out, walked.error().text()));
  if (record.batch == 0) return std::unexpected(error_of(ExportError::Kind::damaged, record.problem));
  // The lowest block that ends at or behind the batch before the first one; last_batch rises with the height.
  std::uint64_t low = 1;
  std::uint64_t high = headers.count();
  std::optional<proto::BlockHeader> found;
  while (low <= high) {
    const std::uint64_t middle = low + (high - low) / 2;
    io::HeaderEntry entry;
    if (auto read = headers.read(middle, entry); !read)
      return std::unexpected(error_of(ExportError::Kind::in_out, read.error()));
    const auto header = proto::decode_signed_header(entry);
    if (!header || header->header.height != middle) {
      return std::unexpected(error_of(
          ExportError::Kind::damaged,
          sentence(headers.path().string(), ": what stands at the place of block ", middle, " is not its header")));
    }
    if (header->header.last_batch + 1 >= record.batch) {
      found = header->header;
      high = middle - 1;
    } else {
      low = middle + 1;
    }
  }
  if (found) return *found;
  return std::unexpected(error_of(
      ExportError::Kind::damaged,
      sentence(headers.path().string(), " ends before batch ", record.batch, ", with which the journal begins")));
}

}  // namespace

std::expected<ExportSummary, ExportError> export_blocks(const ExportOptions& options) {
  ELECTRA_ASSERT_LE(1u, options.first_height);
  const auto headers = io::HeaderFile::open(options.headers_file, /*writable=*/false);
  if (!headers) return std::unexpected(error_of(ExportError::Kind::in_out, headers.error()));
  const std::uint64_t count = (*headers)->count();
  const std::uint64_t last = options.last_height != 0 ? options.last_height : count;
  if (count == 0)
    return std::unexpected(error_of(ExportError::Kind::range, "no block has a signed header yet: nothing to export"));
  if (last > count || options.first_height > last) {
    return std::unexpected(
        error_of(ExportError::Kind::range, sentence("blocks ", options.first_height, " to ", last,
                                                    " are not there: signed headers reach from block 1 to ", count)));
  }
  const auto before = block_before(options, **headers);
  if (!before) return std::unexpected(before.error());
  if (options.first_height <= before->height) {
    return std::unexpected(error_of(
        ExportError::Kind::range,
        sentence("blocks 1 to ", before->height,
                 " are not in the journal any more: their segments were dropped or archived; the first one that can be "
                 "exported is ",
                 before->height + 1)));
  }
  const auto last_batch = last_batch_of(**headers, last);
  if (!last_batch) return std::unexpected(last_batch.error());
  auto writer =
      PackedWriter::create(options.out, options.first_height, last - options.first_height + 1, options.genesis_text);
  if (!writer) return std::unexpected(error_of(ExportError::Kind::in_out, writer.error()));

  Exporter exporter(options, **headers, **writer, last, *last_batch);
  if (before->height != 0) exporter.begin_behind(*before);
  const auto walked = io::walk_journal(options.journal_directory, options.genesis_hash, exporter,
                                       {.allow_torn_tail = true, .live = true, .begins_later = before->height != 0});
  if (exporter.error) return std::unexpected(std::move(*exporter.error));
  if (!walked) return std::unexpected(error_of(ExportError::Kind::in_out, walked.error().text()));
  if (std::string text = exporter.missing(); !text.empty())
    return std::unexpected(error_of(ExportError::Kind::damaged, std::move(text)));
  if (auto finished = (*writer)->finish(); !finished)
    return std::unexpected(error_of(ExportError::Kind::in_out, finished.error()));
  exporter.summary.bytes = (*writer)->bytes();
  return exporter.summary;
}

}  // namespace electra::pipeline
