// The public keys that signatures are verified under: slot and generation to key, address to slot.
//
// One thread writes (the executor, after each batch), any number read without locks, waiting or retrying. Why that is
// safe: a key stands in a cell that is written once, before its number is published, and never again while the store
// lives; what changes is one atomic word a slot that holds cell number and status together. A reader loads that word
// (acquire) once, so it sees cell and status of one moment, and the cell's bytes happen before the word was stored
// (release). A pointer that find() gave stays valid and constant for the store's lifetime, so a verification in flight
// cannot see its key change under it; that the key was superseded meanwhile is for execution to notice.
// Addresses are only ever added: an entry's slot is stored (release) after the slot's address and word.
// Memory is allocated and touched in the constructor only. find() costs two cache lines, find_slot() about 15 ns.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "meter-proto/base/bytes.h"

namespace electra::crypto {

// Status of a slot's key; the numbers are those of state::HolderStatus.
enum class KeyStatus : std::uint8_t { none = 0, pending = 1, active = 2, suspended = 3, retired = 4 };

// A key that was applied. Constant once it can be seen.
struct alignas(64) StoredKey {
  Bytes32 public_key{};
  std::uint32_t generation = 0;
  // 1 … keys_max(), in the order in which the keys came. Never given again: what is prepared for a number is for its key.
  std::uint32_t number = 0;
};

class KeyStore {
 public:
  // What a slot holds now. `key` is null while nothing was applied to the slot.
  struct Entry {
    const StoredKey* key = nullptr;
    KeyStatus status = KeyStatus::none;
  };

  // Room for slots 1 … slots_max and for `rotations_max` later generations, over all slots together.
  KeyStore(std::uint32_t slots_max, std::uint32_t rotations_max);
  KeyStore(const KeyStore&) = delete;
  KeyStore& operator=(const KeyStore&) = delete;

  // Writer only. Sets a slot's key and status; readers see it at once and whole. The key has passed check_key. The
  // first key of a slot gives its address for ever. Generations of a slot start above 0 and never go back; within one
  // generation the key is the same and only the status changes. False if the generation is new and all rotations are
  // used up: then nothing has changed.
  [[nodiscard]] bool apply(std::uint32_t slot, std::uint32_t generation, const Bytes32& public_key, KeyStatus status);

  // The key to verify under, or null: the slot is unknown, this is not its present generation, or the key is suspended
  // or retired. A pending key is found, for it signs its own proof of possession.
  [[nodiscard]] const StoredKey* find(std::uint32_t slot, std::uint32_t generation) const noexcept;

  // The present state of a slot, whatever its status. Slots out of range are empty.
  [[nodiscard]] Entry entry(std::uint32_t slot) const noexcept;

  // The slot with this address, or 0. Pending, suspended and retired holders are found too.
  [[nodiscard]] std::uint32_t find_slot(const Bytes20& address) const noexcept;

  [[nodiscard]] std::uint32_t slots_max() const noexcept { return slots_max_; }
  [[nodiscard]] std::uint32_t keys_max() const noexcept { return cells_max_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  // Cell number in the high half (0: none), status in the low byte.
  using Word = std::uint64_t;

  [[nodiscard]] std::uint64_t bucket(const Bytes20& address) const noexcept;
  void publish_address(std::uint32_t slot, const Bytes32& first_public_key);

  const std::uint32_t slots_max_;
  const std::uint32_t cells_max_;
  std::uint32_t cells_used_ = 0;      // writer only
  std::uint32_t rotations_used_ = 0;  // writer only
  const std::uint64_t bucket_mask_;
  std::array<std::uint8_t, 16> bucket_key_{};   // random a process, so that nobody can choose addresses that collide
  std::unique_ptr<StoredKey[]> cells_;          // [1 … cells_max_]
  std::unique_ptr<std::atomic<Word>[]> words_;  // [1 … slots_max_]
  std::unique_ptr<Bytes20[]> addresses_;        // [1 … slots_max_]
  std::unique_ptr<std::atomic<std::uint32_t>[]> buckets_;  // slot or 0; open addressing, at most half full
};

}  // namespace electra::crypto
