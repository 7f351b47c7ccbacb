#include "engine/electrad/meter/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "engine/electrad/meter/data_set.h"

namespace electra::player {
namespace {

constexpr std::chrono::milliseconds kBarEvery{100};
constexpr std::chrono::milliseconds kLineEvery{5'000};
constexpr int kColumnsUnknown = 120;
constexpr int kBarColumnsMax = 30;
constexpr int kBarColumnsMin = 8;

int columns_of(std::FILE* out) {
  winsize size{};
  if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return kColumnsUnknown;
}

std::string bar(std::uint64_t done, std::uint64_t of, int columns) {
  const auto width = static_cast<std::uint64_t>(columns);
  const std::uint64_t filled = of == 0 ? width : std::min(width, done * width / of);
  return fmt::format("[{}{}]", std::string(filled, '#'), std::string(width - filled, '.'));
}

}  // namespace

std::string grouped(std::uint64_t value) {
  std::string text = fmt::format("{}", value);
  for (std::size_t place = text.size(); place > 3; place -= 3) text.insert(place - 3, 1, ',');
  return text;
}

std::string grouped(std::int64_t value) {
  const auto magnitude = value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  return (value < 0 ? "-" : "") + grouped(magnitude);
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::ceil(std::clamp(seconds, 0.0, 359'999.0)));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string replay_line(const ReplayProgress& progress, int columns, bool with_bar) {
  const std::uint64_t done = progress.boundary == 0 ? 0 : progress.boundary - 1;  // intervals: one less than boundaries
  const std::uint64_t of = progress.boundaries == 0 ? 0 : progress.boundaries - 1;
  std::string grid = progress.export_w > progress.import_w ? fmt::format("export {} W", grouped(progress.export_w))
                                                           : fmt::format("import {} W", grouped(progress.import_w));
  std::string line = fmt::format(
      "{}  interval {}/{}  {} messages/s  grid {:<16}  so far in {:.1f} MWh out {:.1f} MWh  eta {}",
      format_time(progress.time_s), grouped(done), grouped(of),
      grouped(static_cast<std::uint64_t>(progress.messages_per_s)), grid, static_cast<double>(progress.import_wh) / 1e6,
      static_cast<double>(progress.export_wh) / 1e6, duration_text(progress.seconds_left));
  if (!with_bar) return line;
  const int room = std::min(kBarColumnsMax, columns - static_cast<int>(line.size()) - 4);
  if (room >= kBarColumnsMin) line = bar(done, of, room) + " " + line;
  const auto visible = static_cast<std::size_t>(std::max(columns - 1, 1));
  return line.substr(0, visible);
}

ConsoleProgress::ConsoleProgress(std::FILE* out) : out_(out), terminal_(isatty(fileno(out)) == 1) {
  columns_ = terminal_ ? columns_of(out) : kColumnsUnknown;
}

ConsoleProgress::~ConsoleProgress() {
  if (line_open_) std::fputc('\n', out_);
}

void ConsoleProgress::on_replay(const ReplayProgress& progress) {
  const bool last = progress.boundary == progress.boundaries;
  if (is_due(last)) show(replay_line(progress, columns_, terminal_), last);
}

void ConsoleProgress::on_count(std::string_view what, std::uint64_t done, std::uint64_t of) {
  const bool last = done == of;
  if (!is_due(last)) return;
  std::string line = fmt::format("{} {}/{}", what, grouped(done), grouped(of));
  if (terminal_) line = bar(done, of, kBarColumnsMax) + " " + line;
  show(line, last);
}

void ConsoleProgress::on_note(std::string_view text) {
  clear_line();
  fmt::print(out_, "{}\n", text);
  std::fflush(out_);
}

bool ConsoleProgress::is_due(bool last) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_ && !last) return false;
  next_ = now + (terminal_ ? kBarEvery : kLineEvery);
  return true;
}

void ConsoleProgress::show(const std::string& line, bool last) {
  clear_line();
  fmt::print(out_, "{}{}", line, terminal_ && !last ? "" : "\n");
  line_open_ = terminal_ && !last;
  std::fflush(out_);
}

void ConsoleProgress::clear_line() {
  if (line_open_) fmt::print(out_, "\r\x1b[K");
  line_open_ = false;
}

}  // namespace electra::player
