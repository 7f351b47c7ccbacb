// A life of a gateway on a recorded disk, from its start to its stop, under load.
#pragma once

#include <memory>
#include <string>

#include "tests/sim/recorded_disk.h"
#include "tests/sim/small_world.h"

namespace electra::sim {

// A directory that goes away, in memory where the system has such a place.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

struct RecordedLife : Life {
  std::string problem;  // not empty: it did not come to a good end
  std::uint64_t snapshots = 0;
  std::uint64_t put_away = 0;  // segments
};

// `messages` and a stop. What the chain was comes from the log: also records whose segment has been put away.
[[nodiscard]] RecordedLife live(const World& world, RecordedDisk& disk, std::uint64_t seed, std::uint64_t messages);

}  // namespace electra::sim
