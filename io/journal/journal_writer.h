// Appends batches to the journal: each record is one durable write; the callback says when it may be acknowledged.
//
// Lives on the loop's thread. append() numbers the batch and queues it; up to in_flight_max records are on their way to the
// disk at once, callbacks come in batch order. A record is sealed (header, hashes, watermark) when it is sent. Where it goes
// is journal_segments.h.
// The first failure is for ever: nothing after it is called durable, whatever the disk says later.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <string>

#include "io/journal/journal_config.h"
#include "io/journal/record_buffer.h"
#include "io/journal/record_format.h"
#include "io/journal/recovery.h"
#include "io/journal/segment_device.h"
#include "io/loop.h"

namespace electra::io {

struct RecordFields {
  std::uint64_t time_ns = 0;  // above the last record's
  std::uint32_t rules_version = 1;
  std::uint32_t flags = 0;  // kRecordBlockClose, kRecordWatermark (only with an empty buffer)
};

struct DurableRecord {
  std::uint64_t batch = 0;
  std::uint64_t time_ns = 0;
  Bytes32 record_hash{};
  std::uint64_t write_ns = 0;  // from submission to completion
  // Where it stands: in this segment, from `offset` to before `end`. And the watermark that it carries.
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;
  std::uint64_t end = 0;
  std::uint64_t watermark = 0;
};

class JournalListener {
 public:
  // In batch order, once per append, inside Loop::run_once. The buffer is the caller's again.
  virtual void on_durable(RecordBuffer& buffer, const DurableRecord& record) = 0;

  // Once; no on_durable follows. The text says what failed, where (file, offset) and what to do. Buffers that were
  // appended and not called durable stay with the writer.
  virtual void on_journal_failed(const std::string& text) = 0;

 protected:
  ~JournalListener() = default;
};

class JournalWriter {
 public:
  // Makes the directory if need be, cuts what lies behind `position` (from recover_journal; for a new journal
  // {.genesis_hash = …, .last_hash = genesis}), makes it durable, zero-fills the lead. Synchronous, some ms.
  // pool: whose buffers will be appended; registered with the loop. device: nullptr for the real one.
  // The error says what failed, where, and what to do (full disk, read-only directory, …).
  [[nodiscard]] static std::expected<std::unique_ptr<JournalWriter>, std::string> open(
      Loop& loop, const JournalConfig& config, const JournalPosition& position, RecordBufferPool& pool,
      JournalListener& listener, std::unique_ptr<SegmentDevice> device = nullptr);
  // Outside of the loop's callbacks only. Turns the loop until no write is in flight; the listener hears nothing any more:
  // who wants every record's on_durable waits for idle() first.
  ~JournalWriter();
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;

  // Takes the buffer until on_durable. Returns the batch number that the record got; 0 when the writer has failed (the
  // buffer stays the caller's). Fields are asserted. At most pool.size() are queued, because each needs a buffer.
  [[nodiscard]] std::uint64_t append(RecordBuffer& buffer, const RecordFields& fields);

  [[nodiscard]] bool failed() const noexcept;
  [[nodiscard]] std::uint32_t in_flight() const noexcept;  // appended and not yet durable
  [[nodiscard]] bool idle() const noexcept;                // no record queued or in flight
  // Makes no segment ahead of its need any more; records may still come.
  void finish() noexcept;
  // Idle, and nothing of a segment to come is under way: no failure can follow.
  [[nodiscard]] bool settled() const noexcept;
  [[nodiscard]] std::uint64_t last_batch() const noexcept;     // highest number given
  [[nodiscard]] std::uint64_t durable_batch() const noexcept;  // highest called durable
  // True when a durable record with messages or a block's end is not covered by the last record's watermark: time for an
  // empty record with kRecordWatermark, if nothing else comes.
  [[nodiscard]] bool watermark_behind() const noexcept;
  [[nodiscard]] const Bytes16& journal_id() const noexcept;
  [[nodiscard]] bool direct_io() const noexcept;      // false: the file system has no O_DIRECT
  [[nodiscard]] bool fixed_buffers() const noexcept;  // false: RLIMIT_MEMLOCK did not allow to register the pool
  [[nodiscard]] const JournalCounters& counters() const noexcept;

 private:
  struct Impl;
  explicit JournalWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace electra::io
