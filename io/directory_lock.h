// The lock that keeps two processes from writing one data directory: flock on the file `lock` in it.
//
// The kernel drops it when the process ends, however it ends; the file stays. It holds the owner's process id as text, for
// the error message of whoever comes second.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

namespace electra::io {

class DirectoryLock {
 public:
  // Does not wait. The error says who holds the lock, or why the file could not be made (read-only directory, …).
  [[nodiscard]] static std::expected<DirectoryLock, std::string> acquire(const std::filesystem::path& directory);

  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&& other) noexcept;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int fd) noexcept : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace electra::io
