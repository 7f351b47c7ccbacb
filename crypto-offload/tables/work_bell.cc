#include "crypto-offload/tables/work_bell.h"

namespace electra::crypto {

void WorkBell::ring() noexcept {
  calls_.fetch_add(1, std::memory_order_seq_cst);
  if (!asleep_.load(std::memory_order_seq_cst)) return;
  {
    const std::lock_guard lock(mutex_);
  }  // now the worker waits, and is not about to
  called_.notify_one();
}

void WorkBell::wait_until_done() {
  const std::uint64_t so_far = calls();
  std::unique_lock lock(mutex_);
  settled_.wait(lock, [&] { return calls_done_ >= so_far; });
}

void WorkBell::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_.store(true, std::memory_order_relaxed);
  }
  called_.notify_one();
}

void WorkBell::rest(std::uint64_t calls_done, std::optional<Clock::time_point> deadline) {
  std::unique_lock lock(mutex_);
  calls_done_ = calls_done;
  settled_.notify_all();
  asleep_.store(true, std::memory_order_seq_cst);
  const auto called = [&] { return stopping() || calls() != calls_done; };
  if (deadline) {
    called_.wait_until(lock, *deadline, called);
  } else {
    called_.wait(lock, called);
  }
  asleep_.store(false, std::memory_order_relaxed);
}

void WorkBell::nap(Clock::duration duration) {
  std::unique_lock lock(mutex_);
  called_.wait_for(lock, duration, [this] { return stopping(); });
}

}  // namespace electra::crypto
