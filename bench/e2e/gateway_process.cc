#include "bench/e2e/gateway_process.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>

#include "bench/common/measure.h"

extern char** environ;

namespace electra::bench {
namespace {

constexpr std::uint64_t kStartNs = 120'000'000'000;
constexpr std::uint64_t kTablesNs = 120'000'000'000;

// A number behind a word of a file in /proc; 0 if it is not there.
std::uint64_t number_behind(const std::string& file, const std::string& word) {
  std::ifstream in(file);
  for (std::string each; in >> each;) {
    std::uint64_t value = 0;
    if (each == word && in >> value) return value;
  }
  return 0;
}

}  // namespace

std::expected<std::unique_ptr<GatewayProcess>, std::string> GatewayProcess::start(
    const ServeSettings& settings, const std::vector<Bytes32>& public_keys) {
  if (std::string error = write_settings(settings, public_keys); !error.empty()) return std::unexpected(error);
  std::unique_ptr<GatewayProcess> process(new GatewayProcess(settings));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(fmt::format("no pipe: {}", std::strerror(errno)));
  process->output_ = ends[0];
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string program = "/proc/self/exe";
  std::string command = "serve";
  std::string file = settings.settings_file().string();
  char* const arguments[] = {program.data(), command.data(), file.data(), nullptr};
  const int status = posix_spawn(&process->pid_, program.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (status != 0) {
    process->pid_ = -1;
    return std::unexpected(fmt::format("the gateway's process cannot be started: {}", std::strerror(status)));
  }
  return process;
}

std::string GatewayProcess::wait_until_it_listens() {
  const std::uint64_t deadline = wall_ns() + kStartNs;
  while (port_ == 0) {
    const auto line = read_line(deadline - std::min(deadline, wall_ns()));
    if (!line) return "the gateway does not start: " + line.error();
    take_line(*line);
  }
  return {};
}

GatewayProcess::~GatewayProcess() {
  kill();
  if (output_ >= 0) close(output_);
}

std::expected<std::string, std::string> GatewayProcess::read_line(std::uint64_t timeout_ns) {
  const std::uint64_t deadline = wall_ns() + timeout_ns;
  for (;;) {
    if (const std::size_t end = unread_.find('\n'); end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    const std::uint64_t now = wall_ns();
    if (now >= deadline) return std::unexpected("it says nothing");
    pollfd entry{.fd = output_, .events = POLLIN, .revents = 0};
    (void)poll(&entry, 1, static_cast<int>((deadline - now) / 1'000'000 + 1));
    if (entry.revents == 0) continue;
    char buffer[4096];
    const ssize_t got = read(output_, buffer, sizeof buffer);
    if (got <= 0) return std::unexpected("its process has ended");
    unread_.append(buffer, static_cast<std::size_t>(got));
  }
}

void GatewayProcess::take_line(const std::string& line) {
  std::istringstream words(line);
  std::string word;
  words >> word;
  if (word == "listening") words >> port_;
  if (word == "tables") words >> keys_ >> tables_ >> without_;
  if (word == "tables_wanted") words >> table_bytes_;
}

std::string GatewayProcess::wait_for_tables(std::size_t keys) {
  const std::uint64_t deadline = wall_ns() + kTablesNs;
  while (table_bytes_ != 0 && (keys_ < keys || tables_ + without_ < keys_)) {
    const auto line = read_line(deadline - std::min(deadline, wall_ns()));
    if (!line) return "the gateway makes no tables of its keys: " + line.error();
    take_line(*line);
  }
  return {};
}

std::uint64_t GatewayProcess::cpu_ns() const {
  clockid_t clock{};
  timespec now{};
  if (clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &now) != 0) return 0;
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

ProcessMemory GatewayProcess::memory() const {
  const std::string file = fmt::format("/proc/{}/status", pid_);
  return {.rss_bytes = number_behind(file, "VmRSS:") << 10, .rss_peak_bytes = number_behind(file, "VmHWM:") << 10};
}

std::uint64_t GatewayProcess::disk_bytes_written() const {
  return number_behind(fmt::format("/proc/{}/io", pid_), "write_bytes:");
}

int GatewayProcess::wait() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status;
}

std::expected<GatewayProcess::Left, std::string> GatewayProcess::stop() {
  ::kill(pid_, SIGTERM);
  while (read_line(kStartNs)) {
  }  // its pipe must not fill up while it ends
  const int status = wait();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return std::unexpected(fmt::format("the gateway did not stop in order (status {:#x})", status));
  }
  auto report = read_report(settings_.report_file());
  if (!report) return std::unexpected(report.error());
  auto balances = read_model(settings_.balances_file());
  if (!balances) return std::unexpected(balances.error());
  return Left{.report = std::move(*report), .balances = std::move(*balances)};
}

void GatewayProcess::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  (void)wait();
}

}  // namespace electra::bench
