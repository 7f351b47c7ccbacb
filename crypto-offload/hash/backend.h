// What a backend of hash.h is: two functions over a group of jobs that fill its lanes, and nothing else.
//
// The driver (driver.cc) cuts the jobs into groups and calls a backend once a group. A function of a backend has read
// all inputs of the group before it writes the first output. Arguments are plain pointers because the files of the
// backends are compiled for instructions that not every machine has: an inline function of a shared header that such a
// file leaves behind could be the copy that the linker keeps for everyone. So they call none.
#pragma once

#include <cstdint>

#include "crypto-offload/hash.h"

namespace electra::crypto {

struct HashBackend {
  const char* name;
  std::uint32_t lanes;  // most jobs of a group
  // 1 to `lanes` jobs of equal length. `midstate` has 8 words.
  void (*hash_group)(const std::uint32_t* midstate, const HashJob* jobs, std::uint32_t count) noexcept;
  // 1 to `lanes` jobs.
  void (*node_group)(const std::uint32_t* midstate, const NodeJob* jobs, std::uint32_t count) noexcept;
};

extern const HashBackend kPortableHash;  // the specification of the others
#if defined(__x86_64__)
extern const HashBackend kShaNiHash;   // needs SHA, SSE4.1: 2 streams, interleaved
extern const HashBackend kAvx2Hash;    // needs AVX2: 8 or 16 lanes
extern const HashBackend kAvx512Hash;  // needs AVX-512 F and BW: 16 or 32 lanes
#endif

}  // namespace electra::crypto
