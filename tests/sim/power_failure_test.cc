// The power fails at every single moment of a gateway's life, and of its next one, which begins with what the first cut left:
// nothing acknowledged is lost, and the state is the one that the journal gives.
//
// Each life is recorded once; what a cut leaves is a function of the record, the moment and a seed. A failure names them, and
// keeps the files as the cut left them, and the record: ELECTRA_SIM_REPLAY cuts it there again (recording_test.cc).
// ELECTRA_SIM_SEED chooses another life, ELECTRA_SIM_CUTS how many cuts a moment gets.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/sim/cut_everywhere.h"
#include "tests/sim/power_cut.h"
#include "tests/sim/recorded_life.h"
#include "tests/support/environment.h"

namespace electra::sim {
namespace {

bool thorough() { return std::getenv("ELECTRA_LONG") != nullptr; }

// Every how many moments there is a cut.
std::uint64_t stride() {
#ifdef ELECTRA_SANITIZED
  return thorough() ? 1 : 7;
#else
  return 1;
#endif
}

struct Case {
  const char* name;
  io::OldSegments old_segments;
  std::uint64_t messages;
};
void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }
class PowerCutAtEveryMoment : public testing::TestWithParam<Case> {};

TEST_P(PowerCutAtEveryMoment, LosesNothingAcknowledgedInThisLifeAndTheNext) {
  const Case test = GetParam();
  const std::uint64_t seed = test::number_from_environment("ELECTRA_SIM_SEED", 1);
  const std::uint64_t cuts = test::number_from_environment("ELECTRA_SIM_CUTS", thorough() ? 12 : 1);
  SCOPED_TRACE("ELECTRA_SIM_SEED=" + std::to_string(seed));
  const ScratchDirectory first_root;
  const World world(first_root.path() / "home", test.old_segments);
  const auto disk = std::make_shared<RecordedDisk>(world.root(), seed, 300);
  const RecordedLife life = live(world, *disk, seed, test.messages);
  ASSERT_EQ(life.problem, "");
  ASSERT_EQ(life.promises.size(), test.messages);
  EXPECT_GE(life.snapshots, 3U);
  EXPECT_GE(life.put_away, 1U);

  // The next life begins where the power failed in the second half of the first one.
  const DiskLog& log = disk->log();
  const PowerCut between{.moment = log.now() * 2 / 3 + seed % 50, .seed = seed};
  const ScratchDirectory second_root;
  write_image(image_after(log, between), second_root.path() / "home");
  const World again(second_root.path() / "home", test.old_segments);
  const auto next_disk = std::make_shared<RecordedDisk>(again.root(), seed + 1, 300);
  RecordedLife next = live(again, *next_disk, seed + 1, test.messages / 4);
  ASSERT_EQ(next.problem, "");
  for (Promise promise : life.promises) {
    if (promise.moment > between.moment) continue;
    promise.moment = 0;
    next.promises.push_back(promise);
  }

  Findings all;
  for (std::uint64_t i = 0; i < cuts; ++i) {
    for (const auto& [recorded, lived] : {std::pair<const DiskLog*, const Life*>(&log, &life),
                                          std::pair<const DiskLog*, const Life*>(&next_disk->log(), &next)}) {
      const Findings findings =
          cut_everywhere(*recorded, *lived, {.old_segments = test.old_segments, .seed = seed + i, .every = stride()});
      ASSERT_EQ(findings.bad, 0U) << "of " << findings.cuts << " cuts; " << findings.first;
      all.cuts += findings.cuts;
    }
  }
  std::printf("%lu + %lu moments, %lu cuts; %zu records, %zu headers, %lu snapshots, %lu segments put away\n",
              log.now(), next_disk->log().now(), all.cuts, life.chain.records.size(), life.chain.headers.size(),
              life.snapshots, life.put_away);
}

INSTANTIATE_TEST_SUITE_P(Segments, PowerCutAtEveryMoment,
                         testing::Values(Case{"archived", io::OldSegments::archive, 110},
                                         Case{"dropped", io::OldSegments::drop, 80}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace electra::sim
