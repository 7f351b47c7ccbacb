#include "crypto-offload/lanes/base_table.h"

#include <new>

#include "crypto-offload/tables/key_tables.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/base/bytes.h"

namespace electra::crypto {
namespace {

// −B: the base point of RFC 8032, 5.1, with the other sign of x. A table is made of minus the key.
constexpr Bytes32 kMinusBase = {0x58, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
                                0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
                                0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0xe6};

constexpr std::align_val_t kAlignment{4096};

}  // namespace

void FreeWords::operator()(std::uint64_t* words) const noexcept { operator delete[](words, kAlignment); }

AlignedWords aligned_words(std::size_t bytes) {
  return AlignedWords(static_cast<std::uint64_t*>(operator new[](bytes, kAlignment)));
}

AlignedWords make_base_table(MakeTables make) {
  AlignedWords words = aligned_words(table_bytes(kCombBase));
  const AlignedWords scratch = aligned_words(kMakeScratchBytes);
  const std::uint8_t* key = kMinusBase.data();
  std::uint64_t* table = words.get();
  std::uint64_t checksum = 0;
  make(&key, 1, kCombBase, &table, &checksum, scratch.get());
  ELECTRA_ASSERT_EQ(table_checksum(table, table_bytes(kCombBase) / sizeof(std::uint64_t)), checksum);
  return words;
}

}  // namespace electra::crypto
