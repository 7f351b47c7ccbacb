#include "io/snapshot/retention.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "io/journal/segment_files.h"
#include "io/snapshot/snapshot_directory.h"
#include "io/snapshot/snapshot_format.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/base/sentence.h"

namespace electra::io {

std::expected<RetentionPlan, std::string> plan_retention(const std::filesystem::path& snapshot_directory,
                                                         const std::vector<std::uint64_t>& kept,
                                                         const std::filesystem::path& journal_directory,
                                                         std::uint64_t first_segment, OldSegments old_segments) {
  RetentionPlan plan;
  const auto snapshots = list_snapshots(snapshot_directory);
  if (!snapshots) return std::unexpected(snapshots.error());
  for (const std::uint64_t batch : *snapshots) {
    if (std::ranges::find(kept, batch) == kept.end()) plan.remove.push_back(snapshot_directory / snapshot_name(batch));
  }
  if (old_segments == OldSegments::keep) return plan;
  const auto segments = list_segments(journal_directory);
  if (!segments) return std::unexpected(sentence(segments.error().path.string(), ": ", segments.error().reason));
  for (const std::uint64_t segment : *segments) {
    if (segment < first_segment) plan.segments.push_back(journal_directory / segment_name(segment));
  }
  return plan;
}

struct Retention::Impl {
  enum class Step { idle, snapshots, draft, free, sync_free, remove, segments, archive, old_name, journal };

  Loop& loop;
  const OldSegments old_segments;
  const std::filesystem::path archive;
  std::unique_ptr<SnapshotDevice> device;
  const RemovalPieces pieces;

  Step step = Step::idle;
  RetentionPlan plan;
  std::size_t next = 0;  // of the files of this step
  std::filesystem::path from;
  std::filesystem::path to;
  std::uint64_t left = 0;  // bytes of the snapshot that are not freed yet
  int fd = -1;
  Operation operation;
  Timer pause;
  Deferred nothing_to_do;
  Done done;
  std::function<void(const Done&)> tell;

  Impl(Loop& loop_in, OldSegments old_segments_in, std::filesystem::path archive_in,
       std::unique_ptr<SnapshotDevice> device_in, const RemovalPieces& pieces_in)
      : loop(loop_in),
        old_segments(old_segments_in),
        archive(std::move(archive_in)),
        device(std::move(device_in)),
        pieces(pieces_in) {
    ELECTRA_ASSERT_LT(0u, pieces.bytes);
    if (device == nullptr) device = make_snapshot_device(loop);
    operation = {.complete = [](void* context, std::int32_t result,
                                std::uint32_t) { static_cast<Impl*>(context)->on_done(result); },
                 .context = this};
    pause = {.fire = [](void* context, std::uint64_t) { static_cast<Impl*>(context)->go_on(); }, .context = this};
    nothing_to_do = {.run = [](void* context) { static_cast<Impl*>(context)->go_on(); }, .context = this};
  }

  ~Impl() {
    tell = nullptr;
    loop.cancel(nothing_to_do);
    if (done.failure.empty()) done.failure = "stopped";  // after what is in flight
    while (operation.pending) loop.run_once();
    loop.disarm(pause);  // the end of a piece's sync may have armed it just now
    close();
  }

  void close() {
    if (fd >= 0) device->close(fd);
    fd = -1;
  }

  std::expected<void, std::string> open() {
    if (old_segments != OldSegments::archive) return {};
    std::error_code error;
    std::filesystem::create_directories(archive, error);
    if (error) return std::unexpected(sentence(archive.string(), ": cannot be made: ", error.message()));
    // Also if it was there: a start that made it may have ended before this.
    const std::filesystem::path parent = std::filesystem::absolute(archive).parent_path();
    const int status = device->sync_directory(parent);
    if (status != 0) return std::unexpected(sentence(parent.string(), ": cannot be synced: ", std::strerror(status)));
    return {};
  }

  void start(RetentionPlan new_plan, std::function<void(const Done&)> new_tell) {
    ELECTRA_ASSERT(step == Step::idle);
    plan = std::move(new_plan);
    tell = std::move(new_tell);
    done = {};
    next = 0;
    step = Step::snapshots;
    loop.defer(nothing_to_do);
  }

  // Starts the next operation, or ends. Each segment is durably away before the next one goes. To the archive it goes by a
  // second name, and loses the first when that is durable: somebody else's sync of the journal's directory may come at any
  // time, and after a power cut a moved file could have neither.
  void go_on() {
    if (!done.failure.empty()) return finish();
    if (step == Step::snapshots && next == plan.remove.size()) {
      step = Step::segments;
      next = 0;
    }
    if (step == Step::segments && next == plan.segments.size()) return finish();
    switch (step) {
      case Step::idle:      return;
      case Step::snapshots: return begin_removal();
      case Step::draft:     return device->rename(operation, from, to);
      case Step::free:      return free_a_piece();
      case Step::sync_free: return device->sync(operation, fd);
      case Step::remove:    return device->remove(operation, from);
      case Step::segments:
        from = plan.segments[next];
        if (old_segments == OldSegments::drop) return device->remove(operation, from);
        to = archive / from.filename();
        return device->link(operation, from, to);
      case Step::archive:  return sync(archive);
      case Step::old_name: return device->remove(operation, from);
      case Step::journal:  return sync(from.parent_path());
    }
  }

  void begin_removal() {
    from = plan.remove[next];
    to = from.string() + std::string(kSnapshotDraftSuffix);
    std::error_code gone;
    left = std::filesystem::file_size(from, gone);
    step = !gone && left > pieces.bytes ? Step::draft : Step::remove;
    go_on();
  }

  // From its end.
  void free_a_piece() {
    if (fd < 0) {
      const auto opened = device->open_to_free(from);
      if (!opened) return fail(sentence("opening ", from.string()), opened.error());
      fd = *opened;
    }
    left -= std::min(left, pieces.bytes);
    device->free(operation, fd, left, pieces.bytes);
  }

  // The rest of it goes with the file.
  void remove_what_is_left() {
    close();
    step = Step::remove;
  }

  void sync(const std::filesystem::path& directory) {
    const auto opened = device->open(directory);
    if (!opened) return fail(sentence("opening ", directory.string()), opened.error());
    fd = *opened;
    device->sync(operation, fd);
  }

  void on_done(std::int32_t result) {
    if (step != Step::free && step != Step::sync_free) close();
    if (step == Step::free && result == -EOPNOTSUPP) {
      remove_what_is_left();
      return go_on();
    }
    const bool archiving = old_segments == OldSegments::archive;
    const bool names_a_file =
        step == Step::draft || step == Step::remove || step == Step::segments || step == Step::old_name;
    const bool gone = result == -ENOENT && names_a_file;
    const bool linked = step == Step::segments && archiving && result == -EEXIST && is_same_file();
    if (result < 0 && !gone && !linked) {
      switch (step) {
        case Step::idle:
        case Step::snapshots: break;
        case Step::draft:
        case Step::free:
        case Step::sync_free:
        case Step::remove:    return fail(sentence("removing ", from.string()), -result);
        case Step::segments:
          if (!archiving) return fail(sentence("removing ", from.string()), -result);
          return fail(sentence("moving ", from.string(), " to ", to.string()), -result);
        case Step::old_name: return fail(sentence("removing ", from.string()), -result);
        case Step::archive:  return fail(sentence("syncing ", archive.string()), -result);
        case Step::journal:  return fail(sentence("syncing ", from.parent_path().string()), -result);
      }
    }
    switch (step) {
      case Step::idle:
      case Step::snapshots: return;
      case Step::draft:
        if (gone) {
          ++next;
          step = Step::snapshots;
        } else {
          from = to;
          step = Step::free;
        }
        break;
      case Step::free: step = Step::sync_free; break;
      case Step::sync_free:
        step = Step::free;
        if (left <= pieces.bytes) remove_what_is_left();
        return loop.arm(pause, monotonic_ns() + pieces.pause_ns);
      case Step::remove:
        ++next;
        done.snapshots += gone ? 0 : 1;
        step = Step::snapshots;
        break;
      case Step::segments:
        if (!archiving) done.segments += gone ? 0 : 1;
        step = archiving ? Step::archive : Step::journal;
        break;
      case Step::archive: step = Step::old_name; break;
      case Step::old_name:
        done.segments += gone ? 0 : 1;
        step = Step::journal;
        break;
      case Step::journal:
        ++next;
        step = Step::segments;
        break;
    }
    go_on();
  }

  // What an end between the two names left.
  [[nodiscard]] bool is_same_file() const {
    std::error_code error;
    return std::filesystem::equivalent(from, to, error);
  }

  void fail(const std::string& what, int error) {
    done.failure = sentence(what, " failed: ", std::strerror(error));
    if (error == EXDEV) done.failure += "; the archive has to be on the file system of the journal";
    if (error == EEXIST) done.failure += "; move the file in the archive away";
    finish();
  }

  void finish() {
    close();
    step = Step::idle;
    plan = {};
    const std::function<void(const Done&)> call = std::exchange(tell, nullptr);  // it may start the next one
    if (call) call(Done(done));
  }
};

Retention::Retention(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Retention::~Retention() = default;

std::expected<std::unique_ptr<Retention>, std::string> Retention::open(Loop& loop, OldSegments old_segments,
                                                                       const std::filesystem::path& archive,
                                                                       std::unique_ptr<SnapshotDevice> device,
                                                                       const RemovalPieces& pieces) {
  auto impl = std::make_unique<Impl>(loop, old_segments, archive, std::move(device), pieces);
  if (auto opened = impl->open(); !opened) return std::unexpected(std::move(opened.error()));
  return std::unique_ptr<Retention>(new Retention(std::move(impl)));
}

bool Retention::busy() const noexcept { return impl_->step != Impl::Step::idle; }
void Retention::start(RetentionPlan plan, std::function<void(const Done&)> done) {
  impl_->start(std::move(plan), std::move(done));
}

}  // namespace electra::io
