#include "io/thread_slice.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace electra::io {
namespace {

// struct sched_attr of sched_setattr(2), first version; the C library has no name for it.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime_ns = 0;  // of a normal thread: its slice
  std::uint64_t deadline_ns = 0;
  std::uint64_t period_ns = 0;
};
static_assert(sizeof(SchedulingAttributes) == 48);

}  // namespace

void ask_for_long_slices(std::uint64_t slice_ns) noexcept {
  SchedulingAttributes attributes;
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
  if (attributes.policy != SCHED_OTHER) return;
  attributes.size = sizeof attributes;
  attributes.runtime_ns = slice_ns;
  [[maybe_unused]] const auto status = syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace electra::io
