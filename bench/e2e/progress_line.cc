#include "bench/e2e/progress_line.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "bench/common/measure.h"

namespace electra::bench {
namespace {

constexpr std::uint64_t kEveryNs = 100'000'000;
constexpr std::uint64_t kColumns = 30;

}  // namespace

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) == 1) {}
ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::show(const std::string& what, std::uint64_t done, std::uint64_t total) {
  const std::uint64_t now = wall_ns();
  if (!terminal_ || (what == last_what_ && now < next_ns_)) return;
  next_ns_ = now + kEveryNs;
  last_what_ = what;
  drawn_ = true;
  std::string bar;
  if (total > 0) {
    const std::uint64_t filled = std::min(kColumns, done * kColumns / total);
    bar = fmt::format(" [{}{}] {:3} %", std::string(filled, '#'), std::string(kColumns - filled, '.'),
                      std::min<std::uint64_t>(100, done * 100 / total));
  }
  fmt::print(stderr, "\r\x1b[K{}: {}{}", title_, what, bar);
  std::fflush(stderr);
}

void ProgressLine::clear() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace electra::bench
