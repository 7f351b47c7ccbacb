#include "crypto-offload/tables/table_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "meter-proto/base/assert.h"

// Younger than some headers that this is compiled with; the kernel says if it doesn't know them.
#ifndef MAP_HUGE_2MB
#define MAP_HUGE_2MB (21 << 26)
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace electra::crypto {
namespace {

constexpr int kReadWrite = PROT_READ | PROT_WRITE;
constexpr int kPrivate = MAP_PRIVATE | MAP_ANONYMOUS;
constexpr const char* kGeneralSetting = "/sys/kernel/mm/transparent_hugepage/enabled";
constexpr const char* kSettingOfSize = "/sys/kernel/mm/transparent_hugepage/hugepages-2048kB/enabled";

bool aligned(const void* at) { return reinterpret_cast<std::uintptr_t>(at) % kChunkBytes == 0; }

// The kernel may have merged the pages with their neighbours; then unmapping splits a mapping, and a process that has as many
// as it may is refused. The address space stays taken, and the memory is given back all the same.
void unmap(void* from, std::size_t bytes) {
  if (bytes == 0 || munmap(from, bytes) == 0) return;
  ELECTRA_ASSERT_EQ(errno, ENOMEM);
  (void)madvise(from, bytes, MADV_DONTNEED);
}

// Touches every page, so that a lack of memory shows as an error and not as a signal later. Kernels before 5.14 can't
// say: theirs fault when the memory is written.
bool touch(void* chunk) { return madvise(chunk, kChunkBytes, MADV_POPULATE_WRITE) == 0 || errno == EINVAL; }

// Plain memory on a chunk's boundary, untouched, or null. Newer kernels align by themselves; else twice as much is
// mapped and the ends are given back.
void* map_aligned() {
  void* const at = mmap(nullptr, kChunkBytes, kReadWrite, kPrivate, -1, 0);
  if (at == MAP_FAILED) return nullptr;
  if (aligned(at)) return at;
  unmap(at, kChunkBytes);
  void* const wide = mmap(nullptr, 2 * kChunkBytes, kReadWrite, kPrivate, -1, 0);
  if (wide == MAP_FAILED) return nullptr;
  const std::size_t before = (kChunkBytes - reinterpret_cast<std::uintptr_t>(wide) % kChunkBytes) % kChunkBytes;
  auto* const chunk = static_cast<std::uint8_t*>(wide) + before;
  unmap(wide, before);
  unmap(chunk + kChunkBytes, kChunkBytes - before);
  return chunk;
}

struct Setting {
  std::array<char, 128> text{};
  std::size_t size = 0;

  [[nodiscard]] std::string_view view() const { return {text.data(), size}; }
};

Setting read_setting(const char* path) {
  Setting setting;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return setting;
  const ssize_t got = read(file, setting.text.data(), setting.text.size());
  if (got > 0) setting.size = static_cast<std::size_t>(got);
  close(file);
  return setting;
}

bool system_grants_huge_pages() {
  if (prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) > 0) return false;
  return grants_huge_pages(read_setting(kGeneralSetting).view(), read_setting(kSettingOfSize).view());
}

}  // namespace

std::string_view name_of(Pages pages) noexcept {
  switch (pages) {
    case Pages::reserved_huge:    return "huge (reserved)";
    case Pages::transparent_huge: return "huge (transparent)";
    case Pages::small:            break;
  }
  return "4 KiB";
}

bool grants_huge_pages(std::string_view general, std::string_view of_size) noexcept {
  const auto chosen = [](std::string_view setting, std::string_view choice) {
    return setting.find(choice) != std::string_view::npos;
  };
  const bool inherits = of_size.empty() || chosen(of_size, "[inherit]");
  const std::string_view setting = inherits ? general : of_size;
  return chosen(setting, "[always]") || chosen(setting, "[madvise]");
}

Chunk take_chunk() noexcept {
  void* const reserved = mmap(nullptr, kChunkBytes, kReadWrite, kPrivate | MAP_HUGETLB | MAP_HUGE_2MB, -1, 0);
  if (reserved != MAP_FAILED) {
    if (touch(reserved)) return {.words = static_cast<std::uint64_t*>(reserved), .pages = Pages::reserved_huge};
    unmap(reserved, kChunkBytes);
  }
  void* const plain = map_aligned();
  if (plain == nullptr) return {};
  const bool huge = system_grants_huge_pages() && madvise(plain, kChunkBytes, MADV_HUGEPAGE) == 0;
  if (!touch(plain)) {
    unmap(plain, kChunkBytes);
    return {};
  }
  return {.words = static_cast<std::uint64_t*>(plain), .pages = huge ? Pages::transparent_huge : Pages::small};
}

void give_back(const Chunk& chunk) noexcept {
  if (chunk.words != nullptr) unmap(chunk.words, kChunkBytes);
}

void* take_untouched(std::size_t bytes) noexcept {
  void* const at = mmap(nullptr, bytes, kReadWrite, kPrivate | MAP_NORESERVE, -1, 0);
  return at == MAP_FAILED ? nullptr : at;
}

void give_back_untouched(void* from, std::size_t bytes) noexcept { unmap(from, bytes); }

}  // namespace electra::crypto
