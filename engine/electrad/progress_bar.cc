#include "engine/electrad/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace electra::app {
namespace {

constexpr std::chrono::milliseconds kFirst{1'000};
constexpr std::chrono::milliseconds kEvery{100};
constexpr std::uint64_t kColumns = 30;
constexpr double kMebibyte = 1024.0 * 1024.0;

}  // namespace

ProgressBar::ProgressBar(std::string what, Unit unit, bool shown)
    : what_(std::move(what)), unit_(unit), terminal_(shown && ::isatty(STDERR_FILENO) == 1), next_(begin_ + kFirst) {}

ProgressBar::~ProgressBar() { end(); }

void ProgressBar::operator()(std::uint64_t done, std::uint64_t total) {
  const auto now = Clock::now();
  if (!terminal_ || total == 0 || now < next_) return;
  next_ = now + kEvery;
  drawn_ = true;
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  const double left = share > 0 ? seconds * (1 - share) / share : 0;
  const auto filled = static_cast<std::uint64_t>(share * static_cast<double>(kColumns));
  const std::string amount = unit_ == Unit::bytes
                                 ? fmt::format("{:.0f} of {:.0f} MiB", static_cast<double>(done) / kMebibyte,
                                               static_cast<double>(total) / kMebibyte)
                                 : fmt::format("{} of {} blocks", done, total);
  fmt::print(stderr, "\r\x1b[K{} [{}{}] {:3.0f} %  {}  {:.0f} s left", what_, std::string(filled, '#'),
             std::string(kColumns - filled, '.'), share * 100, amount, left);
  std::fflush(stderr);
}

void ProgressBar::end() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace electra::app
