// A disk whose flushes take longer: the real one, with every durable write's completion held back.
#pragma once

#include <cstdint>
#include <memory>

#include "io/journal/segment_device.h"

namespace electra::bench {

// Completions come delay_ns after the write was durable, in order of that. Writes overlap as they do on the real one.
// The loop outlives it.
[[nodiscard]] std::unique_ptr<io::SegmentDevice> slow_device(io::Loop& loop, std::uint64_t delay_ns);

}  // namespace electra::bench
