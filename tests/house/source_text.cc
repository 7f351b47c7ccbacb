#include "tests/house/source_text.h"

#include <cctype>
#include <cstddef>

namespace electra::house {
namespace {

bool is_word_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Blanks comments, and literals when asked: an include's path looks like a literal and must survive the first look.
std::string blanked(std::string_view text, bool literals_too) {
  std::string out(text);
  const auto blank = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to && i < out.size(); ++i) {
      if (out[i] != '\n') out[i] = ' ';
    }
  };
  // The index just behind a literal that opens at `open` and ends with an unescaped `quote`, at the latest at the line's end.
  const auto end_of_literal = [&](std::size_t open, char quote) {
    std::size_t i = open + 1;
    while (i < text.size() && text[i] != quote && text[i] != '\n') i += text[i] == '\\' ? 2 : 1;
    return i + 1;
  };
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const char before = i == 0 ? '\n' : text[i - 1];
    std::size_t end = i + 1;
    if (text.substr(i, 2) == "//") {
      end = text.find('\n', i);
      blank(i, end);
    } else if (text.substr(i, 2) == "/*") {
      const std::size_t close = text.find("*/", i + 2);
      end = close == std::string_view::npos ? text.size() : close + 2;
      blank(i, end);
    } else if (c == '"' && before == 'R') {
      const std::size_t open = text.find('(', i);
      const std::string close = ")" + std::string(text.substr(i + 1, open - i - 1)) + "\"";
      const std::size_t at = open == std::string_view::npos ? open : text.find(close, open);
      end = at == std::string_view::npos ? text.size() : at + close.size();
      if (literals_too) blank(i, end);
    } else if (c == '"' || (c == '\'' && !is_word_character(before))) {  // 1'000 is a number
      end = end_of_literal(i, c);
      if (literals_too) blank(i, end);
    }
    if (end == std::string_view::npos) break;
    i = end;
  }
  return out;
}

std::string_view trimmed(std::string_view line) {
  while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
  return line;
}

void read_include(std::string_view line, int number, std::vector<Include>& out) {
  line = trimmed(line);
  if (!line.starts_with('#')) return;
  line = trimmed(line.substr(1));
  if (!line.starts_with("include")) return;
  line = trimmed(line.substr(7));
  if (line.empty() || (line.front() != '"' && line.front() != '<')) return;
  const bool quoted = line.front() == '"';
  const std::size_t end = line.find(quoted ? '"' : '>', 1);
  if (end != std::string_view::npos) out.push_back({number, std::string(line.substr(1, end - 1)), quoted});
}

void read_words(std::string_view line, int number, std::vector<Word>& out) {
  if (trimmed(line).starts_with('#')) return;
  for (std::size_t i = 0; i < line.size();) {
    if (!is_word_character(line[i])) {
      ++i;
      continue;
    }
    const std::size_t begin = i;
    while (i < line.size() && (is_word_character(line[i]) || (line.substr(i, 2) == "::" && i + 2 < line.size()))) {
      i += is_word_character(line[i]) ? 1 : 2;
    }
    if (std::isdigit(static_cast<unsigned char>(line[begin])) == 0)
      out.push_back({number, std::string(line.substr(begin, i - begin))});
  }
}

}  // namespace

SourceText read_source(std::string_view text) {
  const std::string code = blanked(text, false);
  const std::string bare = blanked(text, true);
  SourceText out;
  int number = 1;
  for (std::size_t begin = 0; begin < code.size(); ++number) {
    std::size_t end = code.find('\n', begin);
    if (end == std::string::npos) end = code.size();
    read_include(std::string_view(code).substr(begin, end - begin), number, out.includes);
    read_words(std::string_view(bare).substr(begin, end - begin), number, out.words);
    begin = end + 1;
  }
  return out;
}

}  // namespace electra::house
