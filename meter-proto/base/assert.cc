#include "meter-proto/base/assert.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "meter-proto/base/assertion_witness.h"

namespace electra {
namespace {

thread_local const AssertionWitness* innermost = nullptr;

}  // namespace

AssertionWitness::AssertionWitness() noexcept : outer_(std::exchange(innermost, this)) {}
AssertionWitness::~AssertionWitness() { innermost = outer_; }

}  // namespace electra

namespace electra::detail {

void assertion_failed(const char* condition, const std::string& left, const std::string& right, const char* file,
                      int line) noexcept {
  if (left.empty() && right.empty()) {
    std::fprintf(stderr, "electra: assertion failed: %s, at %s:%d\n", condition, file, line);
  } else {
    std::fprintf(stderr, "electra: assertion failed: %s, left is %s, right is %s, at %s:%d\n", condition, left.c_str(),
                 right.c_str(), file, line);
  }
  // A witness whose own assertion fails is not asked again.
  const AssertionWitness* witness = std::exchange(innermost, nullptr);
  for (; witness != nullptr; witness = witness->outer()) witness->testify();
  std::fflush(stderr);
  std::abort();
}

}  // namespace electra::detail
