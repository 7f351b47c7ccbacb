// What is put away when a newer snapshot is sealed.
#include "io/snapshot/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "io/journal/record_format.h"
#include "io/snapshot/snapshot_directory.h"
#include "tests/io/snapshot_support.h"

namespace electra::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

struct House {
  TemporaryDirectory directory;
  std::filesystem::path snapshots = directory.path() / "snapshots";
  std::filesystem::path journal = directory.path() / "journal";
  std::filesystem::path archive = directory.path() / "archive";
  std::unique_ptr<Loop> loop = std::move(Loop::create({.entries = 64}).value());

  House() {
    std::filesystem::create_directories(snapshots);
    std::filesystem::create_directories(journal);
    for (const std::uint64_t batch : {10U, 30U, 40U}) write_file(snapshots / snapshot_name(batch), bytes_of("s"));
    write_file(snapshots / snapshot_name(20), std::vector<std::uint8_t>(10'000));
    for (const std::uint64_t segment : {1U, 2U, 3U, 4U}) write_file(journal / segment_name(segment), bytes_of("j"));
    write_file(journal / "lock", bytes_of("1"));
  }

  Retention::Done run(OldSegments old_segments, std::uint64_t first_segment, const std::filesystem::path& to,
                      std::optional<SnapshotFault> fault = std::nullopt) {
    std::unique_ptr<SnapshotDevice> device;
    if (fault) device = std::make_unique<FaultySnapshotDevice>(*loop, *fault);
    auto retention = Retention::open(*loop, old_segments, to, std::move(device), {.bytes = 4096, .pause_ns = 0});
    if (!retention) return {.failure = retention.error()};
    auto plan = plan_retention(snapshots, {30, 40}, journal, first_segment, old_segments);
    if (!plan) return {.failure = plan.error()};
    std::optional<Retention::Done> done;
    (*retention)->start(std::move(*plan), [&done](const Retention::Done& said) { done = said; });
    EXPECT_TRUE((*retention)->busy());
    while (!done) loop->run_once(1'000'000);
    EXPECT_FALSE((*retention)->busy());
    return *done;
  }
};

struct Case {
  const char* name;
  OldSegments old_segments;
  std::vector<std::string> journal;
  std::vector<std::string> archive;
};
void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }
class RetentionOf : public testing::TestWithParam<Case> {};

TEST_P(RetentionOf, SegmentsIsAsTheSettingSays) {
  House house;
  const auto done = house.run(GetParam().old_segments, 3, house.archive);
  EXPECT_EQ(done.failure, "");
  EXPECT_EQ(done.snapshots, 2u);
  EXPECT_THAT(file_names(house.snapshots), ElementsAre("000000000030.snap", "000000000040.snap"));
  EXPECT_EQ(file_names(house.journal), GetParam().journal);
  if (GetParam().archive.empty()) {
    EXPECT_FALSE(std::filesystem::exists(house.archive));
  } else {
    EXPECT_EQ(file_names(house.archive), GetParam().archive);
  }
}

using Names = std::vector<std::string>;
const Names kAll = {"000000000001.seg", "000000000002.seg", "000000000003.seg", "000000000004.seg", "lock"};
const Names kNew = {"000000000003.seg", "000000000004.seg", "lock"};
const Names kOld = {"000000000001.seg", "000000000002.seg"};
INSTANTIATE_TEST_SUITE_P(Settings, RetentionOf,
                         testing::Values(Case{"kept", OldSegments::keep, kAll, {}},
                                         Case{"archived", OldSegments::archive, kNew, kOld},
                                         Case{"dropped", OldSegments::drop, kNew, {}}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(RetentionFailure, StopsAndLeavesTheJournalWithoutAGap) {
  for (const OldSegments old_segments : {OldSegments::archive, OldSegments::drop}) {
    for (std::uint64_t at = 0;; ++at) {
      SCOPED_TRACE("operation " + std::to_string(at));
      House house;
      const auto done =
          house.run(old_segments, 4, house.archive, SnapshotFault{.kind = SnapshotFault::Kind::fail, .at = at});
      const Names left = file_names(house.journal);
      ASSERT_GE(left.size(), 2u);
      EXPECT_EQ(left, Names(kAll.end() - static_cast<std::ptrdiff_t>(left.size()), kAll.end()));
      if (done.failure.empty()) {
        ASSERT_GE(at, 5u);
        break;
      }
      EXPECT_THAT(done.failure, HasSubstr("Input/output error"));
      EXPECT_EQ(done.segments, kAll.size() - left.size());
    }
  }
}

TEST(RetentionFailure, NeverWritesOverAnArchivedSegment) {
  House house;
  std::filesystem::create_directories(house.archive);
  write_file(house.archive / segment_name(1), bytes_of("older"));
  const auto done = house.run(OldSegments::archive, 3, house.archive);
  EXPECT_THAT(done.failure, HasSubstr("move the file in the archive away"));
  EXPECT_EQ(file_names(house.journal), kAll);
  EXPECT_EQ(read_file(house.archive / segment_name(1)).size(), 5u);
}

TEST(Retention, GoesOnWhereAnEndBetweenTheTwoNamesOfASegmentLeftOff) {
  House house;
  std::filesystem::create_directories(house.archive);
  std::filesystem::create_hard_link(house.journal / segment_name(1), house.archive / segment_name(1));
  const auto done = house.run(OldSegments::archive, 3, house.archive);
  EXPECT_EQ(done.failure, "");
  EXPECT_EQ(file_names(house.archive), kOld);
  EXPECT_EQ(file_names(house.journal), kNew);
}

TEST(RetentionFailure, SaysThatAnArchiveHasToBeOnTheSameFileSystem) {
  SmallFileSystem other("size=1m");
  if (!other.mounted()) GTEST_SKIP() << "mounting is not allowed here";
  House house;
  const auto done = house.run(OldSegments::archive, 3, other.path());
  EXPECT_THAT(done.failure, HasSubstr("has to be on the file system of the journal"));
  EXPECT_EQ(file_names(house.journal), kAll);
}

TEST(Retention, TakesFilesThatAreGoneForDone) {
  House house;
  auto plan = plan_retention(house.snapshots, {30, 40}, house.journal, 3, OldSegments::drop).value();
  ASSERT_EQ(plan.remove.size(), 2u);
  ASSERT_EQ(plan.segments.size(), 2u);
  std::filesystem::remove(plan.remove[0]);
  std::filesystem::remove(plan.segments[1]);
  auto retention = Retention::open(*house.loop, OldSegments::drop, {}).value();
  std::optional<Retention::Done> done;
  retention->start(std::move(plan), [&done](const Retention::Done& said) { done = said; });
  while (!done) house.loop->run_once(1'000'000);
  EXPECT_EQ(done->failure, "");
  EXPECT_EQ(done->snapshots, 1u);
  EXPECT_EQ(done->segments, 1u);
  EXPECT_EQ(file_names(house.journal), kNew);
}

// In pieces of 4 KiB: no name of a snapshot ever stands for a part of one.
TEST(Retention, EndsInTheMiddleOfASnapshotWithADraftAtMost) {
  for (std::uint64_t at = 0;; ++at) {
    SCOPED_TRACE("operation " + std::to_string(at));
    House house;
    const auto done = house.run(OldSegments::keep, 1, {}, SnapshotFault{.kind = SnapshotFault::Kind::fail, .at = at});
    const auto left = list_snapshots(house.snapshots);
    ASSERT_TRUE(left);
    for (const std::uint64_t batch : *left) {
      EXPECT_EQ(read_file(house.snapshots / snapshot_name(batch)).size(), batch == 20 ? 10'000u : 1u);
    }
    ASSERT_TRUE(remove_drafts(house.snapshots));
    if (done.failure.empty()) {
      EXPECT_EQ(at, 8u);  // one; rename, open, twice a piece and its sync, the rest
      EXPECT_THAT(file_names(house.snapshots), ElementsAre("000000000030.snap", "000000000040.snap"));
      break;
    }
    EXPECT_THAT(done.failure, HasSubstr("Input/output error"));
  }
}

// Whose loop goes on afterwards.
TEST(Retention, IsGivenUpAtAnyMomentOfARemoval) {
  for (int turns = 0;; ++turns) {
    SCOPED_TRACE(turns);
    House house;
    auto plan = plan_retention(house.snapshots, {30, 40}, house.journal, 1, OldSegments::keep);
    ASSERT_TRUE(plan);
    bool done = false;
    {
      auto retention =
          Retention::open(*house.loop, OldSegments::keep, {}, nullptr, {.bytes = 4096, .pause_ns = 1'000'000});
      ASSERT_TRUE(retention);
      (*retention)->start(std::move(*plan), [&done](const Retention::Done&) { done = true; });
      for (int turn = 0; turn < turns && !done; ++turn) house.loop->run_once(1'000'000);
    }
    for (int turn = 0; turn < 3; ++turn) house.loop->run_once(1'000'000);
    EXPECT_EQ(std::filesystem::file_size(house.snapshots / snapshot_name(30)), 1u);
    if (done) break;
  }
}

TEST(Retention, RemovesWholeWhatItsFileSystemCannotFreeInPieces) {
  House house;
  const auto done = house.run(OldSegments::keep, 1, {},
                              SnapshotFault{.kind = SnapshotFault::Kind::fail, .at = 3, .error = EOPNOTSUPP});
  EXPECT_EQ(done.failure, "");
  EXPECT_EQ(done.snapshots, 2u);
  EXPECT_THAT(file_names(house.snapshots), ElementsAre("000000000030.snap", "000000000040.snap"));
}

TEST(Retention, WithNothingToDoIsDoneToo) {
  House house;
  auto retention = Retention::open(*house.loop, OldSegments::keep, {}).value();
  std::optional<Retention::Done> done;
  retention->start({}, [&done](const Retention::Done& said) { done = said; });
  EXPECT_FALSE(done.has_value());
  while (!done) house.loop->run_once(1'000'000);
  EXPECT_EQ(done->failure, "");
}

}  // namespace
}  // namespace electra::io
