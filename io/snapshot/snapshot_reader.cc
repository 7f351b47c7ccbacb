#include "io/snapshot/snapshot_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <numeric>
#include <vector>

#include "meter-proto/base/sentence.h"
#include "meter-proto/base/sha256.h"

namespace electra::io {
namespace {

constexpr std::size_t kWindowBytes = std::size_t{1} << 20;
static_assert(kWindowBytes % kChunkBytesMax == 0);

bool all_zero(ByteSpan bytes) noexcept {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

// What no writer of this format puts into a header; nullptr: nothing.
const char* contradiction_in(const SnapshotHeader& header) noexcept {
  if (header.header_bytes != kSnapshotHeaderBytes) return "its header has another length";
  if (header.batch == 0 || header.segment == 0) return "its batch or segment is 0";
  if (header.record_offset % kSnapshotAlignment != 0 || header.record_end % kSnapshotAlignment != 0 ||
      header.record_end <= header.record_offset) {
    return "the place of its batch's record cannot be";
  }
  if (header.watermark >= header.batch) return "its watermark is not below its batch";
  if (header.tables == 0 || header.tables > kSnapshotTablesMax) return "its number of tables cannot be";
  std::uint64_t leaves = 0;
  for (std::uint32_t table = 0; table < kSnapshotTablesMax; ++table) {
    leaves += header.leaf_counts[table];
    if (table >= header.tables && header.leaf_counts[table] != 0) return "it counts leaves of a table that is not";
  }
  if (header.entries == 0 || header.entries != leaves) return "its leaves do not add up";
  if (header.payload_bytes < header.entries * kLeafPrefixBytes) return "its leaves do not fit into its bytes";
  if (header.payload_bytes > std::uint64_t{1} << 48) return "its length cannot be";
  if (header.chunks != chunk_count(header.payload_bytes)) return "its number of chunks is not that of its bytes";
  if (header.file_bytes != snapshot_file_bytes(header.payload_bytes)) return "its length is not that of its chunks";
  if (!all_zero(header.reserved)) return "a reserved byte of its header is not zero";
  return nullptr;
}

class Reader {
 public:
  Reader(const std::filesystem::path& file, LeafReceiver* receiver, const SnapshotProgress& progress)
      : file_(file),
        receiver_(receiver),
        progress_(progress),
        window_(static_cast<std::uint8_t*>(std::aligned_alloc(kSnapshotAlignment, kWindowBytes))) {
    if (window_ == nullptr) throw std::bad_alloc();
  }
  ~Reader() {
    if (fd_ >= 0) ::close(fd_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  std::expected<SnapshotHeader, SnapshotError> read_header() {
    if (auto opened = open(); !opened) return std::unexpected(std::move(opened.error()));
    const auto block = at(0, kSnapshotHeaderBlockBytes);
    if (!block) return std::unexpected(block.error());
    if (block->size() < kSnapshotHeaderBlockBytes) return damaged(block->size(), "it ends within its header");
    if (std::memcmp(block->data(), kSnapshotMagic.data(), kSnapshotMagic.size()) != 0) {
      return damaged(0, "it does not begin as a snapshot does");
    }
    std::memcpy(&header_, block->data(), sizeof header_);
    if (compute_header_hash(header_) != header_.header_hash) return damaged(0, "its header is damaged");
    if (header_.format_version != kSnapshotFormatVersion) {
      return error(SnapshotError::Kind::newer_format, 0,
                   sentence("its format version is ", header_.format_version, ", and this program knows version ",
                            kSnapshotFormatVersion));
    }
    if (const char* text = contradiction_in(header_)) return damaged(0, text);
    if (!all_zero(block->subspan(kSnapshotHeaderBytes))) {
      return damaged(kSnapshotHeaderBytes, "behind its header not all bytes are zero");
    }
    if (size_ != header_.file_bytes) {
      return damaged(std::min(size_, header_.file_bytes),
                     sentence("it has ", size_, " bytes, and its header says ", header_.file_bytes));
    }
    return header_;
  }

  std::expected<SnapshotHeader, SnapshotError> read() {
    if (auto header = read_header(); !header) return header;
    if (receiver_ != nullptr) {
      if (auto taken = receiver_->on_header(header_); !taken) return refused(0, taken.error());
    }
    Sha256 content;
    std::uint64_t offset = kSnapshotHeaderBlockBytes;
    std::uint64_t left = header_.payload_bytes;
    for (std::uint32_t index = 0; index < header_.chunks; ++index) {
      const std::uint64_t payload = std::min<std::uint64_t>(left, kChunkPayloadBytes);
      if (auto chunk = read_chunk(index, offset, payload, content); !chunk) return std::unexpected(chunk.error());
      offset += chunk_bytes(payload);
      left -= payload;
      if (progress_) progress_(offset, header_.file_bytes);
    }
    if (content.finish() != header_.content_hash) return damaged(0, "its chunks are not those that its header names");
    if (entries_ != header_.entries || !pending_.empty()) return damaged(0, "its leaves do not end with its bytes");
    return header_;
  }

 private:
  struct Free {
    void operator()(std::uint8_t* memory) const noexcept { std::free(memory); }
  };

  std::unexpected<SnapshotError> error(SnapshotError::Kind kind, std::uint64_t offset, std::string reason) const {
    return std::unexpected(SnapshotError{kind, file_, offset, std::move(reason)});
  }
  std::unexpected<SnapshotError> damaged(std::uint64_t offset, std::string reason) const {
    return error(SnapshotError::Kind::damaged, offset, std::move(reason));
  }
  std::unexpected<SnapshotError> refused(std::uint64_t offset, std::string reason) const {
    return error(SnapshotError::Kind::refused, offset, std::move(reason));
  }

  std::expected<void, SnapshotError> open() {
    fd_ = ::open(file_.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT);
    if (fd_ < 0 && errno == EINVAL) fd_ = ::open(file_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) return error(SnapshotError::Kind::in_out, 0, sentence("it cannot be opened: ", std::strerror(errno)));
    struct stat status{};
    if (::fstat(fd_, &status) != 0) {
      return error(SnapshotError::Kind::in_out, 0, sentence("its size cannot be seen: ", std::strerror(errno)));
    }
    if (!S_ISREG(status.st_mode)) return error(SnapshotError::Kind::in_out, 0, "it is not a regular file");
    size_ = static_cast<std::uint64_t>(status.st_size);
    return {};
  }

  // Valid until the next call; fewer bytes at the file's end. length <= kChunkBytesMax, offset rises from call to call.
  std::expected<ByteSpan, SnapshotError> at(std::uint64_t offset, std::size_t length) {
    if (offset < window_offset_ || offset + length > window_offset_ + window_bytes_) {
      window_offset_ = offset;
      window_bytes_ = 0;
      while (window_bytes_ < kWindowBytes) {
        const ssize_t got = ::pread(fd_, window_.get() + window_bytes_, kWindowBytes - window_bytes_,
                                    static_cast<off_t>(offset + window_bytes_));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
          return error(SnapshotError::Kind::in_out, offset + window_bytes_,
                       sentence("it cannot be read: ", std::strerror(errno)));
        }
        if (got == 0) break;
        window_bytes_ += static_cast<std::size_t>(got);
        if (window_bytes_ % kSnapshotAlignment != 0) break;  // the end
      }
    }
    const std::size_t there =
        window_offset_ + window_bytes_ > offset ? static_cast<std::size_t>(window_offset_ + window_bytes_ - offset) : 0;
    return ByteSpan(window_.get() + (offset - window_offset_), std::min(length, there));
  }

  std::expected<void, SnapshotError> read_chunk(std::uint32_t index, std::uint64_t offset, std::uint64_t payload,
                                                Sha256& content) {
    const auto length = static_cast<std::size_t>(chunk_bytes(payload));
    const auto bytes = at(offset, length);
    if (!bytes) return std::unexpected(bytes.error());
    if (bytes->size() < length) return damaged(offset + bytes->size(), "it became shorter while it was read");
    ChunkHeader header;
    std::memcpy(&header, bytes->data(), sizeof header);
    const ByteSpan leaves = bytes->subspan(kChunkHeaderBytes, payload);
    const Bytes32 hash = Sha256().update(leaves).update(bytes->first(offsetof(ChunkHeader, hash))).finish();
    if (hash != header.hash || header.magic != kChunkMagic) {
      return damaged(offset, sentence("chunk ", index, " is damaged"));
    }
    if (header.batch != header_.batch || header.index != index || header.payload_bytes != payload ||
        !all_zero(header.reserved)) {
      return damaged(offset, sentence("another chunk stands in the place of chunk ", index));
    }
    if (!all_zero(bytes->subspan(kChunkHeaderBytes + payload))) {
      return damaged(offset + kChunkHeaderBytes + payload, sentence("behind chunk ", index, " not all bytes are zero"));
    }
    content.update(header.hash);
    return take_leaves(leaves, offset);
  }

  // Leaves lie one behind the other without regard for chunks: one may begin here and end in a later one.
  std::expected<void, SnapshotError> take_leaves(ByteSpan bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
      if (!pending_.empty()) {
        // The rest of the prefix, then the rest of the leaf.
        const std::size_t wanted =
            pending_.size() < kLeafPrefixBytes ? kLeafPrefixBytes : kLeafPrefixBytes + load_le32(pending_.data() + 5);
        const std::size_t part = std::min(wanted - pending_.size(), bytes.size());
        pending_.insert(pending_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(part));
        bytes = bytes.subspan(part);
        if (pending_.size() < kLeafPrefixBytes || pending_.size() < kLeafPrefixBytes + load_le32(pending_.data() + 5)) {
          continue;
        }
        const auto taken = take_leaf(pending_, offset);
        pending_.clear();
        if (!taken) return taken;
        continue;
      }
      const std::size_t whole = bytes.size() < kLeafPrefixBytes ? 0 : kLeafPrefixBytes + load_le32(bytes.data() + 5);
      if (whole == 0 || whole > bytes.size()) {
        pending_.assign(bytes.begin(), bytes.end());
        return {};
      }
      if (auto taken = take_leaf(bytes.first(whole), offset); !taken) return taken;
      bytes = bytes.subspan(whole);
    }
    return {};
  }

  std::expected<void, SnapshotError> take_leaf(ByteSpan entry, std::uint64_t offset) {
    const std::uint8_t table = entry[0];
    const std::uint32_t index = load_le32(entry.data() + 1);
    ++entries_;
    if (table >= header_.tables || index >= header_.leaf_counts[table]) {
      return damaged(offset, sentence("it has a leaf ", index, " of table ", table, " that its header does not count"));
    }
    if (receiver_ == nullptr) return {};
    if (auto taken = receiver_->on_leaf(table, index, entry.subspan(kLeafPrefixBytes)); !taken) {
      return refused(offset, taken.error());
    }
    return {};
  }

  const std::filesystem::path& file_;
  LeafReceiver* const receiver_;
  const SnapshotProgress& progress_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  std::unique_ptr<std::uint8_t, Free> window_;
  std::uint64_t window_offset_ = 0;
  std::size_t window_bytes_ = 0;
  SnapshotHeader header_{};
  std::uint64_t entries_ = 0;
  std::vector<std::uint8_t> pending_;  // of a leaf that goes on in the next chunk
};

}  // namespace

std::string SnapshotError::text() const {
  return sentence(file.string(), " at offset ", offset, ": ", reason,
                  kind == Kind::newer_format ? "; start that version, or a later one" : "");
}

std::expected<SnapshotHeader, SnapshotError> read_snapshot_header(const std::filesystem::path& file) {
  return Reader(file, nullptr, {}).read_header();
}

std::expected<SnapshotHeader, SnapshotError> read_snapshot(const std::filesystem::path& file, LeafReceiver* receiver,
                                                           const SnapshotProgress& progress) {
  return Reader(file, receiver, progress).read();
}

}  // namespace electra::io
