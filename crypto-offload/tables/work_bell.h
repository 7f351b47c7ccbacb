// How a thread that works in the background is called, sleeps, says that it is done, and is stopped.
//
// Callers leave work where the worker finds it and then ring. The worker, again and again: counts the calls, fetches
// the work that lies there, does it; when there is none left, it rests with the count from before the fetching. What
// was counted was left before, so all work of so many calls has been done then.
//
// Ringing never waits for work: the mutex is held for moments of falling asleep, waking and being told. Nobody misses
// a call: a caller counts it and then looks whether the worker is asleep; the worker says that it is asleep and then
// looks whether the count has changed. These four are seq_cst, so one of the two sees the other.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>

namespace electra::crypto {

class WorkBell {
 public:
  using Clock = std::chrono::steady_clock;

  // Callers, after they have left work. A few ns while the worker is awake, one system call if it sleeps.
  void ring() noexcept;
  // Callers: waits until the worker rests and has done the work of all calls so far.
  void wait_until_done();
  // The owner: the worker shall return from whatever it waits for, and end.
  void stop() noexcept;

  // The worker.
  [[nodiscard]] std::uint64_t calls() const noexcept { return calls_.load(std::memory_order_seq_cst); }
  [[nodiscard]] bool stopping() const noexcept { return stopping_.load(std::memory_order_relaxed); }
  // Says that the work of so many calls is done, and sleeps until there are more, or until the deadline.
  void rest(std::uint64_t calls, std::optional<Clock::time_point> deadline);
  // Sleeps, whoever calls.
  void nap(Clock::duration duration);

 private:
  alignas(128) std::atomic<std::uint64_t> calls_{0};
  alignas(128) std::atomic<bool> asleep_{false};
  std::atomic<bool> stopping_{false};  // written under the mutex
  std::mutex mutex_;
  std::condition_variable called_;
  std::condition_variable settled_;
  std::uint64_t calls_done_ = 0;  // under the mutex
};

}  // namespace electra::crypto
