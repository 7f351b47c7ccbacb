// One line on a terminal that says what is going on; silent elsewhere, on standard error in any case.
#pragma once

#include <cstdint>
#include <string>

namespace electra::bench {

class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // "transfers 2/5": stands before everything that follows.
  void set_title(std::string title) { title_ = std::move(title); }
  // A bar if total is not 0. Redrawn at most ten times a second.
  void show(const std::string& what, std::uint64_t done = 0, std::uint64_t total = 0);
  // Takes the line away, before other text.
  void clear();

 private:
  bool terminal_;
  bool drawn_ = false;
  std::string title_;
  std::string last_what_;
  std::uint64_t next_ns_ = 0;
};

}  // namespace electra::bench
