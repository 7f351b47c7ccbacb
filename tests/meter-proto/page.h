// Reads a page of docs/ and its worked bytes, so that a test can hold them against the code.
#pragma once

#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace electra::test {

// `path` from the root of the project.
inline std::string read_page(const std::string& path) {
  std::ifstream file(std::string(ELECTRA_SOURCE_DIR) + "/" + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Blocks that begin with ```worked hold lines "name: value"; lines that begin with a space go on with the value.
inline std::map<std::string, std::string> worked_values(const std::string& page) {
  std::map<std::string, std::string> values;
  std::istringstream lines(page);
  std::string line;
  std::string name;
  bool inside = false;
  while (std::getline(lines, line)) {
    if (line.starts_with("```")) {
      inside = line == "```worked";
      continue;
    }
    if (!inside || line.empty()) continue;
    if (line[0] != ' ') {
      const std::size_t colon = line.find(':');
      name = line.substr(0, colon);
      line = colon == std::string::npos ? "" : line.substr(colon + 1);
    }
    for (const char letter : line) {
      if (letter != ' ') values[name].push_back(letter);
    }
  }
  return values;
}

}  // namespace electra::test
