#include "io/journal/journal_writer.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "io/journal/journal_segments.h"
#include "meter-proto/base/assert.h"

namespace electra::io {

struct JournalWriter::Impl final : private JournalSegments::Owner {
  struct Slot {
    Impl* writer = nullptr;
    RecordBuffer* buffer = nullptr;
    RecordFields fields;
    DurableRecord record;
    std::uint64_t bytes = 0;
    std::uint64_t offset = 0;
    std::uint64_t submit_ns = 0;
    bool done = false;
    Operation operation;
  };

  Loop& loop;
  const JournalConfig config;
  JournalListener& listener;
  RecordBufferPool& pool;
  JournalCounters counters;
  JournalSegments segments;

  // A ring: [first, sent) are in flight, [sent, end) wait to be sent. Numbers rise; the place is number % slots.size().
  std::vector<Slot> slots;
  std::uint64_t first = 0;
  std::uint64_t sent = 0;
  std::uint64_t end = 0;

  Bytes32 genesis_hash{};
  Bytes16 journal_id{};
  Bytes32 last_hash{};             // of the last sealed record
  std::uint64_t last_batch = 0;    // highest number given
  std::uint64_t last_time_ns = 0;  // of the last appended record
  std::uint64_t durable_batch = 0;
  std::uint64_t needed_batch = 0;      // highest durable batch that a watermark should cover
  std::uint64_t sealed_watermark = 0;  // of the last sealed record

  bool failed = false;
  std::string failed_text;
  Deferred report_failure;

  Impl(Loop& loop_in, const JournalConfig& config_in, RecordBufferPool& pool_in, JournalListener& listener_in,
       std::unique_ptr<SegmentDevice> device_in)
      : loop(loop_in),
        config(config_in),
        listener(listener_in),
        pool(pool_in),
        segments(loop, config, *this, counters, std::move(device_in)) {
    report_failure = {.run = [](void* context) { static_cast<Impl*>(context)->tell_failure(); }, .context = this};
    slots.resize(pool.size());
    for (Slot& slot : slots) {
      slot.writer = this;
      slot.operation = {.complete =
                            [](void* context, std::int32_t result, std::uint32_t) {
                              auto& written = *static_cast<Slot*>(context);
                              written.writer->on_written(written, result);
                            },
                        .context = &slot};
    }
  }

  ~Impl() {
    failed = true;  // nothing is told any more
    segments.stop();
    loop.cancel(report_failure);
    while (writes_pending()) loop.run_once();
  }

  Slot& slot(std::uint64_t number) noexcept { return slots[number % slots.size()]; }

  bool writes_pending() const noexcept {
    return segments.pending() || std::ranges::any_of(slots, [](const Slot& s) { return s.operation.pending; });
  }

  // --- opening ---

  std::expected<void, std::string> open(const JournalPosition& position) {
    genesis_hash = position.genesis_hash;
    journal_id = position.journal_id;
    last_hash = position.last_hash;
    last_batch = durable_batch = position.last_batch;
    last_time_ns = position.last_time_ns;
    sealed_watermark = position.watermark;
    needed_batch = position.watermark_behind ? position.last_batch : 0;
    if (last_batch == 0 && getrandom(journal_id.data(), journal_id.size(), 0) != std::ssize(journal_id)) {
      return std::unexpected("cannot get random bytes for the journal's id: " + std::string(std::strerror(errno)));
    }
    return segments.open(position, pool.mapping());
  }

  // --- records ---

  std::uint64_t append(RecordBuffer& buffer, const RecordFields& fields) {
    if (failed) return 0;
    ELECTRA_ASSERT_LT(last_time_ns, fields.time_ns);
    ELECTRA_ASSERT_EQ(fields.flags & ~kRecordFlagsKnown, 0u);
    ELECTRA_ASSERT((fields.flags & kRecordWatermark) == 0 || buffer.empty());
    ELECTRA_ASSERT_LT(end - first, slots.size());
    Slot& taken = slot(end);
    ELECTRA_ASSERT(!taken.operation.pending);
    taken.buffer = &buffer;
    taken.fields = fields;
    taken.record = {.batch = ++last_batch, .time_ns = fields.time_ns};
    taken.bytes = record_bytes(buffer.body().size());
    taken.done = false;
    last_time_ns = fields.time_ns;
    ++end;
    pump();
    return taken.record.batch;
  }

  // Sends what may be sent.
  void pump() {
    while (!failed && sent < end && sent - first < config.in_flight_max) {
      Slot& record = slot(sent);
      if (!segments.make_place(record.bytes, sent == first)) return;
      seal(record);
      record.submit_ns = monotonic_ns();
      ++sent;
      record.offset = segments.write(record.operation, ByteSpan(record.buffer->memory(), record.bytes));
    }
  }

  void on_more_place() override { pump(); }

  void seal(Slot& record) {
    RecordBuffer& buffer = *record.buffer;
    RecordHeader header{};
    header.magic = kRecordMagic;
    header.format_version = kJournalFormatVersion;
    header.rules_version = record.fields.rules_version;
    header.flags = record.fields.flags;
    header.header_bytes = kRecordHeaderBytes;
    header.segment = segments.number();
    header.batch = record.record.batch;
    header.previous_hash = last_hash;
    header.time_ns = record.fields.time_ns;
    header.count = buffer.count();
    header.body_bytes = static_cast<std::uint32_t>(buffer.body().size());
    header.watermark = durable_batch;
    header.body_hash = buffer.body_hash();
    header.genesis_hash = genesis_hash;
    header.journal_id = journal_id;
    header.record_hash = compute_record_hash(header);
    std::uint8_t* const memory = record.buffer->memory();
    std::memcpy(memory, &header, sizeof header);
    const std::size_t used = kRecordHeaderBytes + header.body_bytes;
    std::memset(memory + used, 0, record.bytes - used);
    last_hash = record.record.record_hash = header.record_hash;
    sealed_watermark = header.watermark;
    record.record.segment = segments.number();
    record.record.offset = segments.offset();
    record.record.end = segments.offset() + record.bytes;
    record.record.watermark = header.watermark;
  }

  void on_written(Slot& record, std::int32_t result) {
    if (failed) return;
    if (result < 0) {
      fail(journal_failure_text("writing a record to", segments.path(), record.offset, -result));
      return;
    }
    if (static_cast<std::uint64_t>(result) != record.bytes) {
      fail("writing a record to " + segments.path().string() + " at offset " + std::to_string(record.offset) +
           " was cut short: " + std::to_string(result) + " of " + std::to_string(record.bytes) +
           " bytes; free space on the disk and check it, then start again: what was acknowledged is on disk, nothing "
           "else was acknowledged");
      return;
    }
    record.done = true;
    record.record.write_ns = monotonic_ns() - record.submit_ns;
    while (!failed && first < sent && slot(first).done) {
      Slot& durable = slot(first);
      const std::uint32_t count = durable.buffer->count();
      durable_batch = durable.record.batch;
      if (count > 0 || (durable.fields.flags & kRecordBlockClose) != 0) needed_batch = durable_batch;
      ++counters.records;
      counters.messages += count;
      counters.record_bytes += durable.bytes;
      const DurableRecord told = durable.record;  // the slot may be taken again by an append inside the call
      RecordBuffer& buffer = *durable.buffer;
      ++first;
      listener.on_durable(buffer, told);
    }
    pump();
  }

  // --- failure ---

  void fail(std::string text) {
    if (failed) return;
    failed = true;
    failed_text = std::move(text);
    segments.stop();
    loop.defer(report_failure);  // never inside append()
  }

  void on_segments_failed(std::string text) override { fail(std::move(text)); }

  void tell_failure() { listener.on_journal_failed(failed_text); }
};

JournalWriter::JournalWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
JournalWriter::~JournalWriter() = default;

std::expected<std::unique_ptr<JournalWriter>, std::string> JournalWriter::open(Loop& loop, const JournalConfig& config,
                                                                               const JournalPosition& position,
                                                                               RecordBufferPool& pool,
                                                                               JournalListener& listener,
                                                                               std::unique_ptr<SegmentDevice> device) {
  ELECTRA_ASSERT_LT(0u, config.segment_bytes);
  ELECTRA_ASSERT_EQ(config.segment_bytes % kRecordAlignment, 0u);
  ELECTRA_ASSERT_LT(0u, config.lead_bytes);
  ELECTRA_ASSERT_EQ(config.lead_bytes % kRecordAlignment, 0u);
  ELECTRA_ASSERT_LE(1u, config.in_flight_max);
  ELECTRA_ASSERT_LE(config.in_flight_max, kRecordsInFlightMax);
  auto impl = std::make_unique<Impl>(loop, config, pool, listener, std::move(device));
  if (auto opened = impl->open(position); !opened) return std::unexpected(opened.error());
  return std::unique_ptr<JournalWriter>(new JournalWriter(std::move(impl)));
}

std::uint64_t JournalWriter::append(RecordBuffer& buffer, const RecordFields& fields) {
  return impl_->append(buffer, fields);
}
bool JournalWriter::failed() const noexcept { return impl_->failed; }
std::uint32_t JournalWriter::in_flight() const noexcept {
  return static_cast<std::uint32_t>(impl_->end - impl_->first);
}
bool JournalWriter::idle() const noexcept { return impl_->end == impl_->first; }
void JournalWriter::finish() noexcept { impl_->segments.finish(); }
bool JournalWriter::settled() const noexcept { return idle() && !impl_->writes_pending(); }
std::uint64_t JournalWriter::last_batch() const noexcept { return impl_->last_batch; }
std::uint64_t JournalWriter::durable_batch() const noexcept { return impl_->durable_batch; }
bool JournalWriter::watermark_behind() const noexcept { return impl_->needed_batch > impl_->sealed_watermark; }
const Bytes16& JournalWriter::journal_id() const noexcept { return impl_->journal_id; }
bool JournalWriter::direct_io() const noexcept { return impl_->segments.direct_io(); }
bool JournalWriter::fixed_buffers() const noexcept { return impl_->segments.fixed_buffers(); }
const JournalCounters& JournalWriter::counters() const noexcept { return impl_->counters; }

}  // namespace electra::io
