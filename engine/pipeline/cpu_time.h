// CPU time of the calling thread, for the figures of each stage: waiting and being preempted do not count.
#pragma once

#include <time.h>

#include <cstdint>

namespace electra::pipeline {

// Nanoseconds; only differences mean something. About 0.2 µs: once a batch, not once a message.
[[nodiscard]] inline std::uint64_t thread_cpu_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace electra::pipeline
