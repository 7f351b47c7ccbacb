#include "io/snapshot/snapshot_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "io/snapshot/snapshot_format.h"
#include "meter-proto/base/sentence.h"

namespace electra::io {
namespace {

// f(path) for every entry. A missing directory has none.
template <typename F>
std::expected<void, std::string> for_each_entry(const std::filesystem::path& directory, F&& f) {
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  if (error == std::errc::no_such_file_or_directory) return {};
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) f(entry->path());
  if (error) return std::unexpected(sentence(directory.string(), ": cannot list it: ", error.message()));
  return {};
}

}  // namespace

std::expected<std::vector<std::uint64_t>, std::string> list_snapshots(const std::filesystem::path& directory) {
  std::vector<std::uint64_t> batches;
  auto listed = for_each_entry(directory, [&batches](const std::filesystem::path& path) {
    if (const auto batch = parse_snapshot_name(path.filename().string())) batches.push_back(*batch);
  });
  if (!listed) return std::unexpected(std::move(listed.error()));
  std::ranges::sort(batches);
  return batches;
}

std::expected<void, std::string> remove_drafts(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> drafts;
  auto listed = for_each_entry(directory, [&drafts](const std::filesystem::path& path) {
    const std::string name = path.filename().string();
    if (!name.ends_with(kSnapshotDraftSuffix)) return;
    const std::string_view sealed = std::string_view(name).substr(0, name.size() - kSnapshotDraftSuffix.size());
    if (parse_snapshot_name(sealed)) drafts.push_back(path);
  });
  if (!listed) return listed;
  for (const std::filesystem::path& draft : drafts) {
    if (::unlink(draft.c_str()) != 0 && errno != ENOENT) {
      return std::unexpected(sentence(draft.string(), ": cannot be removed: ", std::strerror(errno)));
    }
  }
  return {};
}

std::expected<void, std::string> sync_directory(const std::filesystem::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool good = fd >= 0 && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (good) return {};
  return std::unexpected(sentence(directory.string(), ": cannot be made durable: ", std::strerror(error)));
}

}  // namespace electra::io
