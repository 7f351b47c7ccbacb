// Everything that a gateway asked of its disk, in order: what a power cut at any moment could have left is worked out of it.
//
// Each operation has two moments, begun and done, counted together from 0 over all threads; "cut at k" means that moments
// below k have passed. Names are relative to a root directory, "" being the root itself; what lies there when the log is
// made counts as durable. Directories that somebody made without telling are noticed when they are first used or when
// their parent is synced. Any thread may write; reading is for afterwards.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "meter-proto/base/bytes.h"

namespace electra::sim {

using Bytes = std::vector<std::uint8_t>;
using FileId = std::uint32_t;  // of a file whatever it is called; from 1 on

inline constexpr std::uint64_t kNever = UINT64_MAX;

struct DiskOperation {
  enum class Kind : std::uint8_t {
    make_directory,  // path
    create,          // path, file
    link,            // path: the new name, file
    rename,          // path to `to`, file
    remove,          // path
    write,           // file, offset, bytes
    truncate,        // file, offset: the new size
    sync,            // file
    sync_directory,  // path
  };
  Kind kind = Kind::write;
  FileId file = 0;
  std::string path{};
  std::string to{};
  std::uint64_t offset = 0;
  Bytes bytes{};
  bool through = false;  // of a write: durable when it is done
  std::uint64_t begun = 0;
  std::uint64_t done = kNever;  // never: it failed, or the log ends before
};

class DiskLog {
 public:
  explicit DiskLog(std::filesystem::path root);
  // As it was read from a file (recording.h): for afterwards only.
  struct Recorded {
    std::map<std::string, FileId> base_names;
    std::map<FileId, Bytes> base_files;
    std::vector<std::string> base_directories;
    std::vector<DiskOperation> operations;
  };
  explicit DiskLog(Recorded recorded);

  // --- while the gateway runs; begin() before the operation, done() with its number after it ---
  [[nodiscard]] std::size_t begin(DiskOperation operation);
  void done(std::size_t number);
  // The moment that comes next: everything that has happened lies below it.
  [[nodiscard]] std::uint64_t now() const;

  // `path` relative to the root, and its directories known.
  [[nodiscard]] std::string name(const std::filesystem::path& path);
  // Notices directories in it that are new.
  void look_into(const std::string& directory);
  // The file that has this name now; 0: none.
  [[nodiscard]] FileId file(const std::string& name) const;
  [[nodiscard]] FileId new_file();

  // --- afterwards ---
  [[nodiscard]] const std::filesystem::path& root() const noexcept { return root_; }
  [[nodiscard]] const std::vector<DiskOperation>& operations() const noexcept { return operations_; }
  [[nodiscard]] const std::map<std::string, FileId>& base_names() const noexcept { return base_names_; }
  [[nodiscard]] const std::map<FileId, Bytes>& base_files() const noexcept { return base_files_; }
  [[nodiscard]] const std::vector<std::string>& base_directories() const noexcept { return base_directories_; }
  // What was under way or done last at the moment, for people.
  [[nodiscard]] std::string text(std::uint64_t moment) const;

 private:
  void know_directory(const std::string& directory);
  [[nodiscard]] std::size_t add(DiskOperation operation);

  const std::filesystem::path root_;
  mutable std::mutex mutex_;
  std::uint64_t moment_ = 0;
  FileId files_ = 0;
  std::map<std::string, FileId> names_;  // as the running gateway sees them
  std::vector<std::string> directories_;
  std::vector<DiskOperation> operations_;
  std::map<std::string, FileId> base_names_;
  std::map<FileId, Bytes> base_files_;
  std::vector<std::string> base_directories_;
};

// The directory that a name lies in; "" for the root.
[[nodiscard]] std::string directory_of(const std::string& name);

[[nodiscard]] Bytes read_bytes(const std::filesystem::path& path);

}  // namespace electra::sim
