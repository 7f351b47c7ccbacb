// What a run tells while it goes on, and how a terminal or a log file shows it.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace electra::player {

struct ReplayProgress {
  std::int64_t time_s = 0;       // simulated, unix s
  std::uint64_t boundary = 0;    // answered boundaries
  std::uint64_t boundaries = 0;  // of the whole replay
  std::uint64_t messages = 0;    // answered in this run
  double messages_per_s = 0;     // lately
  std::uint64_t import_w = 0;    // at present, from the data
  std::uint64_t export_w = 0;
  std::uint64_t import_wh = 0;  // so far
  std::uint64_t export_wh = 0;
  double seconds_left = 0;
};

class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  virtual void on_replay(const ReplayProgress& progress) = 0;  // once a boundary: must be cheap
  virtual void on_count(std::string_view what, std::uint64_t done, std::uint64_t of) = 0;
  virtual void on_note(std::string_view text) = 0;
};

class SilentProgress final : public ProgressSink {
 public:
  void on_replay(const ReplayProgress&) override {}
  void on_count(std::string_view, std::uint64_t, std::uint64_t) override {}
  void on_note(std::string_view) override {}
};

// A bar that is redrawn ten times a second on a terminal; a plain line every few seconds elsewhere. Writes to stderr, so
// that stdout holds results only.
class ConsoleProgress final : public ProgressSink {
 public:
  explicit ConsoleProgress(std::FILE* out);
  ~ConsoleProgress() override;
  ConsoleProgress(const ConsoleProgress&) = delete;
  ConsoleProgress& operator=(const ConsoleProgress&) = delete;

  void on_replay(const ReplayProgress& progress) override;
  void on_count(std::string_view what, std::uint64_t done, std::uint64_t of) override;
  void on_note(std::string_view text) override;

 private:
  [[nodiscard]] bool is_due(bool last);
  void show(const std::string& line, bool last);
  void clear_line();

  std::FILE* out_;
  bool terminal_;
  int columns_ = 0;
  bool line_open_ = false;
  std::chrono::steady_clock::time_point next_{};
};

// "20,134" and "1:23:45": numbers and times as the player prints them.
[[nodiscard]] std::string grouped(std::uint64_t value);
[[nodiscard]] std::string grouped(std::int64_t value);
[[nodiscard]] std::string duration_text(double seconds);

// One line of at most `columns` columns, with a bar when there is room for it.
[[nodiscard]] std::string replay_line(const ReplayProgress& progress, int columns, bool with_bar);

}  // namespace electra::player
