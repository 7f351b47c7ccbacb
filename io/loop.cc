#include "io/loop.h"

#include <liburing.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <thread>

#include "meter-proto/base/assert.h"

#if defined(__SANITIZE_THREAD__)
#define ELECTRA_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ELECTRA_TSAN 1
#endif
#endif
#ifdef ELECTRA_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace electra::io {
namespace {

constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

// liburing maps and unmaps its rings by system calls of its own, past ThreadSanitizer. Where one thread's ring lay and
// another's lies now it would see one piece of memory that both use without order. The order is the kernel's, which changes a
// process's mappings one at a time: these two say so.
[[maybe_unused]] char ring_mappings;
void ring_was_mapped() noexcept {
#ifdef ELECTRA_TSAN
  __tsan_acquire(&ring_mappings);
#endif
}
void ring_will_be_unmapped() noexcept {
#ifdef ELECTRA_TSAN
  __tsan_release(&ring_mappings);
#endif
}

// What wake() and the loop say to each other. Only a sleeping loop needs the system call.
enum class Wakefulness : int { running, sleeping, notified };

std::string setup_error_text(int error) {
  std::string text = "the system refuses io_uring (" + std::string(std::strerror(error)) +
                     "): set kernel.io_uring_disabled=0, allow io_uring_setup, io_uring_enter and io_uring_register in "
                     "the container's seccomp profile, or raise RLIMIT_MEMLOCK (ulimit -l)\n";
  switch (error) {
    case EPERM:
    case EACCES:
      text += "likely: sysctl kernel.io_uring_disabled is 1 or 2, or a seccomp profile denies the call";
      break;
    case ENOSYS: text += "likely: the kernel is older than 5.19 or a container's seccomp profile hides the call"; break;
    case ENOMEM: text += "likely: RLIMIT_MEMLOCK is too low"; break;
    case EINVAL: text += "likely: the kernel is older than 5.19 and knows none of the set-up flags"; break;
    case EMFILE:
    case ENFILE: text += "likely: too many open files; raise RLIMIT_NOFILE"; break;
    default:     text += "see io_uring_setup(2) for this error";
  }
  return text;
}

}  // namespace

std::uint64_t monotonic_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kNanosecondsPerSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

struct Loop::Impl {
  io_uring ring{};
  bool ring_ready = false;
  std::thread::id owner = std::this_thread::get_id();

  int event_fd = -1;
  std::uint64_t event_value = 0;
  Operation event_read;
  std::atomic<Wakefulness> wakefulness{Wakefulness::running};
  OnWake on_wake = nullptr;
  void* on_wake_context = nullptr;

  std::array<Timer*, kTimersMax> timers{};
  std::size_t timers_armed = 0;

  Deferred* deferred_first = nullptr;
  Deferred* deferred_last = nullptr;

  std::uint64_t turn_ns = 0;
  bool file_table = false;
  std::uint16_t next_buffer_group = 0;

  ~Impl() {
    if (ring_ready) {
      ring_will_be_unmapped();
      io_uring_queue_exit(&ring);
    }
    if (event_fd >= 0) close(event_fd);
  }

  std::uint64_t earliest_deadline_ns() const noexcept {
    std::uint64_t earliest = UINT64_MAX;
    for (std::size_t i = 0; i < timers_armed; ++i) earliest = std::min(earliest, timers[i]->deadline_ns);
    return earliest;
  }

  // Nanoseconds that the kernel may sleep.
  std::uint64_t wait_ns(std::uint64_t timeout_ns) const noexcept {
    if (deferred_first != nullptr || timeout_ns == 0 || io_uring_cq_ready(&ring) > 0) return 0;
    const std::uint64_t deadline = earliest_deadline_ns();
    if (deadline == UINT64_MAX) return timeout_ns;
    const std::uint64_t now = monotonic_ns();
    return deadline <= now ? 0 : std::min(timeout_ns, deadline - now);
  }

  void submit_and_wait(std::uint64_t sleep_ns) noexcept {
    auto expected = Wakefulness::running;
    const bool may_sleep =
        sleep_ns > 0 && wakefulness.compare_exchange_strong(expected, Wakefulness::sleeping, std::memory_order_seq_cst);
    int status;
    if (!may_sleep) {
      status = io_uring_submit_and_get_events(&ring);
    } else if (sleep_ns == UINT64_MAX) {
      status = io_uring_submit_and_wait(&ring, 1);
    } else {
      __kernel_timespec limit{};
      limit.tv_sec = static_cast<std::int64_t>(sleep_ns / kNanosecondsPerSecond);
      limit.tv_nsec = static_cast<std::int64_t>(sleep_ns % kNanosecondsPerSecond);
      io_uring_cqe* cqe = nullptr;
      status = io_uring_submit_and_wait_timeout(&ring, &cqe, 1, &limit, nullptr);
    }
    // A signal, the time-out, or a kernel short of memory that takes the rest next turn.
    const bool expected_failure =
        status == -ETIME || status == -EINTR || status == -EAGAIN || status == -EBUSY || status == -ENOMEM;
    if (status < 0 && !expected_failure) ELECTRA_ASSERT_EQ(status, 0);
  }

  void deliver_completions() noexcept {
    // Only those that are there now, so that timers get their turn under a steady flow.
    for (unsigned left = io_uring_cq_ready(&ring); left > 0; --left) {
      io_uring_cqe* cqe = nullptr;
      if (io_uring_peek_cqe(&ring, &cqe) != 0) return;
      auto* operation = reinterpret_cast<Operation*>(static_cast<std::uintptr_t>(cqe->user_data));
      const std::int32_t result = cqe->res;
      const std::uint32_t flags = cqe->flags;
      io_uring_cqe_seen(&ring, cqe);
      if (operation == nullptr) continue;  // of a cancellation
      if ((flags & IORING_CQE_F_MORE) == 0) operation->pending = false;
      operation->complete(operation->context, result, flags);
    }
  }

  void fire_timers(Loop& loop) noexcept {
    // A timer that arms itself again in the past fires next turn.
    for (std::size_t left = timers_armed; left > 0; --left) {
      Timer* due = nullptr;
      for (std::size_t i = 0; i < timers_armed; ++i) {
        if (timers[i]->deadline_ns <= turn_ns && (due == nullptr || timers[i]->deadline_ns < due->deadline_ns)) {
          due = timers[i];
        }
      }
      if (due == nullptr) return;
      loop.disarm(*due);
      due->fire(due->context, turn_ns);
    }
  }

  void run_deferred() noexcept {
    for (unsigned round = 0; round < kDeferredRoundsMax && deferred_first != nullptr; ++round) {
      Deferred* const last = deferred_last;
      for (bool more = true; more && deferred_first != nullptr;) {
        Deferred* const call = deferred_first;
        more = call != last;
        deferred_first = call->next;
        if (deferred_first == nullptr) deferred_last = nullptr;
        call->next = nullptr;
        call->queued = false;
        call->run(call->context);
      }
    }
  }

  static void on_event(void* context, std::int32_t result, std::uint32_t) {
    auto& loop = *static_cast<Loop*>(context);
    if (result != -ECANCELED) loop.impl_->read_event(loop);
  }

  void read_event(Loop& loop) noexcept {
    io_uring_sqe* sqe = loop.prepare();
    io_uring_prep_read(sqe, event_fd, &event_value, sizeof event_value, 0);
    loop.seal(sqe, event_read);
  }
};

Loop::Loop(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Loop::~Loop() = default;

std::expected<std::unique_ptr<Loop>, std::string> Loop::create(const LoopConfig& config) {
  auto impl = std::make_unique<Impl>();
  const LoopConfig::Setup setup = config.setup != nullptr ? config.setup : &io_uring_queue_init_params;
  // Best first; a kernel that does not know a flag says EINVAL.
  constexpr std::array<unsigned, 3> kFlags = {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
                                              IORING_SETUP_COOP_TASKRUN, 0};
  int status = -EINVAL;
  for (std::size_t i = 0; i < kFlags.size() && status == -EINVAL; ++i) {
    io_uring_params params{};
    params.flags = kFlags[i] | IORING_SETUP_CQSIZE;
    params.cq_entries = config.entries * 4;
    status = setup(config.entries, &impl->ring, &params);
  }
  if (status < 0) return std::unexpected(setup_error_text(-status));
  impl->ring_ready = true;
  ring_was_mapped();
  impl->event_fd = eventfd(0, EFD_CLOEXEC);  // a non-blocking one would make io_uring return EAGAIN
  if (impl->event_fd < 0) return std::unexpected("cannot make an eventfd: " + std::string(std::strerror(errno)));
  impl->turn_ns = monotonic_ns();

  std::unique_ptr<Loop> loop(new Loop(std::move(impl)));
  loop->impl_->event_read = {.complete = &Impl::on_event, .context = loop.get()};
  loop->impl_->read_event(*loop);
  return loop;
}

void Loop::run_once(std::uint64_t timeout_ns) {
  Impl& self = *impl_;
  ELECTRA_ASSERT(std::this_thread::get_id() == self.owner);
  self.submit_and_wait(self.wait_ns(timeout_ns));
  const bool woken =
      self.wakefulness.exchange(Wakefulness::running, std::memory_order_seq_cst) == Wakefulness::notified;
  self.turn_ns = monotonic_ns();
  self.deliver_completions();
  if (woken && self.on_wake != nullptr) self.on_wake(self.on_wake_context);
  self.fire_timers(*this);
  self.run_deferred();
}

void Loop::run(const std::atomic<bool>& stop) {
  while (!stop.load(std::memory_order_acquire)) run_once();
}

void Loop::wake() noexcept {
  if (impl_->wakefulness.exchange(Wakefulness::notified, std::memory_order_seq_cst) != Wakefulness::sleeping) return;
  const int saved = errno;  // may run in a signal handler
  const std::uint64_t one = 1;
  // The counter cannot be full: at most one write a sleep.
  [[maybe_unused]] const ssize_t written = write(impl_->event_fd, &one, sizeof one);
  errno = saved;
}

void Loop::set_on_wake(OnWake on_wake, void* context) noexcept {
  impl_->on_wake = on_wake;
  impl_->on_wake_context = context;
}

void Loop::arm(Timer& timer, std::uint64_t deadline_ns) noexcept {
  timer.deadline_ns = deadline_ns;
  if (timer.armed) return;
  ELECTRA_ASSERT_LT(impl_->timers_armed, kTimersMax);
  impl_->timers[impl_->timers_armed++] = &timer;
  timer.armed = true;
}

void Loop::disarm(Timer& timer) noexcept {
  if (!timer.armed) return;
  auto& timers = impl_->timers;
  const auto end = timers.begin() + static_cast<std::ptrdiff_t>(impl_->timers_armed);
  const auto place = std::find(timers.begin(), end, &timer);
  ELECTRA_ASSERT(place != end);
  *place = *(end - 1);
  --impl_->timers_armed;
  timer.armed = false;
}

void Loop::defer(Deferred& deferred) noexcept {
  if (deferred.queued) return;
  deferred.queued = true;
  deferred.next = nullptr;
  (impl_->deferred_last != nullptr ? impl_->deferred_last->next : impl_->deferred_first) = &deferred;
  impl_->deferred_last = &deferred;
}

void Loop::cancel(Deferred& deferred) noexcept {
  if (!deferred.queued) return;
  Deferred* before = nullptr;
  for (Deferred* call = impl_->deferred_first; call != &deferred; call = call->next) before = call;
  (before != nullptr ? before->next : impl_->deferred_first) = deferred.next;
  if (impl_->deferred_last == &deferred) impl_->deferred_last = before;
  deferred.next = nullptr;
  deferred.queued = false;
}

std::uint64_t Loop::turn_ns() const noexcept { return impl_->turn_ns; }

io_uring_sqe* Loop::prepare() noexcept {
  io_uring_sqe* sqe = io_uring_get_sqe(&impl_->ring);
  // A full queue is submitted; a kernel short of memory gets some chances.
  for (int attempt = 0; sqe == nullptr && attempt < 1000; ++attempt) {
    if (io_uring_submit(&impl_->ring) < 0) std::this_thread::yield();
    sqe = io_uring_get_sqe(&impl_->ring);
  }
  ELECTRA_ASSERT(sqe != nullptr);
  return sqe;
}

void Loop::seal(io_uring_sqe* sqe, Operation& operation) noexcept {
  ELECTRA_ASSERT(!operation.pending);
  ELECTRA_ASSERT(operation.complete != nullptr);
  operation.pending = true;
  sqe->user_data = reinterpret_cast<std::uintptr_t>(&operation);
}

void Loop::submit_now() noexcept { (void)io_uring_submit(ring()); }

void Loop::cancel(Operation& operation) noexcept {
  if (!operation.pending) return;
  io_uring_sqe* sqe = prepare();
  io_uring_prep_cancel64(sqe, reinterpret_cast<std::uintptr_t>(&operation), 0);
  sqe->user_data = 0;
}

int Loop::register_buffers(std::span<const iovec> buffers) noexcept {
  return io_uring_register_buffers(&impl_->ring, buffers.data(), static_cast<unsigned>(buffers.size()));
}

void Loop::unregister_buffers() noexcept { io_uring_unregister_buffers(&impl_->ring); }

int Loop::register_file(unsigned index, int fd) noexcept {
  ELECTRA_ASSERT_LT(index, kRegisteredFilesMax);
  if (!impl_->file_table) {
    if (const int status = io_uring_register_files_sparse(&impl_->ring, kRegisteredFilesMax); status < 0) return status;
    impl_->file_table = true;
  }
  const int status = io_uring_register_files_update(&impl_->ring, index, &fd, 1);
  return status < 0 ? status : 0;
}

std::uint16_t Loop::new_buffer_group() noexcept { return impl_->next_buffer_group++; }

io_uring* Loop::ring() noexcept { return &impl_->ring; }

}  // namespace electra::io
