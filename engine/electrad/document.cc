#include "engine/electrad/document.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <set>

#include "engine/electrad/amount.h"
#include "meter-proto/base/checked.h"

namespace electra::app {
namespace {

constexpr std::uint64_t kPhaseMax = 3;
constexpr std::uint64_t kInstantMax_s = std::uint64_t{1} << 33;  // in 2242; its nanoseconds fit into 64 bits

unsigned line_of(const YAML::Node& node) {
  const int line = node.Mark().line;
  return line < 0 ? 0U : static_cast<unsigned>(line) + 1U;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

std::string joined(std::string_view choices) {
  std::string text;
  for (const std::string_view choice : split(choices, '|')) {
    if (!text.empty()) text += ", ";
    text += choice;
  }
  return text;
}

// Number of letters to change, add or drop to get from one word to the other.
std::size_t distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  for (std::size_t i = 0; i <= to.size(); ++i) row[i] = i;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t changed = diagonal + (from[i - 1] == to[j - 1] ? 0U : 1U);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[to.size()];
}

std::string_view last_part(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

// A sibling that is spelled much alike, else a key of that very name in another section.
std::string_view nearest_key(const std::vector<const KeySpec*>& rows, std::string_view prefix, std::string_view key) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, key.size() / 3) + 1;
  for (const KeySpec* row : rows) {
    if (!row->path.starts_with(prefix)) continue;
    const std::string_view sibling = row->path.substr(prefix.size());
    if (sibling.find_first_of(".[") != std::string_view::npos) continue;
    const std::size_t changes = distance(key, sibling);
    if (changes < best_distance && changes < sibling.size()) {
      best = row->path;
      best_distance = changes;
    }
  }
  if (!best.empty()) return best;
  for (const KeySpec* row : rows) {
    if (last_part(row->path) == key) return row->path;
  }
  return {};
}

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};
constexpr std::array<Unit, 5> kTimeUnits{{{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}};
constexpr std::array<Unit, 4> kByteUnits{{{"", 1}, {"KiB", 1U << 10}, {"MiB", 1U << 20}, {"GiB", 1U << 30}}};

std::optional<std::uint64_t> parse_with_unit(std::string_view text, std::span<const Unit> units) {
  const std::string_view digits = text.substr(0, text.find_first_not_of("0123456789"));
  const auto number = parse_whole(digits);
  if (!number) return std::nullopt;
  for (const Unit& unit : units) {
    if (text.substr(digits.size()) != unit.suffix) continue;
    const u128 product = static_cast<u128>(*number) * unit.factor;
    if (product > std::numeric_limits<std::uint64_t>::max()) return std::nullopt;
    return static_cast<std::uint64_t>(product);
  }
  return std::nullopt;
}

std::optional<std::size_t> choice_index(std::string_view choices, std::string_view text) {
  const auto all = split(choices, '|');
  const auto found = std::find(all.begin(), all.end(), text);
  if (found == all.end()) return std::nullopt;
  return static_cast<std::size_t>(found - all.begin());
}

// The scalar kinds. False: the value does not fit the row.
bool convert_scalar(const KeySpec& row, const std::string& text, Value& value) {
  const auto take_number = [&](std::optional<std::uint64_t> number) {
    if (!number || *number < row.min || *number > row.max) return false;
    value.number = *number;
    return true;
  };
  value.text = text;
  switch (row.kind) {
    case Kind::number:  return take_number(parse_whole(text));
    case Kind::seconds: return take_number(parse_with_unit(text, kTimeUnits));
    case Kind::bytes:   return take_number(parse_with_unit(text, kByteUnits));
    case Kind::text:    return text.size() >= row.min && text.size() <= row.max;
    case Kind::name:    return is_name(text);
    case Kind::choice:  {
      const auto index = choice_index(row.choices, text);
      if (index) value.number = *index;
      return index.has_value();
    }
    case Kind::instant: {
      const auto instant = parse_instant(text);
      if (!instant || *instant > kInstantMax_s) return false;
      value.number = *instant;
      return true;
    }
    case Kind::endpoint: {
      const auto endpoint = parse_endpoint(text);
      if (!endpoint) return false;
      value.text = endpoint->host;
      value.number = endpoint->port;
      return true;
    }
    case Kind::hex32:   return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
    case Kind::section:
    case Kind::list:
    case Kind::flags:
    case Kind::phases:
    case Kind::coins:   return false;
  }
  return false;
}

// One member of a list kind, added to value.number. The string is empty or says what is wrong.
std::string convert_member(const KeySpec& row, const std::string& text, Value& value) {
  const auto add_bit = [&](std::uint64_t bit) -> std::string {
    if ((value.number >> bit & 1U) != 0) return fmt::format("\"{}\" stands there twice", text);
    value.number |= std::uint64_t{1} << bit;
    return {};
  };
  if (row.kind == Kind::flags) {
    const auto index = choice_index(row.choices, text);
    return index ? add_bit(*index) : fmt::format("expected {}, found \"{}\"", expectation(row), text);
  }
  if (row.kind == Kind::phases) {
    const auto phase = parse_whole(text);
    if (!phase || *phase < 1 || *phase > kPhaseMax) {
      return fmt::format("expected {}, found \"{}\"", expectation(row), text);
    }
    return add_bit(*phase - 1);
  }
  const auto amount = parse_amount(text);
  if (!amount) return amount.error();
  if (*amount > std::numeric_limits<std::uint64_t>::max() - value.number) return "the sum is more than 64 bits hold";
  value.number += *amount;
  return {};
}

bool is_list_of_scalars(Kind kind) { return kind == Kind::flags || kind == Kind::phases || kind == Kind::coins; }

std::string_view shape_of(const YAML::Node& node) {
  if (node.IsMap()) return "a mapping";
  if (node.IsSequence()) return "a list";
  return "nothing";
}

class Walker {
 public:
  Walker(std::string_view file, const std::vector<const KeySpec*>& rows,
         const std::function<void(std::size_t, const Value&)>& found)
      : file_(file), rows_(rows), found_(found) {}

  void walk_mapping(const YAML::Node& node, const std::string& row_prefix, const std::string& prefix) {
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const unsigned line = line_of(entry.first);
      if (!entry.first.IsScalar()) {
        complain(line, prefix, "expected a plain word as key");
        continue;
      }
      const std::string& key = entry.first.Scalar();
      if (!seen.insert(key).second) {
        complain(line, prefix + key, "stands there twice");
        continue;
      }
      const std::size_t row = row_of(row_prefix + key);
      if (row == rows_.size()) {
        const std::string_view hint = nearest_key(rows_, row_prefix, key);
        complain(line, prefix + key, hint.empty() ? "unknown key" : fmt::format("unknown key; did you mean {}?", hint));
        continue;
      }
      report.lines.emplace(prefix + key, line);
      read_value(row, entry.second, prefix + key, line);
    }
    for (const KeySpec* row : rows_) {
      if (!row->required || !row->path.starts_with(row_prefix)) continue;
      const std::string key(row->path.substr(row_prefix.size()));
      if (key.find_first_of(".[") == std::string::npos && !seen.contains(key)) {
        complain(line_of(node), prefix + key, fmt::format("missing; expected {}", expectation(*row)));
      }
    }
  }

  void complain(unsigned line, std::string_view key, std::string_view text) {
    report.problems.push_back(complaint(file_, line, key, text));
  }

  DocumentReport report;

 private:
  std::size_t row_of(std::string_view path) const {
    const auto found = std::find_if(rows_.begin(), rows_.end(), [&](const KeySpec* row) { return row->path == path; });
    return static_cast<std::size_t>(found - rows_.begin());
  }

  void read_value(std::size_t row, const YAML::Node& node, const std::string& key, unsigned line) {
    const KeySpec& spec = *rows_[row];
    if (spec.kind == Kind::section) {
      if (node.IsMap()) {
        walk_mapping(node, std::string(spec.path) + ".", key + ".");
      } else if (!node.IsNull()) {
        complain_shape(line, key, spec, node);
      }
      return;
    }
    if (spec.kind == Kind::list) return read_list(row, node, key, line);
    Value value;
    value.line = line;
    if (is_list_of_scalars(spec.kind)) {
      if (!node.IsSequence()) return complain_shape(line, key, spec, node);
      for (const auto& member : node) {
        if (!member.IsScalar()) return complain_shape(line, key, spec, member);
        const std::string problem = convert_member(spec, member.Scalar(), value);
        if (!problem.empty()) return complain(line_of(member), key, problem);
      }
    } else {
      if (!node.IsScalar()) return complain_shape(line, key, spec, node);
      if (!convert_scalar(spec, node.Scalar(), value)) return complain_shape(line, key, spec, node);
    }
    found_(row, value);
  }

  void read_list(std::size_t row, const YAML::Node& node, const std::string& key, unsigned line) {
    const KeySpec& spec = *rows_[row];
    if (node.IsNull()) return;
    if (!node.IsSequence()) return complain_shape(line, key, spec, node);
    std::size_t index = 0;
    for (const auto& element : node) {
      const std::string element_key = fmt::format("{}[{}]", key, index++);
      if (!element.IsMap()) {
        complain_shape(line_of(element), element_key, spec, element);
        continue;
      }
      Value begin;
      begin.line = line_of(element);
      found_(row, begin);
      walk_mapping(element, std::string(spec.path) + "[].", element_key + ".");
    }
  }

  void complain_shape(unsigned line, const std::string& key, const KeySpec& spec, const YAML::Node& node) {
    const std::string found = node.IsScalar() ? fmt::format("\"{}\"", node.Scalar()) : std::string(shape_of(node));
    complain(line, key, fmt::format("expected {}, found {}", expectation(spec), found));
  }

  std::string_view file_;
  const std::vector<const KeySpec*>& rows_;
  const std::function<void(std::size_t, const Value&)>& found_;
};

}  // namespace

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_whole(text.substr(colon + 1));
  if (!port || *port > std::numeric_limits<std::uint16_t>::max()) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool has_colon = host.find(':') != std::string_view::npos;
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (has_colon) {
    return std::nullopt;  // which colon is the last one of an IPv6 address is anybody's guess
  }
  if (host.empty()) return std::nullopt;
  return Endpoint{std::string(host), static_cast<std::uint16_t>(*port)};
}

std::string endpoint_text(const Endpoint& endpoint) {
  const bool is_ipv6 = endpoint.host.find(':') != std::string::npos;
  return is_ipv6 ? fmt::format("[{}]:{}", endpoint.host, endpoint.port)
                 : fmt::format("{}:{}", endpoint.host, endpoint.port);
}

bool is_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 32 &&
         text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
             std::string_view::npos;
}

std::string complaint(std::string_view file, unsigned line, std::string_view key, std::string_view text) {
  std::string place(file);
  if (line != 0) place += fmt::format(":{}", line);
  if (key.empty()) return fmt::format("{}: {}", place, text);
  return fmt::format("{}: {}: {}", place, key, text);
}

std::string expectation(const KeySpec& row) {
  switch (row.kind) {
    case Kind::section: return "a section with keys of its own";
    case Kind::list:    return "a list of entries, each with keys of its own";
    case Kind::number:  return fmt::format("a whole number from {} to {}", row.min, row.max);
    case Kind::seconds:
      return fmt::format("a time from {} to {} seconds, such as 900, 15m, 1h or 14d", row.min, row.max);
    case Kind::bytes:    return fmt::format("a size from {} to {} bytes, such as 65536, 64KiB or 64MiB", row.min, row.max);
    case Kind::text:     return fmt::format("text of {} to {} characters", row.min, row.max);
    case Kind::name:     return "a name: 1 to 32 letters, digits, dots, underscores or hyphens";
    case Kind::choice:   return fmt::format("one of {}", joined(row.choices));
    case Kind::flags:    return fmt::format("a list of {}", joined(row.choices));
    case Kind::phases:   return "a list of phases, such as [1] or [1, 2, 3]";
    case Kind::coins:    return "a list of amounts, such as [\"1000000000uelectra\"]";
    case Kind::instant:  return "an instant in UTC from 1970 to 2242, such as 2016-01-04T00:00:00Z";
    case Kind::endpoint: return "host:port, such as 127.0.0.1:26600";
    case Kind::hex32:    return "64 hexadecimal digits in lower case";
  }
  return {};
}

DocumentReport read_document(std::string_view file, const std::string& text, const std::vector<const KeySpec*>& rows,
                             const std::function<void(std::size_t, const Value&)>& found) {
  Walker walker(file, rows, found);
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() > 1) {
      walker.complain(line_of(documents[1]), "", "expected one document, found a second one");
    } else if (!documents.empty() && !documents[0].IsMap() && !documents[0].IsNull()) {
      walker.complain(line_of(documents[0]), "", "expected keys and values");
    } else {
      const bool empty = documents.empty() || documents[0].IsNull();
      walker.walk_mapping(empty ? YAML::Node(YAML::NodeType::Map) : documents[0], "", "");
    }
  } catch (const YAML::Exception& error) {
    const unsigned line = error.mark.line < 0 ? 0U : static_cast<unsigned>(error.mark.line) + 1U;
    walker.complain(line, "", error.msg);
  }
  return std::move(walker.report);
}

}  // namespace electra::app
