// Ctrl-C must not leave gigabytes of journals behind.
#pragma once

#include <filesystem>

namespace electra::bench {

// At SIGINT and SIGTERM from now on: removes the directory with all in it and ends the program. Before other threads are
// started. The gateway's process ends with its parent.
void remove_when_interrupted(const std::filesystem::path& directory);

// In a child process: signals come as they do by default again.
void take_signals_again();

}  // namespace electra::bench
