// How willingly a busy thread makes way for one that wakes up.
//
// A durable write without the disk's own "through" ends in a kernel thread of the CPU that took the interrupt. Linux (EEVDF,
// 6.12 and later) lets a thread that wakes up take the CPU at once only from one that has asked for longer slices than its
// own; else it waits until the running thread sleeps or its slice ends, up to milliseconds. So a thread that is busy and
// waits for the disk asks for long ones: it runs as much in all, and is interrupted sooner.
#pragma once

#include <cstdint>

namespace electra::io {

// Of the calling thread, which keeps its nice value; 0.1 to 100 ms. A request: a kernel that knows none, or forbids it, and
// a thread that the operator has made a real-time or batch one are left as they are.
void ask_for_long_slices(std::uint64_t slice_ns) noexcept;

}  // namespace electra::io
