// A disk for tests whose records become durable late, and the newest first.
#pragma once

#include <gtest/gtest.h>

#include <atomic>

#include "io/journal/record_format.h"
#include "io/journal/segment_device.h"
#include "io/loop.h"
#include "tests/pipeline/support.h"

namespace electra::test {

struct Watch {
  std::atomic<std::uint32_t> pending{0};
  std::atomic<std::uint32_t> pending_max{0};
};

// The disk, but what it writes while the gateway runs becomes durable late, and the newest first.
class SlowDevice final : public io::SegmentDevice {
 public:
  SlowDevice(io::Loop& loop, Watch& watch) : loop_(loop), watch_(watch), disk_(io::make_segment_device(loop)) {
    timer_.fire = [](void* context, std::uint64_t) { static_cast<SlowDevice*>(context)->complete_all(); };
    timer_.context = this;
  }
  ~SlowDevice() override { loop_.disarm(timer_); }
  std::expected<int, int> open(const std::filesystem::path& path, bool create) override {
    return disk_->open(path, create);
  }
  int truncate(int fd, std::uint64_t bytes) override { return disk_->truncate(fd, bytes); }
  int sync(int fd) override { return disk_->sync(fd); }
  int sync_directory(const std::filesystem::path& directory) override { return disk_->sync_directory(directory); }
  int remove(const std::filesystem::path& path) override { return disk_->remove(path); }
  void close(int fd) override { disk_->close(fd); }
  bool direct_io() const noexcept override { return disk_->direct_io(); }
  int write_now(int fd, ByteSpan bytes, std::uint64_t offset) override { return disk_->write_now(fd, bytes, offset); }
  void write(io::Operation& operation, const io::SegmentWrite& write) override {
    const bool record = std::equal(io::kRecordMagic.begin(), io::kRecordMagic.end(), write.bytes.begin());
    if (!record) return disk_->write(operation, write);
    ASSERT_EQ(disk_->write_now(write.fd, write.bytes, write.offset), 0);
    operation.pending = true;
    late_.push_back({&operation, static_cast<std::int32_t>(write.bytes.size())});
    const auto pending = static_cast<std::uint32_t>(late_.size());
    if (pending > watch_.pending_max.load()) watch_.pending_max.store(pending);
    if (!timer_.armed) loop_.arm(timer_, io::monotonic_ns() + 20'000'000);
  }
  void start_sync(io::Operation& operation, int fd) override { disk_->start_sync(operation, fd); }

 private:
  struct Late {
    io::Operation* operation;
    std::int32_t result;
  };
  void complete_all() {
    std::vector<Late> due;
    due.swap(late_);
    for (auto late = due.rbegin(); late != due.rend(); ++late) {
      late->operation->pending = false;
      late->operation->complete(late->operation->context, late->result, 0);
    }
  }

  io::Loop& loop_;
  Watch& watch_;
  std::unique_ptr<io::SegmentDevice> disk_;
  std::vector<Late> late_;
  io::Timer timer_;
};

}  // namespace electra::test
