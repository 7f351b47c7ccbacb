// Runs the built electrad as a user does: as a process, with arguments, input and output.
#pragma once

#include <nlohmann/json.hpp>
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace electra::app {

struct Ended {
  int exit_code = -1;  // 128 + signal when a signal ended it
  std::string out;
  std::string error;

  [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(out, nullptr, false); }
};

using Arguments = std::vector<std::string>;

// A directory that is removed with its object.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// A process in the background; its output goes to files in a directory of its own.
class Process {
 public:
  explicit Process(const Arguments& arguments, const std::string& input = {});
  ~Process();  // kills what still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const;
  // Until a gateway says in its log that it listens. False: it has ended, or a minute has passed.
  [[nodiscard]] bool listens();
  // Waits, at most a minute; a process that does not end is killed.
  [[nodiscard]] Ended wait();
  [[nodiscard]] bool running();
  [[nodiscard]] std::string error_so_far() const;

 private:
  TemporaryDirectory directory_;
  pid_t pid_ = -1;
  int status_ = 0;
};

[[nodiscard]] Ended run_electrad(const Arguments& arguments, const std::string& input = {});

[[nodiscard]] std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& text);

}  // namespace electra::app
