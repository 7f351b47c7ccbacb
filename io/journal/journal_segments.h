// The files that records go to: the segment that is being written, and the next one, made before it is needed.
//
// Zeros are written ahead into the next segment, beside the records, because a write into fresh extents costs a second
// flush. A record that does not fit, or a small one where the zeros end, opens the next segment; the closed one is cut to
// its last record before the new one gets its first, so a valid record in a later segment vouches for everything before it.
// Inside of JournalWriter, on its loop's thread.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <expected>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "io/journal/journal_config.h"
#include "io/journal/recovery.h"
#include "io/journal/segment_device.h"
#include "io/loop.h"

namespace electra::io {

// The sentence that a failed journal is told by: what failed, where, and what to do.
[[nodiscard]] std::string journal_failure_text(std::string_view what, const std::filesystem::path& path,
                                               std::uint64_t offset, int error);

class JournalSegments {
 public:
  class Owner {
   public:
    // There are more zeros, or the next segment is ready: what had no place may ask again.
    virtual void on_more_place() = 0;
    // Once, inside make_place(), write() or Loop::run_once; as stop().
    virtual void on_segments_failed(std::string text) = 0;

   protected:
    ~Owner() = default;
  };

  JournalSegments(Loop& loop, const JournalConfig& config, Owner& owner, JournalCounters& counters,
                  std::unique_ptr<SegmentDevice> device);
  // Nothing may be pending().
  ~JournalSegments();
  JournalSegments(const JournalSegments&) = delete;
  JournalSegments& operator=(const JournalSegments&) = delete;

  // JournalWriter::open(): the directory, the segment at `position` cut there, and its lead. Registers the lead's memory and
  // `records` with the loop. Synchronous.
  [[nodiscard]] std::expected<void, std::string> open(const JournalPosition& position, std::span<std::uint8_t> records);

  // Whether the next record, of so many bytes, has its place in current(), which may have become another one. False: it has
  // to wait; on_more_place() follows, or the records in flight end (`drained`: there are none).
  [[nodiscard]] bool make_place(std::uint64_t bytes, bool drained);
  // Starts the durable write of a record that has its place, and looks ahead. Returns the offset that it goes to.
  std::uint64_t write(Operation& operation, ByteSpan record);

  [[nodiscard]] std::uint64_t number() const noexcept { return current().number; }
  [[nodiscard]] std::uint64_t offset() const noexcept { return current().offset; }  // of the next record
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return current().path; }

  // Nothing is begun or told any more; what is under way ends.
  void stop() noexcept { failed_ = true; }
  // Makes nothing ahead of its need any more.
  void finish() noexcept { finishing_ = true; }
  [[nodiscard]] bool pending() const noexcept;  // zeros or a sync are under way
  [[nodiscard]] bool direct_io() const noexcept { return device_->direct_io(); }
  [[nodiscard]] bool fixed_buffers() const noexcept { return fixed_buffers_; }

 private:
  struct Segment {
    JournalSegments* owner = nullptr;
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
  struct FreeMemory {
    void operator()(std::uint8_t* memory) const noexcept { std::free(memory); }
  };

  [[nodiscard]] Segment& current() noexcept { return segments_[current_index_]; }
  [[nodiscard]] const Segment& current() const noexcept { return segments_[current_index_]; }
  [[nodiscard]] Segment& next() noexcept { return segments_[1 - current_index_]; }

  [[nodiscard]] std::expected<void, std::string> make_directory();
  [[nodiscard]] std::expected<void, std::string> make_zeros();
  [[nodiscard]] std::expected<void, std::string> remove_later_segments(std::uint64_t last);
  [[nodiscard]] std::expected<void, std::string> continue_segment(const JournalPosition& position);
  [[nodiscard]] std::expected<void, std::string> open_segment(Segment& segment, std::uint64_t number, bool create);
  void release(Segment& segment);

  [[nodiscard]] bool leaves_lead(std::uint64_t bytes) noexcept;
  [[nodiscard]] std::uint64_t lead_target() noexcept;
  [[nodiscard]] std::uint64_t least_lead() const noexcept {
    return config_.lead_bytes < config_.segment_bytes ? config_.lead_bytes : config_.segment_bytes;
  }
  void look_ahead(std::uint64_t last_record_bytes);
  void start_next();
  void extend_lead();
  void on_zeroed(Segment& segment, std::int32_t result);
  void on_synced(Segment& segment, std::int32_t result);
  void make_ready(Segment& segment);
  void roll_over();
  void fail(std::string text);

  Loop& loop_;
  const JournalConfig& config_;
  Owner& owner_;
  JournalCounters& counters_;
  std::unique_ptr<SegmentDevice> device_;
  std::unique_ptr<std::uint8_t, FreeMemory> zeros_;  // 4 KiB aligned, for the lead
  std::uint64_t zero_chunk_bytes_ = 0;
  bool fixed_buffers_ = false;
  bool finishing_ = false;
  bool failed_ = false;
  std::array<Segment, 2> segments_;
  unsigned current_index_ = 0;
};

}  // namespace electra::io
