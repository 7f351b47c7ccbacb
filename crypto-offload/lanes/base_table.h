// The table of the base point, which every verification of a vector backend reads, and memory that tables may lie in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "crypto-offload/tables/table_format.h"

namespace electra::crypto {

struct FreeWords {
  void operator()(std::uint64_t* words) const noexcept;
};
using AlignedWords = std::unique_ptr<std::uint64_t[], FreeWords>;

// So many bytes of any content, aligned to a page. Throws std::bad_alloc.
[[nodiscard]] AlignedWords aligned_words(std::size_t bytes);

// The table of B in the shape kCombBase. Stops the program if it does not read back as it was written.
[[nodiscard]] AlignedWords make_base_table(MakeTables make);

}  // namespace electra::crypto
