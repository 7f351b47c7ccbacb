// A chain without a network: builds verified messages by hand and gives them to a machine, one batch after another.
//
// Slots of the usual genesis: 1 GRID (gateway), 2 OPER (operator), 3.. the meters that a test asks for. Times are seconds
// since genesis unless the name says otherwise.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "engine/state/machine.h"
#include "meter-proto/base/sha256.h"
#include "meter-proto/encode.h"

namespace electra::state {

inline void PrintTo(const HolderStatus& status, std::ostream* out) { *out << static_cast<int>(status); }

}  // namespace electra::state

namespace electra {

inline void PrintTo(const Result& result, std::ostream* out) { *out << result_name(result); }

}  // namespace electra

namespace electra::state::test {

inline constexpr std::uint64_t kGenesisS = 1451865600;  // 2016-01-04T00:00Z
inline constexpr std::uint64_t kSecond = 1'000'000'000;
inline constexpr Slot kGrid = 1;
inline constexpr Slot kOperator = 2;
inline constexpr Slot kFirstMeter = 3;

inline Bytes32 key_of(std::string_view serial) { return sha256("key of " + std::string(serial)); }

inline GenesisHolder meter(std::string serial, std::uint32_t phases = 1, std::uint64_t balance = 0) {
  GenesisHolder holder;
  holder.public_key = key_of(serial);
  holder.serial = std::move(serial);
  holder.roles = kRoleMeter;
  holder.phases = phases;
  holder.balance = balance;
  return holder;
}

inline Genesis genesis_with(std::vector<GenesisHolder> meters) {
  Genesis genesis;
  genesis.chain_id = "test-1";
  genesis.hash = sha256("test genesis");
  genesis.time_ns = kGenesisS * kSecond;
  genesis.limits.holders_max = 256;
  genesis.limits.accounts_max = 16384;
  genesis.limits.pending_transfers_max = 256;
  GenesisHolder grid = meter("GRID");
  grid.roles = kRoleGateway;
  GenesisHolder oper = meter("OPER", 0);
  oper.roles = kRoleOperator;
  genesis.holders = {grid, oper};
  for (GenesisHolder& holder : meters) genesis.holders.push_back(std::move(holder));
  return genesis;
}

// A message and the bytes that it views.
struct Message {
  std::vector<std::uint8_t> payload;
  VerifiedMessage verified;
};

struct Options {
  std::uint64_t sequence = 0;   // 0 = the sender's next
  std::uint64_t not_after = 0;  // unix s; UINT64_MAX = none at all; 0 = none, or soon for transfers
  std::uint32_t generation = 1;
  bool key_valid = true;
  bool by_address = false;
};

class Chain {
 public:
  explicit Chain(const Genesis& genesis, RulesRange known = kKnownRules) : highest_(genesis.limits.holders_max + 1) {
    auto created = Machine::create(genesis, known);
    if (!created) ADD_FAILURE() << created.error();
    machine_ = std::move(created.value());
  }

  Machine& machine() { return *machine_; }
  const Machine& machine() const { return *machine_; }
  HolderView holder(Slot slot) const { return machine_->holder(slot).value(); }
  AccountView account(AccountNumber number) const { return machine_->account(number).value(); }
  AccountNumber wallet(Slot slot) const { return holder(slot).wallet_account; }

  Message make(Slot slot, const strict::Operation& operation, Options options = {}) {
    Message message;
    strict::PayloadView payload;
    payload.operation = operation;
    payload.not_after = options.not_after;
    if (options.not_after == UINT64_MAX) payload.not_after = 0;
    if (options.not_after == 0 && std::holds_alternative<strict::Transfers>(operation))
      payload.not_after = machine_->time_ns() / kSecond + 3600;
    message.payload.resize(2048);
    message.payload.resize(proto::encode_payload(payload, message.payload));
    if (options.sequence == 0) options.sequence = highest_[slot] + 1;
    highest_[slot] = std::max(highest_[slot], options.sequence);
    message.verified.slot = slot;
    message.verified.envelope.slot = options.by_address ? 0 : slot;
    if (options.by_address) {
      addresses_.push_back(holder(slot).address);
      message.verified.envelope.address = addresses_.back();
    }
    message.verified.envelope.key_generation = options.generation;
    message.verified.envelope.sequence = options.sequence;
    message.verified.embedded_key_valid = options.key_valid;
    message.verified.id = sha256(text_of(message.payload));
    store_le64(message.verified.id.data() + 8, options.sequence);
    message.verified.id[16] = static_cast<std::uint8_t>(slot);
    return message;
  }

  // One batch at `time_s` after genesis, or 1 ns after the last one if that is later.
  std::vector<Outcome> batch(std::uint64_t time_s, std::span<const Message> messages, bool closes_block = false) {
    std::vector<VerifiedMessage> verified;
    for (const Message& message : messages) {
      verified.push_back(message.verified);
      verified.back().envelope.payload = message.payload;
    }
    std::vector<Outcome> outcomes(verified.size());
    const BatchInput input{.number = machine_->batch_number() + 1,
                           .time_ns = std::max((kGenesisS + time_s) * kSecond, machine_->time_ns() + 1),
                           .closes_block = closes_block,
                           .messages = verified};
    machine_->execute(input, outcomes);
    if (after_batch) after_batch(input, outcomes);
    return outcomes;
  }
  Outcome send(const Message& message) { return batch(0, {&message, 1}).front(); }
  Outcome send(Slot slot, const strict::Operation& operation, Options options = {}) {
    return send(make(slot, operation, options));
  }
  void close_blocks(std::uint64_t count) {
    while (count-- > 0) batch(0, {}, true);
  }
  // Moves time (never backwards) and lets every due timer finish.
  void pass_time_to(std::uint64_t time_s) {
    batch(time_s, {});
    while (machine_->next_timer_ns() <= machine_->time_ns()) batch(0, {});
  }

  // Sees every batch and what became of it.
  std::function<void(const BatchInput&, std::span<const Outcome>)> after_batch;

 private:
  std::unique_ptr<Machine> machine_;
  std::vector<std::uint64_t> highest_;
  std::deque<Bytes20> addresses_;
};

// One phase (L1) unless more are given.
inline strict::Reading reading(std::uint64_t time_s, std::vector<RegisterPair> phases, std::uint32_t first_phase = 1) {
  strict::Reading out;
  out.time = kGenesisS + time_s;
  for (const RegisterPair& phase : phases)
    out.items[out.count++] = {.phase = first_phase++, .whin = phase.whin, .whout = phase.whout};
  return out;
}
inline strict::Reading reading(std::uint64_t time_s, std::uint64_t whin, std::uint64_t whout = 0) {
  return reading(time_s, {{whin, whout}});
}

inline strict::Transfers group(std::vector<strict::Transfer> transfers) {
  strict::Transfers out;
  for (const strict::Transfer& transfer : transfers) out.items[out.count++] = transfer;
  return out;
}
inline strict::Transfer move(AccountNumber debit, AccountNumber credit, std::uint64_t amount) {
  strict::Transfer transfer;
  transfer.debit_account = debit;
  transfer.credit_account = credit;
  transfer.amount = amount;
  return transfer;
}
inline strict::Transfer hold(AccountNumber debit, AccountNumber credit, std::uint64_t amount,
                             std::uint32_t timeout = 0) {
  strict::Transfer transfer = move(debit, credit, amount);
  transfer.kind = 1;
  transfer.timeout = timeout;
  return transfer;
}
inline strict::Transfer resolve(std::uint32_t kind, Slot slot, std::uint64_t sequence, std::uint32_t index = 0,
                                std::uint64_t amount = 0) {
  strict::Transfer transfer;
  transfer.kind = kind;
  transfer.pending_slot = slot;
  transfer.pending_sequence = sequence;
  transfer.pending_index = index;
  transfer.amount = amount;
  return transfer;
}
inline constexpr std::uint32_t kPost = 2;
inline constexpr std::uint32_t kVoid = 3;

// Views of a key and a serial must outlive the encoding; kept here for the run of the test.
inline strict::RegisterKey registration(std::string_view serial, std::uint32_t roles = kRoleMeter,
                                        std::uint32_t phases = 1, Slot owner = 0) {
  static std::deque<std::pair<std::string, Bytes32>> kept;
  kept.emplace_back(serial, key_of(serial));
  strict::RegisterKey out;
  out.public_key = kept.back().second;
  out.serial = kept.back().first;
  out.roles = roles;
  out.phases = phases;
  out.owner_slot = owner;
  return out;
}

// Double entry: in each asset, all debits equal all credits; and no wallet is overdrawn.
inline void expect_books_close(const Machine& machine) {
  std::array<std::uint64_t, 3> debits{};
  std::array<std::uint64_t, 3> credits{};
  std::array<std::uint64_t, 3> debits_pending{};
  std::array<std::uint64_t, 3> credits_pending{};
  for (AccountNumber number = 1; number <= machine.account_count(); ++number) {
    const AccountView account = machine.account(number).value();
    const auto asset = static_cast<std::size_t>(account.asset);
    debits[asset] += account.debits_posted;
    credits[asset] += account.credits_posted;
    debits_pending[asset] += account.debits_pending;
    credits_pending[asset] += account.credits_pending;
    if ((account.flags & kDebitsMustNotExceedCredits) != 0) {
      ASSERT_LE(account.debits_posted + account.debits_pending, account.credits_posted) << "account " << number;
    }
    if ((account.flags & kCreditsMustNotExceedDebits) != 0) {
      ASSERT_LE(account.credits_posted + account.credits_pending, account.debits_posted) << "account " << number;
    }
  }
  EXPECT_EQ(debits, credits);
  EXPECT_EQ(debits_pending, credits_pending);
}

}  // namespace electra::state::test
