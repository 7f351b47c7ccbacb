// C++ source as the rules of the house look at it: what is included where, and the code without comments and literals.
//
// A small scanner, not a parser: it knows comments, string, raw string and character literals and digit separators, which is what it
// takes to keep a word in a comment from counting as code. Line numbers survive, because every blanked character is a space.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace electra::house {

struct Include {
  int line = 0;  // from 1
  std::string path;
  bool quoted = false;  // "path" rather than <path>
};

struct Word {
  int line = 0;  // from 1
  std::string text;
};

struct SourceText {
  std::vector<Include> includes;
  std::vector<Word> words;  // identifiers and keywords of the code proper, qualified names as one: "std::mutex"
};

SourceText read_source(std::string_view text);

}  // namespace electra::house
