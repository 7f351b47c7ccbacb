// What snapshots ask of the disk. Everything that may take its time is an operation of the loop, so that the thread that
// serves never waits; one virtual call each, so that tests can put a failing disk in its place.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>

#include "io/loop.h"
#include "meter-proto/base/bytes.h"

namespace electra::io {

class SnapshotDevice {
 public:
  virtual ~SnapshotDevice() = default;

  // Plain system calls, some ten microseconds each. fd or errno.
  // A new file for writing, in place of one with that name; O_DIRECT where the file system has it.
  [[nodiscard]] virtual std::expected<int, int> create(const std::filesystem::path& path) = 0;
  // A file or directory that sync() shall be called for.
  [[nodiscard]] virtual std::expected<int, int> open(const std::filesystem::path& path) = 0;
  // A file of which parts shall be freed.
  [[nodiscard]] virtual std::expected<int, int> open_to_free(const std::filesystem::path& path) = 0;
  virtual void close(int fd) = 0;
  // Its entries are durable; for the start. 0 or errno.
  [[nodiscard]] virtual int sync_directory(const std::filesystem::path& directory) = 0;

  // They never complete inside the call; the result is 0 (of write: the bytes written) or -errno. What they were given stays
  // where it is until then.
  // Memory, length and offset are aligned to 4 KiB.
  virtual void write(Operation& operation, int fd, ByteSpan bytes, std::uint64_t offset) = 0;
  // Data and size are durable; of a directory its entries.
  virtual void sync(Operation& operation, int fd) = 0;
  // In place of a file of the new name, if there is one.
  virtual void rename(Operation& operation, const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  // A second name; -EEXIST if there is a file of it.
  virtual void link(Operation& operation, const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  virtual void remove(Operation& operation, const std::filesystem::path& path) = 0;
  // Gives the file's space there back; -EOPNOTSUPP where the file system cannot.
  virtual void free(Operation& operation, int fd, std::uint64_t offset, std::uint64_t bytes) = 0;
};

[[nodiscard]] std::unique_ptr<SnapshotDevice> make_snapshot_device(Loop& loop);

}  // namespace electra::io
