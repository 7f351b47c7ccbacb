// One io_uring loop: everything that waits (sockets, the journal's writes, timers, other threads) waits here, in one place.
//
// The thread that calls create() owns the loop and everything built on it; only wake() may be called from elsewhere
// (any thread, also a signal handler). The loop blocks in one io_uring_enter a turn and never polls: a busy poller starves
// the kernel worker that completes a durable write (462 instead of 9,400 writes/s were measured).
// A turn is: submit and wait; completions; on_wake; due timers; deferred calls. What a turn prepares is submitted by one
// system call at the start of the next. Nothing is allocated after create().
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>

struct io_uring;
struct io_uring_params;
struct io_uring_sqe;
struct iovec;

namespace electra::io {

// CLOCK_MONOTONIC in nanoseconds.
[[nodiscard]] std::uint64_t monotonic_ns() noexcept;

// Something submitted to the ring. Embedded in (or a base of) its owner; its address is the request's user_data, so it
// stays where it is until `pending` is false again.
struct Operation {
  // result: as the system call, or -errno. flags: IORING_CQE_F_*. With IORING_CQE_F_MORE the operation goes on.
  using Complete = void (*)(void* context, std::int32_t result, std::uint32_t flags);

  Complete complete = nullptr;
  void* context = nullptr;
  bool pending = false;  // set by Loop::seal, cleared before the last completion is delivered
};

// A call at or after a monotonic instant, once. Arming again moves it. The owner disarms it before it goes away.
struct Timer {
  using Fire = void (*)(void* context, std::uint64_t now_ns);

  Fire fire = nullptr;
  void* context = nullptr;
  std::uint64_t deadline_ns = 0;  // of the loop while armed
  bool armed = false;
};

// A call at the end of the turn, for what should happen once a turn however often it was asked for (form a batch, flush
// outputs). Deferred calls may defer others: these still run in the same turn.
struct Deferred {
  using Run = void (*)(void* context);

  Run run = nullptr;
  void* context = nullptr;
  Deferred* next = nullptr;  // of the loop while queued
  bool queued = false;
};

struct LoopConfig {
  // Submission queue entries, a power of two 1..32768. A turn that prepares more costs one more system call.
  unsigned entries = 1024;
  // io_uring_queue_init_params, or what a test puts in its place. Returns 0 or -errno.
  using Setup = int (*)(unsigned entries, io_uring* ring, io_uring_params* params);
  Setup setup = nullptr;  // nullptr: the real one
};

class Loop {
 public:
  static constexpr std::size_t kTimersMax = 64;       // armed at once
  static constexpr unsigned kDeferredRoundsMax = 16;  // rounds of deferred calls a turn; the rest waits one turn
  static constexpr unsigned kRegisteredFilesMax = 16;

  // Called on the thread that will run the loop. On failure the text's first line says that the system refuses io_uring
  // and what to change (kernel.io_uring_disabled, the container's seccomp profile, RLIMIT_MEMLOCK).
  [[nodiscard]] static std::expected<std::unique_ptr<Loop>, std::string> create(const LoopConfig& config = {});
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // One turn. Waits for the first event, at most timeout_ns (0: does not wait; UINT64_MAX: as long as it takes), and less
  // when a timer is due earlier.
  void run_once(std::uint64_t timeout_ns = UINT64_MAX);

  // Turns until `stop` is true. Who sets it from elsewhere calls wake() afterwards.
  void run(const std::atomic<bool>& stop);

  // Ends the current wait, or keeps the next one from starting. Any thread; async-signal-safe; a system call only if the
  // loop sleeps. Any number of calls before a turn lead to one on_wake.
  void wake() noexcept;

  // The call on the loop's thread that follows a wake(). nullptr: none.
  using OnWake = void (*)(void* context);
  void set_on_wake(OnWake on_wake, void* context) noexcept;

  void arm(Timer& timer, std::uint64_t deadline_ns) noexcept;
  void disarm(Timer& timer) noexcept;

  // Queues the call for the end of this turn (of the next one when called outside of a turn); again is no-op.
  void defer(Deferred& deferred) noexcept;
  void cancel(Deferred& deferred) noexcept;

  // Monotonic time, taken once a turn when the wait ended.
  [[nodiscard]] std::uint64_t turn_ns() const noexcept;

  // --- for what is built on the ring (tcp server, journal) ---

  // An empty submission entry. The caller fills it by io_uring_prep_* and then calls seal(), which names the operation that
  // gets the completion (not before: prep clears the field).
  [[nodiscard]] io_uring_sqe* prepare() noexcept;
  void seal(io_uring_sqe* sqe, Operation& operation) noexcept;

  // Hands what was prepared to the kernel now instead of at the turn's end: for a write that shall run beside the
  // computation that follows. One system call.
  void submit_now() noexcept;

  // Asks the kernel to end a pending operation; its completion still comes.
  void cancel(Operation& operation) noexcept;

  // Registers memory for fixed-buffer reads and writes; one registration at a time. 0 or -errno (ENOMEM: RLIMIT_MEMLOCK); without it
  // callers use plain writes.
  [[nodiscard]] int register_buffers(std::span<const iovec> buffers) noexcept;
  void unregister_buffers() noexcept;
  // Puts fd (-1: nothing) at an index of the registered file table. 0 or -errno.
  [[nodiscard]] int register_file(unsigned index, int fd) noexcept;

  // A number for a group of provided buffers that nobody else on this loop has.
  [[nodiscard]] std::uint16_t new_buffer_group() noexcept;

  [[nodiscard]] io_uring* ring() noexcept;

 private:
  struct Impl;
  explicit Loop(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace electra::io
