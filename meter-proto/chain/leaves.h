// The leaves of the state that are proved to people: accounts, meters and key holders, byte by byte.
//
// A contract with checkers that do not have the engine. Every integer is little endian and of fixed width, nothing is
// padded, and a leaf has exactly one encoding: decode() refuses another length and whatever encode() would not write.
// The position in the table says which account, meter or slot it is: account number - 1, meter number, slot - 1.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "meter-proto/base/bytes.h"

namespace electra::proto {

// Cumulative registers in Wh, by phase (entry 0 is L1); 0 where the meter has no such phase.
struct RegisterLeaf {
  std::array<std::uint64_t, 3> in{};   // taken from the grid
  std::array<std::uint64_t, 3> out{};  // given to the grid
  bool operator==(const RegisterLeaf&) const = default;
};

// | offset | bytes | field           |
// |--------|-------|-----------------|
// |      0 |     8 | debits_posted   |
// |      8 |     8 | credits_posted  |
// |     16 |     8 | debits_pending  |
// |     24 |     8 | credits_pending |
// |     32 |     4 | owner_slot      |
// |     36 |     1 | asset           |
// |     37 |     1 | flags           |
struct AccountLeaf {
  static constexpr std::uint8_t kTable = 3;
  static constexpr std::size_t kBytes = 38;  // at most 55: with its padding one block of SHA-256

  std::uint64_t debits_posted = 0;
  std::uint64_t credits_posted = 0;
  std::uint64_t debits_pending = 0;
  std::uint64_t credits_pending = 0;
  std::uint32_t owner_slot = 0;  // 0 = the system
  std::uint8_t asset = 0;        // 1 = uelectra, 2 = Wh
  std::uint8_t flags = 0;        // 1 debits must not exceed credits, 2 the reverse, 4 moves only by settlement

  bool operator==(const AccountLeaf&) const = default;
  [[nodiscard]] std::array<std::uint8_t, kBytes> encode() const noexcept;
  [[nodiscard]] static std::optional<AccountLeaf> decode(ByteSpan bytes) noexcept;
};
static_assert(AccountLeaf::kBytes <= 55);

// | offset | bytes | field               |   | offset | bytes | field               |
// |--------|-------|---------------------|---|--------|-------|---------------------|
// |      0 |     4 | slot                |   |    128 |  3*8  | newest.out          |
// |      4 |     1 | phases              |   |    152 |     8 | consumed_wh         |
// |      5 |     1 | own_limit (0, 1)    |   |    160 |     8 | generated_wh        |
// |      6 |     1 | has_base (0, 1)     |   |    168 |     8 | paid                |
// |      7 |     1 | zero                |   |    176 |     8 | received            |
// |      8 |     8 | register_modulus    |   |    184 |     8 | intervals_missing   |
// |     16 |     8 | wh_per_interval_max |   |    192 |     8 | intervals_estimated |
// |     24 |     8 | base_boundary       |   |    200 |     8 | intervals_faulty    |
// |     32 |     8 | base_time_s         |   |    208 |     8 | billed_cycle        |
// |     40 |  3*8  | base.in             |   |    216 |    32 | bill_hash           |
// |     64 |  3*8  | base.out            |   |    248 |    32 | correction_hash     |
// |     88 |     8 | newest_time_s       |
// |     96 |     8 | newest_boundary     |
// |    104 |  3*8  | newest.in           |
struct MeterLeaf {
  static constexpr std::uint8_t kTable = 5;
  static constexpr std::size_t kBytes = 280;

  std::uint32_t slot = 0;
  std::uint8_t phases = 0;                // bit set: 1 = L1, 2 = L2, 4 = L3
  bool own_limit = false;                 // wh_per_interval_max is the meter's own, not the chain's
  bool has_base = false;                  // a first reading was settled
  std::uint64_t register_modulus = 0;     // Wh; 0 = never rolls over
  std::uint64_t wh_per_interval_max = 0;  // per direction
  std::uint64_t base_boundary = 0;        // the newest settled register: boundary, time, registers
  std::uint64_t base_time_s = 0;
  RegisterLeaf base;
  std::uint64_t newest_time_s = 0;  // the newest reading taken; 0 = none yet
  std::uint64_t newest_boundary = 0;
  RegisterLeaf newest;
  std::uint64_t consumed_wh = 0;  // settled, corrections included
  std::uint64_t generated_wh = 0;
  std::uint64_t paid = 0;  // uelectra
  std::uint64_t received = 0;
  std::uint64_t intervals_missing = 0;
  std::uint64_t intervals_estimated = 0;
  std::uint64_t intervals_faulty = 0;
  std::uint64_t billed_cycle = 0;  // id of the cycle billed last; 0 = none yet
  Bytes32 bill_hash{};
  Bytes32 correction_hash{};

  bool operator==(const MeterLeaf&) const = default;
  [[nodiscard]] std::array<std::uint8_t, kBytes> encode() const noexcept;
  [[nodiscard]] static std::optional<MeterLeaf> decode(ByteSpan bytes) noexcept;
};

// | offset | bytes | field                            |   | offset | bytes | field               |
// |--------|-------|----------------------------------|---|--------|-------|---------------------|
// |      0 |    32 | public_key                       |   |    127 |     4 | owner_slot          |
// |     32 |    32 | registration_id                  |   |    131 |     4 | meter               |
// |     64 |    20 | address                          |   |    135 |     4 | wallet_account      |
// |     84 |    32 | serial, then zeros               |   |    139 |     4 | energy_account      |
// |    116 |     1 | serial_length, 0..32             |   |    143 |     4 | debt_account        |
// |    117 |     1 | status                           |   |    147 |     8 | register_modulus    |
// |    118 |     1 | phases                           |   |    155 |     8 | max_wh_per_interval |
// |    119 |     4 | roles                            |
// |    123 |     4 | key_generation                   |
struct HolderLeaf {
  static constexpr std::uint8_t kTable = 1;
  static constexpr std::size_t kBytes = 163;
  static constexpr std::uint32_t kNoMeter = 0xffffffff;

  Bytes32 public_key{};
  Bytes32 registration_id{};  // zero for a holder of the genesis
  Bytes20 address{};
  std::array<char, 32> serial_text{};
  std::uint8_t serial_length = 0;
  std::uint8_t status = 0;  // 1 pending, 2 active, 3 suspended, 4 retired
  std::uint8_t phases = 0;  // bit set: 1 = L1, 2 = L2, 4 = L3
  std::uint32_t roles = 0;  // bit set: 1 meter, 2 owner, 4 producer, 8 gateway, 16 operator, 32 auditor
  std::uint32_t key_generation = 0;
  std::uint32_t owner_slot = 0;    // 0 = itself
  std::uint32_t meter = kNoMeter;  // leaf in the table of meters
  std::uint32_t wallet_account = 0;
  std::uint32_t energy_account = 0;  // 0 = no meter
  std::uint32_t debt_account = 0;
  std::uint64_t register_modulus = 0;
  std::uint64_t max_wh_per_interval = 0;

  [[nodiscard]] std::string_view serial() const noexcept { return {serial_text.data(), serial_length}; }
  bool operator==(const HolderLeaf&) const = default;
  [[nodiscard]] std::array<std::uint8_t, kBytes> encode() const noexcept;
  [[nodiscard]] static std::optional<HolderLeaf> decode(ByteSpan bytes) noexcept;
};

}  // namespace electra::proto
