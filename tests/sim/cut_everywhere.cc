#include "tests/sim/cut_everywhere.h"

#include <atomic>
#include <mutex>
#include <thread>

#include "tests/sim/power_cut.h"
#include "tests/sim/recorded_life.h"

namespace electra::sim {
namespace {

namespace fs = std::filesystem;

// A check mostly waits: for its gateway's last watermark, for the thread that signs.
constexpr int kAtOnce = 6;

}  // namespace

Findings cut_everywhere(const DiskLog& log, const Life& life, const CutPlan& plan) {
  Findings findings;
  std::mutex mutex;
  std::atomic<std::uint64_t> next{plan.seed % plan.every};
  const auto work = [&] {
    const ScratchDirectory scratch;
    for (std::uint64_t moment; (moment = next.fetch_add(plan.every)) <= log.now();) {
      const PowerCut cut{.moment = moment, .seed = plan.seed};
      write_image(image_after(log, cut), scratch.path() / "home");
      const World world(scratch.path() / "home", plan.old_segments);
      const std::string problem = problem_after_crash(world, life, moment, plan.seed);
      const std::lock_guard lock(mutex);
      ++findings.cuts;
      if (problem.empty() || ++findings.bad != 1) continue;
      findings.first = "cut at moment " + std::to_string(moment) + " with seed " + std::to_string(plan.seed) + ": " +
                       problem + "\n" + log.text(moment);
      if (!plan.keep_files) continue;
      const fs::path kept = fs::temp_directory_path() / ("electra-power-cut-" + std::to_string(moment));
      write_image(image_after(log, cut), kept);
      findings.first += "what the cut left is kept in " + kept.string();
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < kAtOnce; ++i) threads.emplace_back(work);
  threads.clear();
  return findings;
}

}  // namespace electra::sim
