// Room on the disk that is kept for those who run the grid: when less is left, meters have to wait.
//
// The file system is asked once a second, and more often when much is written: after an eighth of the reserve. A question
// costs a microsecond or two. It recovers by itself when space is back. io thread only.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <string>

namespace electra::pipeline {

struct DiskSpace {
  std::uint64_t free_bytes = 0;  // for this process
  std::uint64_t all_bytes = 0;
};
[[nodiscard]] std::expected<DiskSpace, std::string> disk_space(const std::filesystem::path& directory);

struct DiskReserveSettings {
  std::filesystem::path directory;  // on the file system that is meant
  std::uint64_t bytes = 0;          // 0: none is kept
  // Told when it begins to be short, with one sentence; empty when space is back.
  std::function<void(const std::string&)> on_problem = {};
  // For tests: another file system. Null: disk_space().
  std::function<std::expected<DiskSpace, std::string>(const std::filesystem::path&)> other_space = {};
};

class DiskReserve {
 public:
  // A file system that is smaller than the reserve would never take a meter's message: the error says so.
  [[nodiscard]] static std::expected<DiskReserve, std::string> open(DiskReserveSettings settings, std::uint64_t now_ns);

  // Called now and then with the bytes that have come in since the last call.
  void look(std::uint64_t now_ns, std::uint64_t new_bytes) {
    if (settings_.bytes == 0) return;
    new_bytes_ += new_bytes;
    if (now_ns >= next_look_ns_ || new_bytes_ >= settings_.bytes / kLooksAReserve) ask(now_ns);
  }

  // Less than the reserve was free at the last look.
  [[nodiscard]] bool is_short() const noexcept { return !problem_.empty(); }
  // Why meters have to wait; empty while they need not.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

 private:
  static constexpr std::uint64_t kLookNs = 1'000'000'000;
  static constexpr std::uint64_t kLooksAReserve = 8;

  explicit DiskReserve(DiskReserveSettings settings) : settings_(std::move(settings)) {}
  void ask(std::uint64_t now_ns);

  DiskReserveSettings settings_;
  std::uint64_t next_look_ns_ = 0;
  std::uint64_t new_bytes_ = 0;
  std::string problem_;
};

}  // namespace electra::pipeline
