// What each operation does. Checks stand in the order of the result codes (meter-proto/base/result.h).

#include "engine/state/parts.h"
#include "meter-proto/address.h"
#include "meter-proto/base/checked.h"

namespace electra::state {
namespace {

constexpr std::uint32_t kRolesAll =
    kRoleMeter | kRoleOwner | kRoleProducer | kRoleGateway | kRoleOperator | kRoleAuditor;
constexpr std::uint32_t kRolesOfMeters = kRoleMeter | kRoleProducer | kRoleGateway;
constexpr std::uint32_t kOpenAccountsMax = 8192;
constexpr std::uint32_t kPhasesAll = 7;
constexpr std::uint64_t kRulesAheadMax = std::uint64_t{1} << 32;  // blocks

}  // namespace

Result Machine::Parts::perform(const VerifiedMessage& message, const strict::PayloadView& payload,
                               std::uint64_t& detail) {
  const Slot sender = message.slot;
  if (payload.not_after != 0) {
    if (u128{payload.not_after} * kNanosecondsPerSecond < time_ns) return Result::expired;
  } else if (std::holds_alternative<strict::Transfers>(payload.operation)) {
    return Result::not_after_required;
  }
  if (payload.not_after > reading_context.time_s + limits.not_after_max_s) return Result::not_after_too_far;
  const Holder& holder = directory.at(sender);
  if (holder.status != HolderStatus::active && !std::holds_alternative<strict::ProvePossession>(payload.operation))
    return Result::not_active;
  const bool is_operator = (holder.roles & kRoleOperator) != 0;

  if (const auto* reading = std::get_if<strict::Reading>(&payload.operation)) {
    if ((holder.roles & kRolesOfMeters) == 0) return Result::no_role;
    return take_reading(sender, *reading);
  }
  if (const auto* transfers = std::get_if<strict::Transfers>(&payload.operation))
    return transfer(message, *transfers, detail);
  if (const auto* prove = std::get_if<strict::ProvePossession>(&payload.operation))
    return prove_possession(sender, *prove);
  if (!is_operator) return Result::no_role;
  if (const auto* registration = std::get_if<strict::RegisterKey>(&payload.operation))
    return register_key(message, *registration, detail);
  if (const auto* status = std::get_if<strict::SetStatus>(&payload.operation)) return set_status(sender, *status);
  if (const auto* accounts = std::get_if<strict::OpenAccounts>(&payload.operation))
    return open_accounts(sender, *accounts, detail);
  if (const auto* epoch_begin = std::get_if<strict::BeginEpoch>(&payload.operation)) return begin_epoch(*epoch_begin);
  return schedule_rules(std::get<strict::ScheduleRules>(payload.operation));
}

// --- directory ----------------------------------------------------------------------------------------------------------

Result Machine::Parts::register_key(const VerifiedMessage& message, const strict::RegisterKey& operation,
                                    std::uint64_t& detail) {
  const bool metered = operation.phases != 0;
  // There is one gateway, and the genesis names it.
  if (!valid_serial(operation.serial) || operation.roles == 0 || (operation.roles & ~kRolesAll) != 0 ||
      (operation.roles & kRoleGateway) != 0 || operation.phases > kPhasesAll ||
      (metered && (operation.roles & kRolesOfMeters) == 0) || operation.register_modulus == 1 ||
      operation.max_wh_per_interval > wh_per_interval_max)
    return Result::invalid_field;
  if (!message.embedded_key_valid) return Result::invalid_key;
  Holder holder;
  std::ranges::copy(operation.public_key, holder.public_key.begin());
  holder.address = proto::address_of(holder.public_key);
  if (directory.find_key(holder.public_key) != 0 || directory.find_address(holder.address) != 0)
    return Result::key_taken;
  if (directory.find_serial(operation.serial) != 0) return Result::serial_taken;
  if (directory.full()) return Result::directory_full;
  if (operation.owner_slot != 0 && !directory.exists(operation.owner_slot)) return Result::unknown_holder;

  holder.registration_id = message.id;
  std::ranges::copy(operation.serial, holder.serial_text.begin());
  holder.serial_length = static_cast<std::uint8_t>(operation.serial.size());
  holder.status = HolderStatus::pending;
  holder.phases = static_cast<std::uint8_t>(operation.phases);
  holder.roles = operation.roles;
  holder.key_generation = 1;
  holder.owner_slot = operation.owner_slot;
  holder.register_modulus = operation.register_modulus;
  holder.max_wh_per_interval = operation.max_wh_per_interval;
  if (ledger.room() < accounts_of(holder)) return Result::accounts_full;
  detail = add_holder(holder);
  return Result::ok;
}

std::uint32_t Machine::Parts::accounts_of(const Holder& holder) noexcept {
  return holder.phases != 0 || (holder.roles & kRoleGateway) != 0 ? 3 : 2;
}

Slot Machine::Parts::add_holder(Holder holder) {
  const Slot slot = directory.count() + 1;
  holder.wallet_account = ledger.open(slot, Asset::uelectra, kDebitsMustNotExceedCredits);
  holder.debt_account = ledger.open(slot, Asset::uelectra, kSettlementOnly);
  if (accounts_of(holder) == 3) holder.energy_account = ledger.open(slot, Asset::watt_hour, kSettlementOnly);
  if (holder.phases != 0) {
    const bool own_limit = holder.max_wh_per_interval != 0;
    holder.meter = meters.add(slot, holder.phases,
                              {.modulus = holder.register_modulus,
                               .wh_per_interval_max = own_limit ? holder.max_wh_per_interval : wh_per_interval_max,
                               .own_limit = own_limit});
  }
  settlement.holder_added(directory.serial_position(holder.serial()));
  directory.add(holder);
  windows.add();
  note_key(slot);
  return slot;
}

void Machine::Parts::note_key(Slot slot) {
  const Holder& holder = directory.at(slot);
  key_changes.push_back(
      {.slot = slot, .generation = holder.key_generation, .public_key = holder.public_key, .status = holder.status});
}

Result Machine::Parts::prove_possession(Slot sender, const strict::ProvePossession& operation) {
  if (!equal_bytes(operation.registration_id, directory.at(sender).registration_id)) return Result::wrong_registration;
  if (directory.at(sender).status == HolderStatus::active) return Result::already_active;
  directory.set_status(sender, HolderStatus::active);
  note_key(sender);
  return Result::ok;
}

Result Machine::Parts::set_status(Slot sender, const strict::SetStatus& operation) {
  const auto to = static_cast<HolderStatus>(operation.status);
  if (operation.status < 1 || operation.status > 4) return Result::invalid_field;
  if (!directory.exists(operation.slot)) return Result::unknown_holder;
  const HolderStatus from = directory.at(operation.slot).status;
  const bool allowed = (from == HolderStatus::active && to == HolderStatus::suspended) ||
                       (from == HolderStatus::suspended && to == HolderStatus::active) ||
                       (from != HolderStatus::retired && to == HolderStatus::retired);
  // Nobody locks itself out, and a micro-grid without its grid connection is none.
  if (!allowed || operation.slot == sender || (operation.slot == gateway && to == HolderStatus::retired))
    return Result::invalid_status;
  directory.set_status(operation.slot, to);
  note_key(operation.slot);
  return Result::ok;
}

// --- ledger -------------------------------------------------------------------------------------------------------------

Result Machine::Parts::open_accounts(Slot, const strict::OpenAccounts& operation, std::uint64_t& detail) {
  const auto asset = static_cast<Asset>(operation.asset);
  if (operation.count == 0 || operation.count > kOpenAccountsMax ||
      (asset != Asset::uelectra && asset != Asset::watt_hour) ||
      operation.flags > (kDebitsMustNotExceedCredits | kCreditsMustNotExceedDebits))
    return Result::invalid_field;
  if (!directory.exists(operation.owner_slot)) return Result::unknown_holder;
  // An account that may be overdrawn without limit issues: only an operator's till may.
  const bool issues = (operation.flags & kDebitsMustNotExceedCredits) == 0;
  if (issues && (directory.at(operation.owner_slot).roles & kRoleOperator) == 0) return Result::invalid_field;
  if (ledger.room() < operation.count) return Result::accounts_full;
  detail = ledger.open(operation.owner_slot, asset, static_cast<std::uint8_t>(operation.flags), operation.count);
  return Result::ok;
}

Result Machine::Parts::transfer(const VerifiedMessage& message, const strict::Transfers& operation,
                                std::uint64_t& detail) {
  if (operation.count == 0) return Result::invalid_field;
  const TransferContext context{.directory = directory,
                                .sender = message.slot,
                                .sequence = message.envelope.sequence,
                                .time_ns = time_ns,
                                .pending_timeout_max_s = limits.pending_timeout_max_s};
  std::uint32_t failed_index = 0;
  const Result result = ledger.apply(context, operation.all(), failed_index);
  if (result != Result::ok) detail = failed_index;
  return result;
}

// --- metering -----------------------------------------------------------------------------------------------------------

Result Machine::Parts::take_reading(Slot sender, const strict::Reading& operation) {
  const std::uint32_t meter = directory.at(sender).meter;
  if (meter == kNoMeter) return Result::not_a_meter;
  KeptReading reading;
  const Result result = meters.check(meters.at(meter), operation, reading_context, reading);
  if (result != Result::ok) return result;
  const std::uint64_t boundary = reading.boundary_plus_1 - 1;
  if (boundary < reading_context.first_open_boundary) return settlement.book_late(meter, reading);
  // Time has run so far ahead of settlement that the ring would wrap: what is closed is classified now.
  if (boundary - settlement.first_unclassified_boundary() >= meters.places()) settlement.finish_classifying();
  return meters.keep(meter, reading);
}

// --- chain --------------------------------------------------------------------------------------------------------------

Result Machine::Parts::begin_epoch(const strict::BeginEpoch& operation) {
  if (operation.epoch <= epoch) return Result::wrong_epoch;
  if (operation.height != height + 1) return Result::wrong_height;
  epoch = operation.epoch;
  return Result::ok;
}

// Whether this program knows the version decides nothing here: a program that knows more must compute the same state.
Result Machine::Parts::schedule_rules(const strict::ScheduleRules& operation) {
  const std::uint64_t under_way = height + 1;
  if (operation.height <= under_way || operation.height - under_way > kRulesAheadMax) return Result::wrong_height;
  if (operation.version <= rules_version) return Result::unknown_rules;
  scheduled_rules = {.version = operation.version, .height = operation.height};
  return Result::ok;
}

}  // namespace electra::state
