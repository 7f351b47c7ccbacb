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

// `home` is made for it.
std::string problem_of_cut(const DiskLog& log, const Life& life, io::OldSegments old_segments, const PowerCut& cut,
                           const fs::path& home) {
  write_image(image_after(log, cut), home);
  const World world(home, old_segments);
  return problem_after_crash(world, life, cut.moment, cut.seed);
}

}  // namespace

std::string problem_of(const Recording& recording) {
  const ScratchDirectory scratch;
  return problem_of_cut(*recording.log, recording.life, recording.old_segments, recording.cut, scratch.path() / "home");
}

Findings cut_everywhere(const DiskLog& log, const Life& life, const CutPlan& plan) {
  Findings findings;
  std::mutex mutex;
  std::atomic<std::uint64_t> next{plan.seed % plan.every};
  const auto work = [&] {
    const ScratchDirectory scratch;
    for (std::uint64_t moment; (moment = next.fetch_add(plan.every)) <= log.now();) {
      const PowerCut cut{.moment = moment, .seed = plan.seed};
      const std::string problem = problem_of_cut(log, life, plan.old_segments, cut, scratch.path() / "home");
      const std::lock_guard lock(mutex);
      ++findings.cuts;
      if (problem.empty() || ++findings.bad != 1) continue;
      findings.first = "cut at moment " + std::to_string(moment) + " with seed " + std::to_string(plan.seed) + ": " +
                       problem + "\n" + log.text(moment);
      if (!plan.keep_files) continue;
      findings.kept = fs::temp_directory_path() / ("electra-power-cut-" + std::to_string(moment));
      write_image(image_after(log, cut), findings.kept);
      findings.first += "what the cut left is kept in " + findings.kept.string();
      const fs::path file = findings.kept.string() + ".life";
      findings.first += save_recording(file, log, life, plan.old_segments, cut)
                            ? "; ELECTRA_SIM_REPLAY=" + file.string() + " makes Recording.* cut there again"
                            : "; " + file.string() + " could not be written";
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < kAtOnce; ++i) threads.emplace_back(work);
  threads.clear();
  return findings;
}

}  // namespace electra::sim
