// Who is who: every key holder that was ever registered, by slot.
//
// A slot is permanent and never reused. One key, one slot; one serial number, one slot. Found by address, key or serial
// number through index tables; walked in the order of serial numbers (as bytes), which is the order of every tie.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "engine/state/index_table.h"
#include "engine/state/leaf_reader.h"
#include "engine/state/leaf_writer.h"
#include "engine/state/prefetch.h"
#include "engine/state/touched_set.h"
#include "engine/state/types.h"

namespace electra::state {

inline constexpr std::uint32_t kNoMeter = UINT32_MAX;

// What every message of a holder asks for lies in its first cache line.
struct alignas(64) Holder {
  HolderStatus status = HolderStatus::none;
  std::uint8_t phases = 0;
  std::uint8_t serial_length = 0;
  std::uint32_t roles = 0;
  std::uint32_t key_generation = 0;
  Slot owner_slot = 0;             // 0 = itself
  std::uint32_t meter = kNoMeter;  // number in the table of meters
  AccountNumber wallet_account = 0;
  AccountNumber energy_account = 0;  // 0 = no meter
  AccountNumber debt_account = 0;
  std::uint64_t register_modulus = 0;
  std::uint64_t max_wh_per_interval = 0;
  std::array<char, 32> serial_text{};
  Bytes20 address{};
  Bytes32 public_key{};
  Bytes32 registration_id{};  // zero for a holder of the genesis

  [[nodiscard]] std::string_view serial() const noexcept { return {serial_text.data(), serial_length}; }
};

// 1..32 characters of [A-Za-z0-9._-].
[[nodiscard]] bool valid_serial(std::string_view serial) noexcept;

class Directory {
 public:
  explicit Directory(std::uint32_t holders_max);

  [[nodiscard]] std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(holders_.size()); }
  [[nodiscard]] std::uint32_t count(HolderStatus status) const noexcept {
    return status_counts_[static_cast<std::size_t>(status)];
  }
  [[nodiscard]] bool full() const noexcept { return count() == holders_max_; }
  [[nodiscard]] bool exists(Slot slot) const noexcept { return slot != 0 && slot <= count(); }
  [[nodiscard]] const Holder& at(Slot slot) const noexcept { return holders_[slot - 1]; }

  // Has the holder fetched for a message that will be executed soon. The slot exists.
  void prefetch(Slot slot) const noexcept { prefetch_for_reading(&at(slot)); }

  // The holder whose wallet pays and is paid for this one.
  [[nodiscard]] Slot payer_of(Slot slot) const noexcept {
    const Slot owner = at(slot).owner_slot;
    return owner == 0 ? slot : owner;
  }
  // True if `sender` may dispose of what belongs to `owner`: its own, or that of a holder which it owns.
  [[nodiscard]] bool disposes_of(Slot sender, Slot owner) const noexcept {
    return owner != 0 && (owner == sender || at(owner).owner_slot == sender);
  }

  [[nodiscard]] Slot find_address(const Bytes20& address) const noexcept;
  [[nodiscard]] Slot find_key(const Bytes32& public_key) const noexcept;
  [[nodiscard]] Slot find_serial(std::string_view serial) const noexcept;

  // Key, address, serial and room were checked before. Returns the new slot.
  Slot add(const Holder& holder);
  void set_status(Slot slot, HolderStatus status) noexcept;

  // All slots, by serial number.
  [[nodiscard]] std::span<const Slot> in_serial_order() const noexcept { return serial_order_; }
  // Where in that order the serial number stands or would stand.
  [[nodiscard]] std::size_t serial_position(std::string_view serial) const noexcept;

  void append_leaf(std::uint32_t index, LeafWriter& out) const;
  // Restoring (restorer.h): of an empty directory, first this, then every leaf, then the indexes. `slot` is one whose leaf
  // cannot stand beside the others.
  void begin_restore(std::uint32_t count) { holders_.resize(count); }
  [[nodiscard]] LeafCheck load_leaf(std::uint32_t index, ByteSpan bytes);
  [[nodiscard]] LeafCheck restore_indexes(Slot& slot);
  [[nodiscard]] const TouchedSet& touched() const noexcept { return touched_; }
  [[nodiscard]] TouchedSet& touched() noexcept { return touched_; }
  void clear_touched() noexcept { touched_.clear(); }
  [[nodiscard]] static std::size_t memory_bytes(std::uint32_t holders_max) noexcept;

 private:
  // The only way to a holder that may be changed.
  [[nodiscard]] Holder& change(Slot slot) noexcept {
    touched_.mark(slot - 1);
    return holders_[slot - 1];
  }

  std::uint32_t holders_max_;
  std::vector<Holder> holders_;
  std::vector<Slot> serial_order_;
  std::array<std::uint32_t, 5> status_counts_{};
  IndexTable by_address_;
  IndexTable by_key_;
  IndexTable by_serial_;
  TouchedSet touched_;
};

}  // namespace electra::state
