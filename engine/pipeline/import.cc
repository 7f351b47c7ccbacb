#include "engine/pipeline/import.h"

#include <optional>
#include <utility>

#include "io/journal/journal_writer.h"
#include "io/loop.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/base/sentence.h"

namespace electra::pipeline {
namespace {

// Records on their way to the disk at once: an import waits for the disk, and for nothing else.
constexpr std::uint32_t kBuffers = io::kRecordsInFlightMax + 1;

class Importer final : public ChainSink, private io::JournalListener {
 public:
  Importer(const ChainSource& source, const ImportOptions& options)
      : source_(source), options_(options), batch_hash_(options.genesis_hash), header_hash_(options.genesis_hash) {}

  [[nodiscard]] std::expected<void, std::string> open() {
    auto loop = io::Loop::create({.entries = 64});
    if (!loop) return std::unexpected(std::move(loop.error()));
    loop_ = std::move(*loop);
    auto pool = io::RecordBufferPool::create(kBuffers);
    if (!pool) return std::unexpected(std::move(pool.error()));
    pool_ = std::move(*pool);
    io::JournalConfig config;
    config.directory = options_.journal_directory;
    config.segment_bytes = options_.segment_bytes;
    config.in_flight_max = io::kRecordsInFlightMax;
    io::JournalPosition position;
    position.genesis_hash = position.last_hash = options_.genesis_hash;
    auto writer = io::JournalWriter::open(*loop_, config, position, *pool_, *this);
    if (!writer) return std::unexpected(std::move(writer.error()));
    writer_ = std::move(*writer);
    auto headers = io::HeaderFile::open(options_.headers_file, /*writable=*/true);
    if (!headers) return std::unexpected(std::move(headers.error()));
    headers_ = std::move(*headers);
    if (headers_->count() != 0)
      return std::unexpected(sentence(options_.headers_file.string(), ": there are block headers already"));
    return {};
  }

  bool on_batch(const SourceBatch& batch) override {
    if (!batch.follows) return refuse("does not continue the batch before it", batch);
    if (batch.link.number != summary_.batches + 1) return refuse("is not the one that comes next", batch);
    const bool last = (batch.link.flags & io::kRecordBlockClose) != 0;
    if (last != batch.header.has_value()) return refuse("ends a block without a header, or has one within", batch);
    batch_hash_ = proto::batch_hash(batch_hash_, batch.link);
    if (last && !take_header(batch)) return false;
    if (!append(batch)) return false;
    ++summary_.batches;
    summary_.messages += batch.link.count;
    if (options_.progress) options_.progress(source_.bytes_done(), source_.bytes_total());
    return true;
  }

  bool on_problem(const SourceProblem& problem) override {
    error_ = sentence(problem.place.file.string(), " at offset ", problem.place.offset, ": ", problem.text);
    return false;
  }

  // All that was taken is durable.
  [[nodiscard]] std::expected<ImportSummary, std::string> finish() {
    while (error_.empty() && !writer_->idle()) loop_->run_once();
    if (!error_.empty()) return std::unexpected(std::move(error_));
    if (auto synced = headers_->sync(); !synced) return std::unexpected(std::move(synced.error()));
    if (summary_.blocks == 0) return std::unexpected(std::string("the source holds no block"));
    if (summary_.last_header.last_batch != summary_.batches)
      return std::unexpected(std::string("the source holds batches behind its last block"));
    return summary_;
  }

 private:
  bool refuse(std::string_view why, const SourceBatch& batch) {
    error_ =
        sentence(batch.place.file.string(), " at offset ", batch.place.offset, ": batch ", batch.link.number, " ", why);
    return false;
  }

  bool take_header(const SourceBatch& batch) {
    const auto header = proto::decode_signed_header(batch.header->bytes);
    if (!header) return refuse("has no header that can be read", batch);
    if (header->header.height != summary_.blocks + 1 || header->header.previous_hash != header_hash_ ||
        header->header.batch_hash != batch_hash_ || header->header.last_batch != batch.link.number) {
      return refuse("does not fit the header of its block", batch);
    }
    header_hash_ = proto::header_hash(header->header);
    summary_.last_header = header->header;
    ++summary_.blocks;
    if (auto appended = headers_->append(batch.header->bytes); !appended) error_ = std::move(appended.error());
    return error_.empty();
  }

  bool append(const SourceBatch& batch) {
    io::RecordBuffer* buffer = pool_->acquire();
    while (buffer == nullptr && error_.empty()) {
      loop_->run_once();
      buffer = pool_->acquire();
    }
    if (!error_.empty()) return false;
    ByteSpan envelope;
    for (io::EntryCursor entries(batch.body); entries.next(envelope);) {
      const bool fits = buffer->append(envelope);
      ELECTRA_ASSERT(fits);  // the source has checked count and length
    }
    const std::uint64_t number = writer_->append(
        *buffer, {.time_ns = batch.link.time_ns, .rules_version = batch.link.rules_version, .flags = batch.link.flags});
    if (number == 0) return false;  // the writer has failed, and has said so
    ELECTRA_ASSERT_EQ(number, batch.link.number);
    return true;
  }

  void on_durable(io::RecordBuffer& buffer, const io::DurableRecord&) override { pool_->release(buffer); }
  void on_journal_failed(const std::string& text) override { error_ = text; }

  const ChainSource& source_;
  const ImportOptions& options_;
  std::unique_ptr<io::Loop> loop_;
  std::unique_ptr<io::RecordBufferPool> pool_;
  std::unique_ptr<io::HeaderFile> headers_;
  std::unique_ptr<io::JournalWriter> writer_;  // goes before what it stands on
  Bytes32 batch_hash_{};
  Bytes32 header_hash_{};
  ImportSummary summary_;
  std::string error_;
};

}  // namespace

std::expected<ImportSummary, std::string> import_chain(ChainSource& source, const ImportOptions& options) {
  Importer importer(source, options);
  if (auto opened = importer.open(); !opened) return std::unexpected(std::move(opened.error()));
  auto read = source.run(importer);
  if (!read) return std::unexpected(std::move(read.error()));
  return importer.finish();
}

}  // namespace electra::pipeline
