#include "tests/sim/power_cut.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <set>

#include "meter-proto/base/assert.h"

namespace electra::sim {
namespace {

using Kind = DiskOperation::Kind;

class Cut {
 public:
  Cut(const DiskLog& log, const PowerCut& cut)
      : log_(log), moment_(cut.moment), random_(cut.seed * 0x9e3779b97f4a7c15U ^ cut.moment) {
    constexpr std::array<int, 6> kKeptPercent = {50, 50, 0, 100, 10, 90};
    kept_percent_ = kKeptPercent[below(kKeptPercent.size())];
    sector_bytes_ = below(3) == 0 ? 4096 : 512;
  }

  DiskImage image() {
    DiskImage image;
    std::set<std::string> directories(log_.base_directories().begin(), log_.base_directories().end());
    const std::map<std::string, FileId> names = surviving_names(directories);
    for (const std::string& directory : directories) {
      if (reachable(directory, directories)) image.directories.push_back(directory);
    }
    for (const auto& [name, file] : names) {
      if (!reachable(directory_of(name), directories)) continue;
      image.names[name] = file;
      if (!image.files.contains(file)) image.files[file] = contents(file);
    }
    return image;
  }

 private:
  [[nodiscard]] std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  [[nodiscard]] bool kept() { return static_cast<int>(below(100)) < kept_percent_; }
  [[nodiscard]] bool done(const DiskOperation& operation) const { return operation.done < moment_; }

  static bool reachable(const std::string& directory, const std::set<std::string>& directories) {
    return directory.empty() || (directories.contains(directory) && reachable(directory_of(directory), directories));
  }

  // A sync that began when the operation was done, and was done itself.
  [[nodiscard]] bool synced(const DiskOperation& operation, Kind kind, FileId file, const std::string& path) const {
    return std::ranges::any_of(log_.operations(), [&](const DiskOperation& sync) {
      return sync.kind == kind && sync.begun > operation.done && done(sync) && sync.file == file && sync.path == path;
    });
  }
  [[nodiscard]] bool name_is_durable(const DiskOperation& operation, const std::string& name) const {
    return synced(operation, Kind::sync_directory, 0, directory_of(name));
  }

  std::map<std::string, FileId> surviving_names(std::set<std::string>& directories) {
    std::map<std::string, FileId> names = log_.base_names();
    for (const DiskOperation& operation : log_.operations()) {
      if (operation.begun >= moment_) break;
      switch (operation.kind) {
        case Kind::make_directory:
          if (name_is_durable(operation, operation.path) || kept()) directories.insert(operation.path);
          break;
        case Kind::create:
        case Kind::link:
          if (name_is_durable(operation, operation.path) || kept()) names[operation.path] = operation.file;
          break;
        case Kind::remove:
          if (name_is_durable(operation, operation.path) || kept()) names.erase(operation.path);
          break;
        case Kind::rename: {
          // Between directories each end can be durable without the other.
          const bool both = kept();
          const bool gone = both || name_is_durable(operation, operation.path);
          const bool there = both || name_is_durable(operation, operation.to);
          const auto from = names.find(operation.path);
          const bool known = from != names.end() && from->second == operation.file;
          if (there && (known || name_is_durable(operation, operation.to))) names[operation.to] = operation.file;
          if (gone && known) names.erase(operation.path);
          break;
        }
        default: break;
      }
    }
    return names;
  }

  // --- contents ---

  struct Change {
    const DiskOperation* operation = nullptr;
    bool durable = false;
    bool done = false;
    [[nodiscard]] std::uint64_t begin() const noexcept { return operation->offset; }
    [[nodiscard]] std::uint64_t end() const noexcept {
      return operation->kind == Kind::truncate ? kNever : operation->offset + operation->bytes.size();
    }
  };

  std::vector<Change> changes_of(FileId file) const {
    std::vector<Change> changes;
    for (const DiskOperation& operation : log_.operations()) {
      if (operation.begun >= moment_) break;
      if (operation.file != file || (operation.kind != Kind::write && operation.kind != Kind::truncate)) continue;
      const bool is_done = done(operation);
      const bool durable = is_done && (operation.through || synced(operation, Kind::sync, file, ""));
      changes.push_back({.operation = &operation, .durable = durable, .done = is_done});
    }
    return changes;
  }

  std::uint64_t size_after(std::uint64_t size, const std::vector<Change>& changes) {
    for (const Change& change : changes) {
      if (!change.durable && !kept()) continue;
      if (change.operation->kind == Kind::truncate) {
        size = change.operation->offset;
      } else if (change.end() > size) {
        const std::uint64_t sectors = (change.end() - size + sector_bytes_ - 1) / sector_bytes_;
        size = change.done ? change.end() : std::min(change.end(), size + sector_bytes_ * (1 + below(sectors)));
      }
    }
    return size;
  }

  // `sector`: the bytes of the file from `from` on.
  static void apply(const Change& change, Bytes& sector, std::uint64_t from) {
    const std::uint64_t begin = std::max(change.begin(), from);
    const std::uint64_t end = std::min(change.end(), from + sector.size());
    for (std::uint64_t at = begin; at < end; ++at) {
      sector[at - from] =
          change.operation->kind == Kind::truncate ? 0 : change.operation->bytes[at - change.operation->offset];
    }
  }

  Bytes contents(FileId file) {
    const auto base = log_.base_files().find(file);
    Bytes bytes = base == log_.base_files().end() ? Bytes() : base->second;
    const std::vector<Change> changes = changes_of(file);
    const std::uint64_t size = size_after(bytes.size(), changes);
    bytes.resize(std::max<std::uint64_t>(size, bytes.size()));
    for (std::uint64_t from = 0; from < size; from += sector_bytes_) {
      std::vector<Change> touching;
      for (const Change& change : changes) {
        if (change.begin() < from + sector_bytes_ && change.end() > from) touching.push_back(change);
      }
      if (touching.empty()) continue;
      std::size_t floor = 0;  // up to here nothing can be missing
      for (std::size_t i = 0; i < touching.size(); ++i) floor = touching[i].durable ? i + 1 : floor;
      std::size_t applied = floor;
      while (applied < touching.size() && kept()) ++applied;
      const std::uint64_t length = std::min(sector_bytes_, bytes.size() - from);
      const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(from);
      Bytes sector(place, place + static_cast<std::ptrdiff_t>(length));
      for (std::size_t i = 0; i < applied; ++i) apply(touching[i], sector, from);
      // What is still under way may come to the disk after what began later and is done.
      for (std::size_t i = 0; i < floor; ++i) {
        if (!touching[i].done && kept()) apply(touching[i], sector, from);
      }
      std::ranges::copy(sector, place);
    }
    bytes.resize(size);
    return bytes;
  }

  const DiskLog& log_;
  const std::uint64_t moment_;
  std::mt19937_64 random_;
  int kept_percent_ = 50;
  std::uint64_t sector_bytes_ = 512;
};

}  // namespace

const Bytes* DiskImage::find(const std::string& name) const {
  const auto found = names.find(name);
  return found == names.end() ? nullptr : &files.at(found->second);
}

DiskImage image_after(const DiskLog& log, const PowerCut& cut) { return Cut(log, cut).image(); }

void write_image(const DiskImage& image, const std::filesystem::path& root) {
  std::filesystem::remove_all(root);
  std::filesystem::create_directories(root);
  for (const std::string& directory : image.directories) std::filesystem::create_directories(root / directory);
  std::map<FileId, std::filesystem::path> written;
  for (const auto& [name, number] : image.names) {
    const auto [first, is_first] = written.emplace(number, root / name);
    if (!is_first) {
      std::filesystem::create_hard_link(first->second, root / name);
      continue;
    }
    const Bytes& bytes = image.files.at(number);
    std::ofstream file(root / name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    file.close();
    ELECTRA_ASSERT(file.good());
  }
}

}  // namespace electra::sim
