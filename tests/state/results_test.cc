// Every result code that execution can give is reached by a message, and the numbers of the codes stand.

#include <set>

#include "tests/state/support.h"

namespace electra::state::test {
namespace {

constexpr Slot kAlice = 3;
constexpr Slot kBob = 4;

std::set<Result> codes_of_execution() {
  std::set<Result> codes;
#define ELECTRA_COLLECT(name, number, text) \
  if ((number) == 0 || (number) >= 32) codes.insert(Result::name);
  ELECTRA_RESULTS(ELECTRA_COLLECT)
#undef ELECTRA_COLLECT
  return codes;
}

TEST(Results, EveryCodeOfExecutionIsReached) {
  Genesis genesis = genesis_with({meter("ALICE", 1, 1000), meter("BOB", 0), meter("OWNER", 0)});
  genesis.holders[4].roles = kRoleOwner;
  genesis.limits.holders_max = 8;
  genesis.limits.accounts_max = 40;
  genesis.limits.pending_transfers_max = 2;
  genesis.holders[kAlice - 1].register_modulus = 1'000'000;
  Chain chain(genesis);
  std::set<Result> reached;
  const auto note = [&](Result expected, Slot slot, const strict::Operation& operation, Options options = {}) {
    const Result result = chain.send(slot, operation, options).result;
    EXPECT_EQ(result, expected);
    reached.insert(result);
  };
  using enum Result;
  const AccountNumber alice = chain.wallet(kAlice);
  const AccountNumber bob = chain.wallet(kBob);
  const AccountNumber energy = chain.holder(kAlice).energy_account;

  note(key_superseded, kAlice, reading(0, 1), {.sequence = 1, .generation = 2});
  note(sequence_too_new, kAlice, reading(0, 1), {.sequence = (1U << 20) + 1});
  note(ok, kAlice, reading(0, 1), {.sequence = 100});
  note(sequence_used, kAlice, reading(0, 2), {.sequence = 100});
  note(sequence_too_old, kAlice, reading(0, 2), {.sequence = 36});
  chain = Chain(genesis);

  note(expired, kAlice, reading(0, 1), {.not_after = kGenesisS - 1});
  note(not_after_required, kAlice, group({move(alice, bob, 1)}), {.not_after = UINT64_MAX});
  note(not_after_too_far, kAlice, reading(0, 1), {.not_after = kGenesisS + 31 * 86400});
  note(no_role, kAlice, registration("NEW"));
  note(invalid_field, kAlice, group({}));

  note(invalid_key, kOperator, registration("NEW"), {.key_valid = false});
  const Message first = chain.make(kOperator, registration("NEW"));
  const Slot slot = static_cast<Slot>(chain.send(first).detail);
  note(not_active, slot, reading(0, 1));
  note(key_taken, kOperator, registration("NEW"));
  strict::RegisterKey taken = registration("NEW2");
  taken.serial = "NEW";
  note(serial_taken, kOperator, taken);
  note(unknown_holder, kOperator, registration("NEW3", kRoleMeter, 1, 77));
  note(wrong_registration, slot, strict::ProvePossession{chain.holder(kAlice).public_key});
  note(ok, slot, strict::ProvePossession{first.verified.id});
  note(already_active, slot, strict::ProvePossession{first.verified.id});
  note(invalid_status, kOperator, strict::SetStatus{slot, 1});

  note(unknown_account, kAlice, group({move(alice, 999, 1)}));
  note(accounts_must_differ, kAlice, group({move(alice, alice, 1)}));
  note(assets_must_match, kAlice, group({move(alice, energy, 1)}));
  note(not_account_owner, kAlice, group({move(bob, alice, 1)}));
  note(amount_zero, kAlice, group({move(alice, bob, 0)}));
  note(overflow, kAlice, group({move(alice, bob, UINT64_MAX)}));
  note(exceeds_credits, kAlice, group({move(alice, bob, 1001)}));
  const auto till = static_cast<AccountNumber>(chain.send(kOperator, strict::OpenAccounts{kOperator, 1, 2, 1}).detail);
  note(exceeds_debits, kAlice, group({move(alice, till, 1)}));
  note(account_reserved, kAlice, group({move(alice, kSettlementAccount, 1)}));
  note(timeout_too_long, kAlice, group({hold(alice, bob, 1, UINT32_MAX)}));
  note(pending_full, kAlice, group({hold(alice, bob, 1), hold(alice, bob, 1), hold(alice, bob, 1)}));
  note(unknown_pending, kAlice, group({resolve(kPost, kAlice, 1)}));
  const Message held = chain.make(kAlice, group({hold(alice, bob, 5)}));
  EXPECT_EQ(chain.send(held).result, ok);
  const std::uint64_t sequence = held.verified.envelope.sequence;
  note(not_pending_party, kOperator, group({resolve(kVoid, kAlice, sequence)}));
  note(exceeds_pending, kAlice, group({resolve(kPost, kAlice, sequence, 0, 6)}));

  note(not_a_meter, kBob, reading(0, 1));
  note(wrong_phases, kAlice, reading(0, {{1, 0}}, 3));
  note(reading_in_future, kAlice, reading(1000, 1));
  note(register_out_of_range, kAlice, reading(0, 1'000'000));
  note(ok, kAlice, reading(60, 10));
  note(duplicate_reading, kAlice, reading(60, 10));
  note(conflicting_reading, kAlice, reading(60, 11));
  note(superseded_reading, kAlice, reading(50, 9));
  chain.pass_time_to(3900);
  note(late_reading, kAlice, reading(3600, 20));
  note(late_without_effect, kAlice, reading(3000, 15));
  chain.pass_time_to(20 * 86400);
  note(reading_too_old, kAlice, reading(3700, 30));

  note(wrong_epoch, kOperator, strict::BeginEpoch{0, 1});
  note(wrong_height, kOperator, strict::BeginEpoch{1, 2});
  note(unknown_rules, kOperator, strict::ScheduleRules{1, 2});

  EXPECT_EQ(chain.send(kOperator, registration("N7")).result, ok);
  EXPECT_EQ(chain.send(kOperator, registration("N8")).result, ok);
  note(directory_full, kOperator, registration("N9"));
  note(accounts_full, kOperator, strict::OpenAccounts{kAlice, 1, 1, 100});

  for (const Result code : codes_of_execution()) EXPECT_TRUE(reached.contains(code)) << result_name(code);
}

}  // namespace
}  // namespace electra::state::test
