#include "tests/sim/disk_log.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "meter-proto/base/assert.h"

namespace electra::sim {
namespace {

using Kind = DiskOperation::Kind;

std::string_view kind_text(Kind kind) {
  switch (kind) {
    case Kind::make_directory: return "make directory";
    case Kind::create:         return "create";
    case Kind::link:           return "link";
    case Kind::rename:         return "rename";
    case Kind::remove:         return "remove";
    case Kind::write:          return "write";
    case Kind::truncate:       return "truncate";
    case Kind::sync:           return "sync";
    case Kind::sync_directory: return "sync directory";
  }
  return "";
}

}  // namespace

std::string directory_of(const std::string& name) { return std::filesystem::path(name).parent_path().string(); }

Bytes read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

DiskLog::DiskLog(std::filesystem::path root) : root_(std::move(root)) {
  directories_.push_back("");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root_)) {
    const std::string name = entry.path().lexically_relative(root_).string();
    if (entry.is_directory()) {
      directories_.push_back(name);
    } else if (entry.is_regular_file()) {
      const auto same = std::ranges::find_if(base_names_, [&](const auto& other) {
        return entry.hard_link_count() > 1 && std::filesystem::equivalent(root_ / other.first, entry.path());
      });
      const FileId file = same != base_names_.end() ? same->second : new_file();
      base_names_[name] = file;
      if (!base_files_.contains(file)) base_files_[file] = read_bytes(entry.path());
    }
  }
  names_ = base_names_;
  base_directories_ = directories_;
}

DiskLog::DiskLog(Recorded recorded)
    : operations_(std::move(recorded.operations)),
      base_names_(std::move(recorded.base_names)),
      base_files_(std::move(recorded.base_files)),
      base_directories_(std::move(recorded.base_directories)) {
  // Each moment is the beginning or the end of an operation.
  for (const DiskOperation& operation : operations_) {
    moment_ = std::max(moment_, operation.begun + 1);
    if (operation.done != kNever) moment_ = std::max(moment_, operation.done + 1);
  }
}

std::size_t DiskLog::add(DiskOperation operation) {
  operation.begun = moment_++;
  operations_.push_back(std::move(operation));
  return operations_.size() - 1;
}

std::size_t DiskLog::begin(DiskOperation operation) {
  const std::lock_guard lock(mutex_);
  return add(std::move(operation));
}

void DiskLog::done(std::size_t number) {
  const std::lock_guard lock(mutex_);
  DiskOperation& operation = operations_[number];
  ELECTRA_ASSERT_EQ(operation.done, kNever);
  operation.done = moment_++;
  switch (operation.kind) {
    case Kind::create: names_[operation.path] = operation.file; break;
    case Kind::link:   names_[operation.path] = operation.file; break;
    case Kind::remove: names_.erase(operation.path); break;
    case Kind::rename:
      names_.erase(operation.path);
      names_[operation.to] = operation.file;
      break;
    default: break;
  }
}

std::uint64_t DiskLog::now() const {
  const std::lock_guard lock(mutex_);
  return moment_;
}

void DiskLog::know_directory(const std::string& directory) {
  if (std::ranges::find(directories_, directory) != directories_.end()) return;
  know_directory(directory_of(directory));
  directories_.push_back(directory);
  const std::size_t made = add({.kind = Kind::make_directory, .path = directory});
  operations_[made].done = moment_++;
}

std::string DiskLog::name(const std::filesystem::path& path) {
  const std::lock_guard lock(mutex_);
  std::string name = path.lexically_normal().lexically_relative(root_).string();
  if (name == ".") name.clear();
  ELECTRA_ASSERT(!name.starts_with(".."));
  know_directory(directory_of(name));
  return name;
}

void DiskLog::look_into(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(root_ / directory, ignored)) {
    if (entry.is_directory(ignored)) know_directory(entry.path().lexically_relative(root_).string());
  }
}

FileId DiskLog::file(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(name);
  return found == names_.end() ? 0 : found->second;
}

FileId DiskLog::new_file() {
  const std::lock_guard lock(mutex_);
  return ++files_;
}

std::string DiskLog::text(std::uint64_t moment) const {
  constexpr std::uint64_t kBefore = 8;
  std::map<FileId, std::string> called;
  for (const auto& [name, file] : base_names_) called[file] = name;
  std::string text;
  for (const DiskOperation& operation : operations_) {
    if (operation.begun >= moment) break;
    if (operation.kind == Kind::create || operation.kind == Kind::link) called[operation.file] = operation.path;
    if (operation.kind == Kind::rename) called[operation.file] = operation.to;
    const bool under_way = operation.done >= moment;
    if (!under_way && operation.begun + kBefore < moment) continue;
    text += "  " + std::to_string(operation.begun) + ": " + std::string(kind_text(operation.kind)) + " " +
            (operation.path.empty() ? called[operation.file] : operation.path);
    if (operation.kind == Kind::write || operation.kind == Kind::truncate)
      text += " at " + std::to_string(operation.offset);
    if (operation.kind == Kind::write) text += ", " + std::to_string(operation.bytes.size()) + " bytes";
    text += under_way ? ", under way\n" : "\n";
  }
  return text;
}

}  // namespace electra::sim
