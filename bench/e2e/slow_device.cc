#include "bench/e2e/slow_device.h"

#include <deque>
#include <memory>
#include <vector>

#include "io/loop.h"

namespace electra::bench {
namespace {

class SlowDevice final : public io::SegmentDevice {
 public:
  SlowDevice(io::Loop& loop, std::uint64_t delay_ns)
      : loop_(loop), delay_ns_(delay_ns), disk_(io::make_segment_device(loop)) {
    timer_ = {.fire = &SlowDevice::on_timer, .context = this};
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
  [[nodiscard]] bool direct_io() const noexcept override { return disk_->direct_io(); }
  int write_now(int fd, ByteSpan bytes, std::uint64_t offset) override { return disk_->write_now(fd, bytes, offset); }

  void write(io::Operation& operation, const io::SegmentWrite& write) override {
    if (!write.durable) return disk_->write(operation, write);
    disk_->write(hold(operation).own, write);
  }
  void start_sync(io::Operation& operation, int fd) override { disk_->start_sync(hold(operation).own, fd); }

 private:
  struct Held {
    SlowDevice* device = nullptr;
    io::Operation own;                   // of the disk's write
    io::Operation* operation = nullptr;  // that waits for it
    std::int32_t result = 0;
    std::uint64_t due_ns = 0;
  };

  Held& hold(io::Operation& operation) {
    Held& held = take_free();
    held.operation = &operation;
    operation.pending = true;  // as seal() would
    return held;
  }

  Held& take_free() {
    if (free_.empty()) {
      all_.push_back(std::make_unique<Held>());
      Held& made = *all_.back();
      made.device = this;
      made.own = {.complete = &SlowDevice::on_written, .context = &made};
      free_.push_back(&made);
    }
    Held& held = *free_.back();
    free_.pop_back();
    return held;
  }

  static void on_written(void* context, std::int32_t result, std::uint32_t) {
    Held& held = *static_cast<Held*>(context);
    SlowDevice& self = *held.device;
    held.result = result;
    held.due_ns = io::monotonic_ns() + self.delay_ns_;
    self.waiting_.push_back(&held);
    if (!self.timer_.armed) self.loop_.arm(self.timer_, held.due_ns);
  }

  static void on_timer(void* context, std::uint64_t now_ns) {
    auto& self = *static_cast<SlowDevice*>(context);
    while (!self.waiting_.empty() && self.waiting_.front()->due_ns <= now_ns) {
      Held& held = *self.waiting_.front();
      self.waiting_.pop_front();
      self.free_.push_back(&held);
      io::Operation& operation = *held.operation;
      operation.pending = false;
      operation.complete(operation.context, held.result, 0);
    }
    if (!self.waiting_.empty()) self.loop_.arm(self.timer_, self.waiting_.front()->due_ns);
  }

  io::Loop& loop_;
  const std::uint64_t delay_ns_;
  std::unique_ptr<io::SegmentDevice> disk_;
  std::vector<std::unique_ptr<Held>> all_;
  std::vector<Held*> free_;
  std::deque<Held*> waiting_;  // by due_ns, because the delay is the same for all
  io::Timer timer_;
};

}  // namespace

std::unique_ptr<io::SegmentDevice> slow_device(io::Loop& loop, std::uint64_t delay_ns) {
  return std::make_unique<SlowDevice>(loop, delay_ns);
}

}  // namespace electra::bench
