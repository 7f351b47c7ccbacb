// Where the time of a signature goes: nanoseconds and cycles of each stage of the 8-lane verifier.
#pragma once

#include <nlohmann/json.hpp>

#include <expected>
#include <string>

#include "bench/verify/cases.h"

namespace electra::bench {

// Prints a table for keys with tables of 64 KiB, of 4 KiB and without. {"stages": [{"table_kib", "stage", "ns",
// "cycles"}], "core_ghz"}; table_kib 0 is for keys without tables. Medians over all batches of all runs, of one
// signature in a batch of 256 of random keys. The error: no AVX-512 IFMA here, no memory, or a wrong verdict.
[[nodiscard]] std::expected<nlohmann::json, std::string> measure_stages(Arena& arena);

}  // namespace electra::bench
