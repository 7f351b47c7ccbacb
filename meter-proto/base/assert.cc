#include "meter-proto/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace electra::detail {

void assertion_failed(const char* condition, const std::string& left, const std::string& right, const char* file,
                      int line) noexcept {
  if (left.empty() && right.empty()) {
    std::fprintf(stderr, "electra: assertion failed: %s, at %s:%d\n", condition, file, line);
  } else {
    std::fprintf(stderr, "electra: assertion failed: %s, left is %s, right is %s, at %s:%d\n", condition, left.c_str(),
                 right.c_str(), file, line);
  }
  std::fflush(stderr);
  std::abort();
}

}  // namespace electra::detail
