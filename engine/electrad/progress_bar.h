// A bar for work that takes a while: drawn in place on a terminal, silent elsewhere, on standard error in any case.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace electra::app {

class ProgressBar {
 public:
  enum class Unit { bytes, blocks };

  // "verifying": what stands before the bar. `shown` false: draws nothing (--json).
  explicit ProgressBar(std::string what, bool shown = true) : ProgressBar(std::move(what), Unit::bytes, shown) {}
  ProgressBar(std::string what, Unit unit, bool shown = true);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Redrawn at most ten times a second, and not at all within the first second of the work.
  void operator()(std::uint64_t done, std::uint64_t total);
  // Takes the bar away.
  void end();

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  Unit unit_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point next_;
};

}  // namespace electra::app
