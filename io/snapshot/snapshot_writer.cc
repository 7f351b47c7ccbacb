#include "io/snapshot/snapshot_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <numeric>
#include <system_error>
#include <vector>

#include "io/snapshot/snapshot_directory.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/base/sentence.h"
#include "meter-proto/base/sha256.h"

namespace electra::io {
namespace {

constexpr std::size_t kInFlightMax = 2;  // chunks
constexpr std::size_t kKeptChunks = 24;  // stay allocated between two snapshots

struct FreeMemory {
  void operator()(std::uint8_t* memory) const noexcept { std::free(memory); }
};
using AlignedMemory = std::unique_ptr<std::uint8_t, FreeMemory>;

AlignedMemory aligned_memory(std::size_t bytes) {
  return AlignedMemory(static_cast<std::uint8_t*>(std::aligned_alloc(kSnapshotAlignment, bytes)));
}

std::string failure_text(std::string_view what, const std::filesystem::path& path, int error) {
  std::string_view advice = "check the disk and the kernel's log";
  if (error == ENOSPC || error == EDQUOT) advice = "free space on the disk that holds the snapshots";
  if (error == EACCES || error == EPERM || error == EROFS) advice = "make the directory writable for this user";
  if (error == EFBIG) advice = "raise the limit on file size (ulimit -f)";
  return sentence(what, " ", path.string(), " failed: ", std::strerror(error), "; ", advice);
}

}  // namespace

struct SnapshotWriter::Impl {
  enum class State { idle, taking, ended, sealing, failed };
  // What seal() does, in this order. Each is one operation.
  enum class Step { header, file, first, rename, directory };

  struct Chunk {
    AlignedMemory memory;
    std::uint64_t offset = 0;
    std::size_t bytes = 0;    // on disk
    std::size_t payload = 0;  // of it
  };
  struct Flight {
    Impl* writer = nullptr;
    Chunk chunk;
    Operation operation;
  };

  Loop& loop;
  const SnapshotWriterConfig config;
  SnapshotListener& listener;
  std::unique_ptr<SnapshotDevice> device;

  State state = State::idle;
  bool told = true;  // the listener need not hear of what happens next
  std::uint64_t batch = 0;
  std::filesystem::path path;
  std::filesystem::path draft;
  int fd = -1;
  std::string failure;
  Deferred report;  // a failure is never told inside a call of the owner's

  std::array<std::uint32_t, kSnapshotTablesMax> leaf_counts{};
  std::uint32_t tables = 0;
  std::uint64_t leaves = 0;
  std::uint64_t payload_bytes = 0;  // of all chunks
  std::uint32_t chunks = 0;         // closed
  std::uint64_t file_bytes = 0;     // given to chunks
  Sha256 content_hash;

  // The chunk that is being filled.
  AlignedMemory filling;
  std::size_t filled = 0;  // payload

  std::deque<Chunk> full;  // to be hashed
  std::size_t hashed = 0;  // payload of the first of them
  std::uint64_t unhashed = 0;
  Sha256 chunk_hash;
  std::deque<Chunk> queue;  // to be written
  std::array<Flight, kInFlightMax> flights;
  std::vector<AlignedMemory> spare;
  std::uint64_t unwritten = 0;
  std::uint64_t written = 0;

  SnapshotSeal seal_fields;
  bool seal_wanted = false;
  Step step = Step::header;
  int step_fd = -1;  // of `first` and `directory`
  AlignedMemory header_block;
  Operation sealing;
  Operation removing;

  Impl(Loop& loop_in, const SnapshotWriterConfig& config_in, SnapshotListener& listener_in,
       std::unique_ptr<SnapshotDevice> device_in)
      : loop(loop_in), config(config_in), listener(listener_in), device(std::move(device_in)) {
    if (device == nullptr) device = make_snapshot_device(loop);
    report = {.run = [](void* context) { static_cast<Impl*>(context)->tell_failure(); }, .context = this};
    for (Flight& flight : flights) {
      flight.writer = this;
      flight.operation = {.complete =
                              [](void* context, std::int32_t result, std::uint32_t) {
                                auto& done = *static_cast<Flight*>(context);
                                done.writer->on_written(done, result);
                              },
                          .context = &flight};
    }
    sealing = {.complete = [](void* context, std::int32_t result,
                              std::uint32_t) { static_cast<Impl*>(context)->on_step(result); },
               .context = this};
    removing = {
        .complete = [](void* context, std::int32_t, std::uint32_t) { static_cast<Impl*>(context)->become_idle(); },
        .context = this};
  }

  ~Impl() {
    abandon();
    while (busy()) loop.run_once();
    loop.cancel(report);
  }

  std::expected<void, std::string> open() {
    std::error_code error;
    std::filesystem::create_directories(config.directory, error);
    if (error) return std::unexpected(failure_text("making the directory", config.directory, error.value()));
    // Else a crash could take the directory and leave what relied on it. Also if it was there: a start that made it may
    // have ended before this.
    const std::filesystem::path parent = std::filesystem::absolute(config.directory).parent_path();
    const int status = device->sync_directory(parent);
    if (status != 0) return std::unexpected(failure_text("syncing the directory", parent, status));
    if (auto removed = remove_drafts(config.directory); !removed) return removed;
    header_block = aligned_memory(kSnapshotHeaderBlockBytes);
    if (header_block == nullptr) return std::unexpected("no memory for snapshots");
    return {};
  }

  // --- leaves ---

  std::expected<void, std::string> begin(std::uint64_t number, std::span<const std::uint32_t> counts) {
    ELECTRA_ASSERT(!busy());
    ELECTRA_ASSERT_LT(0u, number);
    ELECTRA_ASSERT_LT(0u, counts.size());
    ELECTRA_ASSERT_LE(counts.size(), kSnapshotTablesMax);
    batch = number;
    path = config.directory / snapshot_name(batch);
    draft = path.string() + std::string(kSnapshotDraftSuffix);
    const auto made = device->create(draft);
    if (!made) return std::unexpected(failure_text("making", draft, made.error()));
    fd = *made;
    leaf_counts = {};
    std::ranges::copy(counts, leaf_counts.begin());
    tables = static_cast<std::uint32_t>(counts.size());
    leaves = payload_bytes = 0;
    chunks = 0;
    file_bytes = kSnapshotHeaderBlockBytes;
    content_hash = Sha256();
    chunk_hash = Sha256();
    hashed = 0;
    unwritten = unhashed = 0;
    seal_wanted = false;
    told = false;
    state = State::taking;
    return {};
  }

  void add(std::uint8_t table, std::uint32_t index, ByteSpan leaf) {
    if (state != State::taking) return;
    ELECTRA_ASSERT_LT(table, tables);
    ELECTRA_ASSERT_LT(index, leaf_counts[table]);
    std::array<std::uint8_t, kLeafPrefixBytes> prefix;
    prefix[0] = table;
    store_le32(prefix.data() + 1, index);
    store_le32(prefix.data() + 5, static_cast<std::uint32_t>(leaf.size()));
    append(prefix);
    append(leaf);
    ++leaves;
  }

  void append(ByteSpan bytes) {
    while (!bytes.empty() && state == State::taking) {
      if (filling == nullptr && !take_chunk()) return;
      const std::size_t part = std::min(bytes.size(), kChunkPayloadBytes - filled);
      std::memcpy(filling.get() + kChunkHeaderBytes + filled, bytes.data(), part);
      filled += part;
      payload_bytes += part;
      unwritten += part;
      unhashed += part;
      bytes = bytes.subspan(part);
      if (filled == kChunkPayloadBytes) close_chunk();
    }
  }

  bool take_chunk() {
    if (unwritten >= config.unwritten_bytes_max) {
      fail(sentence("the disk is too slow for ", draft.string(), ": ", unwritten,
                    " bytes wait for it; it is given up, and a later snapshot is tried"));
      return false;
    }
    if (!spare.empty()) {
      filling = std::move(spare.back());
      spare.pop_back();
    } else {
      filling = aligned_memory(kChunkBytesMax);
    }
    if (filling == nullptr) {
      fail(sentence("no memory for what waits to be written to ", draft.string()));
      return false;
    }
    filled = 0;
    return true;
  }

  void close_chunk() {
    full.push_back(
        {.memory = std::move(filling), .offset = file_bytes, .bytes = chunk_bytes(filled), .payload = filled});
    file_bytes += full.back().bytes;
  }

  void hash(std::uint64_t bytes) {
    while (bytes > 0 && !full.empty() && state != State::failed) {
      const Chunk& chunk = full.front();
      const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, chunk.payload - hashed));
      chunk_hash.update(ByteSpan(chunk.memory.get() + kChunkHeaderBytes + hashed, part));
      hashed += part;
      unhashed -= part;
      bytes -= part;
      if (hashed == chunk.payload) finish_chunk();
    }
    start_sealing();
  }

  // Its payload is hashed.
  void finish_chunk() {
    Chunk chunk = std::move(full.front());
    full.pop_front();
    ChunkHeader header{};
    header.magic = kChunkMagic;
    header.batch = batch;
    header.index = chunks++;
    header.payload_bytes = static_cast<std::uint32_t>(chunk.payload);
    chunk_hash.update(ByteSpan(reinterpret_cast<const std::uint8_t*>(&header), offsetof(ChunkHeader, hash)));
    header.hash = chunk_hash.finish();
    content_hash.update(header.hash);
    hashed = 0;
    chunk_hash = Sha256();
    std::memcpy(chunk.memory.get(), &header, sizeof header);
    const std::size_t used = kChunkHeaderBytes + chunk.payload;
    std::memset(chunk.memory.get() + used, 0, chunk.bytes - used);
    queue.push_back(std::move(chunk));
    send();
  }

  void send() {
    for (Flight& flight : flights) {
      if (queue.empty()) return;
      if (flight.operation.pending) continue;
      flight.chunk = std::move(queue.front());
      queue.pop_front();
      device->write(flight.operation, fd, ByteSpan(flight.chunk.memory.get(), flight.chunk.bytes), flight.chunk.offset);
    }
  }

  void on_written(Flight& flight, std::int32_t result) {
    const Chunk chunk{
        .memory = nullptr, .offset = flight.chunk.offset, .bytes = flight.chunk.bytes, .payload = flight.chunk.payload};
    spare.push_back(std::move(flight.chunk.memory));
    unwritten -= std::min<std::uint64_t>(unwritten, chunk.payload);
    if (state == State::failed) return clean_up();
    if (result < 0 || static_cast<std::uint64_t>(result) != chunk.bytes) {
      // A short write is a full disk's way to say so.
      fail(failure_text(sentence("writing at offset ", chunk.offset, " of"), draft, result < 0 ? -result : ENOSPC));
      return;
    }
    written += chunk.bytes;
    send();
    if (!told) listener.on_snapshot_room();
    start_sealing();
  }

  // --- the end ---

  void end() {
    if (state != State::taking) return;
    ELECTRA_ASSERT_EQ(leaves, std::accumulate(leaf_counts.begin(), leaf_counts.end(), std::uint64_t{0}));
    if (filling != nullptr && filled > 0) close_chunk();
    state = State::ended;
  }

  void seal(const SnapshotSeal& fields) {
    if (state != State::ended) return;
    seal_fields = fields;
    seal_wanted = true;
    start_sealing();
  }

  [[nodiscard]] bool chunks_in_flight() const noexcept {
    return std::ranges::any_of(flights, [](const Flight& flight) { return flight.operation.pending; });
  }

  void start_sealing() {
    if (state != State::ended || !seal_wanted || !full.empty() || !queue.empty() || chunks_in_flight()) return;
    state = State::sealing;
    SnapshotHeader header{};
    header.magic = kSnapshotMagic;
    header.format_version = kSnapshotFormatVersion;
    header.header_bytes = kSnapshotHeaderBytes;
    header.batch = batch;
    header.time_ns = seal_fields.time_ns;
    header.genesis_hash = seal_fields.genesis_hash;
    header.journal_id = seal_fields.journal_id;
    header.segment = seal_fields.segment;
    header.record_offset = seal_fields.record_offset;
    header.record_end = seal_fields.record_end;
    header.watermark = seal_fields.watermark;
    header.record_hash = seal_fields.record_hash;
    header.entries = leaves;
    header.payload_bytes = payload_bytes;
    header.file_bytes = file_bytes;
    header.chunks = chunks;
    header.tables = tables;
    header.leaf_counts = leaf_counts;
    header.content_hash = content_hash.finish();
    header.block_header = seal_fields.block_header;
    header.header_hash = compute_header_hash(header);
    std::memset(header_block.get(), 0, kSnapshotHeaderBlockBytes);
    std::memcpy(header_block.get(), &header, sizeof header);
    take_step(Step::header);
  }

  void take_step(Step next) {
    step = next;
    switch (step) {
      case Step::header: return device->write(sealing, fd, ByteSpan(header_block.get(), kSnapshotHeaderBlockBytes), 0);
      case Step::file:   return device->sync(sealing, fd);
      case Step::first:  return sync_path(seal_fields.sync_first);
      case Step::rename:
        device->close(fd);
        fd = -1;
        return device->rename(sealing, draft, path);
      case Step::directory: return sync_path(config.directory);
    }
  }

  void sync_path(const std::filesystem::path& what) {
    const auto opened = device->open(what);
    if (!opened) return fail(failure_text("opening", what, opened.error()));
    step_fd = *opened;
    device->sync(sealing, step_fd);
  }

  void on_step(std::int32_t result) {
    if (step_fd >= 0) device->close(step_fd);
    step_fd = -1;
    const bool whole = step != Step::header || result == static_cast<std::int32_t>(kSnapshotHeaderBlockBytes);
    if (state == State::failed) return clean_up();
    if (result < 0 || !whole) {
      const int error = result < 0 ? -result : ENOSPC;
      switch (step) {
        case Step::header:    return fail(failure_text("writing the header of", draft, error));
        case Step::file:      return fail(failure_text("syncing", draft, error));
        case Step::first:     return fail(failure_text("syncing", seal_fields.sync_first, error));
        case Step::rename:    return fail(failure_text("renaming", draft, error));
        case Step::directory: return fail(failure_text("syncing the directory", config.directory, error));
      }
    }
    switch (step) {
      case Step::header:    written += kSnapshotHeaderBlockBytes; return take_step(Step::file);
      case Step::file:      return take_step(seal_fields.sync_first.empty() ? Step::rename : Step::first);
      case Step::first:     return take_step(Step::rename);
      case Step::rename:    return take_step(Step::directory);
      case Step::directory: break;
    }
    const bool tell = !told;
    become_idle();
    if (tell) {
      listener.on_snapshot_sealed(
          {.batch = batch, .segment = seal_fields.segment, .leaves = leaves, .bytes = file_bytes});
    }
  }

  // --- failure ---

  void fail(std::string text) {
    if (state == State::failed || state == State::idle) return;
    state = State::failed;
    failure = std::move(text);
    full.clear();
    queue.clear();
    filling.reset();
    unwritten = unhashed = 0;
    if (!told) loop.defer(report);
    clean_up();
  }

  void tell_failure() {
    if (std::exchange(told, true)) return;
    listener.on_snapshot_failed(failure);
  }

  void abandon() {
    told = true;
    loop.cancel(report);
    if (state == State::idle) return;
    fail("abandoned");
  }

  // When nothing is in flight any more the draft is removed. What has its name already is whole, and stays.
  void clean_up() {
    if (chunks_in_flight() || sealing.pending || removing.pending) return;
    if (fd >= 0) device->close(fd);
    fd = -1;
    device->remove(removing, draft);
  }

  void become_idle() {
    if (fd >= 0) device->close(fd);
    fd = -1;
    state = State::idle;
    unwritten = unhashed = 0;
    if (spare.size() > kKeptChunks) spare.resize(kKeptChunks);
  }

  [[nodiscard]] bool busy() const noexcept { return state != State::idle; }
};

SnapshotWriter::SnapshotWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SnapshotWriter::~SnapshotWriter() = default;

std::expected<std::unique_ptr<SnapshotWriter>, std::string> SnapshotWriter::open(
    Loop& loop, const SnapshotWriterConfig& config, SnapshotListener& listener,
    std::unique_ptr<SnapshotDevice> device) {
  auto impl = std::make_unique<Impl>(loop, config, listener, std::move(device));
  if (auto opened = impl->open(); !opened) return std::unexpected(opened.error());
  return std::unique_ptr<SnapshotWriter>(new SnapshotWriter(std::move(impl)));
}

std::expected<void, std::string> SnapshotWriter::begin(std::uint64_t batch,
                                                       std::span<const std::uint32_t> leaf_counts) {
  return impl_->begin(batch, leaf_counts);
}
void SnapshotWriter::add(std::uint8_t table, std::uint32_t index, ByteSpan leaf) { impl_->add(table, index, leaf); }
void SnapshotWriter::hash(std::uint64_t bytes) { impl_->hash(bytes); }
std::uint64_t SnapshotWriter::unhashed_bytes() const noexcept { return impl_->unhashed; }
void SnapshotWriter::end() { impl_->end(); }
void SnapshotWriter::seal(const SnapshotSeal& seal) { impl_->seal(seal); }
void SnapshotWriter::abandon() { impl_->abandon(); }
bool SnapshotWriter::busy() const noexcept { return impl_->busy(); }
bool SnapshotWriter::taking() const noexcept { return impl_->state == Impl::State::taking; }
std::uint64_t SnapshotWriter::batch() const noexcept { return impl_->batch; }
std::uint64_t SnapshotWriter::leaves() const noexcept { return impl_->leaves; }
std::uint64_t SnapshotWriter::unwritten_bytes() const noexcept { return impl_->unwritten; }
std::uint64_t SnapshotWriter::bytes_written() const noexcept { return impl_->written; }

}  // namespace electra::io
