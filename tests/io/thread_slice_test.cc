#include "io/thread_slice.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <thread>

namespace electra::io {
namespace {

struct Scheduling {
  int policy = -1;
  int nice = 0;
  std::uint64_t slice_ns = 0;
};

// sched_getattr(2): size, policy, flags, nice, priority, runtime, deadline, period.
Scheduling scheduling_of_this_thread() {
  std::array<std::uint8_t, 48> raw{};
  Scheduling out;
  if (syscall(SYS_sched_getattr, 0, raw.data(), raw.size(), 0) != 0) return out;
  std::memcpy(&out.policy, raw.data() + 4, 4);
  std::memcpy(&out.nice, raw.data() + 16, 4);
  std::memcpy(&out.slice_ns, raw.data() + 24, 8);
  return out;
}

// In a thread of its own, so that the next test finds its own as they were.
template <typename F>
void in_a_thread(F&& f) {
  std::thread(std::forward<F>(f)).join();
}

TEST(ThreadSlice, IsThatOfTheThreadAndItsNiceValueStays) {
  in_a_thread([] {
    ASSERT_EQ(setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 3), 0);
    if (scheduling_of_this_thread().slice_ns == 0) GTEST_SKIP() << "this kernel has no slices for normal threads";
    ask_for_long_slices(5'000'000);
    const Scheduling after = scheduling_of_this_thread();
    EXPECT_EQ(after.slice_ns, 5'000'000U);
    EXPECT_EQ(after.nice, 3);
    EXPECT_EQ(after.policy, SCHED_OTHER);
  });
}

TEST(ThreadSlice, OfABatchThreadIsLeftAlone) {
  in_a_thread([] {
    const sched_param none{};
    ASSERT_EQ(sched_setscheduler(0, SCHED_BATCH, &none), 0);
    const std::uint64_t before = scheduling_of_this_thread().slice_ns;
    ask_for_long_slices(before + 3'000'000);
    EXPECT_EQ(scheduling_of_this_thread().policy, SCHED_BATCH);
    EXPECT_EQ(scheduling_of_this_thread().slice_ns, before);
  });
}

}  // namespace
}  // namespace electra::io
