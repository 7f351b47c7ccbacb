#include "engine/pipeline/packed_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/chain/block_maker.h"
#include "io/journal/record_format.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/base/sentence.h"
#include "meter-proto/base/sha256.h"

namespace electra::pipeline {

static_assert(chain::kPackedBatchMessagesMax == io::kRecordMessagesMax, "a batch is one record");
static_assert(chain::kPackedBodyBytesMax == io::kRecordBodyBytesMax);
static_assert(chain::kPackedBlockClose == io::kRecordBlockClose && chain::kPackedWatermark == io::kRecordWatermark);
static_assert(io::kHeaderEntryBytes == proto::kSignedHeaderBytes);

// A regular file and a window over it. Not copied; read errors are sentences that begin with the path.
class PackedFile {
 public:
  explicit PackedFile(std::filesystem::path path) : path_(std::move(path)) {}
  ~PackedFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  PackedFile(const PackedFile&) = delete;
  PackedFile& operator=(const PackedFile&) = delete;

  [[nodiscard]] std::expected<void, std::string> open() {
    fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) return std::unexpected(fault("cannot be opened"));
    struct stat status{};
    if (::fstat(fd_, &status) != 0) return std::unexpected(fault("cannot see its size"));
    if (!S_ISREG(status.st_mode)) return std::unexpected(path_.string() + ": it is not a regular file");
    size_ = static_cast<std::uint64_t>(status.st_size);
    (void)::posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
    return {};
  }

  // offset + out.size() <= size().
  [[nodiscard]] std::expected<void, std::string> read(std::uint64_t offset, MutableByteSpan out) const {
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t got = ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return std::unexpected(fault("cannot be read"));
      if (got == 0) return std::unexpected(path_.string() + ": it became shorter while it was read");
      done += static_cast<std::size_t>(got);
    }
    return {};
  }

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  chain::PackedPrefix prefix;

 private:
  [[nodiscard]] std::string fault(std::string_view what) const {
    return sentence(path_.string(), ": ", what, ": ", std::strerror(errno));
  }

  std::filesystem::path path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

namespace {

// The part of a file that was read last. Reads ahead, so that small batches cost no system call each.
class Window {
 public:
  explicit Window(std::size_t bytes) : memory_(bytes) {}

  void look_at(const PackedFile& file) noexcept {
    file_ = &file;
    filled_ = 0;
  }
  // bytes <= the window's, offset + bytes <= the file's. The view is valid until the next call.
  [[nodiscard]] std::expected<ByteSpan, std::string> bytes_at(std::uint64_t offset, std::size_t bytes) {
    ELECTRA_ASSERT_LE(bytes, memory_.size());
    ELECTRA_ASSERT_LE(offset + bytes, file_->size());
    if (offset < begin_ || offset + bytes > begin_ + filled_) {
      filled_ = 0;
      const std::size_t wanted =
          static_cast<std::size_t>(std::min<std::uint64_t>(memory_.size(), file_->size() - offset));
      if (auto read = file_->read(offset, MutableByteSpan(memory_).first(wanted)); !read)
        return std::unexpected(std::move(read.error()));
      begin_ = offset;
      filled_ = wanted;
    }
    return ByteSpan(memory_).subspan(static_cast<std::size_t>(offset - begin_), bytes);
  }

 private:
  std::vector<std::uint8_t> memory_;
  const PackedFile* file_ = nullptr;
  std::uint64_t begin_ = 0;
  std::size_t filled_ = 0;
};

// One run over all files.
class Reader {
 public:
  using Outcome = std::expected<void, std::string>;

  Reader(ChainSink& sink, std::atomic<std::uint64_t>& bytes_done, std::size_t window_bytes)
      : sink_(sink), bytes_done_(bytes_done), window_(window_bytes) {}

  [[nodiscard]] Outcome read_file(const PackedFile& file, std::uint64_t bytes_before);
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }

 private:
  // A block under way: where it stands, and what its header says.
  struct Block {
    std::uint64_t at = 0;      // of its length
    std::uint64_t length = 0;  // as it stands there
    std::uint64_t height = 0;  // that belongs here
    proto::BlockHeader header{};
    io::HeaderEntry bytes{};
    std::uint64_t batches_end = 0;  // behind the batches, when all were whole; else 0

    [[nodiscard]] std::uint64_t batches_at() const {
      return at + chain::kPackedLengthBytes + proto::kSignedHeaderBytes;
    }
    [[nodiscard]] std::uint64_t length_end() const { return at + chain::kPackedLengthBytes + length; }
  };

  [[nodiscard]] Outcome read_block(Block& block);
  // False: the block's batches cannot be read.
  [[nodiscard]] std::expected<bool, std::string> read_block_header(Block& block);
  [[nodiscard]] Outcome read_batches(Block& block);
  // The offset behind the batch; 0: it is bad (the sink was told) or the sink has stopped.
  [[nodiscard]] std::expected<std::uint64_t, std::string> read_batch(Block& block, std::uint64_t at,
                                                                     std::uint32_t index);
  // Before the last batch of a block is handed out. `end`: behind it.
  void check_block_end(const Block& block, const chain::PackedBatch& last, std::uint64_t end);
  // Where the next block, or the end of the file, seems to be; 0: nowhere.
  [[nodiscard]] std::expected<std::uint64_t, std::string> next_place(const Block& block);
  [[nodiscard]] std::expected<bool, std::string> looks_like_a_block(std::uint64_t at);

  void tell(std::string text, std::uint64_t at, std::uint64_t batch, std::uint64_t height) {
    if (stopped_) return;
    stopped_ = !sink_.on_problem(
        {.text = std::move(text), .place = {.file = file_->path(), .offset = at}, .batch = batch, .height = height});
  }
  // The same for what makes the rest of a block unreadable.
  void tell_gap(std::string text, std::uint64_t at, std::uint64_t batch, std::uint64_t height) {
    follows_ = false;
    tell(std::move(text), at, batch, height);
  }
  [[nodiscard]] std::uint64_t left(std::uint64_t at) const noexcept {
    return at < file_->size() ? file_->size() - at : 0;
  }

  ChainSink& sink_;
  std::atomic<std::uint64_t>& bytes_done_;
  Window window_;
  const PackedFile* file_ = nullptr;
  std::uint64_t bytes_before_ = 0;
  bool stopped_ = false;

  std::uint64_t next_height_ = 1;
  std::uint64_t next_batch_ = 0;    // 0: not known
  std::uint64_t last_time_ns_ = 0;  // of the batch handed out last; counts while follows_
  bool follows_ = true;             // nothing is missing before the next batch
  std::uint64_t block_messages_ = 0;
};

Reader::Outcome Reader::read_file(const PackedFile& file, std::uint64_t bytes_before) {
  file_ = &file;
  bytes_before_ = bytes_before;
  window_.look_at(file);
  next_height_ = file.prefix.first_height;
  if (next_height_ == 1) next_batch_ = 1;
  Block block{.at = file.prefix.header_bytes()};
  for (std::uint64_t i = 0; i < file.prefix.block_count; ++i) {
    block = Block{.at = block.at, .height = next_height_};
    if (auto read = read_block(block); !read) return read;
    if (stopped_) return {};
    auto next = next_place(block);
    if (!next) return std::unexpected(std::move(next.error()));
    if (*next == 0) {
      next_batch_ = 0;
      if (i + 1 == file.prefix.block_count) return {};
      tell_gap(sentence("where block ", next_height_,
                        " begins cannot be seen any more; the rest of the file is passed over"),
               block.at, 0, next_height_);
      return {};
    }
    block.at = *next;
  }
  if (block.at != file.size()) tell(sentence(left(block.at), " bytes stand behind the last block"), block.at, 0, 0);
  return {};
}

Reader::Outcome Reader::read_block(Block& block) {
  next_height_ = block.height + 1;
  block_messages_ = 0;
  const auto readable = read_block_header(block);
  if (!readable) return std::unexpected(readable.error());
  if (!*readable) {
    next_batch_ = 0;
    return {};
  }
  return read_batches(block);
}

std::expected<bool, std::string> Reader::read_block_header(Block& block) {
  constexpr std::size_t kHead = chain::kPackedLengthBytes + proto::kSignedHeaderBytes;
  if (left(block.at) < kHead) {
    tell_gap(left(block.at) == 0 ? std::string("the file ends before this block")
                                 : "the file ends inside the block's header",
             block.at, next_batch_, block.height);
    return false;
  }
  const auto head = window_.bytes_at(block.at, kHead);
  if (!head) return std::unexpected(head.error());
  block.length = load_le32(head->data());
  std::ranges::copy(head->subspan(chain::kPackedLengthBytes), block.bytes.begin());
  const std::uint64_t header_at = block.at + chain::kPackedLengthBytes;
  const auto header = proto::decode_signed_header(block.bytes);
  if (!header) {
    tell_gap("this is not the header of a block", header_at, next_batch_, block.height);
    return false;
  }
  block.header = header->header;
  if (std::string fault = chain::packed_block_fault(block.header); !fault.empty()) {
    tell_gap(std::move(fault), block.at, next_batch_, block.height);
    return false;
  }
  if (block.header.height != block.height) {
    tell(sentence("a block of height ", block.header.height, " stands where that of height ", block.height, " belongs"),
         header_at, next_batch_, block.height);
  }
  const std::uint64_t first = chain::first_batch(block.header);
  if (next_batch_ != 0 && first != next_batch_) {
    tell(sentence("its header says batches ", first, " to ", block.header.last_batch, ", but batch ", next_batch_,
                  " comes next"),
         header_at, next_batch_, block.height);
    // With the height as expected the place says more than the number does. Else it is another block altogether.
    if (block.header.height != block.height) {
      follows_ = false;
      next_batch_ = first;
      next_height_ = block.header.height + 1;
    }
  }
  if (next_batch_ == 0) next_batch_ = first;
  return true;
}

Reader::Outcome Reader::read_batches(Block& block) {
  std::uint64_t at = block.batches_at();
  const std::uint64_t last_batch = next_batch_ + (block.header.batches - 1);
  for (std::uint32_t i = 0; i < block.header.batches && !stopped_; ++i) {
    auto end = read_batch(block, at, i);
    if (!end) return std::unexpected(std::move(end.error()));
    if (*end == 0) {
      next_batch_ = last_batch + 1;
      return {};
    }
    at = *end;
  }
  block.batches_end = at;
  return {};
}

std::expected<std::uint64_t, std::string> Reader::read_batch(Block& block, std::uint64_t at, std::uint32_t index) {
  const bool last = index + 1 == block.header.batches;
  const auto bad = [&](std::string text) {
    tell_gap(std::move(text), at, next_batch_, block.height);
    return std::uint64_t{0};
  };
  if (left(at) < chain::kPackedBatchBytes) return bad("the file ends inside the block");
  const auto head = window_.bytes_at(at, chain::kPackedBatchBytes);
  if (!head) return std::unexpected(head.error());
  const chain::PackedBatch batch = chain::decode_packed_batch(head->first<chain::kPackedBatchBytes>());
  if (std::string fault = chain::packed_batch_fault(batch, last); !fault.empty()) return bad(std::move(fault));
  if (follows_ && batch.time_ns <= last_time_ns_) return bad("its time is not after that of the batch before");
  const std::uint64_t body_at = at + chain::kPackedBatchBytes;
  if (left(body_at) < batch.body_bytes) return bad("the file ends inside the batch");
  const auto body = window_.bytes_at(body_at, batch.body_bytes);
  if (!body) return std::unexpected(body.error());
  if (!io::body_is_well_formed(*body, batch.count))
    return bad(sentence("its ", batch.body_bytes, " bytes are not the ", batch.count, " messages that it says"));
  block_messages_ += batch.count;
  const std::uint64_t end = body_at + batch.body_bytes;
  if (last) check_block_end(block, batch, end);
  if (stopped_) return std::uint64_t{0};

  SourceBatch out{.link = {.number = next_batch_,
                           .time_ns = batch.time_ns,
                           .rules_version = block.header.rules_version,
                           .flags = batch.flags,
                           .count = batch.count,
                           .body_bytes = batch.body_bytes,
                           .body_hash = sha256(*body)},
                  .body = *body,
                  .place = {.file = file_->path(), .offset = at},
                  .follows = follows_,
                  .header = std::nullopt};
  if (last) {
    out.header = SourceHeader{.bytes = block.bytes,
                              .place = {.file = file_->path(), .offset = block.at + chain::kPackedLengthBytes}};
  }
  bytes_done_ = bytes_before_ + end;
  stopped_ = !sink_.on_batch(out);
  ++next_batch_;
  last_time_ns_ = batch.time_ns;
  follows_ = true;
  return end;
}

void Reader::check_block_end(const Block& block, const chain::PackedBatch& last, std::uint64_t end) {
  if (block.length_end() != end) {
    tell(sentence("the block's length is ", block.length, " bytes, but its header and batches take ",
                  end - block.at - chain::kPackedLengthBytes),
         block.at, next_batch_, block.height);
  }
  const std::uint64_t header_at = block.at + chain::kPackedLengthBytes;
  if (block_messages_ != block.header.messages) {
    tell(sentence("its header says ", block.header.messages, " messages, but its batches hold ", block_messages_),
         header_at, next_batch_, block.height);
  }
  if (last.time_ns != block.header.time_ns)
    tell("its header has another time than its last batch", header_at, next_batch_, block.height);
}

std::expected<std::uint64_t, std::string> Reader::next_place(const Block& block) {
  if (block.batches_end != 0 && block.batches_end == block.length_end()) return block.batches_end;
  for (const std::uint64_t place : {block.batches_end, block.length == 0 ? 0 : block.length_end()}) {
    if (place == 0) continue;
    if (place == file_->size()) return place;
    const auto plausible = looks_like_a_block(place);
    if (!plausible) return std::unexpected(plausible.error());
    if (*plausible) return place;
  }
  return std::uint64_t{0};
}

std::expected<bool, std::string> Reader::looks_like_a_block(std::uint64_t at) {
  constexpr std::size_t kHead = chain::kPackedLengthBytes + proto::kSignedHeaderBytes;
  if (left(at) < kHead) return false;
  const auto head = window_.bytes_at(at, kHead);
  if (!head) return std::unexpected(head.error());
  const auto header = proto::decode_signed_header(head->subspan(chain::kPackedLengthBytes));
  if (!header || !chain::packed_block_fault(header->header).empty()) return false;
  const std::uint64_t length = load_le32(head->data());
  return length >= chain::packed_block_bytes_min(header->header) && length <= left(at) - chain::kPackedLengthBytes;
}

PackedError unreadable(std::string text) { return {.not_true = false, .text = std::move(text)}; }
PackedError not_true(const std::filesystem::path& path, std::string_view text) {
  return {.not_true = true, .text = sentence(path.string(), ": ", text)};
}

}  // namespace

PackedSource::PackedSource() = default;
PackedSource::~PackedSource() = default;

std::expected<void, std::string> PackedSource::run(ChainSink& sink) {
  bytes_done_ = 0;
  // The largest body fits, and of a small file all of it.
  const auto window_bytes = std::min<std::uint64_t>(chain::kPackedBodyBytesMax, bytes_total_);
  Reader reader(sink, bytes_done_, static_cast<std::size_t>(window_bytes));
  std::uint64_t bytes_before = 0;
  for (const auto& file : files_) {
    if (auto read = reader.read_file(*file, bytes_before); !read) return read;
    if (reader.stopped()) return {};
    bytes_before += file->size();
    bytes_done_ = bytes_before;
  }
  return {};
}

std::expected<void, PackedError> PackedSource::add_file(const std::filesystem::path& path,
                                                        std::uint64_t expected_height) {
  auto file = std::make_unique<PackedFile>(path);
  if (auto opened = file->open(); !opened) return std::unexpected(unreadable(std::move(opened.error())));
  if (file->size() < chain::kPackedPrefixBytes)
    return std::unexpected(not_true(path, "this is not a file of packed blocks: it is too short"));
  std::vector<std::uint8_t> header(chain::kPackedPrefixBytes);
  if (auto read = file->read(0, header); !read) return std::unexpected(unreadable(std::move(read.error())));
  auto prefix = chain::decode_packed_prefix(ByteSpan(header).first<chain::kPackedPrefixBytes>());
  if (!prefix) return std::unexpected(not_true(path, prefix.error()));
  if (file->size() < prefix->header_bytes()) return std::unexpected(not_true(path, "the file ends inside its header"));
  header.resize(prefix->header_bytes());
  if (auto read = file->read(0, header); !read) return std::unexpected(unreadable(std::move(read.error())));
  if (!chain::packed_checksum_valid(header))
    return std::unexpected(not_true(path, "the file's header is damaged: its checksum is another"));
  if (prefix->first_height != expected_height) {
    return std::unexpected(not_true(
        path, sentence("it begins with block ", prefix->first_height, ", but block ", expected_height, " comes next")));
  }
  const std::string_view genesis = text_of(ByteSpan(header).subspan(chain::kPackedPrefixBytes, prefix->genesis_bytes));
  if (files_.empty()) genesis_ = genesis;
  if (genesis != genesis_)
    return std::unexpected(not_true(path, "it holds blocks of another chain than the files before it"));
  file->prefix = *prefix;
  last_height_ = prefix->last_height();
  bytes_total_ += file->size();
  files_.push_back(std::move(file));
  return {};
}

std::expected<std::unique_ptr<PackedSource>, PackedError> open_packed_source(
    const std::vector<std::filesystem::path>& files, std::uint64_t first_height) {
  ELECTRA_ASSERT(!files.empty());
  ELECTRA_ASSERT_LE(1u, first_height);
  std::unique_ptr<PackedSource> source(new PackedSource);
  source->first_height_ = first_height;
  std::uint64_t next = first_height;
  for (const auto& file : files) {
    if (auto added = source->add_file(file, next); !added) return std::unexpected(std::move(added.error()));
    next = source->last_height_ + 1;
  }
  return source;
}

}  // namespace electra::pipeline
