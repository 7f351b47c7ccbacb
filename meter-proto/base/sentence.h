// Puts the sentences of errors together from text and whole numbers: sentence("block ", height, " ends too early").
//
// std::format is not in every compiler that this code is for. Not for hot loops: allocates.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace electra {

template <typename Part>
void add_part(std::string& text, const Part& part) {
  if constexpr (std::integral<Part>) {
    text += std::to_string(part);
  } else {
    text += std::string_view(part);
  }
}

template <typename... Parts>
[[nodiscard]] std::string sentence(const Parts&... parts) {
  std::string text;
  (add_part(text, parts), ...);
  return text;
}

}  // namespace electra
