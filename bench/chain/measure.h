// Clocks and middles, the same for every case.
#pragma once

#include <cstdint>
#include <vector>

namespace electra::bench {

// CPU time of all threads of this process.
[[nodiscard]] std::uint64_t process_cpu_ns() noexcept;

// The middle one; of an even number the mean of the two in the middle. At least one value.
[[nodiscard]] double median(std::vector<double> values);

// (largest - smallest) / median.
[[nodiscard]] double spread(const std::vector<double>& values);

// Runs waiting for or having a core, this process included, over the last minute.
[[nodiscard]] double load_average();

}  // namespace electra::bench
