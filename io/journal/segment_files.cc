#include "io/journal/segment_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <system_error>

#include "meter-proto/base/assert.h"

namespace electra::io {
namespace {

constexpr std::uint64_t kReadAheadBytes = std::uint64_t{4} << 20;
constexpr std::uint64_t kWindowBytesMax = kRecordBytesMax + kReadAheadBytes;
static_assert(kWindowBytesMax % kRecordAlignment == 0);

}  // namespace

std::expected<std::vector<std::uint64_t>, SegmentFileError> list_segments(
    const std::filesystem::path& directory, std::vector<std::filesystem::path>* odd_names) {
  std::vector<std::uint64_t> segments;
  std::error_code error;
  std::filesystem::directory_iterator file(directory, error);
  if (error == std::errc::no_such_file_or_directory) return segments;
  for (; !error && file != std::filesystem::directory_iterator(); file.increment(error)) {
    const std::string name = file->path().filename().string();
    if (!name.ends_with(".seg")) continue;
    const auto segment = parse_segment_name(name);
    if (segment) {
      segments.push_back(*segment);
    } else if (odd_names != nullptr) {
      odd_names->push_back(file->path());
    } else {
      return std::unexpected(SegmentFileError{file->path(), 0, std::string(kOddNameReason)});
    }
  }
  if (error) return std::unexpected(SegmentFileError{directory, 0, "cannot list it: " + error.message()});
  std::sort(segments.begin(), segments.end());
  return segments;
}

void SegmentReader::Free::operator()(std::uint8_t* memory) const noexcept { std::free(memory); }

SegmentReader::SegmentReader()
    : window_(static_cast<std::uint8_t*>(std::aligned_alloc(kRecordAlignment, kWindowBytesMax))) {
  if (window_ == nullptr) throw std::bad_alloc();
}

SegmentReader::~SegmentReader() { close(); }

void SegmentReader::close() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  segment_ = 0;
  size_ = 0;
  window_bytes_ = 0;
}

std::expected<void, SegmentFileError> SegmentReader::open(const std::filesystem::path& directory,
                                                          std::uint64_t segment) {
  close();
  path_ = directory / segment_name(segment);
  fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT);
  if (fd_ < 0 && errno == EINVAL) fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0)
    return std::unexpected(SegmentFileError{path_, 0, std::string("cannot open it: ") + std::strerror(errno)});
  struct stat status{};
  if (::fstat(fd_, &status) != 0) {
    return std::unexpected(SegmentFileError{path_, 0, std::string("cannot see its size: ") + std::strerror(errno)});
  }
  if (!S_ISREG(status.st_mode)) return std::unexpected(SegmentFileError{path_, 0, "it is not a regular file"});
  size_ = static_cast<std::uint64_t>(status.st_size);
  segment_ = segment;
  return {};
}

std::expected<ByteSpan, SegmentFileError> SegmentReader::at(std::uint64_t offset, std::uint64_t length) {
  ELECTRA_ASSERT_EQ(offset % kRecordAlignment, 0u);
  ELECTRA_ASSERT_LE(length, kRecordBytesMax);
  if (offset >= size_) return ByteSpan{};
  length = std::min(length, size_ - offset);
  if (offset < window_offset_ || offset + length > window_offset_ + window_bytes_) {
    // Keep what the window already has from the offset on; the window begins at a multiple of 4096, so the rest stays
    // aligned as O_DIRECT wants it.
    std::uint64_t kept = 0;
    if (offset >= window_offset_ && offset < window_offset_ + window_bytes_) {
      kept = (window_offset_ + window_bytes_ - offset) / kRecordAlignment * kRecordAlignment;
      std::memmove(window_.get(), window_.get() + (offset - window_offset_), kept);
    }
    window_offset_ = offset;
    window_bytes_ = kept;
    const std::uint64_t wanted = std::min(kWindowBytesMax, size_ - offset);
    while (window_bytes_ < wanted) {
      // Asks for whole blocks; at the file's end the answer is short.
      const ssize_t got = ::pread(fd_, window_.get() + window_bytes_, kWindowBytesMax - window_bytes_,
                                  static_cast<off_t>(offset + window_bytes_));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) {
        const std::string reason = std::string("cannot read it: ") + std::strerror(errno);
        return std::unexpected(SegmentFileError{path_, offset + window_bytes_, reason});
      }
      if (got == 0) break;  // the file became shorter
      window_bytes_ += static_cast<std::uint64_t>(got);
      if (window_bytes_ % kRecordAlignment != 0) break;  // the end
    }
  }
  return ByteSpan(window_.get() + (offset - window_offset_), std::min(length, window_offset_ + window_bytes_ - offset));
}

}  // namespace electra::io
