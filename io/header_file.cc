#include "io/header_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "meter-proto/base/assert.h"

namespace electra::io {

HeaderFile::HeaderFile(std::filesystem::path path, std::shared_ptr<FileDevice> device, int fd, bool writable) noexcept
    : path_(std::move(path)), device_(std::move(device)), fd_(fd), writable_(writable) {}

HeaderFile::~HeaderFile() {
  if (fd_ >= 0) device_->close(fd_);
}

std::string HeaderFile::fault(std::string_view what, int error) const {
  return path_.string() + ": " + std::string(what) + ": " + std::strerror(error);
}

std::expected<std::unique_ptr<HeaderFile>, std::string> HeaderFile::open(const std::filesystem::path& path,
                                                                         bool writable,
                                                                         std::shared_ptr<FileDevice> device) {
  if (device == nullptr) device = make_file_device();
  const auto opened = device->open(path, writable ? O_RDWR | O_CREAT : O_RDONLY, 0644);
  const int fd = opened.value_or(-1);
  std::unique_ptr<HeaderFile> file(new HeaderFile(path, std::move(device), fd, writable));
  if (!opened) return std::unexpected(file->fault("cannot open the file of block headers", opened.error()));
  struct stat status{};
  if (::fstat(fd, &status) != 0) return std::unexpected(file->fault("cannot see its size", errno));
  if (!S_ISREG(status.st_mode)) return std::unexpected(path.string() + ": it is not a regular file");
  const auto bytes = static_cast<std::uint64_t>(status.st_size);
  file->torn_bytes_ = bytes % kHeaderEntryBytes;
  file->count_ = bytes / kHeaderEntryBytes;
  if (writable) {
    // Its name has to survive what its contents do: snapshots are no use without it.
    if (const int error = file->device_->sync_directory(path.parent_path()); error != 0)
      return std::unexpected(file->fault("cannot make its directory durable", error));
  }
  if (writable && file->torn_bytes_ != 0) {
    if (auto cut = file->truncate(file->count()); !cut) return std::unexpected(cut.error());
  }
  return file;
}

std::expected<void, std::string> HeaderFile::read(std::uint64_t height,
                                                  std::span<std::uint8_t, kHeaderEntryBytes> out) const {
  ELECTRA_ASSERT_LE(1u, height);
  ELECTRA_ASSERT_LE(height, count());
  std::size_t done = 0;
  while (done < out.size()) {
    const auto offset = static_cast<off_t>((height - 1) * kHeaderEntryBytes + done);
    const ssize_t got = ::pread(fd_, out.data() + done, out.size() - done, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(fault("cannot read the header of block " + std::to_string(height), errno));
    if (got == 0) return std::unexpected(path_.string() + ": it became shorter while it was read");
    done += static_cast<std::size_t>(got);
  }
  return {};
}

std::expected<void, std::string> HeaderFile::write_at(ByteSpan bytes, std::uint64_t offset) {
  ELECTRA_ASSERT(writable_);
  if (const int error = write_all(*device_, fd_, bytes, offset); error != 0)
    return std::unexpected(fault("cannot write block headers", error));
  return {};
}

std::expected<void, std::string> HeaderFile::append(ByteSpan entries) {
  ELECTRA_ASSERT_EQ(entries.size() % kHeaderEntryBytes, 0u);
  const std::uint64_t count = this->count();
  if (auto written = write_at(entries, count * kHeaderEntryBytes); !written) return written;
  count_.store(count + entries.size() / kHeaderEntryBytes, std::memory_order_release);
  return {};
}

std::expected<void, std::string> HeaderFile::replace(std::uint64_t height,
                                                     std::span<const std::uint8_t, kHeaderEntryBytes> entry) {
  ELECTRA_ASSERT_LE(1u, height);
  ELECTRA_ASSERT_LE(height, count());
  return write_at(entry, (height - 1) * kHeaderEntryBytes);
}

std::expected<void, std::string> HeaderFile::truncate(std::uint64_t count) {
  ELECTRA_ASSERT(writable_);
  ELECTRA_ASSERT_LE(count, this->count());
  count_.store(count, std::memory_order_release);
  if (const int error = device_->truncate(fd_, count * kHeaderEntryBytes); error != 0)
    return std::unexpected(fault("cannot cut block headers off", error));
  return {};
}

std::expected<void, std::string> HeaderFile::sync() {
  ELECTRA_ASSERT(writable_);
  if (const int error = device_->sync(fd_); error != 0)
    return std::unexpected(fault("cannot make block headers durable", error));
  return {};
}

}  // namespace electra::io
