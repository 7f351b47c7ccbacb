// What the journal's writer asks of the disk. One virtual call a write, so that tests can put a failing disk in its place.
//
// The real one (make_segment_device) issues writes on the io_uring loop and the rare rest (create, truncate, sync, remove)
// as plain system calls: at start and once a segment.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>

#include "io/loop.h"
#include "meter-proto/base/bytes.h"

namespace electra::io {

struct SegmentWrite {
  int fd = -1;
  int file_index = -1;    // in the loop's registered table, -1: not there
  int buffer_index = -1;  // registered buffer that holds `bytes`, -1: none
  ByteSpan bytes;         // memory, length and offset aligned to 4 KiB
  std::uint64_t offset = 0;
  bool durable = true;  // false: not before a sync
};

class SegmentDevice {
 public:
  virtual ~SegmentDevice() = default;

  // Opens (and makes, if `create`; it must not exist then) a segment for reading and writing, O_DIRECT where the file
  // system has it. fd or errno.
  [[nodiscard]] virtual std::expected<int, int> open(const std::filesystem::path& path, bool create) = 0;
  // Synchronous; 0 or errno.
  [[nodiscard]] virtual int truncate(int fd, std::uint64_t bytes) = 0;
  [[nodiscard]] virtual int sync(int fd) = 0;
  [[nodiscard]] virtual int sync_directory(const std::filesystem::path& directory) = 0;
  [[nodiscard]] virtual int remove(const std::filesystem::path& path) = 0;
  virtual void close(int fd) = 0;
  // Whether what open() gave last is O_DIRECT.
  [[nodiscard]] virtual bool direct_io() const noexcept = 0;

  // Synchronous durable write of all bytes; 0 or errno.
  [[nodiscard]] virtual int write_now(int fd, ByteSpan bytes, std::uint64_t offset) = 0;
  // Starts a write that completes when it is durable (RWF_DSYNC), if it is to be. The operation's result is the bytes
  // written or -errno; it never completes inside this call.
  virtual void write(Operation& operation, const SegmentWrite& write) = 0;
  // Starts to make durable what was written before, with the file's size. Result 0 or -errno, never inside this call.
  virtual void start_sync(Operation& operation, int fd) = 0;
};

[[nodiscard]] std::unique_ptr<SegmentDevice> make_segment_device(Loop& loop);

}  // namespace electra::io
