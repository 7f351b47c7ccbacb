#include "io/journal/segment_device.h"

#include <fcntl.h>
#include <liburing.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace electra::io {
namespace {

class UringSegmentDevice final : public SegmentDevice {
 public:
  explicit UringSegmentDevice(Loop& loop) : loop_(loop) {}

  std::expected<int, int> open(const std::filesystem::path& path, bool create) override {
    const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT | O_EXCL : 0);
    int fd = ::open(path.c_str(), flags | O_DIRECT, 0644);
    direct_io_ = fd >= 0;
    if (fd < 0 && errno == EINVAL) {
      // The file system has no O_DIRECT. Some have made the file by now.
      if (create) ::unlink(path.c_str());
      fd = ::open(path.c_str(), flags, 0644);
    }
    if (fd < 0) return std::unexpected(errno);
    return fd;
  }

  int truncate(int fd, std::uint64_t bytes) override {
    return ::ftruncate(fd, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
  }

  int sync(int fd) override { return ::fsync(fd) == 0 ? 0 : errno; }

  int sync_directory(const std::filesystem::path& directory) override {
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno;
    const int status = sync(fd);
    ::close(fd);
    return status;
  }

  int remove(const std::filesystem::path& path) override { return ::unlink(path.c_str()) == 0 ? 0 : errno; }

  void close(int fd) override { ::close(fd); }

  bool direct_io() const noexcept override { return direct_io_; }

  int write_now(int fd, ByteSpan bytes, std::uint64_t offset) override {
    while (!bytes.empty()) {
      const iovec part{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
      const ssize_t written = ::pwritev2(fd, &part, 1, static_cast<off_t>(offset), RWF_DSYNC);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return errno;
      if (written == 0) return EIO;
      bytes = bytes.subspan(static_cast<std::size_t>(written));
      offset += static_cast<std::uint64_t>(written);
    }
    return 0;
  }

  void write(Operation& operation, const SegmentWrite& write) override {
    io_uring_sqe* sqe = loop_.prepare();
    const int target = write.file_index >= 0 ? write.file_index : write.fd;
    const auto length = static_cast<unsigned>(write.bytes.size());
    if (write.buffer_index >= 0) {
      io_uring_prep_write_fixed(sqe, target, write.bytes.data(), length, write.offset, write.buffer_index);
    } else {
      io_uring_prep_write(sqe, target, write.bytes.data(), length, write.offset);
    }
    sqe->rw_flags = write.durable ? RWF_DSYNC : 0;
    if (write.file_index >= 0) io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
    loop_.seal(sqe, operation);
  }

  void start_sync(Operation& operation, int fd) override {
    io_uring_sqe* sqe = loop_.prepare();
    io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
    loop_.seal(sqe, operation);
  }

 private:
  Loop& loop_;
  bool direct_io_ = false;
};

}  // namespace

std::unique_ptr<SegmentDevice> make_segment_device(Loop& loop) { return std::make_unique<UringSegmentDevice>(loop); }

}  // namespace electra::io
