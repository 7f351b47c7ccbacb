#include "tests/io/support.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "meter-proto/base/sha256.h"

namespace electra::io {

TemporaryDirectory::TemporaryDirectory(Where where) {
  std::string base = std::filesystem::temp_directory_path().string();
  if (where == Where::memory && access("/dev/shm", W_OK) == 0) base = "/dev/shm";
  std::string name = base + "/electra-io-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) std::abort();
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

SmallFileSystem::SmallFileSystem(const std::string& options) {
  mounted_ = mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, options.c_str()) == 0;
}

SmallFileSystem::~SmallFileSystem() {
  if (mounted_) umount2(directory_.path().c_str(), MNT_DETACH);
}

std::vector<std::uint8_t> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_file(const std::filesystem::path& path, ByteSpan bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  ASSERT_TRUE(file.good());
}

Bytes32 test_genesis() { return sha256("electra test genesis"); }

Bytes16 test_journal_id() {
  Bytes16 id;
  id.fill(0x1d);
  return id;
}

RecordSpec record_spec(std::uint64_t segment, std::uint64_t batch, const Bytes32& last_hash) {
  RecordSpec spec;
  RecordHeader& header = spec.header;
  header.magic = kRecordMagic;
  header.format_version = kJournalFormatVersion;
  header.rules_version = 1;
  header.header_bytes = kRecordHeaderBytes;
  header.segment = segment;
  header.batch = batch;
  header.previous_hash = last_hash;
  header.time_ns = 1'000'000'000 + batch;
  header.watermark = batch - 1;
  header.genesis_hash = test_genesis();
  header.journal_id = test_journal_id();
  spec.envelopes = {"envelope one of batch " + std::to_string(batch), "and two"};
  return spec;
}

SealedRecord seal_record(const RecordSpec& spec) {
  std::vector<std::uint8_t> body;
  for (const std::string& envelope : spec.envelopes) {
    body.push_back(static_cast<std::uint8_t>(envelope.size() & 0xff));
    body.push_back(static_cast<std::uint8_t>(envelope.size() >> 8));
    body.insert(body.end(), envelope.begin(), envelope.end());
  }
  RecordSpec filled = spec;
  filled.header.count = static_cast<std::uint32_t>(spec.envelopes.size());
  filled.header.body_bytes = static_cast<std::uint32_t>(body.size());
  filled.header.body_hash = sha256(body);
  return seal_header_as_is(filled, body);
}

SealedRecord seal_header_as_is(const RecordSpec& spec, ByteSpan body) {
  RecordHeader header = spec.header;
  header.record_hash = compute_record_hash(header);
  SealedRecord record;
  record.hash = header.record_hash;
  record.bytes.resize(record_bytes(body.size()));
  std::memcpy(record.bytes.data(), &header, sizeof header);
  std::copy(body.begin(), body.end(), record.bytes.begin() + kRecordHeaderBytes);
  return record;
}

bool Recovered::on_record(const RecordView& record) {
  Record copy{record.header, {}, record.file_offset};
  EntryCursor cursor(record.body);
  for (ByteSpan envelope; cursor.next(envelope);) copy.envelopes.emplace_back(text_of(envelope));
  records.push_back(std::move(copy));
  return true;
}

FaultyDevice::FaultyDevice(Loop& loop, std::shared_ptr<FaultPlan> plan)
    : loop_(loop), plan_(std::move(plan)), disk_(make_segment_device(loop)) {
  deliver_ = {.run =
                  [](void* context) {
                    auto& self = *static_cast<FaultyDevice*>(context);
                    for (const Late& late : std::exchange(self.late_, {})) {
                      late.operation->pending = false;
                      late.operation->complete(late.operation->context, late.result, 0);
                    }
                  },
              .context = this};
}

std::expected<int, int> FaultyDevice::open(const std::filesystem::path& path, bool create) {
  if (create && plan_->fail_create != 0) return std::unexpected(plan_->fail_create);
  return disk_->open(path, create);
}
int FaultyDevice::truncate(int fd, std::uint64_t bytes) {
  return plan_->fail_truncate != 0 ? plan_->fail_truncate : disk_->truncate(fd, bytes);
}
int FaultyDevice::sync(int fd) { return disk_->sync(fd); }
int FaultyDevice::sync_directory(const std::filesystem::path& directory) {
  return plan_->fail_sync_directory != 0 ? plan_->fail_sync_directory : disk_->sync_directory(directory);
}
int FaultyDevice::remove(const std::filesystem::path& path) { return disk_->remove(path); }
void FaultyDevice::close(int fd) { disk_->close(fd); }
bool FaultyDevice::direct_io() const noexcept { return disk_->direct_io(); }
int FaultyDevice::write_now(int fd, ByteSpan bytes, std::uint64_t offset) {
  return disk_->write_now(fd, bytes, offset);
}

void FaultyDevice::write(Operation& operation, const SegmentWrite& write) {
  const bool record = std::memcmp(write.bytes.data(), kRecordMagic.data(), kRecordMagic.size()) == 0;
  const bool counts = record || !plan_->records_only;
  const bool hit = counts && plan_->kind != FaultPlan::Kind::none && writes_ == plan_->write_index;
  if (counts) ++writes_;
  if (!hit) {
    disk_->write(operation, write);
    return;
  }
  const std::uint64_t reached = std::min<std::uint64_t>(plan_->bytes_written, write.bytes.size());
  if (reached > 0) {
    // Through the page cache: O_DIRECT does not write parts of a block. What stood there before stays behind it.
    const std::string path = "/proc/self/fd/" + std::to_string(write.fd);
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(write.offset));
    file.write(reinterpret_cast<const char*>(write.bytes.data()), static_cast<std::streamsize>(reached));
  }
  const bool is_short = plan_->kind == FaultPlan::Kind::short_write;
  complete_later(operation, is_short ? static_cast<std::int32_t>(reached) : -plan_->error);
}

void FaultyDevice::start_sync(Operation& operation, int fd) {
  if (plan_->fail_sync == 0) return disk_->start_sync(operation, fd);
  complete_later(operation, -plan_->fail_sync);
}

void FaultyDevice::complete_later(Operation& operation, std::int32_t result) {
  operation.pending = true;
  late_.push_back({&operation, result});
  loop_.defer(deliver_);
}

Journal::Journal(std::filesystem::path directory, JournalConfig config, std::uint32_t buffers)
    : directory_(std::move(directory)), config_(std::move(config)), buffers_(buffers) {
  config_.directory = directory_;
  auto loop = Loop::create({.entries = 64});
  if (!loop) throw std::runtime_error(loop.error());
  loop_ = std::move(*loop);
  auto pool = RecordBufferPool::create(buffers_);
  if (!pool) throw std::runtime_error(pool.error());
  pool_ = std::move(*pool);
}

Journal::~Journal() { close(); }

JournalConfig Journal::small_config() {
  JournalConfig config;
  config.segment_bytes = 256 * 1024;
  config.lead_bytes = config.segment_bytes;
  return config;
}

std::string Journal::open(std::shared_ptr<FaultPlan> plan, const Bytes32& genesis) {
  close();
  recovered.records.clear();
  durable.clear();
  failure.clear();
  auto recovery = recover_journal(directory_, genesis, &recovered);
  if (!recovery) return recovery.error().text();
  recovery_ = *recovery;
  time_ns_ = recovery_.position.last_time_ns;
  std::unique_ptr<SegmentDevice> device;
  if (plan != nullptr) device = std::make_unique<FaultyDevice>(*loop_, plan);
  auto writer = JournalWriter::open(*loop_, config_, recovery_.position, *pool_, *this, std::move(device));
  if (!writer) return writer.error();
  writer_ = std::move(*writer);
  return "";
}

void Journal::close() {
  if (writer_ == nullptr) return;
  writer_.reset();
  // A failed writer keeps what it had.
  auto pool = RecordBufferPool::create(buffers_);
  if (pool) pool_ = std::move(*pool);
}

std::uint64_t Journal::append(const std::vector<std::string>& envelopes, std::uint32_t flags) {
  RecordBuffer* buffer = pool_->acquire();
  while (buffer == nullptr && failure.empty()) {
    loop_->run_once();
    buffer = pool_->acquire();
  }
  if (buffer == nullptr) return 0;
  for (const std::string& envelope : envelopes) EXPECT_TRUE(buffer->append(bytes_of(envelope)));
  const std::uint64_t batch = writer_->append(*buffer, {.time_ns = ++time_ns_, .rules_version = 1, .flags = flags});
  if (batch == 0) pool_->release(*buffer);
  return batch;
}

void Journal::settle() {
  while (!writer_->idle() && failure.empty()) loop_->run_once(1'000'000'000);
}

void Journal::on_durable(RecordBuffer& buffer, const DurableRecord& record) {
  EXPECT_TRUE(failure.empty()) << "a record was called durable after a failure";
  durable.push_back(record);
  pool_->release(buffer);
}

void Journal::on_journal_failed(const std::string& text) {
  EXPECT_TRUE(failure.empty()) << "a failure was told twice";
  failure = text;
}

}  // namespace electra::io
