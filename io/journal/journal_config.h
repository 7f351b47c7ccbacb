// What a journal's writer is told, and what it counts.
#pragma once

#include <cstdint>
#include <filesystem>

namespace electra::io {

inline constexpr std::uint32_t kRecordsInFlightMax = 16;

struct JournalConfig {
  std::filesystem::path directory;                        // of the segments; made if it is not there
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;  // multiple of 4096; a larger record gets a segment of its own
  std::uint64_t lead_bytes = std::uint64_t{4} << 20;      // zeros in a new segment at least; multiple of 4096
  std::uint32_t in_flight_max = 1;                        // 1..16 records
};

struct JournalCounters {
  std::uint64_t records = 0;
  std::uint64_t messages = 0;
  std::uint64_t record_bytes = 0;  // with padding
  std::uint64_t zero_bytes = 0;    // of the lead
  std::uint64_t segments_opened = 0;
  std::uint64_t lead_waits = 0;  // a record waited for zeros in flight, or for the next segment
};

}  // namespace electra::io
