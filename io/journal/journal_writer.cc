#include "io/journal/journal_writer.h"

#include <sys/random.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <vector>

#include "io/journal/segment_files.h"
#include "meter-proto/base/assert.h"

namespace electra::io {
namespace {

// A record's flush takes along what lies in the disk's cache, so little at once.
constexpr std::uint64_t kZeroChunkBytesMax = std::uint64_t{128} << 10;
// Larger records go to fresh extents: the second flush costs them less than writing the place twice.
constexpr std::uint64_t kLeadRecordBytesMax = std::uint64_t{128} << 10;
constexpr int kPoolBufferIndex = 0;
constexpr int kZeroBufferIndex = 1;

std::string errno_text(int error) { return std::strerror(error); }

std::string failure_text(std::string_view what, const std::filesystem::path& path, std::uint64_t offset, int error) {
  std::string advice = "check the disk and the kernel's log";
  if (error == ENOSPC || error == EDQUOT) advice = "free space on the disk that holds the journal";
  if (error == EACCES || error == EPERM || error == EROFS) advice = "make the directory writable for this user";
  if (error == EEXIST) advice = "another process may be writing this journal; stop it";
  if (error == EFBIG) advice = "raise the limit on file size (ulimit -f)";
  return std::string(what) + " " + path.string() + " at offset " + std::to_string(offset) +
         " failed: " + errno_text(error) + "; " + advice +
         ", then start again: what was acknowledged is on disk, nothing else was acknowledged";
}

// Memory of zeros, 4 KiB aligned, for the lead.
struct FreeMemory {
  void operator()(std::uint8_t* memory) const noexcept { std::free(memory); }
};
using AlignedMemory = std::unique_ptr<std::uint8_t, FreeMemory>;

}  // namespace

struct JournalWriter::Impl {
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

  // A segment that is written to (current) or being made (next).
  struct Segment {
    Impl* writer = nullptr;
    std::uint64_t number = 0;
    std::filesystem::path path;
    int fd = -1;
    int file_index = -1;
    std::uint64_t offset = 0;       // of the next record
    std::uint64_t zeroed_end = 0;   // written up to here, by records or zeros
    std::uint64_t zeroing_end = 0;  // > zeroed_end while zeros for [zeroed_end, zeroing_end) are in flight
    std::uint64_t small_bytes = 0;  // of records that went to the lead, by this writer
    bool ready = false;             // its directory entry and the start of its lead are durable
    Operation zeroing;
    Operation syncing;  // of the zeros

    [[nodiscard]] bool in_use() const noexcept { return fd >= 0; }
    [[nodiscard]] bool zeroing_overlaps(std::uint64_t end) const noexcept {
      return zeroing.pending && end > zeroed_end;
    }
  };

  Loop& loop;
  const JournalConfig config;
  JournalListener& listener;
  RecordBufferPool& pool;
  std::unique_ptr<SegmentDevice> device;
  AlignedMemory zeros;
  std::uint64_t zero_chunk_bytes = 0;
  bool fixed_buffers = false;

  std::array<Segment, 2> segments;
  unsigned current_index = 0;

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

  bool finishing = false;
  bool failed = false;
  std::string failed_text;
  Deferred report_failure;
  JournalCounters counters;

  Impl(Loop& loop_in, const JournalConfig& config_in, RecordBufferPool& pool_in, JournalListener& listener_in,
       std::unique_ptr<SegmentDevice> device_in)
      : loop(loop_in), config(config_in), listener(listener_in), pool(pool_in), device(std::move(device_in)) {
    if (device == nullptr) device = make_segment_device(loop);
    report_failure = {.run = [](void* context) { static_cast<Impl*>(context)->tell_failure(); }, .context = this};
    for (Segment& segment : segments) {
      segment.writer = this;
      segment.zeroing = {.complete =
                             [](void* context, std::int32_t result, std::uint32_t) {
                               auto& zeroed = *static_cast<Segment*>(context);
                               zeroed.writer->on_zeroed(zeroed, result);
                             },
                         .context = &segment};
      segment.syncing = {.complete =
                             [](void* context, std::int32_t result, std::uint32_t) {
                               auto& synced = *static_cast<Segment*>(context);
                               synced.writer->on_synced(synced, result);
                             },
                         .context = &segment};
    }
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
    loop.cancel(report_failure);
    while (writes_pending()) loop.run_once();
    for (Segment& segment : segments) release_segment(segment);
    if (fixed_buffers) loop.unregister_buffers();
  }

  Segment& current() noexcept { return segments[current_index]; }
  Segment& next() noexcept { return segments[1 - current_index]; }
  Slot& slot(std::uint64_t number) noexcept { return slots[number % slots.size()]; }

  bool writes_pending() const noexcept {
    return std::any_of(slots.begin(), slots.end(), [](const Slot& s) { return s.operation.pending; }) ||
           std::any_of(segments.begin(), segments.end(),
                       [](const Segment& s) { return s.zeroing.pending || s.syncing.pending; });
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
      return std::unexpected("cannot get random bytes for the journal's id: " + errno_text(errno));
    }
    if (auto made = make_directory(); !made) return made;
    if (auto memory = make_zeros(); !memory) return memory;
    if (auto cleaned = remove_later_segments(position.segment); !cleaned) return cleaned;
    if (auto continued = continue_segment(position); !continued) return continued;
    register_memory();
    return {};
  }

  std::expected<void, std::string> make_directory() {
    std::error_code error;
    std::filesystem::create_directories(config.directory, error);
    if (error) return std::unexpected(failure_text("making the directory", config.directory, 0, error.value()));
    // Also if it was there: whoever made it may have ended before this.
    const std::filesystem::path parent = std::filesystem::absolute(config.directory).parent_path();
    const int status = device->sync_directory(parent);
    if (status != 0) return std::unexpected(failure_text("syncing the directory", parent, 0, status));
    return {};
  }

  std::expected<void, std::string> make_zeros() {
    zero_chunk_bytes = std::min(kZeroChunkBytesMax, config.lead_bytes / 4 / kRecordAlignment * kRecordAlignment);
    zero_chunk_bytes = std::max<std::uint64_t>(zero_chunk_bytes, kRecordAlignment);
    zeros.reset(static_cast<std::uint8_t*>(std::aligned_alloc(kRecordAlignment, zero_chunk_bytes)));
    if (zeros == nullptr) return std::unexpected("no memory for the journal's lead");
    std::memset(zeros.get(), 0, zero_chunk_bytes);
    return {};
  }

  // Highest first, so that a crash in between leaves no gap.
  std::expected<void, std::string> remove_later_segments(std::uint64_t last) {
    const auto listed = list_segments(config.directory);
    if (!listed) return std::unexpected(listed.error().path.string() + ": " + listed.error().reason);
    bool removed = false;
    for (auto number = listed->rbegin(); number != listed->rend() && *number > last; ++number) {
      const std::filesystem::path path = config.directory / segment_name(*number);
      if (const int status = device->remove(path); status != 0) {
        return std::unexpected(failure_text("removing the empty segment", path, 0, status));
      }
      removed = true;
    }
    if (!removed) return {};
    const int status = device->sync_directory(config.directory);
    if (status != 0) return std::unexpected(failure_text("syncing the directory", config.directory, 0, status));
    return {};
  }

  std::expected<void, std::string> continue_segment(const JournalPosition& position) {
    Segment& segment = current();
    const std::filesystem::path path = config.directory / segment_name(position.segment);
    std::error_code error;
    const bool exists = std::filesystem::exists(path, error);
    const std::uint64_t size = exists ? std::filesystem::file_size(path, error) : 0;
    if (error) return std::unexpected(failure_text("looking at", path, 0, error.value()));
    if (size < position.offset) {
      return std::unexpected(path.string() + " is shorter than recovery found it (" + std::to_string(size) + " of " +
                             std::to_string(position.offset) + " bytes): something else changes the journal; stop it");
    }
    const bool create = !exists;
    if (auto opened = open_segment(segment, position.segment, create); !opened) return opened;
    // The tail is cut durably before anything is appended, so that what it held cannot come back; the sync also makes
    // durable what recovery accepted above the last watermark.
    if (const int status = device->truncate(segment.fd, position.offset); status != 0) {
      return std::unexpected(failure_text("cutting the tail of", path, position.offset, status));
    }
    if (const int status = device->sync(segment.fd); status != 0) {
      return std::unexpected(failure_text("syncing", path, position.offset, status));
    }
    if (const int status = device->sync_directory(config.directory); status != 0) {
      return std::unexpected(failure_text("syncing the directory", config.directory, 0, status));
    }
    segment.offset = segment.zeroed_end = segment.zeroing_end = position.offset;
    const std::uint64_t lead_end =
        std::max(segment.offset, std::min(segment.offset + config.lead_bytes, config.segment_bytes));
    while (segment.zeroed_end < lead_end) {
      const std::uint64_t bytes = std::min(zero_chunk_bytes, lead_end - segment.zeroed_end);
      const int status = device->write_now(segment.fd, ByteSpan(zeros.get(), bytes), segment.zeroed_end);
      if (status != 0) return std::unexpected(failure_text("writing zeros to", path, segment.zeroed_end, status));
      segment.zeroed_end += bytes;
      counters.zero_bytes += bytes;
    }
    segment.zeroing_end = segment.zeroed_end;
    segment.ready = true;
    ++counters.segments_opened;
    return {};
  }

  std::expected<void, std::string> open_segment(Segment& segment, std::uint64_t number, bool create) {
    segment.number = number;
    segment.path = config.directory / segment_name(number);
    const auto fd = device->open(segment.path, create);
    if (!fd) return std::unexpected(failure_text(create ? "making" : "opening", segment.path, 0, fd.error()));
    segment.fd = *fd;
    const auto index = static_cast<unsigned>(&segment - segments.data());
    segment.file_index = loop.register_file(index, segment.fd) == 0 ? static_cast<int>(index) : -1;
    segment.offset = segment.zeroed_end = segment.zeroing_end = segment.small_bytes = 0;
    segment.ready = false;
    return {};
  }

  void release_segment(Segment& segment) {
    if (!segment.in_use()) return;
    if (segment.file_index >= 0) {
      // The table's reference would keep a removed file's space; a failure only delays that to the end of the loop.
      [[maybe_unused]] const int status = loop.register_file(static_cast<unsigned>(segment.file_index), -1);
    }
    device->close(segment.fd);
    segment.fd = -1;
    segment.ready = false;
  }

  // Pinned once, the kernel does not look up 512 pages for each large write.
  void register_memory() {
    const std::array<iovec, 2> memory = {iovec{pool.mapping().data(), pool.mapping().size()},
                                         iovec{zeros.get(), zero_chunk_bytes}};
    fixed_buffers = loop.register_buffers(memory) == 0;
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
      if (!make_place(record.bytes)) return;
      Segment& segment = current();
      seal(record, segment);
      record.offset = segment.offset;
      record.submit_ns = monotonic_ns();
      segment.offset += record.bytes;
      // While zeros are in flight the record ends before them, so the bound moves only for records behind the lead.
      if (!segment.zeroing.pending) segment.zeroed_end = std::max(segment.zeroed_end, segment.offset);
      ++sent;
      device->write(record.operation, {.fd = segment.fd,
                                       .file_index = segment.file_index,
                                       .buffer_index = fixed_buffers ? kPoolBufferIndex : -1,
                                       .bytes = ByteSpan(record.buffer->memory(), record.bytes),
                                       .offset = record.offset});
      look_ahead(record.bytes);
    }
  }

  // False: the record has to wait; what it waits for calls pump().
  bool make_place(std::uint64_t bytes) {
    const bool full = current().offset + bytes > config.segment_bytes;
    if (current().offset > 0 && (full || leaves_lead(bytes))) {
      if (!next().in_use()) start_next_segment();
      // Everything in a closed segment is durable before the next one gets its first record.
      if (failed || sent != first) return false;
      if (!next().ready || current().zeroing.pending || current().syncing.pending) {
        ++counters.lead_waits;
        return false;
      }
      roll_over();
      if (failed) return false;
    }
    if (current().zeroing_overlaps(current().offset + bytes)) {
      ++counters.lead_waits;
      return false;
    }
    return true;
  }

  // A small record would go beyond the zeros, and the next segment has enough of them.
  bool leaves_lead(std::uint64_t bytes) noexcept {
    return bytes <= kLeadRecordBytesMax && current().offset + bytes > current().zeroed_end && next().ready &&
           next().zeroed_end >= std::min(config.lead_bytes, config.segment_bytes);
  }

  void seal(Slot& record, const Segment& segment) {
    RecordBuffer& buffer = *record.buffer;
    RecordHeader header{};
    header.magic = kRecordMagic;
    header.format_version = kJournalFormatVersion;
    header.rules_version = record.fields.rules_version;
    header.flags = record.fields.flags;
    header.header_bytes = kRecordHeaderBytes;
    header.segment = segment.number;
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
    record.record.segment = segment.number;
    record.record.offset = segment.offset;
    record.record.end = segment.offset + record.bytes;
    record.record.watermark = header.watermark;
  }

  void on_written(Slot& record, std::int32_t result) {
    if (failed) return;
    if (result < 0) {
      fail(failure_text("writing a record to", current().path, record.offset, -result));
      return;
    }
    if (static_cast<std::uint64_t>(result) != record.bytes) {
      fail("writing a record to " + current().path.string() + " at offset " + std::to_string(record.offset) +
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

  // --- segments and their lead ---

  // Zeros are written into the next segment, never into the one that records go to: they change its extents, and until the
  // file system has committed that, a durable write of the same file has to wait (a millisecond instead of 40 us were
  // measured). Twice as far as small records have come, so that a writer that begins with the few MiB of its first lead
  // soon has whole segments ahead; large records do without.
  std::uint64_t lead_target() noexcept {
    if (finishing) return next().ready ? 0 : std::min(config.lead_bytes, config.segment_bytes);
    return std::min(std::max(config.lead_bytes, 2 * current().small_bytes), config.segment_bytes);
  }

  // After each record: makes the next segment before it is needed, and its lead.
  void look_ahead(std::uint64_t last_record_bytes) {
    if (finishing) return;
    Segment& segment = current();
    const bool small = last_record_bytes <= kLeadRecordBytesMax;
    if (small) segment.small_bytes += last_record_bytes;
    const std::uint64_t left = config.segment_bytes - std::min(config.segment_bytes, segment.offset);
    const std::uint64_t early = std::min(std::max(4 * config.lead_bytes, kRecordBytesMax), config.segment_bytes / 2);
    if (!next().in_use() && (left < early || segment.small_bytes >= zero_chunk_bytes)) start_next_segment();
    if (small && next().in_use()) extend_lead();
  }

  // Of the next segment, one chunk at a time; on_zeroed asks again.
  void extend_lead() {
    Segment& segment = next();
    if (failed || segment.zeroing.pending) return;
    const std::uint64_t target = lead_target();
    if (segment.zeroed_end >= target) return;
    const std::uint64_t missing = target - segment.zeroed_end;
    const bool last_chunk = target == config.segment_bytes || !segment.ready;
    if (missing < zero_chunk_bytes && !last_chunk) return;
    const std::uint64_t bytes = std::min(zero_chunk_bytes, missing);
    segment.zeroing_end = segment.zeroed_end + bytes;
    device->write(segment.zeroing, {.fd = segment.fd,
                                    .file_index = segment.file_index,
                                    .buffer_index = fixed_buffers ? kZeroBufferIndex : -1,
                                    .bytes = ByteSpan(zeros.get(), bytes),
                                    .offset = segment.zeroed_end,
                                    .durable = false});
  }

  void on_zeroed(Segment& segment, std::int32_t result) {
    if (failed) return;
    const std::uint64_t bytes = segment.zeroing_end - segment.zeroed_end;
    if (result < 0 || static_cast<std::uint64_t>(result) != bytes) {
      // A short write is a full disk's way to say so.
      fail(failure_text("writing zeros to", segment.path, segment.zeroed_end, result < 0 ? -result : ENOSPC));
      return;
    }
    counters.zero_bytes += bytes;
    segment.zeroed_end = segment.zeroing_end;
    if (&segment == &next()) {
      // Once for the start of the lead, and once for all of it: until then a record there would have to wait for it.
      const bool lead = !segment.ready && segment.zeroed_end >= std::min(config.lead_bytes, config.segment_bytes);
      if ((lead || segment.zeroed_end == config.segment_bytes) && !segment.syncing.pending) {
        device->start_sync(segment.syncing, segment.fd);
      }
      extend_lead();
    }
    pump();
  }

  void on_synced(Segment& segment, std::int32_t result) {
    if (failed) return;
    if (result < 0) {
      fail(failure_text("syncing", segment.path, segment.zeroed_end, -result));
      return;
    }
    if (!segment.ready) finish_next_segment(segment);
    pump();
  }

  void start_next_segment() {
    Segment& segment = next();
    if (auto opened = open_segment(segment, current().number + 1, true); !opened) {
      fail(opened.error());
      return;
    }
    extend_lead();
  }

  // Called with the start of its lead durable.
  void finish_next_segment(Segment& segment) {
    if (const int status = device->sync_directory(config.directory); status != 0) {
      fail(failure_text("syncing the directory", config.directory, 0, status));
      return;
    }
    segment.ready = true;
  }

  // The closed segment ends with its last record: nothing in it is unprotected by a hash.
  void roll_over() {
    Segment& closed = current();
    int status = device->truncate(closed.fd, closed.offset);
    if (status == 0) status = device->sync(closed.fd);
    if (status != 0) {
      fail(failure_text("closing", closed.path, closed.offset, status));
      return;
    }
    release_segment(closed);
    current_index = 1 - current_index;
    ++counters.segments_opened;
  }

  // --- failure ---

  void fail(std::string text) {
    if (failed) return;
    failed = true;
    failed_text = std::move(text);
    loop.defer(report_failure);  // never inside append()
  }

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
void JournalWriter::finish() noexcept { impl_->finishing = true; }
bool JournalWriter::settled() const noexcept { return idle() && !impl_->writes_pending(); }
std::uint64_t JournalWriter::last_batch() const noexcept { return impl_->last_batch; }
std::uint64_t JournalWriter::durable_batch() const noexcept { return impl_->durable_batch; }
bool JournalWriter::watermark_behind() const noexcept { return impl_->needed_batch > impl_->sealed_watermark; }
const Bytes16& JournalWriter::journal_id() const noexcept { return impl_->journal_id; }
bool JournalWriter::direct_io() const noexcept { return impl_->device->direct_io(); }
bool JournalWriter::fixed_buffers() const noexcept { return impl_->fixed_buffers; }
const JournalCounters& JournalWriter::counters() const noexcept { return impl_->counters; }

}  // namespace electra::io
