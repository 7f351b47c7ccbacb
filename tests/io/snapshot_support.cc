#include "tests/io/snapshot_support.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "meter-proto/base/sha256.h"

namespace electra::io {

Leaves some_leaves(std::uint32_t count, std::size_t bytes) {
  Leaves leaves;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::vector<std::uint8_t> leaf(i % 7 == 3 ? 0 : bytes + i % 5);
    for (std::size_t at = 0; at < leaf.size(); ++at) leaf[at] = static_cast<std::uint8_t>(i * 31 + at * 7 + (at >> 8));
    leaves[{static_cast<std::uint8_t>(i % 3), i / 3}] = std::move(leaf);
  }
  return leaves;
}

std::vector<std::uint32_t> counts_of(const Leaves& leaves) {
  std::vector<std::uint32_t> counts(4);  // the last table is empty
  for (const auto& [place, leaf] : leaves) ++counts[place.first];
  return counts;
}

SnapshotSeal some_seal() {
  SnapshotSeal seal;
  seal.time_ns = 1'451'865'600'000'000'000;
  seal.genesis_hash = test_genesis();
  seal.journal_id = test_journal_id();
  seal.segment = 3;
  seal.record_offset = 8192;
  seal.record_end = 12288;
  seal.watermark = 16;
  seal.record_hash = sha256("record");
  for (std::size_t i = 0; i < seal.block_header.size(); ++i) seal.block_header[i] = static_cast<std::uint8_t>(i);
  return seal;
}

// --- the disk ---

FaultySnapshotDevice::FaultySnapshotDevice(Loop& loop, const SnapshotFault& fault)
    : loop_(loop), fault_(fault), disk_(make_snapshot_device(loop)) {
  deliver_ = {.run =
                  [](void* context) {
                    auto& device = *static_cast<FaultySnapshotDevice*>(context);
                    auto late = std::move(device.late_);
                    device.late_.clear();
                    for (const Late& one : late) {
                      one.operation->pending = false;
                      one.operation->complete(one.operation->context, one.result, 0);
                    }
                  },
              .context = this};
}

bool FaultySnapshotDevice::faulty() {
  const bool hit = fault_.kind != SnapshotFault::Kind::none && operations_++ == fault_.at;
  if (hit && fault_.kind == SnapshotFault::Kind::exit) ::_exit(0);
  return hit;
}

void FaultySnapshotDevice::complete_later(Operation& operation, std::int32_t result) {
  operation.pending = true;
  late_.push_back({&operation, result});
  loop_.defer(deliver_);
}

std::expected<int, int> FaultySnapshotDevice::create(const std::filesystem::path& path) {
  if (faulty()) return std::unexpected(fault_.error);
  return disk_->create(path);
}
std::expected<int, int> FaultySnapshotDevice::open(const std::filesystem::path& path) {
  if (faulty()) return std::unexpected(fault_.error);
  return disk_->open(path);
}
std::expected<int, int> FaultySnapshotDevice::open_to_free(const std::filesystem::path& path) {
  if (faulty()) return std::unexpected(fault_.error);
  return disk_->open_to_free(path);
}
void FaultySnapshotDevice::close(int fd) { disk_->close(fd); }
void FaultySnapshotDevice::write(Operation& operation, int fd, ByteSpan bytes, std::uint64_t offset) {
  if (!faulty()) return disk_->write(operation, fd, bytes, offset);
  const bool part = fault_.kind == SnapshotFault::Kind::short_write;
  complete_later(operation, part ? static_cast<std::int32_t>(bytes.size() / 2) : -fault_.error);
}
void FaultySnapshotDevice::sync(Operation& operation, int fd) {
  if (!faulty()) return disk_->sync(operation, fd);
  complete_later(operation, -fault_.error);
}
void FaultySnapshotDevice::rename(Operation& operation, const std::filesystem::path& from,
                                  const std::filesystem::path& to) {
  if (!faulty()) return disk_->rename(operation, from, to);
  complete_later(operation, -fault_.error);
}
void FaultySnapshotDevice::link(Operation& operation, const std::filesystem::path& from,
                                const std::filesystem::path& to) {
  if (!faulty()) return disk_->link(operation, from, to);
  complete_later(operation, -fault_.error);
}
void FaultySnapshotDevice::remove(Operation& operation, const std::filesystem::path& path) {
  if (!faulty()) return disk_->remove(operation, path);
  complete_later(operation, -fault_.error);
}

void FaultySnapshotDevice::free(Operation& operation, int fd, std::uint64_t offset, std::uint64_t bytes) {
  if (!faulty()) return disk_->free(operation, fd, offset, bytes);
  complete_later(operation, -fault_.error);
}

// --- the writer ---

Snapshots::~Snapshots() { writer_.reset(); }

std::string Snapshots::open(std::optional<SnapshotFault> fault, std::uint64_t unwritten_max) {
  writer_.reset();
  auto loop = Loop::create({.entries = 64});
  if (!loop) return loop.error();
  loop_ = std::move(*loop);
  std::unique_ptr<SnapshotDevice> device;
  if (fault) device = std::make_unique<FaultySnapshotDevice>(*loop_, *fault);
  SnapshotListener& listener = *this;
  auto writer = SnapshotWriter::open(*loop_, {.directory = directory_, .unwritten_bytes_max = unwritten_max}, listener,
                                     std::move(device));
  if (!writer) return writer.error();
  writer_ = std::move(*writer);
  return {};
}

std::string Snapshots::make(std::uint64_t batch, const Leaves& leaves, const SnapshotSeal& seal) {
  const std::size_t failed = failures.size();
  if (auto begun = writer_->begin(batch, counts_of(leaves)); !begun) return begun.error();
  for (const auto& [place, leaf] : leaves) writer_->add(place.first, place.second, leaf);
  writer_->end();
  writer_->hash(UINT64_MAX);
  writer_->seal(seal);
  settle();
  return failures.size() == failed ? std::string() : failures.back();
}

void Snapshots::settle() {
  while (writer_->busy()) loop_->run_once(1'000'000);
  loop_->run_once(0);  // what was put off to the end of a turn
}

// --- the reader ---

std::expected<void, std::string> ReadLeaves::on_header(const SnapshotHeader& said) {
  header = said;
  return {};
}

std::expected<void, std::string> ReadLeaves::on_leaf(std::uint8_t table, std::uint32_t index, ByteSpan leaf) {
  if (!refuse.empty()) return std::unexpected(refuse);
  const bool fresh = leaves.emplace(std::pair(table, index), std::vector(leaf.begin(), leaf.end())).second;
  twice = twice || !fresh;
  return {};
}

std::vector<std::string> file_names(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace electra::io
