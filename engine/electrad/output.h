// What commands print: tables and pairs for people, JSON for machines.
//
// JSON is one document on standard output; integers of 64 bits are strings in it, bytes are hex. Errors go to standard
// error, with --json as an object too. Colours only on a terminal, and never when NO_COLOR is set.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/electrad/exit_code.h"

namespace electra::app {

using Json = nlohmann::ordered_json;

enum class Align { left, right };

struct Column {
  std::string title;
  Align align = Align::left;
};

// Two spaces between columns; a title line, in bold on a terminal.
void print_table(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows);

// "name   value", one a line, values aligned.
void print_pairs(const std::vector<std::pair<std::string, std::string>>& pairs);

void print_json(const Json& document);

// "error: text" on standard error; `json`: {"error": {"exitCode": …, "text": …}}.
void print_error(const Failure& failure, bool json);

// "warning: text" on standard error.
void print_warning(std::string_view text);

}  // namespace electra::app
