#include "io/journal/journal_segments.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "io/journal/record_format.h"
#include "io/journal/segment_files.h"
#include "meter-proto/base/assert.h"

namespace electra::io {
namespace {

// A record's flush takes along what lies in the disk's cache, so little at once.
constexpr std::uint64_t kZeroChunkBytesMax = std::uint64_t{128} << 10;
// Larger records go to fresh extents: the second flush costs them less than writing the place twice.
constexpr std::uint64_t kLeadRecordBytesMax = std::uint64_t{128} << 10;
constexpr int kRecordsBufferIndex = 0;
constexpr int kZeroBufferIndex = 1;

}  // namespace

std::string journal_failure_text(std::string_view what, const std::filesystem::path& path, std::uint64_t offset,
                                 int error) {
  std::string advice = "check the disk and the kernel's log";
  if (error == ENOSPC || error == EDQUOT) advice = "free space on the disk that holds the journal";
  if (error == EACCES || error == EPERM || error == EROFS) advice = "make the directory writable for this user";
  if (error == EEXIST) advice = "another process may be writing this journal; stop it";
  if (error == EFBIG) advice = "raise the limit on file size (ulimit -f)";
  return std::string(what) + " " + path.string() + " at offset " + std::to_string(offset) +
         " failed: " + std::strerror(error) + "; " + advice +
         ", then start again: what was acknowledged is on disk, nothing else was acknowledged";
}

JournalSegments::JournalSegments(Loop& loop, const JournalConfig& config, Owner& owner, JournalCounters& counters,
                                 std::unique_ptr<SegmentDevice> device)
    : loop_(loop), config_(config), owner_(owner), counters_(counters), device_(std::move(device)) {
  if (device_ == nullptr) device_ = make_segment_device(loop);
  for (Segment& segment : segments_) {
    segment.owner = this;
    segment.zeroing = {.complete =
                           [](void* context, std::int32_t result, std::uint32_t) {
                             auto& zeroed = *static_cast<Segment*>(context);
                             zeroed.owner->on_zeroed(zeroed, result);
                           },
                       .context = &segment};
    segment.syncing = {.complete =
                           [](void* context, std::int32_t result, std::uint32_t) {
                             auto& synced = *static_cast<Segment*>(context);
                             synced.owner->on_synced(synced, result);
                           },
                       .context = &segment};
  }
}

JournalSegments::~JournalSegments() {
  ELECTRA_ASSERT(!pending());
  for (Segment& segment : segments_) release(segment);
  if (fixed_buffers_) loop_.unregister_buffers();
}

bool JournalSegments::pending() const noexcept {
  return std::ranges::any_of(segments_, [](const Segment& s) { return s.zeroing.pending || s.syncing.pending; });
}

// --- opening ---

std::expected<void, std::string> JournalSegments::open(const JournalPosition& position,
                                                       std::span<std::uint8_t> records) {
  if (auto made = make_directory(); !made) return made;
  if (auto memory = make_zeros(); !memory) return memory;
  if (auto cleaned = remove_later_segments(position.segment); !cleaned) return cleaned;
  if (auto continued = continue_segment(position); !continued) return continued;
  // Pinned once, the kernel does not look up 512 pages for each large write.
  const std::array<iovec, 2> memory = {iovec{records.data(), records.size()}, iovec{zeros_.get(), zero_chunk_bytes_}};
  fixed_buffers_ = loop_.register_buffers(memory) == 0;
  return {};
}

std::expected<void, std::string> JournalSegments::make_directory() {
  std::error_code error;
  std::filesystem::create_directories(config_.directory, error);
  if (error) return std::unexpected(journal_failure_text("making the directory", config_.directory, 0, error.value()));
  // Also if it was there: whoever made it may have ended before this.
  const std::filesystem::path parent = std::filesystem::absolute(config_.directory).parent_path();
  const int status = device_->sync_directory(parent);
  if (status != 0) return std::unexpected(journal_failure_text("syncing the directory", parent, 0, status));
  return {};
}

std::expected<void, std::string> JournalSegments::make_zeros() {
  zero_chunk_bytes_ = std::min(kZeroChunkBytesMax, config_.lead_bytes / 4 / kRecordAlignment * kRecordAlignment);
  zero_chunk_bytes_ = std::max<std::uint64_t>(zero_chunk_bytes_, kRecordAlignment);
  zeros_.reset(static_cast<std::uint8_t*>(std::aligned_alloc(kRecordAlignment, zero_chunk_bytes_)));
  if (zeros_ == nullptr) return std::unexpected("no memory for the journal's lead");
  std::memset(zeros_.get(), 0, zero_chunk_bytes_);
  return {};
}

// Highest first, so that a crash in between leaves no gap.
std::expected<void, std::string> JournalSegments::remove_later_segments(std::uint64_t last) {
  const auto listed = list_segments(config_.directory);
  if (!listed) return std::unexpected(listed.error().path.string() + ": " + listed.error().reason);
  bool removed = false;
  for (auto number = listed->rbegin(); number != listed->rend() && *number > last; ++number) {
    const std::filesystem::path path = config_.directory / segment_name(*number);
    if (const int status = device_->remove(path); status != 0) {
      return std::unexpected(journal_failure_text("removing the empty segment", path, 0, status));
    }
    removed = true;
  }
  if (!removed) return {};
  const int status = device_->sync_directory(config_.directory);
  if (status != 0) return std::unexpected(journal_failure_text("syncing the directory", config_.directory, 0, status));
  return {};
}

std::expected<void, std::string> JournalSegments::continue_segment(const JournalPosition& position) {
  Segment& segment = current();
  const std::filesystem::path path = config_.directory / segment_name(position.segment);
  std::error_code error;
  const bool exists = std::filesystem::exists(path, error);
  const std::uint64_t size = exists ? std::filesystem::file_size(path, error) : 0;
  if (error) return std::unexpected(journal_failure_text("looking at", path, 0, error.value()));
  if (size < position.offset) {
    return std::unexpected(path.string() + " is shorter than recovery found it (" + std::to_string(size) + " of " +
                           std::to_string(position.offset) + " bytes): something else changes the journal; stop it");
  }
  const bool create = !exists;
  if (auto opened = open_segment(segment, position.segment, create); !opened) return opened;
  // The tail is cut durably before anything is appended, so that what it held cannot come back; the sync also makes
  // durable what recovery accepted above the last watermark.
  if (const int status = device_->truncate(segment.fd, position.offset); status != 0) {
    return std::unexpected(journal_failure_text("cutting the tail of", path, position.offset, status));
  }
  if (const int status = device_->sync(segment.fd); status != 0) {
    return std::unexpected(journal_failure_text("syncing", path, position.offset, status));
  }
  if (const int status = device_->sync_directory(config_.directory); status != 0) {
    return std::unexpected(journal_failure_text("syncing the directory", config_.directory, 0, status));
  }
  segment.offset = segment.zeroed_end = segment.zeroing_end = position.offset;
  const std::uint64_t lead_end =
      std::max(segment.offset, std::min(segment.offset + config_.lead_bytes, config_.segment_bytes));
  while (segment.zeroed_end < lead_end) {
    const std::uint64_t bytes = std::min(zero_chunk_bytes_, lead_end - segment.zeroed_end);
    const int status = device_->write_now(segment.fd, ByteSpan(zeros_.get(), bytes), segment.zeroed_end);
    if (status != 0) return std::unexpected(journal_failure_text("writing zeros to", path, segment.zeroed_end, status));
    segment.zeroed_end += bytes;
    counters_.zero_bytes += bytes;
  }
  segment.zeroing_end = segment.zeroed_end;
  segment.ready = true;
  ++counters_.segments_opened;
  return {};
}

std::expected<void, std::string> JournalSegments::open_segment(Segment& segment, std::uint64_t number, bool create) {
  segment.number = number;
  segment.path = config_.directory / segment_name(number);
  const auto fd = device_->open(segment.path, create);
  if (!fd) return std::unexpected(journal_failure_text(create ? "making" : "opening", segment.path, 0, fd.error()));
  segment.fd = *fd;
  const auto index = static_cast<unsigned>(&segment - segments_.data());
  segment.file_index = loop_.register_file(index, segment.fd) == 0 ? static_cast<int>(index) : -1;
  segment.offset = segment.zeroed_end = segment.zeroing_end = segment.small_bytes = 0;
  segment.ready = false;
  return {};
}

void JournalSegments::release(Segment& segment) {
  if (!segment.in_use()) return;
  if (segment.file_index >= 0) {
    // The table's reference would keep a removed file's space; a failure only delays that to the end of the loop.
    [[maybe_unused]] const int status = loop_.register_file(static_cast<unsigned>(segment.file_index), -1);
  }
  device_->close(segment.fd);
  segment.fd = -1;
  segment.ready = false;
}

// --- records ---

bool JournalSegments::make_place(std::uint64_t bytes, bool drained) {
  const bool full = current().offset + bytes > config_.segment_bytes;
  if (current().offset > 0 && (full || leaves_lead(bytes))) {
    if (!next().in_use()) start_next();
    // Everything in a closed segment is durable before the next one gets its first record.
    if (failed_ || !drained) return false;
    if (!next().ready || current().zeroing.pending || current().syncing.pending) {
      ++counters_.lead_waits;
      return false;
    }
    roll_over();
    if (failed_) return false;
  }
  if (current().zeroing_overlaps(current().offset + bytes)) {
    ++counters_.lead_waits;
    return false;
  }
  return true;
}

std::uint64_t JournalSegments::write(Operation& operation, ByteSpan record) {
  Segment& segment = current();
  const std::uint64_t offset = segment.offset;
  segment.offset += record.size();
  // While zeros are in flight the record ends before them, so the bound moves only for records behind the lead.
  if (!segment.zeroing.pending) segment.zeroed_end = std::max(segment.zeroed_end, segment.offset);
  device_->write(operation, {.fd = segment.fd,
                             .file_index = segment.file_index,
                             .buffer_index = fixed_buffers_ ? kRecordsBufferIndex : -1,
                             .bytes = record,
                             .offset = offset});
  look_ahead(record.size());
  return offset;
}

// A small record would go beyond the zeros, and the next segment has enough of them.
bool JournalSegments::leaves_lead(std::uint64_t bytes) noexcept {
  return bytes <= kLeadRecordBytesMax && current().offset + bytes > current().zeroed_end && next().ready &&
         next().zeroed_end >= least_lead();
}

// --- the next segment and its lead ---

// Zeros are written into the next segment, never into the one that records go to: they change its extents, and until the
// file system has committed that, a durable write of the same file has to wait (a millisecond instead of 40 us were
// measured). Twice as far as small records have come, so that a writer that begins with the few MiB of its first lead
// soon has whole segments ahead; large records do without.
std::uint64_t JournalSegments::lead_target() noexcept {
  if (finishing_) return next().ready ? 0 : least_lead();
  return std::min(std::max(config_.lead_bytes, 2 * current().small_bytes), config_.segment_bytes);
}

// After each record: makes the next segment before it is needed, and its lead.
void JournalSegments::look_ahead(std::uint64_t last_record_bytes) {
  if (finishing_) return;
  Segment& segment = current();
  const bool small = last_record_bytes <= kLeadRecordBytesMax;
  if (small) segment.small_bytes += last_record_bytes;
  const std::uint64_t left = config_.segment_bytes - std::min(config_.segment_bytes, segment.offset);
  const std::uint64_t early = std::min(std::max(4 * config_.lead_bytes, kRecordBytesMax), config_.segment_bytes / 2);
  if (!next().in_use() && (left < early || segment.small_bytes >= zero_chunk_bytes_)) start_next();
  if (small && next().in_use()) extend_lead();
}

// Of the next segment, one chunk at a time; on_zeroed asks again.
void JournalSegments::extend_lead() {
  Segment& segment = next();
  if (failed_ || segment.zeroing.pending) return;
  const std::uint64_t target = lead_target();
  if (segment.zeroed_end >= target) return;
  const std::uint64_t missing = target - segment.zeroed_end;
  const bool last_chunk = target == config_.segment_bytes || !segment.ready;
  if (missing < zero_chunk_bytes_ && !last_chunk) return;
  const std::uint64_t bytes = std::min(zero_chunk_bytes_, missing);
  segment.zeroing_end = segment.zeroed_end + bytes;
  device_->write(segment.zeroing, {.fd = segment.fd,
                                   .file_index = segment.file_index,
                                   .buffer_index = fixed_buffers_ ? kZeroBufferIndex : -1,
                                   .bytes = ByteSpan(zeros_.get(), bytes),
                                   .offset = segment.zeroed_end,
                                   .durable = false});
}

void JournalSegments::on_zeroed(Segment& segment, std::int32_t result) {
  if (failed_) return;
  const std::uint64_t bytes = segment.zeroing_end - segment.zeroed_end;
  if (result < 0 || static_cast<std::uint64_t>(result) != bytes) {
    // A short write is a full disk's way to say so.
    fail(journal_failure_text("writing zeros to", segment.path, segment.zeroed_end, result < 0 ? -result : ENOSPC));
    return;
  }
  counters_.zero_bytes += bytes;
  segment.zeroed_end = segment.zeroing_end;
  if (&segment == &next()) {
    // Once for the start of the lead, and once for all of it: until then a record there would have to wait for it.
    const bool lead = !segment.ready && segment.zeroed_end >= least_lead();
    if ((lead || segment.zeroed_end == config_.segment_bytes) && !segment.syncing.pending) {
      device_->start_sync(segment.syncing, segment.fd);
    }
    extend_lead();
  }
  owner_.on_more_place();
}

void JournalSegments::on_synced(Segment& segment, std::int32_t result) {
  if (failed_) return;
  if (result < 0) {
    fail(journal_failure_text("syncing", segment.path, segment.zeroed_end, -result));
    return;
  }
  if (!segment.ready) make_ready(segment);
  owner_.on_more_place();
}

void JournalSegments::start_next() {
  Segment& segment = next();
  if (auto opened = open_segment(segment, current().number + 1, true); !opened) {
    fail(opened.error());
    return;
  }
  extend_lead();
}

// Called with the start of its lead durable.
void JournalSegments::make_ready(Segment& segment) {
  if (const int status = device_->sync_directory(config_.directory); status != 0) {
    fail(journal_failure_text("syncing the directory", config_.directory, 0, status));
    return;
  }
  segment.ready = true;
}

// The closed segment ends with its last record: nothing in it is unprotected by a hash.
void JournalSegments::roll_over() {
  Segment& closed = current();
  int status = device_->truncate(closed.fd, closed.offset);
  if (status == 0) status = device_->sync(closed.fd);
  if (status != 0) {
    fail(journal_failure_text("closing", closed.path, closed.offset, status));
    return;
  }
  release(closed);
  current_index_ = 1 - current_index_;
  ++counters_.segments_opened;
}

void JournalSegments::fail(std::string text) {
  if (failed_) return;
  failed_ = true;
  owner_.on_segments_failed(std::move(text));
}

}  // namespace electra::io
