// Clocks, middles and facts of the machine, the same for every suite.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace electra::bench {

// A clock that only goes forward.
[[nodiscard]] std::uint64_t wall_ns() noexcept;
// CPU time of all threads of this process, and of this thread.
[[nodiscard]] std::uint64_t process_cpu_ns() noexcept;
[[nodiscard]] std::uint64_t thread_cpu_ns() noexcept;

// The middle one; of an even number the mean of the two in the middle. At least one value.
[[nodiscard]] double median(std::vector<double> values);

// (largest - smallest) / median.
[[nodiscard]] double spread(const std::vector<double>& values);

// Runs waiting for or having a core, this process included, over the last minute.
[[nodiscard]] double load_average();

// As /proc/cpuinfo names it, or "unknown".
[[nodiscard]] std::string cpu_model();

// What the system can give to a program now without swapping, in bytes; 0 if it does not say.
[[nodiscard]] std::uint64_t memory_available_bytes();

}  // namespace electra::bench
