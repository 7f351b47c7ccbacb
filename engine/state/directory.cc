#include "engine/state/directory.h"

#include <algorithm>

#include "engine/state/tables.h"
#include "meter-proto/address.h"
#include "meter-proto/chain/leaves.h"
#include "meter-proto/strict/payload.h"

namespace electra::state {

bool valid_serial(std::string_view serial) noexcept {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !serial.empty() && serial.size() <= strict::kSerialBytesMax && std::ranges::all_of(serial, allowed);
}

Directory::Directory(std::uint32_t holders_max)
    : holders_max_(holders_max),
      by_address_(holders_max),
      by_key_(holders_max),
      by_serial_(holders_max),
      touched_(holders_max) {
  holders_.reserve(holders_max);
  serial_order_.reserve(holders_max);
}

Slot Directory::find_address(const Bytes20& address) const noexcept {
  return by_address_.find(hash_bytes(address), [&](Slot slot) { return at(slot).address == address; });
}

Slot Directory::find_key(const Bytes32& public_key) const noexcept {
  return by_key_.find(hash_bytes(public_key), [&](Slot slot) { return at(slot).public_key == public_key; });
}

Slot Directory::find_serial(std::string_view serial) const noexcept {
  return by_serial_.find(hash_bytes(bytes_of(serial)), [&](Slot slot) { return at(slot).serial() == serial; });
}

std::size_t Directory::serial_position(std::string_view serial) const noexcept {
  const auto place = std::ranges::lower_bound(serial_order_, serial, std::ranges::less{},
                                              [&](Slot slot) { return at(slot).serial(); });
  return static_cast<std::size_t>(place - serial_order_.begin());
}

Slot Directory::add(const Holder& holder) {
  ELECTRA_ASSERT_LT(count(), holders_max_);
  const std::size_t position = serial_position(holder.serial());
  holders_.push_back(holder);
  const Slot slot = count();
  touched_.mark(slot - 1);
  serial_order_.insert(serial_order_.begin() + static_cast<std::ptrdiff_t>(position), slot);
  by_address_.insert(hash_bytes(holder.address), slot);
  by_key_.insert(hash_bytes(holder.public_key), slot);
  by_serial_.insert(hash_bytes(bytes_of(holder.serial())), slot);
  ++status_counts_[static_cast<std::size_t>(holder.status)];
  return slot;
}

void Directory::set_status(Slot slot, HolderStatus status) noexcept {
  Holder& holder = change(slot);
  --status_counts_[static_cast<std::size_t>(holder.status)];
  holder.status = status;
  ++status_counts_[static_cast<std::size_t>(status)];
}

void Directory::append_leaf(std::uint32_t index, LeafWriter& out) const {
  static_assert(proto::HolderLeaf::kTable == static_cast<std::uint8_t>(Table::holders));
  static_assert(proto::HolderLeaf::kNoMeter == kNoMeter);
  const Holder& holder = holders_[index];
  out.fixed(proto::HolderLeaf{.public_key = holder.public_key,
                              .registration_id = holder.registration_id,
                              .address = holder.address,
                              .serial_text = holder.serial_text,
                              .serial_length = holder.serial_length,
                              .status = static_cast<std::uint8_t>(holder.status),
                              .phases = holder.phases,
                              .roles = holder.roles,
                              .key_generation = holder.key_generation,
                              .owner_slot = holder.owner_slot,
                              .meter = holder.meter,
                              .wallet_account = holder.wallet_account,
                              .energy_account = holder.energy_account,
                              .debt_account = holder.debt_account,
                              .register_modulus = holder.register_modulus,
                              .max_wh_per_interval = holder.max_wh_per_interval}
                .encode());
}

LeafCheck Directory::load_leaf(std::uint32_t index, ByteSpan bytes) {
  const auto leaf = proto::HolderLeaf::decode(bytes);
  if (!leaf) return wrong_leaf("serial and serial_length do not agree");
  if (!valid_serial(leaf->serial())) return wrong_leaf("serial is not 1..32 of [A-Za-z0-9._-]");
  if (leaf->status < 1 || leaf->status > 4) return wrong_field("status", leaf->status, "1..4");
  if (leaf->phases > 7) return wrong_field("phases", leaf->phases, "0..7");
  if (leaf->roles < 1 || leaf->roles > 63) return wrong_field("roles", leaf->roles, "1..63");
  // No operation rotates a key yet.
  if (leaf->key_generation != 1) return wrong_field("key_generation", leaf->key_generation, "1");
  if (leaf->address != proto::address_of(leaf->public_key)) return wrong_leaf("address is not that of public_key");
  if (leaf->phases != 0 && (leaf->roles & (kRoleMeter | kRoleProducer | kRoleGateway)) == 0)
    return wrong_leaf("phases without the role of a meter");
  if (leaf->register_modulus == 1) return wrong_field("register_modulus", leaf->register_modulus, "0 or above 1");
  holders_[index] = {.status = static_cast<HolderStatus>(leaf->status),
                     .phases = leaf->phases,
                     .serial_length = leaf->serial_length,
                     .roles = leaf->roles,
                     .key_generation = leaf->key_generation,
                     .owner_slot = leaf->owner_slot,
                     .meter = leaf->meter,
                     .wallet_account = leaf->wallet_account,
                     .energy_account = leaf->energy_account,
                     .debt_account = leaf->debt_account,
                     .register_modulus = leaf->register_modulus,
                     .max_wh_per_interval = leaf->max_wh_per_interval,
                     .serial_text = leaf->serial_text,
                     .address = leaf->address,
                     .public_key = leaf->public_key,
                     .registration_id = leaf->registration_id};
  return {};
}

LeafCheck Directory::restore_indexes(Slot& slot) {
  for (slot = 1; slot <= count(); ++slot) {
    const Holder& holder = at(slot);
    for (const auto& [what, other] :
         {std::pair{"public_key", find_key(holder.public_key)}, std::pair{"address", find_address(holder.address)},
          std::pair{"serial", find_serial(holder.serial())}})
      if (other != 0) return wrong_leaf(std::string(what) + " is that of slot " + std::to_string(other) + ", too");
    by_address_.insert(hash_bytes(holder.address), slot);
    by_key_.insert(hash_bytes(holder.public_key), slot);
    by_serial_.insert(hash_bytes(bytes_of(holder.serial())), slot);
    ++status_counts_[static_cast<std::size_t>(holder.status)];
    serial_order_.push_back(slot);
  }
  std::ranges::sort(serial_order_, std::ranges::less{}, [&](Slot number) { return at(number).serial(); });
  return {};
}

std::size_t Directory::memory_bytes(std::uint32_t holders_max) noexcept {
  return holders_max * (sizeof(Holder) + sizeof(Slot)) + 3 * IndexTable(holders_max).memory_bytes() +
         TouchedSet::memory_bytes(holders_max);
}

}  // namespace electra::state
