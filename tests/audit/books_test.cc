// The auditor's sums: a state that is in order, and one broken rule a line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/pipeline/audit_books.h"

namespace electra::pipeline {
namespace {

using state::AccountView;
using state::Asset;

// Answers like a state machine: two system accounts of each asset, one wallet, one debt account, one energy account.
struct Ledger {
  std::vector<AccountView> accounts = {
      {.account = 1, .asset = Asset::uelectra, .debits_posted = 1000},  // issuer
      {.account = 2, .asset = Asset::uelectra, .debits_posted = 40, .credits_posted = 40},
      {.account = 3, .asset = Asset::watt_hour, .debits_posted = 9, .credits_posted = 9},
      {.account = 4, .asset = Asset::watt_hour, .debits_posted = 5},
      {.account = 5,
       .owner_slot = 1,
       .asset = Asset::uelectra,
       .flags = state::kDebitsMustNotExceedCredits,
       .debits_posted = 30,
       .credits_posted = 1000,
       .debits_pending = 10},
      {.account = 6, .owner_slot = 1, .asset = Asset::uelectra, .credits_posted = 30, .credits_pending = 10},
      {.account = 7, .owner_slot = 1, .asset = Asset::watt_hour, .credits_posted = 5},
  };
  state::Totals sums{.consumption_wh = 9,
                     .generation_wh = 6,
                     .matched_wh = 4,
                     .import_wh = 5,
                     .export_wh = 2,
                     .consumers_pay = 40,
                     .producers_get = 25,
                     .grid_gets = 15,
                     .debt = 7};
  std::uint64_t holder_debt = 7;
  std::uint64_t now = 100;
  std::uint64_t next_timer = 200;

  [[nodiscard]] std::uint32_t account_count() const { return static_cast<std::uint32_t>(accounts.size()); }
  [[nodiscard]] std::optional<AccountView> account(state::AccountNumber number) const { return accounts[number - 1]; }
  [[nodiscard]] state::Totals totals() const { return sums; }
  [[nodiscard]] std::uint32_t holder_count() const { return 1; }
  [[nodiscard]] std::optional<state::HolderView> holder(state::Slot) const {
    state::HolderView view;
    view.debt = holder_debt;
    return view;
  }
  [[nodiscard]] std::uint64_t time_ns() const { return now; }
  [[nodiscard]] std::uint64_t next_timer_ns() const { return next_timer; }
};

TEST(Books, ThatAreInOrderGiveNoProblem) { EXPECT_THAT(check_books(Ledger{}), testing::IsEmpty()); }

struct Broken {
  const char* name;
  void (*change)(Ledger&);
  const char* text;
};

const std::array kBroken = std::to_array<Broken>({
    {"MoneyIsMade", [](Ledger& l) { ++l.accounts[5].credits_posted; },
     "uelectra: the posted debits and credits differ: 1070 and 1071"},
    {"MoneyIsLost", [](Ledger& l) { ++l.accounts[0].debits_posted; }, "uelectra: the posted"},
    {"AReservationHangs", [](Ledger& l) { l.accounts[5].credits_pending = 0; }, "uelectra: the pending"},
    {"EnergyIsMade", [](Ledger& l) { ++l.accounts[6].credits_posted; }, "Wh: the posted debits and credits differ"},
    {"AWalletIsOverdrawn",
     [](Ledger& l) {
       l.accounts[4].debits_posted += 961;
       l.accounts[5].credits_posted += 961;
     },
     "account 5 has more debits than credits: 1001 of 1000"},
    {"ALimitOfCreditsIsBroken", [](Ledger& l) { l.accounts[5].flags = state::kCreditsMustNotExceedDebits; },
     "account 6 has more credits than debits"},
    {"ConsumptionIsFromNowhere", [](Ledger& l) { ++l.sums.consumption_wh; }, "energy: consumption"},
    {"GenerationIsGone", [](Ledger& l) { --l.sums.export_wh; }, "energy: generation"},
    {"ConsumersPayNobody", [](Ledger& l) { ++l.sums.consumers_pay; }, "money: what consumers pay"},
    {"TheGridPaysNobody", [](Ledger& l) { l.sums.grid_gets = -15; }, "money: what consumers pay"},
    {"SettlementKeepsSomething",
     [](Ledger& l) {
       ++l.accounts[1].credits_posted;
       --l.accounts[5].credits_posted;
     },
     "account 2 is not empty between two cycles"},
    {"DebtIsForgotten", [](Ledger& l) { l.holder_debt = 0; }, "debt: the holders' sum is not the total"},
});

class BrokenBooks : public testing::TestWithParam<Broken> {};

TEST_P(BrokenBooks, AreNamed) {
  Ledger ledger;
  GetParam().change(ledger);
  EXPECT_THAT(check_books(ledger), testing::Contains(testing::HasSubstr(GetParam().text)));
}

INSTANTIATE_TEST_SUITE_P(Rules, BrokenBooks, testing::ValuesIn(kBroken),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Books, MayHaveSomethingOnTheWayWhileACycleIsSettled) {
  Ledger ledger;
  ++ledger.accounts[1].credits_posted;
  --ledger.accounts[5].credits_posted;
  ledger.next_timer = ledger.now;
  EXPECT_THAT(check_books(ledger), testing::IsEmpty());
}

}  // namespace
}  // namespace electra::pipeline
