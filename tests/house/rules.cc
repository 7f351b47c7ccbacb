#include "tests/house/rules.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <tuple>
#include <utility>

#include "tests/house/source_text.h"

namespace electra::house {
namespace {

using Names = std::vector<std::string_view>;

// A path lies in a room if it begins with the room's name; of two rooms the longer name counts. "electra" is what protoc generates
// from meter-proto/proto/electra.
constexpr std::array kRooms = {
    "meter-proto",     "electra",    "crypto-offload",  "io", "engine/state", "engine/chain",
    "engine/pipeline", "engine/api", "engine/electrad", "hw", "bench",        "tests",
};

// Who may include whom (beside itself). What is missing in a line is forbidden.
struct Direction {
  std::string_view room;
  Names may_include;
};
const std::array kDirections = {
    Direction{"meter-proto", {"electra"}},
    Direction{"crypto-offload", {"meter-proto"}},
    Direction{"io", {"meter-proto"}},
    Direction{"engine/state", {"meter-proto"}},
    Direction{"engine/chain", {"meter-proto", "engine/state", "crypto-offload/hash"}},
    Direction{"engine/pipeline", {"meter-proto", "electra", "crypto-offload", "io", "engine/state", "engine/chain"}},
    Direction{"engine/api",
              {"meter-proto", "electra", "crypto-offload", "io", "engine/state", "engine/chain", "engine/pipeline"}},
    Direction{"engine/electrad", {"meter-proto", "electra", "crypto-offload", "io", "engine"}},
    Direction{"hw", {"meter-proto", "crypto-offload"}},
    Direction{"bench", {"meter-proto", "electra", "crypto-offload", "io", "engine", "hw"}},
    Direction{"tests", {"meter-proto", "electra", "crypto-offload", "io", "engine", "hw", "bench"}},
};

// A library that shapes a room stays in it, so that it can be replaced there. Tests and benchmarks may use all.
struct Library {
  std::string_view header_prefix;
  Names rooms;
};
const std::array kLibraries = {
    Library{"liburing", {"io"}},
    Library{"sodium",
            {"crypto-offload", "meter-proto", "engine/pipeline", "engine/electrad"}},  // random numbers, wiping
    Library{"tbb/", {"engine/pipeline"}},
    Library{"oneapi/", {"engine/pipeline"}},
    Library{"google/protobuf/", {"meter-proto", "engine/pipeline", "engine/api", "engine/electrad"}},
    Library{"CLI/", {"engine/electrad"}},
    Library{"yaml-cpp/", {"engine/electrad"}},
};

// Pure rooms: no clock, thread, file, socket, random number, floating point, locale or hash-map order.
constexpr std::array kPureRooms = {"engine/state", "engine/chain"};

// What a pure room may include of the standard library. A header that is missing here is impure or was never thought about.
constexpr std::array kPureHeaders = {
    "algorithm",        "array",    "bit",         "bitset",  "cassert", "cinttypes", "climits",   "compare",
    "concepts",         "cstddef",  "cstdint",     "cstring", "deque",   "expected",  "format",    "functional",
    "initializer_list", "iterator", "limits",      "list",    "map",     "memory",    "new",       "numeric",
    "optional",         "queue",    "ranges",      "set",     "span",    "stack",     "stdexcept", "string",
    "string_view",      "tuple",    "type_traits", "utility", "variant", "vector",    "version",
};
// Parts of meter-proto that do talk to the world.
constexpr std::array kImpureParts = {"meter-proto/client"};
// Words of the code proper. A name counts with and without std:: in front.
constexpr std::array kImpureWords = {
    "float",
    "double",
    "chrono",
    "thread",
    "jthread",
    "mutex",
    "atomic",
    "thread_local",
    "unordered_map",
    "unordered_set",
    "unordered_multimap",
    "unordered_multiset",
    "random_device",
    "mt19937",
    "mt19937_64",
    "rand",
    "srand",
    "getenv",
    "locale",
    "setlocale",
    "time_t",
    "clock_gettime",
    "gettimeofday",
    "fopen",
    "fprintf",
    "printf",
    "cout",
    "cerr",
    "ifstream",
    "ofstream",
    "stringstream",
    "ostringstream",
    "istringstream",
    "stof",
    "stod",
    "strtod",
    "async",
    "future",
    "__float128",
    "hash",
};

bool lies_in(std::string_view path, std::string_view room) {
  return path.starts_with(room) && (path.size() == room.size() || path[room.size()] == '/' ||
                                    path[room.size()] == '.' || path[room.size()] == '_');
}

template <typename Range>
bool lies_in_any(std::string_view path, const Range& rooms) {
  return std::ranges::any_of(rooms, [&](std::string_view room) { return lies_in(path, room); });
}

template <typename Range>
bool contains(const Range& range, std::string_view name) {
  return std::ranges::any_of(range, [&](std::string_view item) { return item == name; });
}

// Empty when the path lies in no room.
std::string_view room_of(std::string_view path) {
  std::string_view best;
  for (const std::string_view room : kRooms) {
    if (path.starts_with(room) && path.size() > room.size() && path[room.size()] == '/' && room.size() > best.size())
      best = room;
  }
  return best;
}

std::string_view last_name(std::string_view qualified) {
  const std::size_t at = qualified.rfind("::");
  return at == std::string_view::npos ? qualified : qualified.substr(at + 2);
}

std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

// The reason why `file` in `room` may not include this, or nothing.
std::string fault_of(std::string_view room, const Include& include) {
  const bool pure = contains(kPureRooms, room);
  const bool everything = room == "tests" || room == "bench";
  const std::string_view target = room_of(include.path);
  if (target.empty()) {
    for (const Library& library : kLibraries) {
      if (include.path.starts_with(library.header_prefix) && !everything && !contains(library.rooms, room)) {
        return std::string(room) + " may not use <" + include.path + ">: the library stays in the room that it shapes";
      }
    }
    if (include.quoted) return in_quotes(include.path) + " is not written from the root of the house";
    if (pure && !contains(kPureHeaders, include.path)) {
      return std::string(room) + " is pure: <" + include.path + "> is not among the headers known to be so";
    }
    return {};
  }
  if (pure && lies_in_any(include.path, kImpureParts))
    return std::string(room) + " is pure: " + in_quotes(include.path) + " talks to the world";
  if (target == room) return {};
  for (const Direction& direction : kDirections) {
    if (direction.room == room && lies_in_any(include.path, direction.may_include)) return {};
  }
  return std::string(room) + " may not include " + in_quotes(include.path);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

std::string to_text(const std::vector<Violation>& violations) {
  std::string out;
  for (const Violation& v : violations) out += v.file + ":" + std::to_string(v.line) + ": " + v.rule + "\n";
  return out;
}

std::vector<Violation> check_source(std::string_view file, std::string_view text) {
  std::vector<Violation> out;
  const std::string_view room = room_of(file);
  const auto report = [&](int line, std::string rule) { out.push_back({std::string(file), line, std::move(rule)}); };
  if (file.ends_with(".h")) {
    if (!text.starts_with("//"))
      report(1, "a header opens with prose: what it is, the invariant it keeps, who owns what, what it costs");
    if (text.find("\n#pragma once\n") == std::string_view::npos) report(1, "a header has #pragma once");
  }
  const SourceText source = read_source(text);
  for (const Include& include : source.includes) {
    if (std::string fault = fault_of(room, include); !fault.empty()) report(include.line, std::move(fault));
  }
  if (contains(kPureRooms, room)) {
    for (const Word& word : source.words) {
      // A name of another namespace or class ("EventLog::hash", "electra::state::Future") is judged by what it includes.
      const std::string_view name = word.text.starts_with("std::") ? last_name(word.text) : std::string_view(word.text);
      if (!contains(kImpureWords, name) || (name == "hash" && !word.text.starts_with("std::"))) continue;
      report(word.line, std::string(room) + " is pure: no '" + word.text + "'");
    }
  }
  return out;
}

std::vector<Violation> check_house(const std::string& root, int& files_checked) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const std::string_view room : kRooms) {
    const fs::path folder = fs::path(root) / room;
    if (!fs::is_directory(folder)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
      const std::string extension = entry.path().extension();
      if (entry.is_regular_file() && (extension == ".h" || extension == ".cc"))
        files.push_back(fs::relative(entry.path(), root).generic_string());
    }
  }
  std::ranges::sort(files);
  std::vector<Violation> out;
  for (const std::string& file : files) {
    std::ranges::move(check_source(file, read_file(fs::path(root) / file)), std::back_inserter(out));
  }
  std::ranges::sort(out, {}, [](const Violation& v) { return std::tie(v.file, v.line, v.rule); });
  files_checked = static_cast<int>(files.size());
  return out;
}

std::vector<Violation> check_sizes(const std::string& root, std::size_t bytes_max) {
  namespace fs = std::filesystem;
  std::vector<Violation> out;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator(); ++it) {
    const std::string name = it->path().filename();
    if (it->is_directory() && (name == ".git" || name == "build" || name == ".cache")) {
      it.disable_recursion_pending();
    } else if (it->is_regular_file() && it->file_size() > bytes_max) {
      out.push_back({fs::relative(it->path(), root).generic_string(), 1,
                     std::to_string(it->file_size()) + " bytes; the most is " + std::to_string(bytes_max)});
    }
  }
  return out;
}

}  // namespace electra::house
