// The segment files of a directory, for reading: which there are, and a window over one of them.
//
// A reader holds one buffer of a record and a read-ahead (about 6 MiB); reads are sequential, 4 KiB aligned and past the
// page cache where the file system has O_DIRECT, so that what is checked is what the disk holds.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/journal/record_format.h"
#include "meter-proto/base/bytes.h"

namespace electra::io {

struct SegmentFileError {
  std::filesystem::path path;
  std::uint64_t offset = 0;
  std::string reason;
};

// Numbers in ascending order; nothing for a missing directory. A file "*.seg" that is not a segment's name is an error, or
// goes to odd_names if they are wanted; other files are left alone.
[[nodiscard]] std::expected<std::vector<std::uint64_t>, SegmentFileError> list_segments(
    const std::filesystem::path& directory, std::vector<std::filesystem::path>* odd_names = nullptr);
inline constexpr std::string_view kOddNameReason = "its name is not that of a segment (000000000001.seg)";

class SegmentReader {
 public:
  SegmentReader();
  ~SegmentReader();
  SegmentReader(const SegmentReader&) = delete;
  SegmentReader& operator=(const SegmentReader&) = delete;

  // Closes what was open. The size is taken now.
  [[nodiscard]] std::expected<void, SegmentFileError> open(const std::filesystem::path& directory,
                                                           std::uint64_t segment);

  // Up to `length` <= kRecordBytesMax bytes at a multiple of 4096; fewer at the file's end. Valid until the next call.
  [[nodiscard]] std::expected<ByteSpan, SegmentFileError> at(std::uint64_t offset, std::uint64_t length);

  // The next open() takes size and bytes from the disk again, whatever it opens.
  void close() noexcept;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::uint64_t segment() const noexcept { return segment_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

 private:
  struct Free {
    void operator()(std::uint8_t* memory) const noexcept;
  };
  std::filesystem::path path_;
  int fd_ = -1;
  std::uint64_t segment_ = 0;
  std::uint64_t size_ = 0;
  std::unique_ptr<std::uint8_t, Free> window_;
  std::uint64_t window_offset_ = 0;
  std::uint64_t window_bytes_ = 0;
};

}  // namespace electra::io
