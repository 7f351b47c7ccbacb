#include "tests/pipeline/snapshot_support.h"

#include <gtest/gtest.h>

#include "io/journal/segment_files.h"
#include "io/snapshot/snapshot_directory.h"

namespace electra::test {
namespace {

class WatchedDevice final : public io::SnapshotDevice {
 public:
  WatchedDevice(io::Loop& loop, SnapshotDisk& disk) : loop_(loop), disk_(disk), real_(io::make_snapshot_device(loop)) {
    timer_ = {.fire = [](void* context, std::uint64_t) { static_cast<WatchedDevice*>(context)->deliver(); },
              .context = this};
  }
  ~WatchedDevice() override { loop_.disarm(timer_); }

  std::expected<int, int> create(const std::filesystem::path& path) override {
    if (fails()) return std::unexpected(disk_.error.load());
    return real_->create(path);
  }
  std::expected<int, int> open(const std::filesystem::path& path) override {
    if (fails()) return std::unexpected(disk_.error.load());
    return real_->open(path);
  }
  std::expected<int, int> open_to_free(const std::filesystem::path& path) override {
    if (fails()) return std::unexpected(disk_.error.load());
    return real_->open_to_free(path);
  }
  void close(int fd) override { real_->close(fd); }
  int sync_directory(const std::filesystem::path& directory) override { return real_->sync_directory(directory); }
  void write(io::Operation& operation, int fd, ByteSpan bytes, std::uint64_t offset) override {
    begin(operation, [&](io::Operation& own) { real_->write(own, fd, bytes, offset); });
  }
  void sync(io::Operation& operation, int fd) override {
    begin(operation, [&](io::Operation& own) { real_->sync(own, fd); });
  }
  void rename(io::Operation& operation, const std::filesystem::path& from, const std::filesystem::path& to) override {
    if (disk_.on_rename) disk_.on_rename(to);
    begin(operation, [&](io::Operation& own) { real_->rename(own, from, to); });
  }
  void link(io::Operation& operation, const std::filesystem::path& from, const std::filesystem::path& to) override {
    begin(operation, [&](io::Operation& own) { real_->link(own, from, to); });
  }
  void remove(io::Operation& operation, const std::filesystem::path& path) override {
    begin(operation, [&](io::Operation& own) { real_->remove(own, path); });
  }
  void free(io::Operation& operation, int fd, std::uint64_t offset, std::uint64_t bytes) override {
    begin(operation, [&](io::Operation& own) { real_->free(own, fd, offset, bytes); });
  }

 private:
  struct Flight {
    WatchedDevice* device = nullptr;
    io::Operation own;
    io::Operation* caller = nullptr;
    std::int32_t result = 0;
    bool done = false;
  };

  bool fails() {
    disk_.operations.fetch_add(1);
    if (disk_.fail_in.load() < 0) return false;
    return disk_.fail_in.fetch_sub(1) == 0;
  }

  template <typename F>
  void begin(io::Operation& operation, F&& start) {
    flights_.push_back(std::make_unique<Flight>());
    Flight& flight = *flights_.back();
    flight.device = this;
    flight.caller = &operation;
    flight.own = {.complete =
                      [](void* context, std::int32_t result, std::uint32_t) {
                        auto& done = *static_cast<Flight*>(context);
                        done.result = result;
                        done.done = true;
                        done.device->deliver();
                      },
                  .context = &flight};
    operation.pending = true;
    if (fails()) {
      flight.result = -disk_.error.load();
      flight.done = true;
      if (!timer_.armed) loop_.arm(timer_, io::monotonic_ns());
    } else {
      start(flight.own);
    }
  }

  void deliver() {
    if (!disk_.held.load()) {
      std::vector<std::unique_ptr<Flight>> due;
      for (auto& flight : flights_) {
        if (flight->done) due.push_back(std::move(flight));
      }
      std::erase(flights_, nullptr);
      for (const auto& flight : due) {
        flight->caller->pending = false;
        flight->caller->complete(flight->caller->context, flight->result, 0);
      }
    }
    if (!flights_.empty() && !timer_.armed) loop_.arm(timer_, io::monotonic_ns() + 1'000'000);
  }

  io::Loop& loop_;
  SnapshotDisk& disk_;
  std::unique_ptr<io::SnapshotDevice> real_;
  std::vector<std::unique_ptr<Flight>> flights_;
  io::Timer timer_;
};

}  // namespace

std::unique_ptr<io::SnapshotDevice> make_watched_device(io::Loop& loop, SnapshotDisk& disk) {
  return std::make_unique<WatchedDevice>(loop, disk);
}

pipeline::GatewaySettings SnapshotChain::settings(std::uint64_t every_bytes) const {
  pipeline::GatewaySettings settings = BlockChain::settings();
  settings.segment_bytes = 64 * 1024;
  settings.snapshots.directory = snapshots();
  settings.snapshots.every_bytes = every_bytes;
  settings.snapshots.keep = 64;
  settings.snapshots.archive_directory = archive();
  settings.snapshots.other_device = [disk = disk](io::Loop& loop) { return make_watched_device(loop, *disk); };
  return settings;
}

std::vector<std::uint64_t> SnapshotChain::batches() const {
  auto listed = io::list_snapshots(snapshots());
  EXPECT_TRUE(listed) << listed.error();
  return listed ? std::move(*listed) : std::vector<std::uint64_t>();
}

std::filesystem::path SnapshotChain::file(std::uint64_t batch) const { return snapshots() / io::snapshot_name(batch); }

void SnapshotChain::damage(std::uint64_t batch) const {
  Bytes bytes = file_bytes(file(batch));
  bytes[bytes.size() / 2] ^= 1;
  write_bytes(file(batch), bytes);
}

std::vector<std::uint64_t> SnapshotChain::segments() const {
  auto listed = io::list_segments(data());
  EXPECT_TRUE(listed);
  return listed ? std::move(*listed) : std::vector<std::uint64_t>();
}

std::function<void(const pipeline::SnapshotEvent&)> SnapshotLog::listener() {
  return [shared = shared_](const pipeline::SnapshotEvent& event) {
    const std::lock_guard lock(shared->mutex);
    shared->events.push_back(event);
  };
}

std::vector<pipeline::SnapshotEvent> SnapshotLog::events() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->events;
}

std::size_t SnapshotLog::count(pipeline::SnapshotEvent::Kind kind) const {
  const auto all = events();
  return static_cast<std::size_t>(
      std::ranges::count_if(all, [kind](const pipeline::SnapshotEvent& event) { return event.kind == kind; }));
}

std::size_t SnapshotLog::under_way() const {
  using Kind = pipeline::SnapshotEvent::Kind;
  const auto all = events();
  const auto count = [&](Kind kind) { return std::ranges::count(all, kind, &pipeline::SnapshotEvent::kind); };
  return static_cast<std::size_t>(
      std::max<std::ptrdiff_t>(count(Kind::begun) - count(Kind::sealed) - count(Kind::failed), 0));
}

bool SnapshotLog::wait_for(pipeline::SnapshotEvent::Kind kind, std::size_t wanted) const {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (count(kind) < wanted) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

void send_readings(Client& client, std::uint64_t count) {
  const std::uint64_t first = client.holder(kM2).highest_sequence() + 1;
  for (std::uint64_t i = 0; i < count; ++i) {
    ASSERT_TRUE(client.ask(first + i, reading(0, first + i)).receipt) << first + i;
  }
}

void send_readings(Client& client, std::uint64_t count, const SnapshotLog& log) {
  const std::size_t cut_off = log.under_way();  // in lives before
  for (bool ends = true; count > 0; --count) {
    ASSERT_NO_FATAL_FAILURE(send_readings(client, 1));
    const auto deadline = std::chrono::steady_clock::now() + 1s;
    while (ends && log.under_way() > cut_off) {
      ends = std::chrono::steady_clock::now() <= deadline;
      std::this_thread::sleep_for(1ms);
    }
  }
}

}  // namespace electra::test
