// A disk whose flushes take longer: the real one, with every durable write's completion held back. For benchmarks, and for
// tests that want several records under way at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "io/journal/segment_device.h"

namespace electra::bench {

struct SlowDeviceOptions {
  std::uint64_t delay_ns = 0;  // from a write's being durable to its completion
  // False: each when its own delay is over. True: when the oldest's is over all that are durable complete, those first that
  // were begun last.
  bool newest_first = false;
  // The most durable writes that were under way at once, syncs not counted. Outlives the device.
  std::atomic<std::uint32_t>* under_way_max = nullptr;
};

// Writes overlap as they do on the real disk. The loop outlives it.
[[nodiscard]] std::unique_ptr<io::SegmentDevice> slow_device(io::Loop& loop, const SlowDeviceOptions& options);

}  // namespace electra::bench
