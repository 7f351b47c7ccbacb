#include "io/file_device.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace electra::io {
namespace {

class SystemFileDevice final : public FileDevice {
 public:
  std::expected<int, int> open(const std::filesystem::path& path, int flags, mode_t mode) override {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd < 0) return std::unexpected(errno);
    return fd;
  }

  void close(int fd) override { ::close(fd); }

  std::int64_t write(int fd, ByteSpan bytes, std::uint64_t offset) override {
    const ssize_t put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    return put < 0 ? -errno : put;
  }

  int truncate(int fd, std::uint64_t bytes) override {
    return ::ftruncate(fd, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
  }

  int sync(int fd) override { return ::fdatasync(fd) == 0 ? 0 : errno; }

  int link(const std::filesystem::path& from, const std::filesystem::path& to) override {
    return ::link(from.c_str(), to.c_str()) == 0 ? 0 : errno;
  }

  int remove(const std::filesystem::path& path) override { return ::unlink(path.c_str()) == 0 ? 0 : errno; }

  int sync_directory(const std::filesystem::path& directory) override {
    const int fd = ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno;
    const int error = ::fsync(fd) == 0 ? 0 : errno;
    ::close(fd);
    return error;
  }
};

}  // namespace

std::shared_ptr<FileDevice> make_file_device() { return std::make_shared<SystemFileDevice>(); }

int write_all(FileDevice& device, int fd, ByteSpan bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const std::int64_t put = device.write(fd, bytes, offset);
    if (put == -EINTR) continue;
    if (put < 0) return static_cast<int>(-put);
    if (put == 0) return EIO;
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return 0;
}

}  // namespace electra::io
