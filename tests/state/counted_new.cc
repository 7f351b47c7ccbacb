#include "tests/state/counted_new.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::uint64_t> requests{0};
std::atomic<std::int64_t> held{0};

void* taken(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  ++requests;
  held += static_cast<std::int64_t>(malloc_usable_size(memory));
  return memory;
}

void given_back(void* memory) noexcept {
  held -= static_cast<std::int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

void* take(std::size_t bytes) { return taken(std::malloc(std::max<std::size_t>(bytes, 1))); }
void* take(std::size_t bytes, std::align_val_t alignment) {
  void* memory = nullptr;
  const bool good = posix_memalign(&memory, static_cast<std::size_t>(alignment), std::max<std::size_t>(bytes, 1)) == 0;
  return taken(good ? memory : nullptr);
}

}  // namespace

void* operator new(std::size_t bytes) { return take(bytes); }
void* operator new[](std::size_t bytes) { return take(bytes); }
void* operator new(std::size_t bytes, std::align_val_t alignment) { return take(bytes, alignment); }
void* operator new[](std::size_t bytes, std::align_val_t alignment) { return take(bytes, alignment); }
void operator delete(void* memory) noexcept { given_back(memory); }
void operator delete[](void* memory) noexcept { given_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { given_back(memory); }
void operator delete[](void* memory, std::size_t) noexcept { given_back(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { given_back(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { given_back(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { given_back(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { given_back(memory); }

namespace electra::state::test {

std::uint64_t allocations() noexcept { return requests; }
std::int64_t bytes_held() noexcept { return held; }

}  // namespace electra::state::test
