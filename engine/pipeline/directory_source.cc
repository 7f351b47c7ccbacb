// A gateway's data directory as a source of batches: the walk over its journal, beside the file of headers.

#include <atomic>

#include "engine/pipeline/chain_source.h"
#include "engine/pipeline/recovery_replayer.h"
#include "io/journal/journal_walk.h"

namespace electra::pipeline {
namespace {

class DirectorySource final : public ChainSource, private io::WalkVisitor {
 public:
  DirectorySource(std::filesystem::path journal, std::unique_ptr<io::HeaderFile> headers, const Bytes32& genesis_hash,
                  const DirectorySourceOptions& options)
      : journal_(std::move(journal)),
        headers_(std::move(headers)),
        genesis_hash_(genesis_hash),
        options_(options),
        bytes_total_(directory_bytes(journal_)) {}

  std::expected<void, std::string> run(ChainSink& sink) override {
    sink_ = &sink;
    if (options_.behind) {
      if (!check_headers_before()) return {};
      blocks_ = options_.behind->last.height;
      next_height_ = blocks_ + 1;
    }
    const auto end = io::walk_journal(journal_, genesis_hash_, *this,
                                      {.allow_torn_tail = options_.unfinished,
                                       .live = options_.unfinished,
                                       .begins_later = options_.behind.has_value()});
    if (!end) return std::unexpected(end.error().text());
    bytes_done_.store(bytes_total_, std::memory_order_relaxed);
    if (!end->stopped) finish(*end);
    return {};
  }

  std::uint64_t bytes_total() const noexcept override { return bytes_total_; }
  std::uint64_t bytes_done() const noexcept override {
    return std::min(bytes_done_.load(std::memory_order_relaxed), bytes_total_);
  }

 private:
  bool on_record(const io::RecordView& record, bool follows) override {
    if (options_.behind && record.header.batch <= options_.behind->start.position.last_batch) {
      bytes_done_.fetch_add(io::record_bytes(record.header.body_bytes), std::memory_order_relaxed);
      return check_start(record);
    }
    SourceBatch batch{.link = link_of(record.header),
                      .body = record.body,
                      .place = {journal_ / io::segment_name(record.segment), record.file_offset},
                      .follows = follows,
                      .header = {}};
    if ((batch.link.flags & io::kRecordBlockClose) != 0) {
      ++blocks_;
      batch.header = header_of(batch.link.number);
      if (!batch.header) ++blocks_without_header_;
      if (batch.header && blocks_without_header_ != 0) {
        // Not only the newest are missing.
        if (!tell_missing(batch.link.number)) return false;
      }
    }
    bytes_done_.fetch_add(io::record_bytes(record.header.body_bytes), std::memory_order_relaxed);
    return sink_->on_batch(batch);
  }

  bool on_fault(const io::WalkFault& fault) override {
    damaged_ = true;
    return sink_->on_problem(
        {.text = fault.reason, .place = {fault.file, fault.offset}, .batch = fault.batch, .height = blocks_ + 1});
  }

  // The record that the start stands behind is the one that it names.
  bool check_start(const io::RecordView& record) {
    const io::JournalPosition& start = options_.behind->start.position;
    if (record.header.batch != start.last_batch || record.header.record_hash == start.last_hash) return true;
    damaged_ = true;
    return sink_->on_problem({.text = "this is not the record that the snapshot stands behind",
                              .place = {journal_ / io::segment_name(record.segment), record.file_offset},
                              .batch = record.header.batch,
                              .height = options_.behind->last.height});
  }

  // Of blocks whose batches are not here: one continues the other from the genesis on, and the gateway signed them.
  bool check_headers_before() {
    const proto::BlockHeader& last = options_.behind->last;
    Bytes32 previous = genesis_hash_;
    std::uint64_t last_batch = 0;
    for (std::uint64_t height = 1; height <= last.height; ++height) {
      io::HeaderEntry entry;
      const bool there = headers_ && height <= headers_->count() && headers_->read(height, entry);
      const auto header = there ? proto::decode_signed_header(entry) : std::nullopt;
      std::string text;
      if (!there) {
        text = "the header of a block whose batches are not here is missing";
      } else if (!header) {
        text = "this is not a block header";
      } else if (header->header.height != height || header->header.previous_hash != previous ||
                 header->header.last_batch != last_batch + header->header.batches) {
        text = "the header does not continue the one before it";
      } else if (!proto::header_signature_valid(*header, genesis_hash_, options_.behind->gateway_key)) {
        text = "the header's signature is bad";
      } else if (height == last.height && header->header != last) {
        text = "the header is not the one that the snapshot is of";
      }
      if (!text.empty()) return tell(std::move(text), headers_ ? header_place(height) : ChainPlace{}, height);
      previous = proto::header_hash(header->header);
      last_batch = header->header.last_batch;
    }
    return true;
  }

  ChainPlace header_place(std::uint64_t height) const {
    return {headers_->path(), (height - 1) * io::kHeaderEntryBytes};
  }

  // Headers stand in the order of their heights, but behind a gap in the journal the height is not known: the header that
  // names this batch is looked for further on.
  std::optional<SourceHeader> header_of(std::uint64_t batch) {
    for (std::uint64_t height = next_height_; headers_ && height <= headers_->count(); ++height) {
      SourceHeader header{.bytes = {}, .place = header_place(height)};
      if (!headers_->read(height, header.bytes)) return std::nullopt;
      const auto decoded = proto::decode_signed_header(header.bytes);
      const std::uint64_t last_batch = decoded ? decoded->header.last_batch : 0;
      // In an undamaged journal it is the header in turn, whatever it says: the auditor compares it.
      if (!damaged_ || last_batch == batch) {
        blocks_ = height;
        next_height_ = height + 1;
        return header;
      }
      if (last_batch > batch) return std::nullopt;
    }
    return std::nullopt;
  }

  bool tell_missing(std::uint64_t batch) {
    const std::string text = std::to_string(blocks_without_header_) + " blocks have no signed header";
    blocks_without_header_ = 0;
    return sink_->on_problem({.text = text,
                              .place = {headers_ ? headers_->path() : std::filesystem::path(), 0},
                              .batch = batch,
                              .height = blocks_});
  }

  bool tell(std::string text, ChainPlace place, std::uint64_t height) {
    return sink_->on_problem({.text = std::move(text), .place = std::move(place), .batch = 0, .height = height});
  }

  // What the end shows: headers that are missing, and headers without a block.
  void finish(const io::WalkEnd& end) {
    if (blocks_without_header_ != 0) {
      if (options_.unfinished) return;
      const std::string text = std::to_string(blocks_without_header_) +
                               " blocks at the end have no signed header; a gateway that was killed signs them at its "
                               "next start";
      const ChainPlace place{end.position.segment == 0 ? journal_ : journal_ / io::segment_name(end.position.segment),
                             end.position.offset};
      if (!tell(text, headers_ ? ChainPlace{headers_->path(), headers_->count() * io::kHeaderEntryBytes} : place,
                blocks_ - blocks_without_header_ + 1)) {
        return;
      }
    }
    if (!headers_) return;
    if (headers_->count() >= next_height_ && blocks_without_header_ == 0) {
      const std::string text = std::to_string(headers_->count() - next_height_ + 1) +
                               " signed headers are of blocks that the journal does not have: records at its end are "
                               "missing, or it is an older copy";
      if (!tell(text, header_place(next_height_), next_height_)) return;
    }
    if (headers_->torn_bytes() != 0 && !options_.unfinished) {
      [[maybe_unused]] const bool go_on =
          tell("the last header is not whole", header_place(headers_->count() + 1), headers_->count() + 1);
    }
  }

  const std::filesystem::path journal_;
  const std::unique_ptr<io::HeaderFile> headers_;  // null: there is no such file
  const Bytes32 genesis_hash_;
  const DirectorySourceOptions options_;
  const std::uint64_t bytes_total_;
  std::atomic<std::uint64_t> bytes_done_{0};
  ChainSink* sink_ = nullptr;
  bool damaged_ = false;
  std::uint64_t blocks_ = 0;  // closed so far
  std::uint64_t next_height_ = 1;
  std::uint64_t blocks_without_header_ = 0;  // since the last one that has a header
};

}  // namespace

std::expected<std::unique_ptr<ChainSource>, std::string> open_directory_source(
    const std::filesystem::path& journal_directory, const std::filesystem::path& headers_file,
    const Bytes32& genesis_hash, const DirectorySourceOptions& options) {
  std::unique_ptr<io::HeaderFile> headers;
  std::error_code error;
  if (std::filesystem::exists(headers_file, error)) {
    auto opened = io::HeaderFile::open(headers_file, false);
    if (!opened) return std::unexpected(opened.error());
    headers = std::move(*opened);
  }
  return std::make_unique<DirectorySource>(journal_directory, std::move(headers), genesis_hash, options);
}

}  // namespace electra::pipeline
