// The operation inside a signed message, read in place.
//
// One struct a message of wire.proto, with the same names. Arrays have a fixed capacity, so nothing is allocated; byte and
// text fields are views into the input. The decoder bounds lengths and counts and refuses what is not canonical; whether a
// value makes sense (a status that exists, a count in its range, a serial's characters) is for execution to say.
#pragma once

#include <variant>

#include "meter-proto/base/bytes.h"
#include "meter-proto/base/result.h"

namespace electra::strict {

inline constexpr std::size_t kTransfersMax = 16;
inline constexpr std::size_t kPhasesMax = 3;
inline constexpr std::size_t kSerialBytesMax = 32;

struct RegisterKey {
  ByteSpan public_key{};                  // 32 bytes
  std::string_view serial{};              // at most 32 bytes of ASCII; may be empty
  std::uint32_t roles = 0;                // bit set of Role
  std::uint32_t phases = 0;               // bit set: 1 = L1, 2 = L2, 4 = L3
  std::uint64_t register_modulus = 0;     // Wh
  std::uint64_t max_wh_per_interval = 0;  // Wh
  std::uint32_t owner_slot = 0;
};

struct ProvePossession {
  ByteSpan registration_id{};  // 32 bytes
};

struct SetStatus {
  std::uint32_t slot = 0;
  std::uint32_t status = 0;  // HolderStatus
};

struct OpenAccounts {
  std::uint32_t owner_slot = 0;
  std::uint32_t asset = 0;
  std::uint32_t flags = 0;
  std::uint32_t count = 0;
};

enum class TransferKind : std::uint32_t { posted = 0, pending = 1, post_pending = 2, void_pending = 3 };

struct Transfer {
  std::uint32_t kind = 0;  // TransferKind; other numbers reach execution
  std::uint32_t debit_account = 0;
  std::uint32_t credit_account = 0;
  std::uint64_t amount = 0;
  std::uint32_t timeout = 0;  // s
  std::uint32_t pending_slot = 0;
  std::uint64_t pending_sequence = 0;
  std::uint32_t pending_index = 0;
  std::uint64_t reference = 0;
};

struct Transfers {
  std::uint32_t count = 0;  // 0..kTransfersMax; items behind it say nothing
  std::array<Transfer, kTransfersMax> items;

  [[nodiscard]] std::span<const Transfer> all() const noexcept { return {items.data(), count}; }
};

struct PhaseReading {
  std::uint32_t phase = 0;
  std::uint64_t whin = 0;    // Wh, cumulative
  std::uint64_t whout = 0;   // Wh, cumulative
  std::uint32_t mvolt = 0;   // mV
  std::uint32_t mhertz = 0;  // mHz
  std::uint32_t mpf = 0;     // 1/1000
  std::uint32_t maxmi = 0;   // mA
};

struct Reading {
  std::uint64_t time = 0;   // unix s
  std::uint32_t count = 0;  // 0..kPhasesMax; items behind it say nothing
  std::array<PhaseReading, kPhasesMax> items;

  [[nodiscard]] std::span<const PhaseReading> phases() const noexcept { return {items.data(), count}; }
};

struct BeginEpoch {
  std::uint32_t epoch = 0;
  std::uint64_t height = 0;
};

struct ScheduleRules {
  std::uint32_t version = 0;
  std::uint64_t height = 0;
};

// Never std::monostate after a decode that was ok.
using Operation = std::variant<std::monostate, RegisterKey, ProvePossession, SetStatus, OpenAccounts, Transfers,
                               Reading, BeginEpoch, ScheduleRules>;

struct PayloadView {
  std::uint64_t not_after = 0;  // unix s; 0 = none given
  Operation operation;
};

// ok, or malformed_payload (`payload` is then unspecified). What `payload` held before does not matter; to decode into the
// same one again is what costs least. Refused: no operation or more than one, a public key or
// registration id that is not 32 bytes, a serial above 32 bytes or with a byte above 0x7f, more than 16 transfers or 3
// phases, a uint32 above 2^32 - 1, and everything that is not canonical protobuf.
[[nodiscard]] Result decode_payload(ByteSpan bytes, PayloadView& payload) noexcept;

}  // namespace electra::strict
