// Cuts the power at every moment of a recorded life, and counts after which cuts something is wrong.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "tests/sim/recording.h"
#include "tests/sim/small_world.h"

namespace electra::sim {

struct Findings {
  std::uint64_t cuts = 0;
  std::uint64_t bad = 0;
  std::string first{};  // what was wrong at the first of them, with moment and seed
  std::filesystem::path
      kept{};  // what the cut left of its files; beside it, with ".life" behind the name, the recording
};

struct CutPlan {
  io::OldSegments old_segments = io::OldSegments::archive;
  std::uint64_t seed = 0;
  std::uint64_t every = 1;  // moments; the seed decides with which of them it begins
  bool keep_files = true;   // of the first bad one, as the cut left them, and a recording of the life
};

[[nodiscard]] Findings cut_everywhere(const DiskLog& log, const Life& life, const CutPlan& plan);

// One cut again. Empty: all is well.
[[nodiscard]] std::string problem_of(const Recording& recording);

}  // namespace electra::sim
