#include "io/loop.h"

#include <gtest/gtest.h>
#include <liburing.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <thread>
#include <vector>

namespace electra::io {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;

std::unique_ptr<Loop> make_loop() {
  auto loop = Loop::create({.entries = 16});
  EXPECT_TRUE(loop.has_value()) << loop.error();
  return std::move(*loop);
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

TEST(Loop, WhenTheSystemRefusesIoUringTheFirstLineSaysSoAndWhatToChange) {
  struct Case {
    int error;
    LoopConfig::Setup setup;
    const char* likely;
  };
  const Case cases[] = {
      {EPERM, [](unsigned, io_uring*, io_uring_params*) { return -EPERM; }, "io_uring_disabled"},
      {EACCES, [](unsigned, io_uring*, io_uring_params*) { return -EACCES; }, "seccomp"},
      {ENOSYS, [](unsigned, io_uring*, io_uring_params*) { return -ENOSYS; }, "kernel is older"},
      {ENOMEM, [](unsigned, io_uring*, io_uring_params*) { return -ENOMEM; }, "RLIMIT_MEMLOCK"},
      {EINVAL, [](unsigned, io_uring*, io_uring_params*) { return -EINVAL; }, "flags"},
      {EMFILE, [](unsigned, io_uring*, io_uring_params*) { return -EMFILE; }, "RLIMIT_NOFILE"},
  };
  for (const Case& test : cases) {
    const auto loop = Loop::create({.setup = test.setup});
    ASSERT_FALSE(loop.has_value());
    const std::string line = first_line(loop.error());
    EXPECT_NE(line.find("the system refuses io_uring"), std::string::npos) << line;
    EXPECT_NE(line.find(std::strerror(test.error)), std::string::npos) << line;
    for (const char* remedy : {"kernel.io_uring_disabled", "seccomp", "RLIMIT_MEMLOCK"}) {
      EXPECT_NE(line.find(remedy), std::string::npos) << line;
    }
    EXPECT_NE(loop.error().find(test.likely), std::string::npos) << loop.error();
  }
}

TEST(Loop, IsRefusedUnderARealSeccompFilter) {
  int answer[2];
  ASSERT_EQ(pipe(answer), 0);
  const pid_t child = fork();
  if (child == 0) {
    sock_filter filter[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, __NR_io_uring_setup},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    const sock_fprog program{.len = 4, .filter = filter};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(2);
    const auto loop = Loop::create();
    const std::string text = loop.has_value() ? "made a loop" : loop.error();
    _exit(write(answer[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  close(answer[1]);
  char text[2048] = {};
  const ssize_t length = read(answer[0], text, sizeof text - 1);
  close(answer[0]);
  if (WEXITSTATUS(status) == 2) GTEST_SKIP() << "this process may not set a seccomp filter";
  ASSERT_GT(length, 0);
  EXPECT_EQ(first_line(text).find("the system refuses io_uring (Operation not permitted)"), 0u) << text;
}

TEST(Loop, OlderKernelsGetFewerFlags) {
  static std::vector<unsigned> asked;
  asked.clear();
  const auto setup = [](unsigned entries, io_uring* ring, io_uring_params* params) {
    asked.push_back(params->flags);
    if ((params->flags & IORING_SETUP_DEFER_TASKRUN) != 0) return -EINVAL;
    return io_uring_queue_init_params(entries, ring, params);
  };
  const auto loop = Loop::create({.setup = setup});
  ASSERT_TRUE(loop.has_value()) << loop.error();
  EXPECT_EQ(asked.size(), 2u);
  (*loop)->run_once(0);
}

TEST(Loop, FiresTimersInOrderAndNeverEarly) {
  struct Shot {
    Timer timer;
    std::vector<int>* order = nullptr;
    int number = 0;
    std::uint64_t fired_ns = 0;
  };
  const auto loop = make_loop();
  std::vector<int> order;
  std::vector<Shot> shots(5);
  const std::uint64_t start = monotonic_ns();
  for (int i = 0; i < 5; ++i) {
    Shot& shot = shots[static_cast<std::size_t>(i)];
    shot.order = &order;
    shot.number = i;
    shot.timer = {.fire =
                      [](void* context, std::uint64_t now) {
                        auto& self = *static_cast<Shot*>(context);
                        self.fired_ns = now;
                        self.order->push_back(self.number);
                      },
                  .context = &shot};
    loop->arm(shot.timer, start + static_cast<std::uint64_t>(5 - i) * 2 * kMillisecond);
  }
  loop->disarm(shots[2].timer);
  loop->arm(shots[4].timer, start + 12 * kMillisecond);  // moved behind the others
  while (order.size() < 4) loop->run_once();
  EXPECT_EQ(order, (std::vector<int>{3, 1, 0, 4}));
  for (const Shot& shot : shots) {
    if (shot.number != 2) {
      EXPECT_GE(shot.fired_ns, shot.timer.deadline_ns);
    }
  }
  EXPECT_EQ(shots[2].fired_ns, 0u);
}

TEST(Loop, ATimerThatArmsItselfInThePastFiresOnceATurn) {
  struct Again {
    Timer timer;
    Loop* loop = nullptr;
    int fired = 0;
  } again;
  const auto loop = make_loop();
  again.loop = loop.get();
  again.timer = {.fire =
                     [](void* context, std::uint64_t) {
                       auto& self = *static_cast<Again*>(context);
                       ++self.fired;
                       self.loop->arm(self.timer, 0);
                     },
                 .context = &again};
  loop->arm(again.timer, 0);
  for (int turn = 1; turn <= 3; ++turn) {
    loop->run_once();
    EXPECT_EQ(again.fired, turn);
  }
  loop->disarm(again.timer);
}

TEST(Loop, RunsDeferredCallsOnceAtTheEndOfTheTurnInOrder) {
  struct Call {
    Deferred deferred;
    Loop* loop = nullptr;
    std::vector<std::string>* log = nullptr;
    std::string name;
    Call* then = nullptr;
  };
  const auto run = [](void* context) {
    auto& self = *static_cast<Call*>(context);
    self.log->push_back(self.name);
    if (self.then != nullptr) self.loop->defer(self.then->deferred);
  };
  const auto loop = make_loop();
  std::vector<std::string> log;
  Call first, second, third;
  for (auto [call, name] : {std::pair{&first, "first"}, std::pair{&second, "second"}, std::pair{&third, "third"}}) {
    call->deferred = {.run = run, .context = call};
    call->loop = loop.get();
    call->log = &log;
    call->name = name;
  }
  first.then = &third;
  loop->defer(first.deferred);
  loop->defer(second.deferred);
  loop->defer(first.deferred);
  loop->run_once();
  EXPECT_EQ(log, (std::vector<std::string>{"first", "second", "third"}));
  loop->run_once(0);
  EXPECT_EQ(log.size(), 3u);
  loop->defer(second.deferred);
  loop->defer(third.deferred);
  loop->cancel(second.deferred);
  loop->run_once();
  EXPECT_EQ(log.back(), "third");
  EXPECT_EQ(log.size(), 4u);
}

TEST(Loop, DeferredCallsThatDeferThemselvesDoNotStopTheLoop) {
  struct Again {
    Deferred deferred;
    Loop* loop = nullptr;
    unsigned runs = 0;
  } again;
  const auto loop = make_loop();
  again.loop = loop.get();
  again.deferred = {.run =
                        [](void* context) {
                          auto& self = *static_cast<Again*>(context);
                          ++self.runs;
                          self.loop->defer(self.deferred);
                        },
                    .context = &again};
  loop->defer(again.deferred);
  loop->run_once();
  EXPECT_EQ(again.runs, Loop::kDeferredRoundsMax);
  loop->cancel(again.deferred);
}

TEST(Loop, WakesFromOtherThreadsWithoutLosingOne) {
  const auto loop = make_loop();
  std::atomic<int> sent{0};
  int seen = 0;
  struct Context {
    std::atomic<int>* sent;
    int* seen;
  } context{&sent, &seen};
  loop->set_on_wake(
      [](void* opaque) {
        const auto& self = *static_cast<Context*>(opaque);
        *self.seen = self.sent->load();
      },
      &context);
  constexpr int kWakes = 20'000;
  std::thread sender([&] {
    for (int i = 1; i <= kWakes; ++i) {
      sent.store(i);
      loop->wake();
      if (i % 64 == 0) std::this_thread::yield();
    }
  });
  // A lost wake would leave this waiting for ever: there is no time-out.
  while (seen < kWakes) loop->run_once();
  sender.join();
  EXPECT_EQ(seen, kWakes);
}

TEST(Loop, AWakeBeforeTheTurnKeepsItFromSleeping) {
  const auto loop = make_loop();
  int woken = 0;
  loop->set_on_wake([](void* context) { ++*static_cast<int*>(context); }, &woken);
  loop->wake();
  loop->wake();
  loop->run_once();
  EXPECT_EQ(woken, 1);
}

TEST(Loop, RunEndsWhenItIsToldFromASignalHandlerLikePlace) {
  const auto loop = make_loop();
  std::atomic<bool> stop{false};
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    stop.store(true);
    loop->wake();
  });
  loop->run(stop);
  other.join();
  EXPECT_TRUE(stop.load());
}

TEST(Loop, AWaitEndsAtItsTimeOut) {
  const auto loop = make_loop();
  const std::uint64_t start = monotonic_ns();
  loop->run_once(5 * kMillisecond);
  EXPECT_GE(monotonic_ns() - start, 4 * kMillisecond);
  loop->run_once(0);
}

TEST(Loop, MoreOperationsThanTheQueueHoldsAreAllCompleted) {
  const auto loop = make_loop();  // 16 entries
  int completed = 0;
  std::vector<Operation> operations(500);
  for (Operation& operation : operations) {
    operation = {.complete = [](void* context, std::int32_t, std::uint32_t) { ++*static_cast<int*>(context); },
                 .context = &completed};
    io_uring_sqe* sqe = loop->prepare();
    io_uring_prep_nop(sqe);
    loop->seal(sqe, operation);
  }
  while (completed < 500) loop->run_once(1'000 * kMillisecond);
  EXPECT_EQ(completed, 500);
}

// What one thread unmaps the kernel gives to the next that asks: ThreadSanitizer must not take that for sharing.
TEST(Loop, LoopsOfManyThreadsDoNotKnowOfEachOther) {
  std::vector<std::thread> threads;
  std::vector<int> completed(4);
  for (int& count : completed) {
    threads.emplace_back([&count] {
      for (int round = 0; round < 50; ++round) {
        const auto loop = make_loop();
        Operation operation{
            .complete = [](void* context, std::int32_t, std::uint32_t) { ++*static_cast<int*>(context); },
            .context = &count};
        io_uring_sqe* sqe = loop->prepare();
        io_uring_prep_nop(sqe);
        loop->seal(sqe, operation);
        while (operation.pending) loop->run_once(1'000 * kMillisecond);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(completed, std::vector<int>(4, 50));
}

TEST(LoopDeathTest, IsTurnedByItsOwnerOnly) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        const auto loop = make_loop();
        std::thread([&] { loop->run_once(0); }).join();
      },
      "owner");
}

}  // namespace
}  // namespace electra::io
