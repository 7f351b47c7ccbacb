// What a run of the tests is told by the environment: how many rounds, from which seed.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace electra::test {

// `otherwise` if it is not set or empty.
inline std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == 0 ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace electra::test
