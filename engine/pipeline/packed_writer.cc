#include "engine/pipeline/packed_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <utility>

#include "meter-proto/base/assert.h"
#include "meter-proto/base/sentence.h"

namespace electra::pipeline {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;

// Never over a file that is there. 0 or errno.
int move_into_place(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // A file system that cannot say it in one step.
  if (::access(to.c_str(), F_OK) == 0) return EEXIST;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

int sync_directory_of(const std::filesystem::path& path) {
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  const int fd = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  return error;
}

}  // namespace

PackedWriter::PackedWriter(std::filesystem::path path) : path_(std::move(path)), draft_(path_.string() + ".new") {
  buffer_.reserve(kBufferBytes);
}

PackedWriter::~PackedWriter() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(draft_.c_str());
}

std::unexpected<std::string> PackedWriter::fault(std::string_view what, int error) const {
  return std::unexpected(sentence(path_.string(), ": ", what, ": ", std::strerror(error)));
}

std::expected<std::unique_ptr<PackedWriter>, std::string> PackedWriter::create(const std::filesystem::path& path,
                                                                               std::uint64_t first_height,
                                                                               std::uint64_t block_count,
                                                                               std::string_view genesis) {
  std::unique_ptr<PackedWriter> writer(new PackedWriter(path));
  if (::access(path.c_str(), F_OK) == 0)
    return std::unexpected(sentence(path.string(), ": is there already, and is not replaced"));
  writer->fd_ = ::open(writer->draft_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (writer->fd_ < 0) return writer->fault("cannot be made", errno);
  writer->blocks_left_ = block_count;
  if (auto put = writer->put(chain::encode_packed_header(first_height, block_count, genesis)); !put)
    return std::unexpected(std::move(put.error()));
  return writer;
}

PackedWriter::Outcome PackedWriter::begin_block(const io::HeaderEntry& header) {
  ELECTRA_ASSERT_EQ(block_at_, 0u);
  ELECTRA_ASSERT_LT(0u, blocks_left_);
  block_at_ = bytes();
  const std::array<std::uint8_t, chain::kPackedLengthBytes> length{};  // put in by end_block()
  if (auto written = put(length); !written) return written;
  return put(header);
}

PackedWriter::Outcome PackedWriter::add_batch(const chain::PackedBatch& batch, ByteSpan body) {
  ELECTRA_ASSERT_LT(0u, block_at_);
  ELECTRA_ASSERT_EQ(batch.body_bytes, body.size());
  if (auto written = put(chain::encode_packed_batch(batch)); !written) return written;
  return put(body);
}

PackedWriter::Outcome PackedWriter::end_block() {
  ELECTRA_ASSERT_LT(0u, block_at_);
  const std::uint64_t length = bytes() - block_at_ - chain::kPackedLengthBytes;
  // What a gateway takes cannot make a block of more than 2 GiB.
  if (length > std::numeric_limits<std::uint32_t>::max())
    return std::unexpected(sentence(path_.string(), ": a block of ", length, " bytes does not fit the format"));
  std::array<std::uint8_t, chain::kPackedLengthBytes> field;
  store_le32(field.data(), static_cast<std::uint32_t>(length));
  // Somewhere between file and buffer.
  if (block_at_ < flushed_) {
    if (auto flushed = flush(); !flushed) return flushed;
    if (auto written = write_at(field, block_at_); !written) return written;
  } else {
    std::ranges::copy(field, buffer_.begin() + static_cast<std::ptrdiff_t>(block_at_ - flushed_));
  }
  block_at_ = 0;
  --blocks_left_;
  return {};
}

PackedWriter::Outcome PackedWriter::finish() {
  ELECTRA_ASSERT_EQ(block_at_, 0u);
  ELECTRA_ASSERT_EQ(blocks_left_, 0u);
  if (auto flushed = flush(); !flushed) return flushed;
  if (::fsync(fd_) != 0) return fault("cannot be made durable", errno);
  if (const int error = move_into_place(draft_, path_); error != 0) return fault("cannot be put in its place", error);
  ::close(std::exchange(fd_, -1));
  if (const int error = sync_directory_of(path_); error != 0) return fault("cannot be made durable", error);
  return {};
}

PackedWriter::Outcome PackedWriter::put(ByteSpan bytes) {
  if (buffer_.size() + bytes.size() > kBufferBytes) {
    if (auto flushed = flush(); !flushed) return flushed;
  }
  if (bytes.size() < kBufferBytes) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    return {};
  }
  if (auto written = write_at(bytes, flushed_); !written) return written;
  flushed_ += bytes.size();
  return {};
}

PackedWriter::Outcome PackedWriter::flush() {
  if (auto written = write_at(buffer_, flushed_); !written) return written;
  flushed_ += buffer_.size();
  buffer_.clear();
  return {};
}

PackedWriter::Outcome PackedWriter::write_at(ByteSpan bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fault("cannot be written", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

}  // namespace electra::pipeline
