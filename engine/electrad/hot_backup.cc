#include "engine/electrad/hot_backup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "engine/electrad/chain_setup.h"
#include "engine/electrad/config.h"
#include "engine/pipeline/restore.h"
#include "io/header_file.h"
#include "io/journal/journal_reader.h"
#include "io/journal/segment_files.h"
#include "io/snapshot/snapshot_directory.h"
#include "io/snapshot/snapshot_reader.h"
#include "meter-proto/chain/block_header.h"

namespace electra::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCopyBytes = std::size_t{4} << 20;
// A gateway that drops segments may take away what was to be copied; then a newer snapshot is there.
constexpr int kAttempts = 5;

std::unexpected<Failure> failure(ExitCode code, std::string text) {
  return std::unexpected(Failure{code, std::move(text)});
}
std::unexpected<Failure> failure(std::string text) { return failure(ExitCode::failed, std::move(text)); }

class NoSink final : public io::RecordSink {
 public:
  bool on_record(const io::RecordView&) override { return true; }
};

// A file that is open, so that nobody can take it away, and how much of it is wanted.
class Source {
 public:
  Source(fs::path from, fs::path to) : from_(std::move(from)), to_(std::move(to)) {}
  ~Source() {
    if (fd_ >= 0) ::close(fd_);
  }
  Source(Source&& other) noexcept
      : from_(std::move(other.from_)),
        to_(std::move(other.to_)),
        fd_(std::exchange(other.fd_, -1)),
        bytes_(other.bytes_) {}
  Source& operator=(Source&&) = delete;

  // 0 or errno.
  int open() {
    fd_ = ::open(from_.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status{};
    if (fd_ < 0 || ::fstat(fd_, &status) != 0) return errno;
    bytes_ = static_cast<std::uint64_t>(status.st_size);
    return 0;
  }
  void limit(std::uint64_t bytes) { bytes_ = std::min(bytes_, bytes); }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] const fs::path& from() const noexcept { return from_; }

  // Durably.
  template <typename F>
  std::expected<void, Failure> copy(std::vector<char>& buffer, F&& copied) const {
    const int out = ::open(to_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (out < 0) return failed(to_);
    std::uint64_t done = 0;
    bool good = true;
    while (good && done < bytes_) {
      const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), bytes_ - done);
      const ssize_t got = ::pread(fd_, buffer.data(), wanted, static_cast<off_t>(done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        if (got == 0) errno = EIO;
        good = false;
        break;
      }
      good = write_all(out, {buffer.data(), static_cast<std::size_t>(got)});
      done += static_cast<std::uint64_t>(got);
      if (good) copied(static_cast<std::uint64_t>(got));
    }
    good = good && ::fsync(out) == 0;
    const int error = errno;
    ::close(out);
    errno = error;
    if (!good) return failed(to_);
    return {};
  }

 private:
  [[nodiscard]] std::expected<void, Failure> failed(const fs::path& to) const {
    return failure(fmt::format("copying {} to {}: {}", from_.string(), to.string(), std::strerror(errno)));
  }
  static bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t put = ::write(fd, bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
  }

  fs::path from_;
  fs::path to_;
  int fd_ = -1;
  std::uint64_t bytes_ = 0;
};

// One moment of a home: what is to be copied.
struct Moment {
  std::optional<io::JournalStart> start;
  std::uint64_t snapshot_height = 0;
  io::JournalPosition end;
  std::vector<Source> sources;
  std::uint64_t segments = 0;
  bool gone = false;  // something was taken away meanwhile: look again
};

class Backup {
 public:
  Backup(const Home& from, const fs::path& out, const std::function<void(std::uint64_t, std::uint64_t)>& progress)
      : from_(from), to_(out), progress_(progress) {}

  std::expected<BackupSummary, Failure> run() {
    const auto genesis = load_genesis(from_);
    if (!genesis) return std::unexpected(genesis.error());
    genesis_ = &genesis->genesis;
    const auto config_text = read_text_file(from_.config_file());
    if (!config_text) return failure(ExitCode::configuration, config_text.error());
    const auto config = without_development_seed(from_.config_file().string(), *config_text);
    if (!config) return failure(ExitCode::configuration, config.error());

    auto moment = look();
    for (int attempt = 1; moment && moment->gone && attempt < kAttempts; ++attempt) moment = look();
    if (!moment) return std::unexpected(moment.error());
    if (moment->gone) return failure("the gateway puts segments away faster than they can be looked at; try again");
    if (auto made = make_directories(); !made) return std::unexpected(made.error());
    auto done = copy(*moment);
    if (done) done = check(*moment);
    // The genesis last: with it the copy is a home.
    if (done) done = write(to_.config_file(), *config);
    if (done) done = write(to_.genesis_file(), genesis->text);
    if (!done) {
      remove();
      return std::unexpected(done.error());
    }
    summary_.chain_id = genesis_->chain_id;
    summary_.genesis_hash = genesis_->hash;
    return summary_;
  }

 private:
  // Chooses the newest snapshot that fits, and opens what belongs to it.
  std::expected<Moment, Failure> look() {
    Moment moment;
    if (auto snapshot = look_for_snapshot(moment); !snapshot) return std::unexpected(snapshot.error());
    if (moment.gone) return moment;
    NoSink sink;
    const fs::path journal = from_.journal_directory();
    const auto read = moment.start ? io::read_journal(journal, *moment.start, sink) : io::read_journal(journal, sink);
    if (!read && read.error().kind == io::RecoveryError::Kind::no_start) {
      moment.gone = true;
      return moment;
    }
    if (!read) return failure(ExitCode::journal_damaged, read.error().text());
    moment.end = read->position;
    if (auto segments = look_for_segments(moment); !segments) return std::unexpected(segments.error());
    if (moment.gone) return moment;
    if (auto headers = look_for_headers(moment); !headers) return std::unexpected(headers.error());
    return moment;
  }

  std::expected<void, Failure> look_for_snapshot(Moment& moment) {
    const auto batches = io::list_snapshots(from_.snapshots_directory());
    if (!batches) return failure(ExitCode::home, batches.error());
    std::vector<std::string> unusable;
    for (auto batch = batches->rbegin(); batch != batches->rend(); ++batch) {
      const fs::path file = from_.snapshots_directory() / io::snapshot_name(*batch);
      // Opened first: what is checked is what is copied.
      Source source(file, to_.snapshots_directory() / file.filename());
      if (source.open() != 0) continue;
      const auto snapshot = io::read_snapshot(file, nullptr);
      const auto header = snapshot ? pipeline::header_in_snapshot(file, *snapshot) : std::unexpected(std::string());
      if (!header || snapshot->genesis_hash != genesis_->hash) {
        unusable.push_back(snapshot ? file.string() + ": it is of another chain" : snapshot.error().text());
        continue;
      }
      const io::JournalStart start = pipeline::start_behind(*snapshot, *header);
      if (auto there = io::check_start(from_.journal_directory(), start); !there) {
        unusable.push_back(file.string() + ": " + there.error().text());
        continue;
      }
      moment.start = start;
      moment.snapshot_height = header->height;
      moment.sources.push_back(std::move(source));
      return {};
    }
    const auto first = pipeline::first_segment(from_.journal_directory());
    if (!first) return failure(ExitCode::journal_damaged, first.error());
    if (*first > 1) {
      // Or a newer snapshot has been sealed since they were listed.
      if (++lost_ < kAttempts) {
        moment.gone = true;
      } else {
        return failure(ExitCode::journal_damaged,
                       pipeline::begins_later_text(from_.journal_directory(), *first, unusable));
      }
    }
    return {};
  }

  std::expected<void, Failure> look_for_segments(Moment& moment) {
    if (moment.end.last_batch == 0) return {};
    const std::uint64_t first = moment.start ? moment.start->position.segment : 1;
    for (std::uint64_t segment = first; segment <= moment.end.segment; ++segment) {
      const fs::path name = io::segment_name(segment);
      Source source(from_.journal_directory() / name, to_.journal_directory() / name);
      const int error = source.open();
      if (error == ENOENT) {
        moment.gone = true;
        return {};
      }
      if (error != 0) return failure(fmt::format("{}: {}", source.from().string(), std::strerror(error)));
      if (segment == moment.end.segment) source.limit(moment.end.offset);
      moment.sources.push_back(std::move(source));
      ++moment.segments;
    }
    return {};
  }

  // Of blocks that end within the copy.
  std::expected<void, Failure> look_for_headers(Moment& moment) {
    std::error_code error;
    if (!fs::exists(from_.headers_file(), error)) return {};
    const auto headers = io::HeaderFile::open(from_.headers_file(), /*writable=*/false);
    if (!headers) return failure(ExitCode::home, headers.error());
    std::uint64_t count = (*headers)->count();
    for (; count > 0; --count) {
      io::HeaderEntry entry;
      if (auto read = (*headers)->read(count, entry); !read) return failure(read.error());
      const auto header = proto::decode_signed_header(entry);
      if (!header) {
        return failure(ExitCode::journal_damaged, fmt::format("{}: what stands at the place of block {} is no header",
                                                              from_.headers_file().string(), count));
      }
      if (header->header.last_batch <= moment.end.last_batch) break;
    }
    if (count < moment.snapshot_height) {
      return failure(ExitCode::journal_damaged,
                     fmt::format("{} ends with block {}, and the snapshot is of block {}",
                                 from_.headers_file().string(), count, moment.snapshot_height));
    }
    Source source(from_.headers_file(), to_.headers_file());
    if (const int status = source.open(); status != 0) {
      return failure(fmt::format("{}: {}", from_.headers_file().string(), std::strerror(status)));
    }
    source.limit(count * io::kHeaderEntryBytes);
    moment.sources.push_back(std::move(source));
    summary_.height = count;
    return {};
  }

  std::expected<void, Failure> make_directories() {
    const fs::path& root = to_.root();
    std::error_code error;
    existed_ = fs::exists(root, error);
    if (existed_ && (!fs::is_directory(root, error) || !fs::is_empty(root, error))) {
      return failure(ExitCode::home,
                     fmt::format("{}: there is something here already; a copy wants a new directory", root.string()));
    }
    for (const fs::path& directory : {root, root / "config", to_.journal_directory(), to_.snapshots_directory(),
                                      to_.headers_file().parent_path()}) {
      fs::create_directories(directory, error);
      if (error) return failure(ExitCode::home, fmt::format("{}: {}", directory.string(), error.message()));
    }
    return {};
  }

  std::expected<void, Failure> copy(const Moment& moment) {
    std::uint64_t total = 0;
    for (const Source& source : moment.sources) total += source.bytes();
    std::vector<char> buffer(kCopyBytes);
    std::uint64_t done = 0;
    for (const Source& source : moment.sources) {
      auto copied = source.copy(buffer, [&](std::uint64_t bytes) {
        done += bytes;
        if (progress_) progress_(done, total);
      });
      if (!copied) return copied;
    }
    for (const fs::path& directory :
         {to_.journal_directory(), to_.snapshots_directory(), to_.headers_file().parent_path(), to_.root()}) {
      if (auto synced = io::sync_directory(directory); !synced) return failure(synced.error());
    }
    summary_.snapshot_batch = moment.start ? moment.start->position.last_batch : 0;
    summary_.snapshot_height = moment.snapshot_height;
    summary_.last_batch = moment.end.last_batch;
    summary_.segments = moment.segments;
    summary_.bytes = total;
    return {};
  }

  // Reads the copy again.
  std::expected<void, Failure> check(const Moment& moment) {
    if (moment.start) {
      const auto read =
          io::read_snapshot(to_.snapshots_directory() / io::snapshot_name(summary_.snapshot_batch), nullptr);
      if (!read) return failure(fmt::format("the copy is not good: {}", read.error().text()));
    }
    const auto recovered = moment.start ? io::recover_journal(to_.journal_directory(), *moment.start, nullptr)
                                        : io::recover_journal(to_.journal_directory(), genesis_->hash, nullptr);
    if (!recovered) return failure(fmt::format("the copy is not good: {}", recovered.error().text()));
    if (recovered->position.last_hash == moment.end.last_hash || moment.end.last_batch == 0) return {};
    return failure(fmt::format("the copy is not good: it ends with batch {}, and batch {} was expected",
                               recovered->position.last_batch, moment.end.last_batch));
  }

  std::expected<void, Failure> write(const fs::path& path, std::string_view text) {
    if (auto written = write_file_durably(path, text); !written) return failure(written.error());
    summary_.bytes += text.size();
    return {};
  }

  void remove() {
    std::error_code ignored;
    if (!existed_) {
      fs::remove_all(to_.root(), ignored);
      return;
    }
    for (const char* name : {"config", "journal", "snapshots", "blocks"}) fs::remove_all(to_.root() / name, ignored);
  }

  const Home& from_;
  const Home to_;
  const std::function<void(std::uint64_t, std::uint64_t)>& progress_;
  const state::Genesis* genesis_ = nullptr;
  bool existed_ = false;
  int lost_ = 0;
  BackupSummary summary_;
};

}  // namespace

std::expected<std::string, std::string> without_development_seed(std::string_view file, const std::string& text) {
  constexpr std::string_view kKey = "development_seed";
  std::string kept;
  bool inside = false;  // the seed goes on over lines that are indented
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end;
    if (inside && (line.starts_with(' ') || line.starts_with('\t'))) continue;
    const std::size_t colon = line.find_first_not_of(' ', kKey.size());
    inside = line.starts_with(kKey) && colon != std::string_view::npos && line[colon] == ':';
    if (inside) {
      kept += "# development_seed: left where the keys are\n";
    } else {
      kept += line;
    }
  }
  const auto config = parse_config(file, kept);
  if (config && config->development_seed == Config().development_seed) return kept;
  return std::unexpected(
      fmt::format("{}: the development seed cannot be taken out; write it in a line of its own", file));
}

std::expected<BackupSummary, Failure> make_backup(const Home& home, const fs::path& out,
                                                  const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  return Backup(home, out, progress).run();
}

}  // namespace electra::app
