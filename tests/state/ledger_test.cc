// Transfers: limits and precedence, linked groups, pending ones; and a random walk against a simple model.

#include <map>

#include "tests/state/support.h"

namespace electra::state::test {
namespace {

constexpr Slot kAlice = 3;
constexpr Slot kBob = 4;
constexpr Slot kCarol = 5;  // owned by Alice

class Ledger : public ::testing::Test {
 protected:
  Ledger() : chain_(genesis()) {}

  static Genesis genesis() {
    Genesis genesis = genesis_with({meter("ALICE", 1, 1000), meter("BOB", 0, 500), meter("CAROL", 1, 100)});
    genesis.holders[kCarol - 1].owner_slot = kAlice;
    genesis.limits.pending_transfers_max = 8;
    return genesis;
  }
  Outcome transfer(Slot sender, std::vector<strict::Transfer> transfers) {
    return chain_.send(sender, group(std::move(transfers)));
  }
  Result result(Slot sender, const strict::Transfer& one) { return transfer(sender, {one}).result; }
  std::int64_t balance(Slot slot) { return chain_.holder(slot).wallet_balance; }
  AccountNumber wallet(Slot slot) { return chain_.wallet(slot); }
  std::uint64_t last_sequence(Slot slot) { return chain_.holder(slot).highest_sequence; }

  Chain chain_;
};

TEST_F(Ledger, MovesWithinTheBalanceAndStopsAtTheLastToken) {
  EXPECT_EQ(result(kAlice, move(wallet(kAlice), wallet(kBob), 1000)), Result::ok);
  EXPECT_EQ(balance(kAlice), 0);
  EXPECT_EQ(balance(kBob), 1500);
  EXPECT_EQ(result(kAlice, move(wallet(kAlice), wallet(kBob), 1)), Result::exceeds_credits);
  expect_books_close(chain_.machine());
}

TEST_F(Ledger, ReportsTheFirstRuleThatFails) {
  const AccountNumber alice = wallet(kAlice);
  const AccountNumber bob = wallet(kBob);
  const AccountNumber energy = chain_.holder(kAlice).energy_account;
  const AccountNumber debt = chain_.holder(kAlice).debt_account;
  struct Case {
    const char* name;
    strict::Transfer transfer;
    Result expected;
  };
  strict::Transfer timeout_on_posted = move(alice, bob, 1);
  timeout_on_posted.timeout = 1;
  strict::Transfer accounts_on_void = resolve(kVoid, kAlice, 1);
  accounts_on_void.debit_account = alice;
  strict::Transfer kind_4 = move(alice, bob, 1);
  kind_4.kind = 4;
  const Case cases[] = {
      {"a kind that does not exist", kind_4, Result::invalid_field},
      {"a timeout on a posted transfer", timeout_on_posted, Result::invalid_field},
      {"accounts on a void", accounts_on_void, Result::invalid_field},
      {"an amount on a void", resolve(kVoid, kAlice, 1, 0, 5), Result::invalid_field},
      {"account 0", move(0, bob, 0), Result::unknown_account},
      {"an account beyond the last", move(alice, 9999, 0), Result::unknown_account},
      {"to itself, of amount 0", move(alice, alice, 0), Result::accounts_must_differ},
      {"money to energy, of amount 0", move(alice, energy, 0), Result::assets_must_match},
      {"somebody else's, of amount 0", move(bob, alice, 0), Result::not_account_owner},
      {"the system's", move(kIssuerAccount, alice, 5), Result::not_account_owner},
      {"amount 0", move(alice, bob, 0), Result::amount_zero},
      {"half of the range and more", move(alice, bob, std::uint64_t{1} << 63), Result::overflow},
      {"just below half, without the credit", move(alice, bob, (std::uint64_t{1} << 63) - 1 - 1000),
       Result::exceeds_credits},
      {"a timeout above the limit", hold(alice, bob, 1, 30 * 86400 + 1), Result::timeout_too_long},
      {"to a debt account", move(alice, debt, 1), Result::account_reserved},
      {"to an account of the system", move(alice, kSettlementAccount, 1), Result::account_reserved},
      {"to an account of the system without the credit", move(alice, kSettlementAccount, 1001),
       Result::exceeds_credits},
      {"posts what never was", resolve(kPost, kAlice, 77), Result::unknown_pending},
  };
  for (const Case& one : cases) EXPECT_EQ(result(kAlice, one.transfer), one.expected) << one.name;
  EXPECT_EQ(balance(kAlice), 1000);
}

TEST_F(Ledger, AnOwnerDisposesOfTheWalletsOfItsHolders) {
  EXPECT_EQ(result(kAlice, move(wallet(kCarol), wallet(kBob), 60)), Result::ok);
  EXPECT_EQ(result(kCarol, move(wallet(kCarol), wallet(kBob), 40)), Result::ok);
  EXPECT_EQ(result(kCarol, move(wallet(kAlice), wallet(kBob), 1)), Result::not_account_owner);
  EXPECT_EQ(balance(kBob), 600);
}

TEST_F(Ledger, AGroupHappensWholeOrNotAtAll) {
  const Outcome good =
      transfer(kAlice, {move(wallet(kAlice), wallet(kBob), 300), hold(wallet(kAlice), wallet(kBob), 200),
                        move(wallet(kCarol), wallet(kAlice), 100)});
  EXPECT_EQ(good.result, Result::ok);
  const std::uint64_t sequence = last_sequence(kAlice);
  const Bytes32 before = chain_.machine().settlement_digest();
  const Outcome bad =
      transfer(kAlice, {resolve(kPost, kAlice, sequence, 1), hold(wallet(kAlice), wallet(kBob), 10),
                        move(wallet(kAlice), wallet(kBob), 1), move(wallet(kAlice), wallet(kBob), 5000)});
  EXPECT_EQ(bad.result, Result::exceeds_credits);
  EXPECT_EQ(bad.detail, 3U) << "the index of the transfer that failed";
  EXPECT_EQ(chain_.machine().settlement_digest(), before);
  EXPECT_EQ(chain_.account(wallet(kAlice)).debits_pending, 200U);
  EXPECT_EQ(chain_.machine().pending_transfer_count(), 1U);
  EXPECT_EQ(result(kAlice, resolve(kPost, kAlice, sequence, 1)), Result::ok) << "it was put back under its identity";
}

TEST_F(Ledger, APendingTransferReservesUntilItIsPostedOrVoided) {
  EXPECT_EQ(result(kAlice, hold(wallet(kAlice), wallet(kBob), 700)), Result::ok);
  const std::uint64_t first = last_sequence(kAlice);
  EXPECT_EQ(result(kAlice, move(wallet(kAlice), wallet(kBob), 301)), Result::exceeds_credits);
  EXPECT_EQ(balance(kAlice), 1000);
  EXPECT_EQ(result(kAlice, resolve(kPost, kAlice, first, 0, 701)), Result::exceeds_pending);
  EXPECT_EQ(result(kAlice, resolve(kPost, kAlice, first, 0, 400)), Result::ok) << "part of it; the rest is released";
  EXPECT_EQ(balance(kAlice), 600);
  EXPECT_EQ(result(kAlice, resolve(kPost, kAlice, first)), Result::unknown_pending);

  EXPECT_EQ(result(kAlice, hold(wallet(kAlice), wallet(kBob), 600)), Result::ok);
  EXPECT_EQ(result(kAlice, resolve(kVoid, kAlice, last_sequence(kAlice))), Result::ok);
  EXPECT_EQ(result(kAlice, hold(wallet(kAlice), wallet(kBob), 600)), Result::ok);
  EXPECT_EQ(result(kAlice, resolve(kPost, kAlice, last_sequence(kAlice))), Result::ok) << "0 is all of it";
  EXPECT_EQ(balance(kAlice), 0);
  EXPECT_EQ(balance(kBob), 1500);
  expect_books_close(chain_.machine());
}

TEST_F(Ledger, ThePayerPostsAndEitherPartyVoids) {
  chain_.send(kAlice, group({hold(wallet(kAlice), wallet(kBob), 10), hold(wallet(kCarol), wallet(kBob), 10)}));
  const std::uint64_t sequence = last_sequence(kAlice);
  EXPECT_EQ(result(kOperator, resolve(kVoid, kAlice, sequence)), Result::not_pending_party);
  EXPECT_EQ(result(kBob, resolve(kPost, kAlice, sequence)), Result::not_pending_party);
  EXPECT_EQ(result(kBob, resolve(kVoid, kAlice, sequence)), Result::ok);
  EXPECT_EQ(result(kAlice, resolve(kPost, kAlice, sequence, 1)), Result::ok) << "as the owner of the payer";
}

TEST_F(Ledger, APendingTransferExpires) {
  chain_.send(kAlice, group({hold(wallet(kAlice), wallet(kBob), 10, 100), hold(wallet(kAlice), wallet(kBob), 20, 50),
                             hold(wallet(kAlice), wallet(kBob), 40)}));
  const std::uint64_t sequence = last_sequence(kAlice);
  const std::uint64_t begun = chain_.machine().time_ns();
  EXPECT_EQ(chain_.machine().next_timer_ns(), begun + 50 * kSecond);
  chain_.batch(60, {});
  EXPECT_EQ(chain_.account(wallet(kAlice)).debits_pending, 50U);
  EXPECT_EQ(result(kAlice, resolve(kPost, kAlice, sequence, 1)), Result::unknown_pending);
  EXPECT_EQ(result(kAlice, resolve(kPost, kAlice, sequence, 0)), Result::ok);
  chain_.pass_time_to(31 * 86400);
  EXPECT_EQ(chain_.machine().pending_transfer_count(), 0U);
  EXPECT_EQ(chain_.account(wallet(kAlice)).debits_pending, 0U);
  EXPECT_EQ(chain_.account(wallet(kBob)).credits_pending, 0U);
}

TEST_F(Ledger, WhatIsDueCountsAsExpiredEvenBeforeItIsReleased) {
  Genesis slow = genesis();
  slow.limits.timer_visits_per_batch_max = 1;
  Chain chain(slow);
  std::vector<strict::Transfer> holds(4, hold(chain.wallet(kAlice), chain.wallet(kBob), 10, 5));
  ASSERT_EQ(chain.send(kAlice, group(holds)).result, Result::ok);
  chain.batch(10, {});
  EXPECT_EQ(chain.machine().pending_transfer_count(), 3U) << "one visit a batch";
  EXPECT_LE(chain.machine().next_timer_ns(), chain.machine().time_ns());
  EXPECT_EQ(chain.send(kAlice, group({resolve(kPost, kAlice, 1, 3)})).result, Result::unknown_pending);
}

TEST_F(Ledger, ThePendingTableIsBounded) {
  std::vector<strict::Transfer> holds(8, hold(wallet(kAlice), wallet(kBob), 1));
  EXPECT_EQ(transfer(kAlice, holds).result, Result::ok);
  EXPECT_EQ(result(kAlice, hold(wallet(kAlice), wallet(kBob), 1)), Result::pending_full);
  EXPECT_EQ(result(kAlice, resolve(kVoid, kAlice, last_sequence(kAlice) - 1, 3)), Result::ok);
  EXPECT_EQ(result(kAlice, hold(wallet(kAlice), wallet(kBob), 1)), Result::ok);
}

TEST_F(Ledger, OperatorsOpenAccountsAndOnlyTheirTillsIssue) {
  struct Case {
    const char* name;
    strict::OpenAccounts operation;
    Result expected;
  };
  const Case cases[] = {
      {"no account", {kAlice, 1, 1, 0}, Result::invalid_field},
      {"too many", {kAlice, 1, 1, 8193}, Result::invalid_field},
      {"an asset that does not exist", {kAlice, 3, 1, 1}, Result::invalid_field},
      {"a flag that is the machine's own", {kAlice, 1, 4, 1}, Result::invalid_field},
      {"for nobody", {99, 1, 1, 1}, Result::unknown_holder},
      {"a meter that would print money", {kAlice, 1, 0, 1}, Result::invalid_field},
      {"two for a meter", {kAlice, 1, 1, 2}, Result::ok},
      {"the operator's till", {kOperator, 1, 0, 1}, Result::ok},
      {"an account that may only owe", {kOperator, 1, 2, 1}, Result::ok},
      {"energy", {kAlice, 2, 1, 1}, Result::ok},
      {"more than there is room for", {kAlice, 1, 1, 8192}, Result::ok},
      {"more than there is room for, again", {kAlice, 1, 1, 8192}, Result::accounts_full},
  };
  std::uint64_t next = chain_.machine().account_count() + 1;
  for (const Case& one : cases) {
    const Outcome outcome = chain_.send(kOperator, one.operation);
    EXPECT_EQ(outcome.result, one.expected) << one.name;
    if (one.expected != Result::ok) continue;
    EXPECT_EQ(outcome.detail, next) << one.name;
    next += one.operation.count;
  }
  const AccountNumber first = wallet(kCarol) + 3;  // Carol has a wallet, a debt and an energy account
  const AccountNumber till = first + 2;
  const AccountNumber owing = first + 3;
  EXPECT_EQ(result(kOperator, move(till, first, 250)), Result::ok) << "sells tokens";
  EXPECT_EQ(result(kAlice, move(first, first + 1, 250)), Result::ok);
  EXPECT_EQ(result(kAlice, move(first + 1, owing, 1)), Result::exceeds_debits);
  EXPECT_EQ(result(kOperator, move(owing, first, 7)), Result::ok);
  EXPECT_EQ(result(kAlice, move(first, owing, 7)), Result::ok);
  expect_books_close(chain_.machine());
}

// A model that knows nothing of tables: balances in a map, pending transfers in another.
struct Model {
  struct Pending {
    AccountNumber debit, credit;
    std::uint64_t amount;
    std::uint64_t expiry_ns;
  };
  std::map<AccountNumber, std::int64_t> balance;
  std::map<AccountNumber, std::int64_t> reserved;
  std::map<std::pair<std::uint64_t, std::uint32_t>, Pending> pending;  // (sequence, index) of the one sender

  void expire(std::uint64_t time_ns) {
    for (auto it = pending.begin(); it != pending.end();) {
      const bool due = it->second.expiry_ns <= time_ns;
      if (due) reserved[it->second.debit] -= static_cast<std::int64_t>(it->second.amount);
      it = due ? pending.erase(it) : std::next(it);
    }
  }
  bool apply(const strict::Transfer& t, std::uint64_t sequence, std::uint32_t index, std::uint64_t time_ns) {
    if (t.kind <= 1) {
      const auto amount = static_cast<std::int64_t>(t.amount);
      if (t.amount == 0 || t.debit_account == t.credit_account) return false;
      if (reserved[t.debit_account] + amount > balance[t.debit_account]) return false;
      if (t.kind == 0) {
        balance[t.debit_account] -= amount;
        balance[t.credit_account] += amount;
      } else {
        reserved[t.debit_account] += amount;
        pending[{sequence, index}] = {t.debit_account, t.credit_account, t.amount, time_ns + t.timeout * kSecond};
      }
      return true;
    }
    const auto found = pending.find({t.pending_sequence, t.pending_index});
    if (found == pending.end() || t.amount > found->second.amount) return false;
    const Pending p = found->second;
    pending.erase(found);
    reserved[p.debit] -= static_cast<std::int64_t>(p.amount);
    if (t.kind == 3) return true;
    const auto amount = static_cast<std::int64_t>(t.amount == 0 ? p.amount : t.amount);
    balance[p.debit] -= amount;
    balance[p.credit] += amount;
    return true;
  }
};

TEST(LedgerWalk, AgreesWithASimpleModelOverRandomGroups) {
  constexpr std::uint32_t kAccounts = 6;
  Genesis genesis = genesis_with({meter("ALICE", 0, 10'000)});
  genesis.limits.pending_transfers_max = 64;
  Chain chain(genesis);
  const AccountNumber first = static_cast<AccountNumber>(
      chain.send(kOperator, strict::OpenAccounts{kAlice, 1, kDebitsMustNotExceedCredits, kAccounts}).detail);
  Model model;
  for (std::uint32_t i = 0; i < kAccounts; ++i) {
    ASSERT_EQ(chain.send(kAlice, group({move(chain.wallet(kAlice), first + i, 1000)})).result, Result::ok);
    model.balance[first + i] = 1000;
  }
  std::uint64_t dice = 42;
  const auto roll = [&](std::uint64_t sides) {
    dice = dice * 6364136223846793005U + 1442695040888963407U;
    return (dice >> 33) % sides;
  };
  std::uint64_t time_s = 10;
  std::uint64_t done = 0;
  for (int round = 0; round < 20'000; ++round) {
    if (roll(4) == 0) time_s += roll(20);
    const std::uint64_t sequence = chain.holder(kAlice).highest_sequence + 1;
    std::vector<strict::Transfer> transfers;
    for (std::uint64_t n = roll(4) + 1; n > 0; --n) {
      const auto debit = static_cast<AccountNumber>(first + roll(kAccounts));
      const auto credit = static_cast<AccountNumber>(first + roll(kAccounts));
      const std::uint64_t amount = roll(300);
      switch (roll(4)) {
        case 0: transfers.push_back(move(debit, credit, amount)); break;
        case 1: transfers.push_back(hold(debit, credit, amount, static_cast<std::uint32_t>(1 + roll(60)))); break;
        default:
          if (model.pending.empty() || sequence < 10) {
            transfers.push_back(resolve(kPost, kAlice, sequence - roll(8)));
            break;
          }
          auto known = model.pending.begin();
          std::advance(known, static_cast<std::ptrdiff_t>(roll(model.pending.size())));
          transfers.push_back(roll(2) == 0 ? resolve(kVoid, kAlice, known->first.first, known->first.second)
                                           : resolve(kPost, kAlice, known->first.first, known->first.second, amount));
      }
    }
    const Message message = chain.make(kAlice, group(transfers));
    const Outcome outcome = chain.batch(time_s, {&message, 1}).front();
    const std::uint64_t now = chain.machine().time_ns();
    model.expire(now);
    Model trial = model;
    std::uint32_t index = 0;
    bool good = model.pending.size() + transfers.size() <= 64;
    while (good && index < transfers.size()) {
      good = trial.apply(transfers[index], sequence, index, now);
      if (good) ++index;
    }
    if (model.pending.size() + transfers.size() > 64) {  // the model does not bound its table
      if (outcome.result == Result::ok) {
        for (std::uint32_t i = 0; i < transfers.size(); ++i) {
          ASSERT_TRUE(model.apply(transfers[i], sequence, i, now));
        }
      }
      continue;
    }
    ASSERT_EQ(outcome.result == Result::ok, good) << "round " << round << ": " << result_name(outcome.result);
    if (good) {
      model = trial;
      ++done;
    } else {
      ASSERT_EQ(outcome.detail, index) << "round " << round;
    }
    for (std::uint32_t i = 0; i < kAccounts; ++i) {
      const AccountView account = chain.account(first + i);
      ASSERT_EQ(static_cast<std::int64_t>(account.credits_posted - account.debits_posted), model.balance[first + i]);
      ASSERT_EQ(static_cast<std::int64_t>(account.debits_pending), model.reserved[first + i]);
    }
    ASSERT_EQ(chain.machine().pending_transfer_count(), model.pending.size());
  }
  EXPECT_GT(done, 5000U);
  expect_books_close(chain.machine());
}

}  // namespace
}  // namespace electra::state::test
