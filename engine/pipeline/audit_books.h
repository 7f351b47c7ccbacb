// What must hold in every state, added up over all accounts and cycles; and how two headers differ.
//
// The sums are made anew from the accounts and do not trust what the state machine keeps about them. The rules are a
// template over what answers like a state machine, so that a test can show each of them a state that breaks it.
#pragma once

#include <string>
#include <vector>

#include "engine/state/machine.h"
#include "meter-proto/base/checked.h"
#include "meter-proto/chain/block_header.h"

namespace electra::pipeline {
namespace detail {

struct AssetSums {
  u128 debits_posted = 0;
  u128 credits_posted = 0;
  u128 debits_pending = 0;
  u128 credits_pending = 0;
};

[[nodiscard]] inline std::string text(u128 value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  return digits;
}

template <typename State>
class Books {
 public:
  explicit Books(const State& state) : state_(state) {}

  std::vector<std::string> check() {
    add_up_accounts();
    check_asset("uelectra", money_);
    check_asset("Wh", energy_);
    check_totals();
    check_debt();
    return std::move(problems_);
  }

 private:
  void require_equal(u128 left, u128 right, const std::string& what) {
    if (left != right) problems_.push_back(what + ": " + text(left) + " and " + text(right));
  }

  void add_up_accounts() {
    for (state::AccountNumber number = 1; number <= state_.account_count(); ++number) {
      const state::AccountView account = *state_.account(number);
      AssetSums& sums = account.asset == state::Asset::watt_hour ? energy_ : money_;
      sums.debits_posted += account.debits_posted;
      sums.credits_posted += account.credits_posted;
      sums.debits_pending += account.debits_pending;
      sums.credits_pending += account.credits_pending;
      const auto limit = [&](std::uint8_t flag, u128 taken, u128 there, const char* what) {
        if ((account.flags & flag) != 0 && taken > there) {
          problems_.push_back("account " + std::to_string(number) + what + text(taken) + " of " + text(there));
        }
      };
      limit(state::kDebitsMustNotExceedCredits, u128{account.debits_posted} + account.debits_pending,
            account.credits_posted, " has more debits than credits: ");
      limit(state::kCreditsMustNotExceedDebits, u128{account.credits_posted} + account.credits_pending,
            account.debits_posted, " has more credits than debits: ");
    }
  }

  void check_asset(const std::string& asset, const AssetSums& sums) {
    require_equal(sums.debits_posted, sums.credits_posted, asset + ": the posted debits and credits differ");
    require_equal(sums.debits_pending, sums.credits_pending, asset + ": the pending debits and credits differ");
  }

  // Energy balance: what was consumed was generated here or came from the grid, and what was generated stayed or went
  // there. Money: what consumers pay, producers and the grid get.
  void check_totals() {
    const state::Totals totals = state_.totals();
    require_equal(totals.consumption_wh, u128{totals.matched_wh} + totals.import_wh,
                  "energy: consumption is not what was matched and imported");
    require_equal(totals.generation_wh, u128{totals.matched_wh} + totals.export_wh,
                  "energy: generation is not what was matched and exported");
    const std::uint64_t to_grid = totals.grid_gets >= 0 ? static_cast<std::uint64_t>(totals.grid_gets) : 0;
    const std::uint64_t from_grid = totals.grid_gets < 0 ? ~static_cast<std::uint64_t>(totals.grid_gets) + 1 : 0;
    require_equal(u128{totals.consumers_pay} + from_grid, u128{totals.producers_get} + to_grid,
                  "money: what consumers pay is not what producers and grid get");
    // While a cycle is being settled it is on its way through these two.
    if (state_.next_timer_ns() <= state_.time_ns()) return;
    for (const state::AccountNumber number : {state::kSettlementAccount, state::kCommunityAccount}) {
      const state::AccountView account = *state_.account(number);
      require_equal(account.debits_posted, account.credits_posted,
                    "account " + std::to_string(number) + " is not empty between two cycles");
    }
  }

  void check_debt() {
    u128 debt = 0;
    for (state::Slot slot = 1; slot <= state_.holder_count(); ++slot) debt += state_.holder(slot)->debt;
    require_equal(debt, state_.totals().debt, "debt: the holders' sum is not the total");
  }

  const State& state_;
  AssetSums money_;
  AssetSums energy_;
  std::vector<std::string> problems_;
};

}  // namespace detail

// One sentence for each rule that is broken: debits = credits in each asset (posted and pending), limits of accounts,
// energy balance, money balance. Between two batches. Costs a walk over all accounts and holders.
template <typename State>
[[nodiscard]] std::vector<std::string> check_books(const State& state) {
  return detail::Books<State>(state).check();
}

// Empty if they are equal; else the fields that are not, with both values.
[[nodiscard]] std::string header_differences(const proto::BlockHeader& kept, const proto::BlockHeader& made);

}  // namespace electra::pipeline
