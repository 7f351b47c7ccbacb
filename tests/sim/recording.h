// A recorded life in a file, with the cut after which something was wrong: a seed alone does not bring a life back, because
// threads and the disk have their own pace.
#pragma once

#include <expected>
#include <filesystem>
#include <memory>
#include <string>

#include "io/snapshot/retention.h"
#include "tests/sim/power_cut.h"
#include "tests/sim/small_world.h"

namespace electra::sim {

struct Recording {
  std::unique_ptr<DiskLog> log;
  Life life;
  io::OldSegments old_segments = io::OldSegments::archive;
  PowerCut cut;
};

// One CBOR document. False: it could not be written.
[[nodiscard]] bool save_recording(const std::filesystem::path& file, const DiskLog& log, const Life& life,
                                  io::OldSegments old_segments, const PowerCut& cut);
[[nodiscard]] std::expected<Recording, std::string> load_recording(const std::filesystem::path& file);

}  // namespace electra::sim
