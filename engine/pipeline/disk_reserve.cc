#include "engine/pipeline/disk_reserve.h"

#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>

namespace electra::pipeline {

std::expected<DiskSpace, std::string> disk_space(const std::filesystem::path& directory) {
  struct statvfs answer{};
  if (statvfs(directory.c_str(), &answer) != 0) {
    return std::unexpected(directory.string() + ": cannot ask how much space is left: " + std::strerror(errno));
  }
  return DiskSpace{.free_bytes = std::uint64_t{answer.f_bavail} * answer.f_frsize,
                   .all_bytes = std::uint64_t{answer.f_blocks} * answer.f_frsize};
}

std::expected<DiskReserve, std::string> DiskReserve::open(DiskReserveSettings settings, std::uint64_t now_ns) {
  if (!settings.other_space) settings.other_space = disk_space;
  DiskReserve reserve(std::move(settings));
  if (reserve.settings_.bytes == 0) return reserve;
  const DiskReserveSettings& kept = reserve.settings_;
  const auto space = kept.other_space(kept.directory);
  if (!space) return std::unexpected(space.error());
  if (space->all_bytes <= kept.bytes) {
    return std::unexpected(kept.directory.string() + ": the file system has " + std::to_string(space->all_bytes) +
                           " bytes in all, and journal.reserve keeps " + std::to_string(kept.bytes) +
                           " of them for operators, so no meter could ever be served: lower journal.reserve (0: none) "
                           "or use a larger disk");
  }
  reserve.ask(now_ns);
  return reserve;
}

void DiskReserve::ask(std::uint64_t now_ns) {
  next_look_ns_ = now_ns + kLookNs;
  new_bytes_ = 0;
  const auto space = settings_.other_space(settings_.directory);
  std::string problem;
  if (!space) {
    problem = space.error();
  } else if (space->free_bytes < settings_.bytes) {
    problem = settings_.directory.string() + ": " + std::to_string(space->free_bytes) +
              " bytes are free, less than journal.reserve (" + std::to_string(settings_.bytes) +
              "): only operators' messages are taken until there is more space";
  }
  const bool changed = problem.empty() != problem_.empty();
  problem_ = std::move(problem);
  if (changed && settings_.on_problem) settings_.on_problem(problem_);
}

}  // namespace electra::pipeline
