// The hand that moves settlement's money between a holder and the settlement account. It never fails for lack of funds.
//
// What the wallet cannot pay (reservations of pending transfers count as spent) becomes debt: the debt account goes into
// debit and the payee still gets money. What comes in pays the debt first. A holder with an owner pays and is paid through
// the owner's accounts.
#pragma once

#include <algorithm>

#include "engine/state/accounts/ledger.h"
#include "engine/state/directory.h"
#include "engine/state/machine.h"

namespace electra::state {

class Cashier {
 public:
  Cashier(const Directory& directory, Ledger& ledger) : directory_(directory), ledger_(ledger) {}

  void collect(Slot slot, std::uint64_t amount) {
    const Holder& payer = directory_.at(directory_.payer_of(slot));
    const std::uint64_t paid = std::min(amount, ledger_.at(payer.wallet_account).available());
    ledger_.move(payer.wallet_account, kSettlementAccount, paid);
    ledger_.move(payer.debt_account, kSettlementAccount, amount - paid);
    debt_ += amount - paid;
  }

  void pay_out(Slot slot, std::uint64_t amount) {
    const Holder& payee = directory_.at(directory_.payer_of(slot));
    const std::uint64_t repaid = std::min(amount, debt_of(payee));
    ledger_.move(kSettlementAccount, payee.debt_account, repaid);
    ledger_.move(kSettlementAccount, payee.wallet_account, amount - repaid);
    debt_ -= repaid;
  }

  // Pays what the wallet can of the debt that is there.
  void repay(Slot slot) {
    const Holder& payer = directory_.at(directory_.payer_of(slot));
    const std::uint64_t owed = debt_of(payer);
    if (owed == 0) return;
    const std::uint64_t repaid = std::min(owed, ledger_.at(payer.wallet_account).available());
    ledger_.move(payer.wallet_account, payer.debt_account, repaid);
    debt_ -= repaid;
  }

  [[nodiscard]] std::uint64_t debt_of(const Holder& holder) const noexcept {
    const Account& account = ledger_.at(holder.debt_account);
    return account.debits_posted - account.credits_posted;
  }
  // Restoring (restorer.h).
  void restore_debt(std::uint64_t debt) noexcept { debt_ = debt; }
  // Of all holders.
  [[nodiscard]] std::uint64_t debt() const noexcept { return debt_; }

 private:
  const Directory& directory_;
  Ledger& ledger_;
  std::uint64_t debt_ = 0;
};

}  // namespace electra::state
