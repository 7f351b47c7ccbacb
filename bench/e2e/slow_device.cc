#include "bench/e2e/slow_device.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "io/loop.h"

namespace electra::bench {
namespace {

class SlowDevice final : public io::SegmentDevice {
 public:
  SlowDevice(io::Loop& loop, const SlowDeviceOptions& options)
      : loop_(loop), options_(options), disk_(io::make_segment_device(loop)) {
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
    Held& held = hold(operation);
    held.write = true;
    ++under_way_;
    if (options_.under_way_max != nullptr && under_way_ > options_.under_way_max->load()) {
      options_.under_way_max->store(under_way_);
    }
    disk_->write(held.own, write);
  }
  void start_sync(io::Operation& operation, int fd) override { disk_->start_sync(hold(operation).own, fd); }

 private:
  struct Held {
    SlowDevice* device = nullptr;
    io::Operation own;                   // of the disk's write
    io::Operation* operation = nullptr;  // that waits for it
    std::int32_t result = 0;
    std::uint64_t number = 0;  // in the order in which they were begun
    std::uint64_t due_ns = 0;
    bool write = false;
  };

  Held& hold(io::Operation& operation) {
    Held& held = take_free();
    held.operation = &operation;
    held.number = next_++;
    held.write = false;
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
    held.due_ns = io::monotonic_ns() + self.options_.delay_ns;
    self.waiting_.push_back(&held);
    if (!self.timer_.armed) self.loop_.arm(self.timer_, held.due_ns);
  }

  static void on_timer(void* context, std::uint64_t now_ns) {
    auto& self = *static_cast<SlowDevice*>(context);
    const auto undue =
        self.options_.newest_first
            ? self.waiting_.end()
            : std::ranges::find_if(self.waiting_, [=](const Held* held) { return held->due_ns > now_ns; });
    std::vector<Held*> due(self.waiting_.begin(), undue);
    self.waiting_.erase(self.waiting_.begin(), undue);
    if (self.options_.newest_first) std::ranges::sort(due, std::greater{}, &Held::number);
    for (Held* held : due) self.complete(*held);
    if (!self.waiting_.empty()) self.loop_.arm(self.timer_, self.waiting_.front()->due_ns);
  }

  // The owner may begin the next write inside the call.
  void complete(Held& held) {
    if (held.write) --under_way_;
    io::Operation& operation = *held.operation;
    const std::int32_t result = held.result;
    free_.push_back(&held);
    operation.pending = false;
    operation.complete(operation.context, result, 0);
  }

  io::Loop& loop_;
  const SlowDeviceOptions options_;
  std::unique_ptr<io::SegmentDevice> disk_;
  std::vector<std::unique_ptr<Held>> all_;
  std::vector<Held*> free_;
  std::vector<Held*> waiting_;  // by due_ns, because the delay is the same for all
  std::uint64_t next_ = 0;
  std::uint32_t under_way_ = 0;
  io::Timer timer_;
};

}  // namespace

std::unique_ptr<io::SegmentDevice> slow_device(io::Loop& loop, const SlowDeviceOptions& options) {
  return std::make_unique<SlowDevice>(loop, options);
}

}  // namespace electra::bench
