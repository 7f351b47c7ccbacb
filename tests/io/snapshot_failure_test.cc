// Disks that fail while a snapshot is written, and processes that are killed: a snapshot exists whole or not at all, the
// writer goes on, and the next one is made.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "io/snapshot/snapshot_directory.h"
#include "tests/io/snapshot_support.h"

namespace electra::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// create, three chunks, header, sync, rename, directory (open and sync)
constexpr std::uint64_t kOperations = 9;
Leaves three_chunks() { return some_leaves(2600, 300); }

struct Case {
  const char* name;
  SnapshotFault fault;
  const char* says;
};
void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }
class SnapshotFailure : public testing::TestWithParam<Case> {};

TEST_P(SnapshotFailure, EndsThisSnapshotAndNoOther) {
  const Leaves leaves = three_chunks();
  std::uint64_t failed = 0;
  for (std::uint64_t at = 0;; ++at) {
    SCOPED_TRACE("operation " + std::to_string(at));
    TemporaryDirectory directory(TemporaryDirectory::Where::memory);
    Snapshots snapshots(directory.path());
    SnapshotFault fault = GetParam().fault;
    fault.at = at;
    ASSERT_EQ(snapshots.open(fault), "");
    const std::string failure = snapshots.make(17, leaves);
    if (failure.empty()) {
      // The fault would be at a place that a snapshot does not come to, or it was a short write of what is no write.
      ASSERT_EQ(snapshots.sealed.size(), 1u);
      ASSERT_GE(at, kOperations);
      break;
    }
    ++failed;
    EXPECT_THAT(failure, HasSubstr(GetParam().says));
    EXPECT_THAT(failure, HasSubstr(directory.path().string()));
    EXPECT_THAT(snapshots.sealed, IsEmpty());
    // Only after its rename there may be a file, and then it is whole.
    const std::vector<std::uint64_t> left = list_snapshots(directory.path()).value();
    for (const std::uint64_t batch : left) {
      EXPECT_GE(at, kOperations - 2);
      EXPECT_TRUE(read_snapshot(directory.path() / snapshot_name(batch), nullptr).has_value());
    }
    EXPECT_EQ(file_names(directory.path()).size(), left.size());
    EXPECT_EQ(snapshots.make(18, leaves), "");
    EXPECT_TRUE(read_snapshot(directory.path() / snapshot_name(18), nullptr).has_value());
  }
  EXPECT_EQ(failed, kOperations);
}

constexpr auto kFail = SnapshotFault::Kind::fail;
constexpr auto kShort = SnapshotFault::Kind::short_write;
// what the operation does, words of the message
INSTANTIATE_TEST_SUITE_P(Faults, SnapshotFailure,
                         testing::Values(Case{"EIO", {.kind = kFail, .error = EIO}, "Input/output error"},
                                         Case{"ENOSPC", {.kind = kFail, .error = ENOSPC}, "free space"},
                                         Case{"EROFS", {.kind = kFail, .error = EROFS}, "writable"},
                                         Case{"short", {.kind = kShort, .error = ENOSPC}, "free space"}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(SnapshotFailure, OfAFullFileSystemLeavesRoomForTheNext) {
  SmallFileSystem disk("size=3m");
  if (!disk.mounted()) GTEST_SKIP() << "mounting is not allowed here";
  Snapshots snapshots(disk.path() / "snapshots");
  ASSERT_EQ(snapshots.open(), "");
  EXPECT_THAT(snapshots.make(17, some_leaves(8000, 500)), HasSubstr("free space"));
  EXPECT_THAT(file_names(disk.path() / "snapshots"), IsEmpty());
  const Leaves small = some_leaves(4000, 500);
  ASSERT_EQ(snapshots.make(18, small), "");
  ReadLeaves read;
  ASSERT_TRUE(read_snapshot(disk.path() / "snapshots" / snapshot_name(18), &read).has_value());
  EXPECT_EQ(read.leaves, small);
}

TEST(SnapshotFailure, OfAProcessThatIsKilledAtAnyStepLeavesNoHalfFile) {
  const Leaves leaves = three_chunks();
  std::uint64_t whole = 0;
  for (std::uint64_t at = 0; at <= kOperations; ++at) {
    SCOPED_TRACE("killed before operation " + std::to_string(at));
    TemporaryDirectory directory(TemporaryDirectory::Where::memory);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Snapshots snapshots(directory.path());
      const bool opened = snapshots.open(SnapshotFault{.kind = SnapshotFault::Kind::exit, .at = at}).empty();
      ::_exit(opened && snapshots.make(17, leaves).empty() && at == kOperations ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
    // The next start.
    Snapshots snapshots(directory.path());
    ASSERT_EQ(snapshots.open(), "");
    const std::vector<std::uint64_t> left = list_snapshots(directory.path()).value();
    EXPECT_EQ(file_names(directory.path()).size(), left.size());
    for (const std::uint64_t batch : left) {
      ++whole;
      EXPECT_TRUE(read_snapshot(directory.path() / snapshot_name(batch), nullptr).has_value());
    }
  }
  EXPECT_EQ(whole, 3u);  // killed before the directory is opened, before it is synced, and not at all
}

TEST(SnapshotFailure, OfADiskThatIsTooSlowIsSaid) {
  TemporaryDirectory directory;
  Snapshots snapshots(directory.path());
  ASSERT_EQ(snapshots.open(std::nullopt, 2 * kChunkBytesMax), "");
  // Nobody turns the loop while the leaves come.
  EXPECT_THAT(snapshots.make(17, some_leaves(4000, 400)), HasSubstr("too slow"));
  EXPECT_THAT(file_names(directory.path()), IsEmpty());
  EXPECT_EQ(snapshots.make(18, some_leaves(100, 400)), "");
}

TEST(SnapshotFailure, OfADirectoryThatCannotBeMadeIsSaid) {
  TemporaryDirectory directory;
  write_file(directory.path() / "file", bytes_of("x"));
  Snapshots snapshots(directory.path() / "file" / "snapshots");
  EXPECT_THAT(snapshots.open(), HasSubstr("making the directory"));
}

}  // namespace
}  // namespace electra::io
