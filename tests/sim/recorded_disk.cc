#include "tests/sim/recorded_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>

#include "tests/sim/late_operations.h"

namespace electra::sim {
namespace {

using Kind = DiskOperation::Kind;

int put(int fd, ByteSpan bytes, std::uint64_t offset) {
  return ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)) == std::ssize(bytes) ? 0 : errno;
}

// What all three devices do with names and files: the plain call on the real file, and its lines in the log.
class Recorder {
 public:
  Recorder(std::shared_ptr<RecordedDisk> disk, Part part) : disk_(std::move(disk)), part_(part) {}

  [[nodiscard]] RecordedDisk& disk() noexcept { return *disk_; }
  [[nodiscard]] DiskLog& log() noexcept { return disk_->log(); }
  [[nodiscard]] Part part() const noexcept { return part_; }
  [[nodiscard]] int judge(const char* what) { return disk_->judge(part_, what); }

  std::expected<int, int> open(const std::filesystem::path& path, int flags, mode_t mode) {
    if (const int error = judge("open"); error != 0) return std::unexpected(error);
    const std::string name = log().name(path);
    struct stat status{};
    const bool there = ::stat(path.c_str(), &status) == 0;
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd < 0) return std::unexpected(errno);
    FileId file = log().file(name);
    if (!there) {
      file = log().new_file();
      log().done(log().begin({.kind = Kind::create, .file = file, .path = name}));
    } else if ((flags & O_TRUNC) != 0) {
      log().done(log().begin({.kind = Kind::truncate, .file = file}));
    }
    const std::lock_guard lock(mutex_);
    files_[fd] = {.file = file, .directory = S_ISDIR(status.st_mode) && there ? name : std::string()};
    if (there && S_ISDIR(status.st_mode)) files_[fd].is_directory = true;
    return fd;
  }

  void close(int fd) {
    {
      const std::lock_guard lock(mutex_);
      files_.erase(fd);
    }
    ::close(fd);
  }

  FileId file(int fd) {
    const std::lock_guard lock(mutex_);
    return files_.at(fd).file;
  }

  int truncate(int fd, std::uint64_t bytes) {
    if (const int error = judge("truncate"); error != 0) return error;
    const std::size_t number = log().begin({.kind = Kind::truncate, .file = file(fd), .offset = bytes});
    if (::ftruncate(fd, static_cast<off_t>(bytes)) != 0) return errno;
    log().done(number);
    return 0;
  }

  // The number of the sync of this file or directory, which is still to be called done; nothing: the disk lies.
  std::optional<std::size_t> begin_sync(int fd) {
    File what;
    {
      const std::lock_guard lock(mutex_);
      what = files_.at(fd);
    }
    if (what.is_directory) return begin_directory_sync(what.directory);
    if (disk_->lies.files_stay_in_cache) return std::nullopt;
    return log().begin({.kind = Kind::sync, .file = what.file});
  }

  int sync(int fd) {
    if (const int error = judge("sync"); error != 0) return error;
    done(begin_sync(fd));
    return 0;
  }

  int sync_directory(const std::filesystem::path& directory) {
    if (const int error = judge("sync_directory"); error != 0) return error;
    done(begin_directory_sync(log().name(directory)));
    return 0;
  }

  int remove(const std::filesystem::path& path) {
    if (const int error = judge("remove"); error != 0) return error;
    return really_remove(path);
  }

  int really_remove(const std::filesystem::path& path) {
    const std::string name = log().name(path);
    if (::unlink(path.c_str()) != 0) return errno;
    log().done(log().begin({.kind = Kind::remove, .path = name}));
    return 0;
  }

  void done(std::optional<std::size_t> number) {
    if (number) log().done(*number);
  }

 private:
  struct File {
    FileId file = 0;
    std::string directory;
    bool is_directory = false;
  };

  std::optional<std::size_t> begin_directory_sync(const std::string& directory) {
    log().look_into(directory);
    if (disk_->lies.directories_stay_in_cache) return std::nullopt;
    return log().begin({.kind = Kind::sync_directory, .path = directory});
  }

  std::shared_ptr<RecordedDisk> disk_;
  const Part part_;
  std::mutex mutex_;
  std::map<int, File> files_;
};

class RecordedSegments final : public io::SegmentDevice {
 public:
  RecordedSegments(std::shared_ptr<RecordedDisk> disk, io::Loop& loop)
      : recorder_(disk, Part::journal), late_(loop, disk->seed(), disk->delay_us()) {}

  std::expected<int, int> open(const std::filesystem::path& path, bool create) override {
    return recorder_.open(path, O_RDWR | (create ? O_CREAT | O_EXCL : 0), 0644);
  }
  int truncate(int fd, std::uint64_t bytes) override { return recorder_.truncate(fd, bytes); }
  int sync(int fd) override { return recorder_.sync(fd); }
  int sync_directory(const std::filesystem::path& directory) override { return recorder_.sync_directory(directory); }
  int remove(const std::filesystem::path& path) override { return recorder_.remove(path); }
  void close(int fd) override { recorder_.close(fd); }
  bool direct_io() const noexcept override { return false; }

  int write_now(int fd, ByteSpan bytes, std::uint64_t offset) override {
    const auto fate = recorder_.disk().judge_write(Part::journal, bytes.size());
    const std::size_t number = begin(fd, bytes.first(fate.reaches), offset);
    if (fate.told < 0) return static_cast<int>(-fate.told);
    if (fate.told < std::ssize(bytes)) return EIO;  // what the real one says of a write that does not go on
    recorder_.log().done(number);
    return 0;
  }

  void write(io::Operation& operation, const io::SegmentWrite& write) override {
    const auto fate = recorder_.disk().judge_write(Part::journal, write.bytes.size());
    const std::size_t number = begin(write.fd, write.bytes.first(fate.reaches), write.offset, write.durable);
    const bool whole = fate.told == std::ssize(write.bytes);
    late_.add(
        operation, static_cast<std::int32_t>(fate.told),
        [this, number, whole] {
          if (whole) recorder_.log().done(number);
        },
        recorder_.disk().lies.journal_writes_end_early);
  }

  void start_sync(io::Operation& operation, int fd) override {
    if (const int error = recorder_.judge("sync"); error != 0) return late_.add(operation, -error, [] {});
    const auto number = recorder_.begin_sync(fd);
    late_.add(operation, 0, [this, number] { recorder_.done(number); });
  }

 private:
  std::size_t begin(int fd, ByteSpan bytes, std::uint64_t offset, bool durable = true) {
    const bool through = durable && !recorder_.disk().lies.journal_writes_stay_in_cache;
    const std::size_t number = recorder_.log().begin({.kind = Kind::write,
                                                      .file = recorder_.file(fd),
                                                      .offset = offset,
                                                      .bytes = Bytes(bytes.begin(), bytes.end()),
                                                      .through = through});
    [[maybe_unused]] const int error = put(fd, bytes, offset);
    return number;
  }

  Recorder recorder_;
  LateOperations late_;
};

class RecordedSnapshots final : public io::SnapshotDevice {
 public:
  RecordedSnapshots(std::shared_ptr<RecordedDisk> disk, io::Loop& loop)
      : recorder_(disk, Part::snapshots), late_(loop, disk->seed() + 1, disk->delay_us()) {}

  std::expected<int, int> create(const std::filesystem::path& path) override {
    if (const int error = recorder_.judge("create"); error != 0) return std::unexpected(error);
    if (const int error = recorder_.really_remove(path); error != 0 && error != ENOENT) return std::unexpected(error);
    return recorder_.open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
  }
  std::expected<int, int> open(const std::filesystem::path& path) override { return recorder_.open(path, O_RDONLY, 0); }
  std::expected<int, int> open_to_free(const std::filesystem::path& path) override {
    return recorder_.open(path, O_WRONLY, 0);
  }
  void close(int fd) override { recorder_.close(fd); }
  int sync_directory(const std::filesystem::path& directory) override { return recorder_.sync_directory(directory); }

  void write(io::Operation& operation, int fd, ByteSpan bytes, std::uint64_t offset) override {
    const auto fate = recorder_.disk().judge_write(Part::snapshots, bytes.size());
    const ByteSpan reaches = bytes.first(fate.reaches);
    const std::size_t number = recorder_.log().begin({.kind = Kind::write,
                                                      .file = recorder_.file(fd),
                                                      .offset = offset,
                                                      .bytes = Bytes(reaches.begin(), reaches.end())});
    [[maybe_unused]] const int error = put(fd, reaches, offset);
    const bool whole = fate.told == std::ssize(bytes);
    late_.add(operation, static_cast<std::int32_t>(fate.told), [this, number, whole] {
      if (whole) recorder_.log().done(number);
    });
  }

  void sync(io::Operation& operation, int fd) override {
    if (const int error = recorder_.judge("sync"); error != 0) return late_.add(operation, -error, [] {});
    const auto number = recorder_.begin_sync(fd);
    late_.add(operation, 0, [this, number] { recorder_.done(number); });
  }

  void rename(io::Operation& operation, const std::filesystem::path& from, const std::filesystem::path& to) override {
    if (const int error = recorder_.judge("rename"); error != 0) return late_.add(operation, -error, [] {});
    const std::string old_name = recorder_.log().name(from);
    const std::string new_name = recorder_.log().name(to);
    const std::size_t number = recorder_.log().begin(
        {.kind = Kind::rename, .file = recorder_.log().file(old_name), .path = old_name, .to = new_name});
    if (::rename(from.c_str(), to.c_str()) != 0) return late_.add(operation, -errno, [] {});
    late_.add(operation, 0, [this, number] { recorder_.log().done(number); });
  }

  void link(io::Operation& operation, const std::filesystem::path& from, const std::filesystem::path& to) override {
    if (const int error = recorder_.judge("link"); error != 0) return late_.add(operation, -error, [] {});
    const std::string old_name = recorder_.log().name(from);
    const std::string new_name = recorder_.log().name(to);
    if (::link(from.c_str(), to.c_str()) != 0) return late_.add(operation, -errno, [] {});
    const std::size_t number =
        recorder_.log().begin({.kind = Kind::link, .file = recorder_.log().file(old_name), .path = new_name});
    late_.add(operation, 0, [this, number] { recorder_.log().done(number); });
  }

  void remove(io::Operation& operation, const std::filesystem::path& path) override {
    if (const int error = recorder_.judge("remove"); error != 0) return late_.add(operation, -error, [] {});
    const std::string name = recorder_.log().name(path);
    if (::unlink(path.c_str()) != 0) return late_.add(operation, -errno, [] {});
    const std::size_t number = recorder_.log().begin({.kind = Kind::remove, .path = name});
    late_.add(operation, 0, [this, number] { recorder_.log().done(number); });
  }

  // What a reader would find there.
  void free(io::Operation& operation, int fd, std::uint64_t offset, std::uint64_t bytes) override {
    if (const int error = recorder_.judge("free"); error != 0) return late_.add(operation, -error, [] {});
    const std::size_t number = recorder_.log().begin(
        {.kind = Kind::write, .file = recorder_.file(fd), .offset = offset, .bytes = Bytes(bytes, 0)});
    if (::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                    static_cast<off_t>(bytes)) != 0) {
      return late_.add(operation, -errno, [] {});
    }
    late_.add(operation, 0, [this, number] { recorder_.log().done(number); });
  }

 private:
  Recorder recorder_;
  LateOperations late_;
};

class RecordedFiles final : public io::FileDevice {
 public:
  explicit RecordedFiles(std::shared_ptr<RecordedDisk> disk) : recorder_(std::move(disk), Part::files) {}

  std::expected<int, int> open(const std::filesystem::path& path, int flags, mode_t mode) override {
    return recorder_.open(path, flags, mode);
  }
  void close(int fd) override { recorder_.close(fd); }
  std::int64_t write(int fd, ByteSpan bytes, std::uint64_t offset) override {
    const auto fate = recorder_.disk().judge_write(Part::files, bytes.size());
    const ByteSpan reaches = bytes.first(fate.reaches);
    const std::size_t number = recorder_.log().begin({.kind = Kind::write,
                                                      .file = recorder_.file(fd),
                                                      .offset = offset,
                                                      .bytes = Bytes(reaches.begin(), reaches.end())});
    [[maybe_unused]] const int error = put(fd, reaches, offset);
    if (fate.told >= 0) recorder_.log().done(number);
    return fate.told;
  }
  int truncate(int fd, std::uint64_t bytes) override { return recorder_.truncate(fd, bytes); }
  int sync(int fd) override { return recorder_.sync(fd); }
  int link(const std::filesystem::path& from, const std::filesystem::path& to) override {
    if (const int error = recorder_.judge("link"); error != 0) return error;
    const std::string old_name = recorder_.log().name(from);
    const std::string new_name = recorder_.log().name(to);
    if (::link(from.c_str(), to.c_str()) != 0) return errno;
    recorder_.log().done(
        recorder_.log().begin({.kind = Kind::link, .file = recorder_.log().file(old_name), .path = new_name}));
    return 0;
  }
  int remove(const std::filesystem::path& path) override { return recorder_.remove(path); }
  int sync_directory(const std::filesystem::path& directory) override { return recorder_.sync_directory(directory); }

 private:
  Recorder recorder_;
};

}  // namespace

RecordedDisk::RecordedDisk(std::filesystem::path root, std::uint64_t seed, std::uint32_t delay_us)
    : log_(std::move(root)), seed_(seed), delay_us_(delay_us) {}

void RecordedDisk::serve(pipeline::GatewaySettings& settings) {
  const std::shared_ptr<RecordedDisk> self = shared_from_this();
  settings.other_device = [self](io::Loop& loop) { return std::make_unique<RecordedSegments>(self, loop); };
  settings.snapshots.other_device = [self](io::Loop& loop) { return std::make_unique<RecordedSnapshots>(self, loop); };
  settings.blocks.other_device = std::make_shared<RecordedFiles>(self);
}

std::string RecordedDisk::hit() const {
  const char* what = hit_.load();
  return what == nullptr ? "" : what;
}

bool RecordedDisk::faulty(Part part, const char* what) {
  const std::uint64_t number = counts_[static_cast<std::size_t>(part)].fetch_add(1);
  if (fault.kind == DiskFault::Kind::none || fault.part != part || repaired.load()) return false;
  if (fault.lasts ? number < fault.at : number != fault.at) return false;
  const char* nothing = nullptr;
  hit_.compare_exchange_strong(nothing, what);
  return true;
}

int RecordedDisk::judge(Part part, const char* what) { return faulty(part, what) ? fault.error : 0; }

RecordedDisk::Write RecordedDisk::judge_write(Part part, std::size_t bytes) {
  constexpr std::size_t kSector = 512;
  const auto all = static_cast<std::int64_t>(bytes);
  if (!faulty(part, "write")) return {.reaches = bytes, .told = all};
  // Halves of large writes end between sectors, those of small ones anywhere.
  const std::size_t half = bytes > 2 * kSector ? bytes / 2 / kSector * kSector : bytes / 2;
  switch (fault.kind) {
    case DiskFault::Kind::none:        break;
    case DiskFault::Kind::fail:        return {.reaches = 0, .told = -fault.error};
    case DiskFault::Kind::short_write: return {.reaches = half, .told = static_cast<std::int64_t>(half)};
    case DiskFault::Kind::torn:        return {.reaches = half, .told = -fault.error};
  }
  return {.reaches = bytes, .told = all};
}

}  // namespace electra::sim
