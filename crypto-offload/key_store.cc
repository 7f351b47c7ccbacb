#include "crypto-offload/key_store.h"

#include <sodium.h>

#include <bit>

#include "crypto-offload/sodium/library.h"
#include "meter-proto/address.h"
#include "meter-proto/base/assert.h"

namespace electra::crypto {
namespace {

constexpr std::uint32_t cell_of(std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); }
constexpr KeyStatus status_of(std::uint64_t word) { return static_cast<KeyStatus>(word & 0xff); }
constexpr std::uint64_t make_word(std::uint32_t cell, KeyStatus status) {
  return std::uint64_t{cell} << 32 | static_cast<std::uint64_t>(status);
}

// At most half of the buckets are ever full, so a search for an address that is not there ends soon.
constexpr std::uint64_t bucket_count(std::uint32_t slots_max) {
  return std::bit_ceil(2 * (std::uint64_t{slots_max} + 1));
}

}  // namespace

KeyStore::KeyStore(std::uint32_t slots_max, std::uint32_t rotations_max)
    : slots_max_(slots_max),
      cells_max_(slots_max + rotations_max),
      bucket_mask_(bucket_count(slots_max) - 1),
      cells_(std::make_unique<StoredKey[]>(std::size_t{slots_max} + rotations_max + 1)),
      words_(std::make_unique<std::atomic<Word>[]>(std::size_t{slots_max} + 1)),
      addresses_(std::make_unique<Bytes20[]>(std::size_t{slots_max} + 1)),
      buckets_(std::make_unique<std::atomic<std::uint32_t>[]>(bucket_mask_ + 1)) {
  ELECTRA_ASSERT_LE(std::uint64_t{slots_max} + rotations_max, std::uint64_t{UINT32_MAX - 1});
  static_assert(crypto_shorthash_KEYBYTES == std::tuple_size_v<decltype(bucket_key_)>);
  static_assert(std::atomic<Word>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);
  sodium::require_library();
  randombytes_buf(bucket_key_.data(), bucket_key_.size());
}

bool KeyStore::apply(std::uint32_t slot, std::uint32_t generation, const Bytes32& public_key, KeyStatus status) {
  ELECTRA_ASSERT_LE(1u, slot);
  ELECTRA_ASSERT_LE(slot, slots_max_);
  ELECTRA_ASSERT_LE(1u, generation);
  ELECTRA_ASSERT(status != KeyStatus::none);

  std::uint32_t cell = cell_of(words_[slot].load(std::memory_order_relaxed));
  const bool first = cell == 0;
  if (!first) ELECTRA_ASSERT_LE(cells_[cell].generation, generation);
  if (first || cells_[cell].generation != generation) {
    const std::uint32_t rotations_max = cells_max_ - slots_max_;
    if (!first && rotations_used_ == rotations_max) return false;
    if (!first) ++rotations_used_;
    cell = ++cells_used_;
    ELECTRA_ASSERT_LE(cell, cells_max_);
    cells_[cell].public_key = public_key;
    cells_[cell].generation = generation;
    cells_[cell].number = cell;
  }
  ELECTRA_ASSERT(cells_[cell].public_key == public_key);
  words_[slot].store(make_word(cell, status), std::memory_order_release);
  if (first) publish_address(slot, public_key);
  return true;
}

const StoredKey* KeyStore::find(std::uint32_t slot, std::uint32_t generation) const noexcept {
  const Entry held = entry(slot);
  const bool usable = held.status == KeyStatus::active || held.status == KeyStatus::pending;
  return usable && held.key->generation == generation ? held.key : nullptr;
}

KeyStore::Entry KeyStore::entry(std::uint32_t slot) const noexcept {
  if (slot == 0 || slot > slots_max_) return {};
  const Word word = words_[slot].load(std::memory_order_acquire);
  if (cell_of(word) == 0) return {};
  return {.key = &cells_[cell_of(word)], .status = status_of(word)};
}

std::uint32_t KeyStore::find_slot(const Bytes20& address) const noexcept {
  for (std::uint64_t at = bucket(address);; at = (at + 1) & bucket_mask_) {
    const std::uint32_t slot = buckets_[at].load(std::memory_order_acquire);
    if (slot == 0 || addresses_[slot] == address) return slot;
  }
}

std::size_t KeyStore::memory_bytes() const noexcept {
  return (std::size_t{cells_max_} + 1) * sizeof(StoredKey) +
         (std::size_t{slots_max_} + 1) * (sizeof(std::atomic<Word>) + sizeof(Bytes20)) +
         (bucket_mask_ + 1) * sizeof(std::atomic<std::uint32_t>);
}

std::uint64_t KeyStore::bucket(const Bytes20& address) const noexcept {
  std::uint64_t hash;
  static_assert(sizeof(hash) == crypto_shorthash_BYTES);
  crypto_shorthash(reinterpret_cast<std::uint8_t*>(&hash), address.data(), address.size(), bucket_key_.data());
  return hash & bucket_mask_;
}

void KeyStore::publish_address(std::uint32_t slot, const Bytes32& first_public_key) {
  addresses_[slot] = proto::address_of(first_public_key);
  ELECTRA_ASSERT_EQ(find_slot(addresses_[slot]), 0u);  // one key, one slot
  std::uint64_t at = bucket(addresses_[slot]);
  while (buckets_[at].load(std::memory_order_relaxed) != 0) at = (at + 1) & bucket_mask_;
  buckets_[at].store(slot, std::memory_order_release);
}

}  // namespace electra::crypto
