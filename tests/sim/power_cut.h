// What a disk may hold after the power failed: everything durable, and of the rest whatever chance, or malice, has left.
//
// Durable is a write-through that was done, what a sync of the file that began afterwards has covered, and of names what a
// sync of their directory has. Of all else each sector is, by the seed, as it was or as it would have become (so writes are
// dropped, torn and reordered), sizes are old or new, and names are there or not, each for itself; a rename within a
// directory happens or does not. A file in a directory that is lost is lost.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/sim/disk_log.h"

namespace electra::sim {

struct PowerCut {
  std::uint64_t moment = 0;
  std::uint64_t seed = 0;
};

struct DiskImage {
  std::vector<std::string> directories;
  std::map<std::string, FileId> names;  // a file can have several
  std::map<FileId, Bytes> files;        // those that have one

  // Nothing: no file has that name.
  [[nodiscard]] const Bytes* find(const std::string& name) const;
  bool operator==(const DiskImage&) const = default;
};

// A function of its arguments.
[[nodiscard]] DiskImage image_after(const DiskLog& log, const PowerCut& cut);

// Makes the files below `root`, which is emptied first.
void write_image(const DiskImage& image, const std::filesystem::path& root);

}  // namespace electra::sim
