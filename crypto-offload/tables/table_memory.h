// Memory from the system: chunks of 2 MiB for tables, on huge pages where the system grants them, and arrays that
// cost address space only until they are touched.
//
// A random table touches 32 places of 64 KiB; on pages of 4 KiB those are 16 entries of the processor's table of
// pages, on a huge page one. A chunk is asked for as a reserved huge page (vm.nr_hugepages) first, then as a
// transparent one, then as plain pages, and is touched before it is given out, so that whoever writes it meets no
// page fault and a system that is short of memory says no here. Nothing throws, and no lack of memory stops the
// program: null means that there is none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace electra::crypto {

inline constexpr std::size_t kChunkBytes = std::size_t{2} << 20;

enum class Pages : std::uint8_t { reserved_huge = 0, transparent_huge = 1, small = 2 };
inline constexpr std::size_t kPagesKinds = 3;

// "huge (reserved)", "huge (transparent)", "4 KiB". Transparent means that the kernel's setting allows it and that it
// accepted the advice for a whole aligned huge page; it may still have found no free one.
[[nodiscard]] std::string_view name_of(Pages pages) noexcept;

// kChunkBytes bytes, zero, aligned to kChunkBytes. Whoever takes it gives it back.
struct Chunk {
  std::uint64_t* words = nullptr;
  Pages pages = Pages::small;
};

// `words` null: the system has no memory. 0.2 to 5 ms, for the kernel clears the pages.
[[nodiscard]] Chunk take_chunk() noexcept;
void give_back(const Chunk& chunk) noexcept;

// What THP's settings say, which are files of sysfs; for take_chunk and its test. "[always] madvise never": the choice
// is in brackets. `of_size` is the newer setting for pages of 2 MiB, empty where the kernel has none.
[[nodiscard]] bool grants_huge_pages(std::string_view general, std::string_view of_size) noexcept;

// Zero pages that appear when they are touched. Null: not even the address space is to be had.
[[nodiscard]] void* take_untouched(std::size_t bytes) noexcept;
void give_back_untouched(void* from, std::size_t bytes) noexcept;

// An array of `size` elements whose first value is all bytes zero, on such pages. Empty if there is no memory.
template <typename T>
class UntouchedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T> && alignof(T) <= 4096);

 public:
  UntouchedArray() = default;
  explicit UntouchedArray(std::size_t size) noexcept
      : data_(size == 0 ? nullptr : static_cast<T*>(take_untouched(size * sizeof(T)))),
        size_(data_ == nullptr ? 0 : size) {}
  ~UntouchedArray() {
    if (data_ != nullptr) give_back_untouched(data_, size_ * sizeof(T));
  }
  UntouchedArray(const UntouchedArray&) = delete;
  UntouchedArray& operator=(const UntouchedArray&) = delete;
  UntouchedArray(UntouchedArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  UntouchedArray& operator=(UntouchedArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  [[nodiscard]] T* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] T& operator[](std::size_t at) const noexcept { return data_[at]; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace electra::crypto
