// A child process that can be killed at any moment. It dies with the test.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace electra::test {

class Process {
 public:
  // Standard output and error are appended to `log`.
  Process(const std::vector<std::string>& arguments, const std::filesystem::path& log);
  ~Process();  // kills what still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] bool running();
  void signal(int number);
  // Kills by SIGKILL and waits for the end.
  void kill();
  // The exit code, 128 + signal if one ended it; nothing: still running when time was up.
  std::optional<int> wait(std::chrono::milliseconds timeout);

 private:
  void take_status(int status);

  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

// Runs to its end. The exit code, or nothing when it took too long and was killed.
std::optional<int> run(const std::vector<std::string>& arguments, const std::filesystem::path& log,
                       std::chrono::milliseconds timeout);

}  // namespace electra::test
