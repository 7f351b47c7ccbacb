// A life that was found to lose something is read from its file, and loses it again.
//
// ELECTRA_SIM_REPLAY=FILE names a recording that a failed run has left: the cut is then made in that one, and nothing may be
// wrong any more.
#include "tests/sim/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/sim/cut_everywhere.h"
#include "tests/sim/recorded_life.h"

namespace electra::sim {
namespace {

namespace fs = std::filesystem;

// Each cut is made in a directory of its own.
std::string without_scratch(std::string text) {
  constexpr std::string_view kName = "electra-sim-";
  constexpr std::size_t kDrawn = 6;
  for (std::size_t at = 0; (at = text.find(kName, at)) != std::string::npos; at += kName.size()) {
    text.erase(at + kName.size(), kDrawn);
  }
  return text;
}

TEST(Recording, OfALifeThatLostSomethingLosesItAgain) {
  if (const char* file = std::getenv("ELECTRA_SIM_REPLAY"); file != nullptr && *file != 0) {
    const auto recording = load_recording(file);
    ASSERT_TRUE(recording) << recording.error();
    EXPECT_EQ(problem_of(*recording), "") << recording->log->text(recording->cut.moment);
    return;
  }
  const ScratchDirectory root;
  const World world(root.path() / "home");
  const auto disk = std::make_shared<RecordedDisk>(world.root(), 1, 300);
  disk->lies = {.journal_writes_stay_in_cache = true};
  const RecordedLife life = live(world, *disk, 1, 60);
  ASSERT_EQ(life.problem, "");
  const Findings findings = cut_everywhere(disk->log(), life, {.seed = 1, .every = 11});
  ASSERT_GT(findings.bad, 0U);
  const fs::path file = findings.kept.string() + ".life";
  EXPECT_THAT(findings.first, testing::HasSubstr("ELECTRA_SIM_REPLAY=" + file.string()));

  const auto recording = load_recording(file);
  fs::remove_all(findings.kept);
  fs::remove(file);
  ASSERT_TRUE(recording) << recording.error();
  const std::string problem = problem_of(*recording);
  EXPECT_NE(problem, "");
  EXPECT_THAT(without_scratch(findings.first), testing::HasSubstr(": " + without_scratch(problem) + "\n"));
  EXPECT_EQ(recording->log->now(), disk->log().now());
  EXPECT_EQ(recording->life.promises.size(), life.promises.size());
  EXPECT_EQ(recording->life.chain.headers, life.chain.headers);
  for (std::uint64_t moment = 0; moment <= disk->log().now(); moment += 17) {
    const DiskImage before = image_after(disk->log(), {.moment = moment, .seed = 5});
    const DiskImage after = image_after(*recording->log, {.moment = moment, .seed = 5});
    ASSERT_TRUE(after == before) << moment;
    ASSERT_EQ(recording->log->text(moment), disk->log().text(moment));
  }
}

TEST(Recording, ThatIsNoneSaysSo) {
  const ScratchDirectory root;
  const fs::path file = root.path() / "nothing.life";
  EXPECT_FALSE(load_recording(file));
  std::ofstream(file) << "text";
  const auto recording = load_recording(file);
  ASSERT_FALSE(recording);
  EXPECT_THAT(recording.error(), testing::HasSubstr("nothing.life is no recording: "));
}

}  // namespace
}  // namespace electra::sim
