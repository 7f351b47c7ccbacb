#include "tests/electrad/program.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include "meter-proto/base/assert.h"

namespace electra::app {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kWaitMax{60};
constexpr std::chrono::milliseconds kPause{5};

void redirect(const std::string& file, int flags, int descriptor) {
  const int opened = ::open(file.c_str(), flags, 0600);
  if (opened < 0 || ::dup2(opened, descriptor) < 0) ::_exit(127);
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (fs::temp_directory_path() / "electrad-test-XXXXXX").string();
  const char* made = ::mkdtemp(pattern.data());
  ELECTRA_ASSERT(made != nullptr);
  path_ = made;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code error;
  fs::remove_all(path_, error);
}

Process::Process(const Arguments& arguments, const std::string& input) {
  write_file(directory_ / "in", input);
  std::vector<std::string> words = {ELECTRAD_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const std::string in = directory_ / "in";
  const std::string out = directory_ / "out";
  const std::string error = directory_ / "error";
  pid_ = ::fork();
  ELECTRA_ASSERT(pid_ >= 0);
  if (pid_ == 0) {
    redirect(in, O_RDONLY, STDIN_FILENO);
    redirect(out, O_WRONLY | O_CREAT, STDOUT_FILENO);
    redirect(error, O_WRONLY | O_CREAT, STDERR_FILENO);
    ::execv(pointers[0], pointers.data());
    ::_exit(127);
  }
}

Process::~Process() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, &status_, 0);
}

void Process::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

bool Process::listens() {
  const auto deadline = std::chrono::steady_clock::now() + kWaitMax;
  while (error_so_far().find("listening") == std::string::npos) {
    if (!running() || std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(kPause);
  }
  return true;
}

bool Process::running() {
  if (pid_ <= 0) return false;
  if (::waitpid(pid_, &status_, WNOHANG) != pid_) return true;
  pid_ = -1;
  return false;
}

Ended Process::wait() {
  const auto deadline = std::chrono::steady_clock::now() + kWaitMax;
  while (running()) {
    if (std::chrono::steady_clock::now() > deadline) ::kill(pid_, SIGKILL);
    std::this_thread::sleep_for(kPause);
  }
  const int code = WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  return {code, read_file(directory_ / "out"), read_file(directory_ / "error")};
}

std::string Process::error_so_far() const { return read_file(directory_ / "error"); }

Ended run_electrad(const Arguments& arguments, const std::string& input) { return Process(arguments, input).wait(); }

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  ELECTRA_ASSERT(file.good());
}

}  // namespace electra::app
