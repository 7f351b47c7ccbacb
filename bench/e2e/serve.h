// `electra-bench serve`: the gateway in a process of its own, so that memory, CPU and kill -9 are its own.
#pragma once

#include <filesystem>

namespace electra::bench {

// Serves until SIGTERM, then writes balances and counters to the files of its settings. Tells the parent on standard
// output, a line each: "listening PORT", and whenever the verifier's tables change "tables KEYS READY WITHOUT". The exit
// code; errors go to standard error. Ends with its parent.
[[nodiscard]] int serve(const std::filesystem::path& settings_file);

}  // namespace electra::bench
