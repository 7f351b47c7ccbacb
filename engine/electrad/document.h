// Reads a YAML (or JSON) text against a table of its keys.
//
// The table is the whole truth about what may stand in the file: a key without a row is refused, with the nearest known
// key as a hint; a value that does not fit its row is refused with what was expected. Every complaint names file, line and
// key, and reading goes on, so that one run shows them all. config.yml and genesis.json are two tables over this reader.
// Not a hot path: it runs once, at start.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace electra::app {

// What a value may be, and what a setter finds in Value.
enum class Kind {
  section,   // keys below it, each with a row of its own
  list,      // list of mappings, whose rows are "name[].key"; the setter begins a new element
  number,    // Value::number, min…max
  seconds,   // 900, 15m, 1h, 14d: Value::number in seconds, min…max
  bytes,     // 4096, 64KiB, 64MiB, 1GiB: Value::number in bytes, min…max
  text,      // Value::text, min…max characters
  name,      // Value::text, 1…32 of [A-Za-z0-9._-]
  choice,    // Value::text and Value::number, the index in `choices`
  flags,     // list of choices: Value::number, bit i = i-th choice
  phases,    // list of 1, 2, 3: Value::number, bit 0 = phase 1
  coins,     // list of amounts: Value::number in uelectra, their sum
  instant,   // 2016-01-04T00:00:00Z: Value::number in unix seconds
  endpoint,  // host:port or [::1]:port: Value::text is the host without brackets, Value::number the port
  hex32,     // 64 hexadecimal digits: Value::text, as written
};

struct KeySpec {
  std::string_view path{};  // "metering.interval", "accounts[].name"
  Kind kind = Kind::text;
  std::uint64_t min = 0;
  std::uint64_t max = 0;
  std::string_view choices{};  // "real|replay"
  bool required = false;
};

struct Value {
  std::string text;
  std::uint64_t number = 0;
  unsigned line = 0;  // 1, 2, …
};

struct DocumentReport {
  std::vector<std::string> problems;      // "config.yml:12: metering.interval: expected …, found …"
  std::map<std::string, unsigned> lines;  // where each key stands: "accounts[2].name" → 14
};

// Calls `found(row, value)` for every key that is good, in the order of the file.
[[nodiscard]] DocumentReport read_document(std::string_view file, const std::string& text,
                                           const std::vector<const KeySpec*>& rows,
                                           const std::function<void(std::size_t row, const Value& value)>& found);

// A row and what it does to the thing that is being read.
template <typename Target>
struct KeyRow {
  KeySpec spec;
  void (*set)(Target& target, const Value& value) = nullptr;
};

template <typename Target>
[[nodiscard]] DocumentReport read_document_into(Target& target, std::string_view file, const std::string& text,
                                                std::span<const KeyRow<Target>> table) {
  std::vector<const KeySpec*> rows;
  for (const auto& row : table) rows.push_back(&row.spec);
  return read_document(file, text, rows, [&](std::size_t row, const Value& value) {
    if (table[row].set != nullptr) table[row].set(target, value);
  });
}

// "config.yml:12: accounts[1].name: text"; without a line when it is 0.
[[nodiscard]] std::string complaint(std::string_view file, unsigned line, std::string_view key, std::string_view text);

// What a row expects, for people: "a whole number from 1 to 8192".
[[nodiscard]] std::string expectation(const KeySpec& row);

struct Endpoint {
  std::string host;  // "127.0.0.1", "::1"
  std::uint16_t port = 0;
};
// "127.0.0.1:26600", "[::1]:26600", and back.
[[nodiscard]] std::optional<Endpoint> parse_endpoint(std::string_view text);
[[nodiscard]] std::string endpoint_text(const Endpoint& endpoint);

// One to 32 of [A-Za-z0-9._-]: what names of keys and serial numbers are made of.
[[nodiscard]] bool is_name(std::string_view text) noexcept;

}  // namespace electra::app
