// What the tests of io share: directories that go away, records made by hand, a journal that is driven step by step, and a
// disk that fails on command.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/journal/journal_writer.h"
#include "io/journal/record_buffer.h"
#include "io/journal/record_format.h"
#include "io/journal/recovery.h"
#include "io/loop.h"

namespace electra::io {

class TemporaryDirectory {
 public:
  // On the disk, or in memory (tmpfs) where the system has one: for tests that make thousands of files.
  enum class Where { disk, memory };
  explicit TemporaryDirectory(Where where = Where::disk);
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A tmpfs mount of its own, or nothing where this process may not mount.
class SmallFileSystem {
 public:
  explicit SmallFileSystem(const std::string& options);
  ~SmallFileSystem();
  SmallFileSystem(const SmallFileSystem&) = delete;
  SmallFileSystem& operator=(const SmallFileSystem&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] const std::filesystem::path& path() const { return directory_.path(); }

 private:
  TemporaryDirectory directory_;
  bool mounted_ = false;
};

[[nodiscard]] std::vector<std::uint8_t> read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, ByteSpan bytes);

[[nodiscard]] Bytes32 test_genesis();
[[nodiscard]] Bytes16 test_journal_id();

// A record as a writer would make it; every field can be made wrong before sealing.
struct RecordSpec {
  RecordHeader header{};
  std::vector<std::string> envelopes;
};
// Follows `last_hash` as batch `batch` of `segment`, with the watermark just below it.
[[nodiscard]] RecordSpec record_spec(std::uint64_t segment, std::uint64_t batch, const Bytes32& last_hash);
struct SealedRecord {
  std::vector<std::uint8_t> bytes;
  Bytes32 hash{};
};
// Fills counts, lengths and hashes from what the spec says, and pads.
[[nodiscard]] SealedRecord seal_record(const RecordSpec& spec);
// The same without touching count, body length and body hash: for records that contradict themselves.
[[nodiscard]] SealedRecord seal_header_as_is(const RecordSpec& spec, ByteSpan body);

// What recovery handed out.
struct Recovered : RecordSink {
  struct Record {
    RecordHeader header;
    std::vector<std::string> envelopes;
    std::uint64_t file_offset;
  };
  std::vector<Record> records;
  bool on_record(const RecordView& record) override;
};

// The disk with failures at chosen operations, counted from 0.
struct FaultPlan {
  enum class Kind { none, fail, short_write, torn };
  Kind kind = Kind::none;
  std::uint64_t write_index = 0;    // of record and zero writes together, asynchronous ones only
  bool records_only = true;         // count only writes that are records
  int error = 5;                    // EIO
  std::uint64_t bytes_written = 0;  // that reach the file although the write fails (short_write, torn)
  int fail_truncate = 0;            // errno of the next truncate after opening, 0: works
  int fail_sync = 0;                // of zeros
  int fail_sync_directory = 0;
  int fail_create = 0;
};
class FaultyDevice final : public SegmentDevice {
 public:
  FaultyDevice(Loop& loop, std::shared_ptr<FaultPlan> plan);
  std::expected<int, int> open(const std::filesystem::path& path, bool create) override;
  int truncate(int fd, std::uint64_t bytes) override;
  int sync(int fd) override;
  int sync_directory(const std::filesystem::path& directory) override;
  int remove(const std::filesystem::path& path) override;
  void close(int fd) override;
  bool direct_io() const noexcept override;
  int write_now(int fd, ByteSpan bytes, std::uint64_t offset) override;
  void write(Operation& operation, const SegmentWrite& write) override;
  void start_sync(Operation& operation, int fd) override;

 private:
  void complete_later(Operation& operation, std::int32_t result);
  struct Late {
    Operation* operation;
    std::int32_t result;
  };
  Loop& loop_;
  std::shared_ptr<FaultPlan> plan_;
  std::unique_ptr<SegmentDevice> disk_;
  std::uint64_t writes_ = 0;
  std::vector<Late> late_;
  Deferred deliver_;
};

// A loop, a pool and a writer on one directory, driven to the end of each step.
class Journal final : private JournalListener {
 public:
  Journal(std::filesystem::path directory, JournalConfig config = small_config(), std::uint32_t buffers = 8);
  ~Journal();

  // 256 KiB segments that are all zeros before they get a record, so that where records go follows from their sizes alone.
  [[nodiscard]] static JournalConfig small_config();

  // Recovers and opens. The error text of whatever failed.
  [[nodiscard]] std::string open(std::shared_ptr<FaultPlan> plan = nullptr, const Bytes32& genesis = test_genesis());
  void close();

  // Queues a record with these envelopes; its batch number or 0.
  std::uint64_t append(const std::vector<std::string>& envelopes, std::uint32_t flags = 0);
  // Turns the loop until nothing is in flight or the writer failed.
  void settle();

  Loop& loop() { return *loop_; }
  JournalWriter& writer() { return *writer_; }
  RecordBufferPool& pool() { return *pool_; }
  const RecoveryResult& recovery() const { return recovery_; }
  Recovered recovered;
  std::vector<DurableRecord> durable;
  std::string failure;

 private:
  void on_durable(RecordBuffer& buffer, const DurableRecord& record) override;
  void on_journal_failed(const std::string& text) override;

  std::filesystem::path directory_;
  JournalConfig config_;
  std::uint32_t buffers_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<RecordBufferPool> pool_;
  std::unique_ptr<JournalWriter> writer_;
  RecoveryResult recovery_;
  std::uint64_t time_ns_ = 0;
};

}  // namespace electra::io
