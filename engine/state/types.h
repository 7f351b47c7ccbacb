// The words of the state machine: what goes in, what comes out. Values only; no behaviour.
//
// Integers everywhere: energy in Wh, money in uelectra, prices in uelectra per Wh, time in unix nanoseconds UTC unless
// the name says seconds. A slot and an account number start at 1; 0 means none.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "meter-proto/base/bytes.h"
#include "meter-proto/base/result.h"
#include "meter-proto/strict/envelope.h"

namespace electra::state {

// Of a new chain. Later versions come into force by an operator's ScheduleRules.
inline constexpr std::uint16_t kRulesVersion = 1;

// Rules versions that a program can execute, both ends included.
struct RulesRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  [[nodiscard]] constexpr bool contains(std::uint32_t version) const noexcept {
    return first <= version && version <= last;
  }
};
inline constexpr RulesRange kKnownRules{1, 1};

// What ScheduleRules has set and is not yet in force.
struct ScheduledRules {
  std::uint32_t version = 0;  // 0 = nothing is scheduled
  std::uint64_t height = 0;   // of the first block under it
  bool operator==(const ScheduledRules&) const = default;
};

using Slot = std::uint32_t;
using AccountNumber = std::uint32_t;

enum class HolderStatus : std::uint8_t { none = 0, pending = 1, active = 2, suspended = 3, retired = 4 };

// Bit set: a holder may have several.
enum Role : std::uint32_t {
  kRoleMeter = 1,
  kRoleOwner = 2,
  kRoleProducer = 4,
  kRoleGateway = 8,
  kRoleOperator = 16,
  kRoleAuditor = 32,
};

enum class Asset : std::uint8_t { none = 0, uelectra = 1, watt_hour = 2 };

enum AccountFlag : std::uint8_t {
  kDebitsMustNotExceedCredits = 1,
  kCreditsMustNotExceedDebits = 2,
  kSettlementOnly = 4,  // only the state machine itself moves it
};

// Bounds of every table. Start-up prints the memory that follows (Machine::memory_bytes).
struct Limits {
  std::uint32_t holders_max = 4096;
  std::uint32_t accounts_max = 65536;
  std::uint32_t pending_transfers_max = 65536;
  std::uint32_t correction_horizon_s = 14 * 86400;
  std::uint32_t pending_timeout_max_s = 30 * 86400;
  std::uint32_t not_after_max_s = 30 * 86400;
  std::uint32_t timer_visits_per_batch_max = 2048;  // meter visits; keeps timer work under 1 ms a batch
};

// Times are whole seconds; cycle_s is a multiple of interval_s; both divide a day.
struct Params {
  std::uint32_t interval_s = 900;
  std::uint32_t cycle_s = 3600;
  std::uint32_t grace_s = 300;            // a cycle is settled this long after its end
  std::uint32_t future_tolerance_s = 60;  // a reading may be stamped this much ahead of the batch
  std::uint64_t retail_price = 300;       // p_b
  std::uint64_t feed_in_price = 80;       // p_s <= p_b
};

struct GenesisHolder {
  std::string serial;
  std::array<std::uint8_t, 32> public_key{};
  std::uint32_t roles = 0;
  std::uint32_t phases = 0;
  std::uint64_t register_modulus = 0;
  std::uint64_t max_wh_per_interval = 0;
  Slot owner_slot = 0;
  std::uint64_t balance = 0;  // uelectra, issued at genesis
};

// Everything that state number 0 follows from. Holders get the slots 1, 2, … in this order and are active.
// Exactly one has kRoleGateway: its meter is the grid connection point, its wallet the grid's.
struct Genesis {
  std::string chain_id;
  std::array<std::uint8_t, 32> hash{};  // names the chain; every tag derives from it
  std::uint64_t time_ns = 0;            // a multiple of cycle_s
  Params params;
  Limits limits;
  std::vector<GenesisHolder> holders;
};

// A message whose signature was good under key (slot, key_generation) of the envelope's sender.
struct VerifiedMessage {
  strict::EnvelopeView envelope;      // views into the batch's bytes
  std::array<std::uint8_t, 32> id{};  // first 32 bytes of SHA-512(R ‖ A ‖ signing bytes)
  Slot slot = 0;                      // resolved sender
  bool embedded_key_valid = false;    // RegisterKey only: the registration rule's verdict on the public key inside
};

struct BatchInput {
  std::uint64_t number = 0;   // 1, 2, …
  std::uint64_t time_ns = 0;  // strictly greater than the previous batch's
  bool closes_block = false;  // it is the last batch of its block
  std::span<const VerifiedMessage> messages;
};

// What became of one message of the batch; same order.
struct Outcome {
  Result result = Result::ok;
  bool repeated = false;  // the sender's window had this very message: `result` and `batch` are the first ones
  std::uint64_t batch = 0;
  std::uint64_t detail = 0;  // new slot, first new account, or index of the transfer that failed
};

// The key registry of the verifier follows these.
struct KeyChange {
  Slot slot = 0;
  std::uint32_t generation = 0;
  std::array<std::uint8_t, 32> public_key{};
  HolderStatus status = HolderStatus::none;
};

}  // namespace electra::state
