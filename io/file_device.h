// What the small files beside the journal (block headers, highest signed height) ask of the disk: plain system calls, each
// behind one virtual call, so that tests can put a failing disk in its place.
//
// Any thread may call; the real one holds nothing. An int is 0 or errno.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>

#include "meter-proto/base/bytes.h"

namespace electra::io {

class FileDevice {
 public:
  virtual ~FileDevice() = default;

  // open(2), with O_CLOEXEC. fd or errno.
  [[nodiscard]] virtual std::expected<int, int> open(const std::filesystem::path& path, int flags, mode_t mode) = 0;
  virtual void close(int fd) = 0;
  // pwrite(2): how much was written, fewer bytes than given at times, or -errno.
  [[nodiscard]] virtual std::int64_t write(int fd, ByteSpan bytes, std::uint64_t offset) = 0;
  [[nodiscard]] virtual int truncate(int fd, std::uint64_t bytes) = 0;
  // Data and size are durable.
  [[nodiscard]] virtual int sync(int fd) = 0;
  // EEXIST if there is a file of the new name.
  [[nodiscard]] virtual int link(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  [[nodiscard]] virtual int remove(const std::filesystem::path& path) = 0;
  // Its entries are durable. An empty path is the working directory.
  [[nodiscard]] virtual int sync_directory(const std::filesystem::path& directory) = 0;
};

[[nodiscard]] std::shared_ptr<FileDevice> make_file_device();

// All of it; 0 or errno.
[[nodiscard]] int write_all(FileDevice& device, int fd, ByteSpan bytes, std::uint64_t offset);

}  // namespace electra::io
