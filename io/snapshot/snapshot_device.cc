#include "io/snapshot/snapshot_device.h"

#include <fcntl.h>
#include <liburing.h>
#include <unistd.h>

#include <cerrno>

namespace electra::io {
namespace {

class UringSnapshotDevice final : public SnapshotDevice {
 public:
  explicit UringSnapshotDevice(Loop& loop) : loop_(loop) {}

  std::expected<int, int> create(const std::filesystem::path& path) override {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return std::unexpected(errno);
    int fd = ::open(path.c_str(), kFlags | O_DIRECT, 0644);
    if (fd < 0 && errno == EINVAL) {
      ::unlink(path.c_str());  // some file systems without O_DIRECT have made it by now
      fd = ::open(path.c_str(), kFlags, 0644);
    }
    if (fd < 0) return std::unexpected(errno);
    return fd;
  }

  std::expected<int, int> open(const std::filesystem::path& path) override {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return std::unexpected(errno);
    return fd;
  }

  std::expected<int, int> open_to_free(const std::filesystem::path& path) override {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return std::unexpected(errno);
    return fd;
  }

  void close(int fd) override { ::close(fd); }

  int sync_directory(const std::filesystem::path& directory) override {
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno;
    const int error = ::fsync(fd) == 0 ? 0 : errno;
    ::close(fd);
    return error;
  }

  void write(Operation& operation, int fd, ByteSpan bytes, std::uint64_t offset) override {
    io_uring_sqe* sqe = loop_.prepare();
    io_uring_prep_write(sqe, fd, bytes.data(), static_cast<unsigned>(bytes.size()), offset);
    loop_.seal(sqe, operation);
  }

  void sync(Operation& operation, int fd) override {
    io_uring_sqe* sqe = loop_.prepare();
    io_uring_prep_fsync(sqe, fd, 0);
    loop_.seal(sqe, operation);
  }

  void rename(Operation& operation, const std::filesystem::path& from, const std::filesystem::path& to) override {
    io_uring_sqe* sqe = loop_.prepare();
    io_uring_prep_renameat(sqe, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), 0);
    loop_.seal(sqe, operation);
  }

  void link(Operation& operation, const std::filesystem::path& from, const std::filesystem::path& to) override {
    io_uring_sqe* sqe = loop_.prepare();
    io_uring_prep_linkat(sqe, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), 0);
    loop_.seal(sqe, operation);
  }

  void remove(Operation& operation, const std::filesystem::path& path) override {
    io_uring_sqe* sqe = loop_.prepare();
    io_uring_prep_unlinkat(sqe, AT_FDCWD, path.c_str(), 0);
    loop_.seal(sqe, operation);
  }

  void free(Operation& operation, int fd, std::uint64_t offset, std::uint64_t bytes) override {
    io_uring_sqe* sqe = loop_.prepare();
    io_uring_prep_fallocate(sqe, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                            static_cast<off_t>(bytes));
    loop_.seal(sqe, operation);
  }

 private:
  Loop& loop_;
};

}  // namespace

std::unique_ptr<SnapshotDevice> make_snapshot_device(Loop& loop) { return std::make_unique<UringSnapshotDevice>(loop); }

}  // namespace electra::io
