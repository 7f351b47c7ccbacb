// A long random life of a small chain, for tests that want everything to happen.
//
// The worlds are narrow (few places everywhere, few visits a batch), so that rings wrap, tables fill, the settling cursor
// stops in each of its phases, and readings come late, twice, wrong and from the future. The same world lives the same life.
#pragma once

#include <algorithm>
#include <random>
#include <set>

#include "tests/state/support.h"

namespace electra::state::test {

struct World {
  std::string name;
  std::uint32_t interval_s;
  std::uint32_t cycle_s;
  std::uint32_t visits;
  std::uint64_t steps;
  std::uint64_t pace;  // how many times faster time passes
  bool all_cycles;     // it lives long enough for the ring of cycles to wrap
};

inline void PrintTo(const World& world, std::ostream* out) { *out << world.name; }

class Workload {
 public:
  static constexpr RulesRange kRules{1, 1000};

  explicit Workload(const World& world)
      : world_(world), chain_(genesis(world), kRules), random_(world.interval_s + world.visits) {
    newest_.resize(genesis(world).limits.holders_max + 1);
  }

  static Genesis genesis(const World& world) {
    std::vector<GenesisHolder> meters;
    for (std::uint32_t i = 0; i < 6; ++i) meters.push_back(meter("M" + std::to_string(i), i == 0 ? 7 : 1, 40'000'000));
    meters[2].owner_slot = kFirstMeter;
    meters[3].register_modulus = 5000;
    meters[4].phases = 0;
    meters[4].roles = kRoleProducer;
    Genesis genesis = genesis_with(std::move(meters));
    genesis.params.interval_s = world.interval_s;
    genesis.params.cycle_s = world.cycle_s;
    genesis.params.grace_s = world.interval_s / 3;
    genesis.limits.holders_max = 20;
    genesis.limits.accounts_max = 100;
    genesis.limits.pending_transfers_max = 4;
    genesis.limits.correction_horizon_s = 2 * world.cycle_s;
    genesis.limits.timer_visits_per_batch_max = world.visits;
    return genesis;
  }

  Chain& chain() { return chain_; }
  const Machine& machine() const { return chain_.machine(); }
  Machine& machine() { return chain_.machine(); }
  const std::set<Result>& reached() const { return reached_; }

  void step() {
    advance();
    std::vector<Message> messages;
    for (std::uint64_t count = below(7); count > 0; --count) messages.push_back(message());
    const std::vector<Outcome> outcomes = chain_.batch(now_s_, messages, chance(20));
    for (const Outcome& outcome : outcomes) reached_.insert(outcome.result);
    if (!messages.empty() && chance(30)) kept_.push_back(messages[below(messages.size())]);
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool chance(std::uint64_t percent) { return below(100) < percent; }
  Slot any_slot() { return static_cast<Slot>(1 + below(machine().holder_count())); }
  AccountNumber any_account() { return static_cast<AccountNumber>(1 + below(machine().account_count() + 1)); }

  void advance() {
    const std::uint64_t kind = below(100);
    if (kind < 50) return;  // the next nanosecond
    const std::uint64_t seconds = kind < 85   ? below(world_.interval_s)
                                  : kind < 97 ? world_.interval_s
                                  : kind < 99 ? world_.cycle_s
                                              : 3 * world_.cycle_s;
    now_s_ += seconds * world_.pace;
  }

  Message message() {
    if (!kept_.empty() && chance(3)) return kept_[below(kept_.size())];
    const std::uint64_t kind = below(100);
    if (kind < 50) return reading_message();
    if (kind < 78) return transfer_message();
    const Slot sender = chance(95) ? kOperator : any_slot();
    if (kind < 84) return registration_message(sender);
    if (kind < 87) return possession_message();
    if (kind < 91) {
      const Slot slot = any_slot();
      const std::uint32_t status = slot > 15 && chance(5) ? 4 : chance(30) ? 3 : 2;
      return chain_.make(sender, strict::SetStatus{slot, status});
    }
    if (kind < 93) {
      const auto count = static_cast<std::uint32_t>(1 + below(9));
      return chain_.make(sender, strict::OpenAccounts{any_slot(), 1 + static_cast<std::uint32_t>(below(2)), 1, count});
    }
    const std::uint64_t under_way = machine().height() + 1;
    if (kind < 96)
      return chain_.make(
          sender, strict::BeginEpoch{machine().epoch() + static_cast<std::uint32_t>(below(2)), under_way + below(2)});
    return chain_.make(sender, strict::ScheduleRules{machine().rules_version() + static_cast<std::uint32_t>(below(2)),
                                                     under_way + below(4)});
  }

  Message reading_message() {
    const Slot slot = any_slot();
    strict::Reading next = newest_[slot];
    const bool again = next.count != 0 && chance(12);
    if (!again) {
      const std::uint64_t behind = chance(70) ? below(world_.interval_s) : below(3 * world_.cycle_s);
      std::uint64_t time_s = now_s_ < behind ? 0 : now_s_ - behind;
      if (chance(8)) time_s = now_s_ + below(80);
      const std::uint32_t phases = machine().holder(slot)->phases;
      next = {};
      next.time = kGenesisS + time_s;
      for (std::uint32_t phase = 1; phase <= 3; ++phase) {
        if ((phases >> (phase - 1) & 1) == 0) continue;
        const std::uint64_t wh = time_s * (3 + slot) / world_.interval_s;
        const std::uint64_t rise = chance(3) ? below(1'000'000) : wh + 1;
        next.items[next.count++] = {.phase = phase, .whin = rise, .whout = slot % 3 == 0 ? wh / 2 : 0};
      }
      newest_[slot] = next;
    } else if (chance(40)) {
      next.items[0].whin += 1;
    }
    Options options;
    if (chance(3)) options.sequence = machine().holder(slot)->highest_sequence + 1 + below(150);
    if (chance(2)) options.sequence = std::max<std::uint64_t>(machine().holder(slot)->highest_sequence, 1);
    if (chance(2)) options.generation = 2;
    return chain_.make(slot, next, options);
  }

  Message transfer_message() {
    const Slot sender = any_slot();
    std::vector<strict::Transfer> transfers;
    for (std::uint64_t count = 1 + below(3); count > 0; --count) {
      const AccountNumber from = chance(85) ? chain_.wallet(sender) : any_account();
      const AccountNumber to = chance(85) ? chain_.wallet(any_slot()) : any_account();
      const std::uint64_t amount = chance(95) ? 1 + below(300) : 1'000'000;
      const std::uint64_t kind = below(10);
      if (kind < 4) {
        transfers.push_back(move(from, to, amount));
      } else if (kind < 7 || held_.empty()) {
        transfers.push_back(
            hold(from, to, amount, static_cast<std::uint32_t>(1 + below(2 * world_.pace * world_.cycle_s))));
      } else {
        const auto& [slot, sequence] = held_[below(held_.size())];
        transfers.push_back(resolve(chance(50) ? kPost : kVoid, slot, sequence, static_cast<std::uint32_t>(below(2))));
      }
    }
    Message made = chain_.make(sender, group(std::move(transfers)));
    if (held_.size() == 12) held_.erase(held_.begin());
    held_.emplace_back(sender, made.verified.envelope.sequence);
    return made;
  }

  Message registration_message(Slot sender) {
    const std::uint32_t phases = chance(70) ? 1 : 0;
    const std::string serial = std::string(1, static_cast<char>('A' + below(26))) + std::to_string(registered_++);
    return chain_.make(
        sender, registration(serial, phases == 1 ? kRoleMeter : kRoleOwner, phases, chance(20) ? any_slot() : 0));
  }

  // Of some holder, who may be pending or not, and whose registration may be another one.
  Message possession_message() {
    const Slot slot = machine().holder_count();
    possession_ = chance(80) ? chain_.holder(slot).registration_id : sha256("another registration");
    return chain_.make(slot, strict::ProvePossession{possession_});
  }

  World world_;
  Chain chain_;
  std::mt19937_64 random_;
  std::uint64_t now_s_ = 0;
  std::uint64_t registered_ = 0;
  Bytes32 possession_{};
  std::vector<strict::Reading> newest_;               // by slot
  std::vector<std::pair<Slot, std::uint64_t>> held_;  // sender and sequence of transfer messages
  std::vector<Message> kept_;                         // to be sent again
  std::set<Result> reached_;
};

using Leaves = std::vector<std::vector<std::uint8_t>>;

inline Leaves leaves_of(const Machine& machine, Table table) {
  Leaves all(machine.leaf_count(table));
  for (std::uint32_t index = 0; index < all.size(); ++index) machine.append_leaf(table, index, all[index]);
  return all;
}

}  // namespace electra::state::test
