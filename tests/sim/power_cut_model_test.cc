// What the simulated power cut may leave of a few operations, over many seeds; and that a disk or a writer that calls
// something durable too early is found out by the cuts at every moment.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/sim/cut_everywhere.h"
#include "tests/sim/power_cut.h"
#include "tests/sim/recorded_life.h"

namespace electra::sim {
namespace {

using Kind = DiskOperation::Kind;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

constexpr std::uint64_t kSeeds = 300;

class PowerCutModel : public testing::Test {
 protected:
  FileId make(const std::string& name) {
    const FileId file = log_.new_file();
    done({.kind = Kind::create, .file = file, .path = name});
    return file;
  }
  void done(DiskOperation operation) { log_.done(log_.begin(std::move(operation))); }
  static Bytes sectors(std::size_t count, std::uint8_t fill) { return Bytes(count * 512, fill); }

  // What each seed leaves of a file, as the first bytes of its sectors; "-" without the file.
  std::set<std::string> left(const std::string& name) {
    std::set<std::string> all;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      const DiskImage image = image_after(log_, {.moment = log_.now(), .seed = seed});
      const Bytes* bytes = image.find(name);
      std::string text = bytes == nullptr ? "-" : "";
      for (std::size_t at = 0; bytes != nullptr && at < bytes->size(); at += 512) {
        text += (*bytes)[at] == 0 ? '0' : static_cast<char>((*bytes)[at]);
      }
      all.insert(text);
    }
    return all;
  }

  ScratchDirectory root_;
  DiskLog log_{root_.path()};
};

TEST_F(PowerCutModel, KeepsWhatWasWrittenThroughAndIsDone) {
  const FileId file = make("a");
  done({.kind = Kind::write, .file = file, .bytes = sectors(2, 'x'), .through = true});
  done({.kind = Kind::sync_directory});
  EXPECT_THAT(left("a"), ElementsAre("xx"));
}

TEST_F(PowerCutModel, TearsAndDropsWhatIsUnderWay) {
  const FileId file = make("a");
  done({.kind = Kind::write, .file = file, .bytes = sectors(2, 'x'), .through = true});
  done({.kind = Kind::sync_directory});
  [[maybe_unused]] const auto under_way =
      log_.begin({.kind = Kind::write, .file = file, .bytes = sectors(2, 'y'), .through = true});
  EXPECT_THAT(left("a"), UnorderedElementsAre("xx", "xy", "yx", "yy"));
}

TEST_F(PowerCutModel, ReordersWritesUnderWay) {
  const FileId file = make("a");
  done({.kind = Kind::write, .file = file, .bytes = sectors(2, 'x'), .through = true});
  done({.kind = Kind::sync_directory});
  [[maybe_unused]] const auto first =
      log_.begin({.kind = Kind::write, .file = file, .bytes = sectors(1, '1'), .through = true});
  [[maybe_unused]] const auto second =
      log_.begin({.kind = Kind::write, .file = file, .offset = 512, .bytes = sectors(1, '2'), .through = true});
  EXPECT_THAT(left("a"), UnorderedElementsAre("xx", "1x", "x2", "12"));
}

TEST_F(PowerCutModel, KeepsOfTheCacheOnlyWhatASyncCoversThatBeganAfterIt) {
  const FileId file = make("a");
  done({.kind = Kind::write, .file = file, .bytes = sectors(1, 'x')});
  const auto late = log_.begin({.kind = Kind::write, .file = file, .offset = 512, .bytes = sectors(1, 'y')});
  const auto sync = log_.begin({.kind = Kind::sync, .file = file});
  log_.done(late);
  log_.done(sync);
  done({.kind = Kind::sync_directory});
  EXPECT_THAT(left("a"), UnorderedElementsAre("x", "x0", "xy"));
}

TEST_F(PowerCutModel, LosesNamesUntilTheirDirectoryIsSynced) {
  const FileId file = make("a");
  done({.kind = Kind::write, .file = file, .bytes = sectors(1, 'x')});
  done({.kind = Kind::sync, .file = file});
  EXPECT_THAT(left("a"), UnorderedElementsAre("-", "x"));
  done({.kind = Kind::sync_directory});
  EXPECT_THAT(left("a"), ElementsAre("x"));
  done({.kind = Kind::remove, .path = "a"});
  EXPECT_THAT(left("a"), UnorderedElementsAre("-", "x"));
}

TEST_F(PowerCutModel, RenamesInADirectoryWhollyOrNot) {
  const FileId file = make("a");
  done({.kind = Kind::sync_directory});
  done({.kind = Kind::rename, .file = file, .path = "a", .to = "b"});
  std::set<std::vector<bool>> seen;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const DiskImage image = image_after(log_, {.moment = log_.now(), .seed = seed});
    seen.insert({image.names.contains("a"), image.names.contains("b")});
  }
  EXPECT_THAT(seen, UnorderedElementsAre(std::vector{true, false}, std::vector{false, true}));
}

TEST_F(PowerCutModel, LeavesOneFileUnderItsTwoNames) {
  const FileId file = make("a");
  done({.kind = Kind::write, .file = file, .bytes = sectors(4, 'x')});
  done({.kind = Kind::link, .file = file, .path = "b"});
  done({.kind = Kind::sync_directory});
  std::set<bool> whole;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const DiskImage image = image_after(log_, {.moment = log_.now(), .seed = seed});
    ASSERT_NE(image.find("a"), nullptr);
    ASSERT_EQ(image.find("a"), image.find("b"));
    whole.insert(*image.find("a") == sectors(4, 'x'));
    const ScratchDirectory scratch;
    write_image(image, scratch.path() / "root");
    const auto name = [&scratch](const char* of) { return scratch.path() / "root" / of; };
    ASSERT_TRUE(std::filesystem::equivalent(name("a"), name("b")));
    ASSERT_EQ(read_bytes(name("b")), *image.find("b"));
    // and the log of the next life knows
    const DiskLog next(scratch.path() / "root");
    ASSERT_EQ(next.base_names().at("a"), next.base_names().at("b"));
    ASSERT_EQ(next.base_files().at(next.file("a")), *image.find("a"));
  }
  EXPECT_THAT(whole, UnorderedElementsAre(true, false));
}

TEST_F(PowerCutModel, LosesAFileWithItsDirectory) {
  std::filesystem::create_directories(root_.path() / "d");
  const FileId file = make(log_.name(root_.path() / "d" / "a"));
  done({.kind = Kind::write, .file = file, .bytes = sectors(1, 'x'), .through = true});
  done({.kind = Kind::sync_directory, .path = "d"});
  EXPECT_THAT(left("d/a"), UnorderedElementsAre("-", "x"));
  done({.kind = Kind::sync_directory});
  EXPECT_THAT(left("d/a"), ElementsAre("x"));
}

TEST_F(PowerCutModel, CutsASizeOrNot) {
  const FileId file = make("a");
  done({.kind = Kind::write, .file = file, .bytes = sectors(3, 'x'), .through = true});
  done({.kind = Kind::sync_directory});
  done({.kind = Kind::truncate, .file = file, .offset = 512});
  EXPECT_THAT(left("a"), testing::IsSupersetOf({"x", "xxx"}));
  done({.kind = Kind::sync, .file = file});
  EXPECT_THAT(left("a"), ElementsAre("x"));
}

// --- the test of the test ---

struct Lie {
  const char* name;
  DiskLies lies;
  io::OldSegments old_segments;
};
void PrintTo(const Lie& lie, std::ostream* out) { *out << lie.name; }
#ifdef ELECTRA_SANITIZED
constexpr std::uint64_t kEvery = 11;
#else
constexpr std::uint64_t kEvery = 5;
#endif

class Lying : public testing::TestWithParam<Lie> {};

TEST_P(Lying, IsFoundOutByCutsAtEveryMoment) {
  const Lie& lie = GetParam();
  const ScratchDirectory root;
  const World world(root.path() / "home", lie.old_segments);
  const auto disk = std::make_shared<RecordedDisk>(world.root(), 1, 300);
  disk->lies = lie.lies;
  const RecordedLife life = live(world, *disk, 1, 60);
  ASSERT_EQ(life.problem, "");
  Findings findings;
  for (std::uint64_t seed = 0; seed < 8 && findings.bad == 0; ++seed) {
    findings = cut_everywhere(disk->log(), life,
                              {.old_segments = lie.old_segments, .seed = seed, .every = kEvery, .keep_files = false});
  }
  EXPECT_GT(findings.bad, 0U);
}

// what the disk, or a writer that does not wait for it, does
INSTANTIATE_TEST_SUITE_P(
    Disks, Lying,
    testing::Values(
        Lie{"about_writes_of_the_journal", {.journal_writes_stay_in_cache = true}, io::OldSegments::archive},
        Lie{"some_moments_too_early", {.journal_writes_end_early = true}, io::OldSegments::archive},
        Lie{"about_directories", {.directories_stay_in_cache = true}, io::OldSegments::archive},
        Lie{"about_files_that_stand_for_dropped_segments", {.files_stay_in_cache = true}, io::OldSegments::drop}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace electra::sim
