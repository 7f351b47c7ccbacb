// What a table's size is worth: verifications a second for each size and number of keys, and how fast tables are made.
#pragma once

#include <nlohmann/json.hpp>

#include <expected>
#include <string>

#include "bench/verify/cases.h"

namespace electra::bench {

// Prints the matrix while it grows. What does not fit into memory is left out. One core verifies; another may make tables
// meanwhile, but is waited for. {"matrix": [{"table_kib", "keys", "per_second", "ratio", …}], "build": [{"table_kib",
// "keys", "per_second"}]}; table_kib 0 is for keys without tables.
[[nodiscard]] std::expected<nlohmann::json, std::string> measure_matrix(Arena& arena);

}  // namespace electra::bench
