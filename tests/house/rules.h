// The rules of the house that a machine can check: who may include whom, which library lives in which room, and what the pure rooms
// (engine/state, engine/chain) may not touch. The rules stand as tables in rules.cc; ARCHITECTURE.md tells the reasons.
//
// A new room, or a new direction, is a line in a table there, and a matter for review.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace electra::house {

struct Violation {
  std::string file;  // relative to the root of the house
  int line = 0;
  std::string rule;  // a sentence
};

// "file:line: rule", one a line.
std::string to_text(const std::vector<Violation>& violations);

// Checks one file by the rules of the room that its path names.
std::vector<Violation> check_source(std::string_view file, std::string_view text);

// Checks every .h and .cc file of every room below `root`; sets `files_checked`. Violations come sorted by file and line.
std::vector<Violation> check_house(const std::string& root, int& files_checked);

// Files that no one wants in a repository: more than `bytes_max`, outside of .git and build.
std::vector<Violation> check_sizes(const std::string& root, std::size_t bytes_max);

}  // namespace electra::house
