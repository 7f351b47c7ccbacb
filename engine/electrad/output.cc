#include "engine/electrad/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace electra::app {
namespace {

bool colours(std::FILE* stream) { return ::isatty(::fileno(stream)) == 1 && std::getenv("NO_COLOR") == nullptr; }

constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kRed = "\x1b[1;31m";
constexpr std::string_view kYellow = "\x1b[1;33m";
constexpr std::string_view kPlain = "\x1b[0m";

std::string marked(std::string_view text, std::string_view colour, std::FILE* stream) {
  return colours(stream) ? fmt::format("{}{}{}", colour, text, kPlain) : std::string(text);
}

std::string table_line(const std::vector<std::string>& cells, const std::vector<Column>& columns,
                       const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i != 0) line += "  ";
    line += columns[i].align == Align::right ? fmt::format("{:>{}}", cells[i], widths[i])
                                             : fmt::format("{:<{}}", cells[i], widths[i]);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

void print_table(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  std::vector<std::string> titles;
  for (const Column& column : columns) {
    titles.push_back(column.title);
    widths.push_back(column.title.size());
  }
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  fmt::print("{}\n", marked(table_line(titles, columns, widths), kBold, stdout));
  for (const auto& row : rows) fmt::print("{}\n", table_line(row, columns, widths));
}

void print_pairs(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::size_t width = 0;
  for (const auto& [name, value] : pairs) width = std::max(width, name.size());
  for (const auto& [name, value] : pairs) fmt::print("{:<{}}  {}\n", name, width, value);
}

void print_json(const Json& document) {
  fmt::print("{}\n", document.dump(2, ' ', false, Json::error_handler_t::replace));
}

void print_error(const Failure& failure, bool json) {
  if (json) {
    const Json document = {{"error", {{"exitCode", static_cast<int>(failure.code)}, {"text", failure.text}}}};
    fmt::print(stderr, "{}\n", document.dump(2, ' ', false, Json::error_handler_t::replace));
    return;
  }
  fmt::print(stderr, "{} {}\n", marked("error:", kRed, stderr), failure.text);
}

void print_warning(std::string_view text) { fmt::print(stderr, "{} {}\n", marked("warning:", kYellow, stderr), text); }

}  // namespace electra::app
