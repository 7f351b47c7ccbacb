#include "engine/state/accounts/ledger.h"

#include "engine/state/calendar.h"
#include "engine/state/tables.h"
#include "meter-proto/base/checked.h"
#include "meter-proto/chain/leaves.h"

namespace electra::state {
namespace {

// Would posted + pending + amount leave the range that messages may use?
bool sum_overflows(std::uint64_t posted, std::uint64_t pending, std::uint64_t amount) noexcept {
  return u128{posted} + pending + amount > kTransferSumMax;
}

}  // namespace

Ledger::Ledger(std::uint32_t accounts_max, std::uint32_t pending_max)
    : accounts_max_(accounts_max), pending_(pending_max), touched_(accounts_max) {
  accounts_.reserve(accounts_max);
}

AccountNumber Ledger::open(Slot owner_slot, Asset asset, std::uint8_t flags, std::uint32_t count) {
  ELECTRA_ASSERT_LE(count, room());
  const AccountNumber first = this->count() + 1;
  Account opened;
  opened.owner_slot = owner_slot;
  opened.asset = asset;
  opened.flags = flags;
  accounts_.insert(accounts_.end(), count, opened);
  for (AccountNumber number = first; number <= this->count(); ++number) touched_.mark(number - 1);
  return first;
}

void Ledger::move(AccountNumber debit, AccountNumber credit, std::uint64_t amount) {
  if (amount == 0) return;
  ELECTRA_ASSERT_NE(debit, credit);
  Account& from = change(debit);
  Account& to = change(credit);
  ELECTRA_ASSERT_EQ(from.asset, to.asset);
  const auto debits = checked_add(from.debits_posted, amount);
  const auto credits = checked_add(to.credits_posted, amount);
  ELECTRA_ASSERT(debits && credits);
  from.debits_posted = *debits;
  to.credits_posted = *credits;
  if ((from.flags & kDebitsMustNotExceedCredits) != 0)
    ELECTRA_ASSERT_LE(from.debits_posted + from.debits_pending, from.credits_posted);
}

void Ledger::prefetch(std::span<const strict::Transfer> group) const noexcept {
  for (const strict::Transfer& transfer : group) {
    if (exists(transfer.debit_account)) prefetch_for_writing(&at(transfer.debit_account));
    if (exists(transfer.credit_account)) prefetch_for_writing(&at(transfer.credit_account));
    if (transfer.pending_slot != 0)
      pending_.prefetch(transfer.pending_slot, transfer.pending_sequence, transfer.pending_index);
  }
}

Result Ledger::apply(const TransferContext& context, std::span<const strict::Transfer> group,
                     std::uint32_t& failed_index) {
  for (std::uint32_t index = 0; index < group.size(); ++index) {
    const bool last = index + 1 == group.size();
    const Result result = apply_one(context, group[index], index, last ? nullptr : &undo_[index]);
    if (result == Result::ok) continue;
    failed_index = index;
    while (index-- > 0) take_back(undo_[index]);
    return result;
  }
  return Result::ok;
}

Result Ledger::apply_one(const TransferContext& context, const strict::Transfer& transfer, std::uint32_t index,
                         Undo* undo) {
  const bool names_pending =
      transfer.pending_slot != 0 || transfer.pending_sequence != 0 || transfer.pending_index != 0;
  const bool names_accounts = transfer.debit_account != 0 || transfer.credit_account != 0;
  switch (static_cast<strict::TransferKind>(transfer.kind)) {
    case strict::TransferKind::posted:
      if (names_pending || transfer.timeout != 0) return Result::invalid_field;
      return apply_new(context, transfer, index, undo);
    case strict::TransferKind::pending:
      if (names_pending) return Result::invalid_field;
      return apply_new(context, transfer, index, undo);
    case strict::TransferKind::post_pending:
      if (names_accounts || transfer.timeout != 0) return Result::invalid_field;
      return resolve_pending(context, transfer, undo);
    case strict::TransferKind::void_pending:
      if (names_accounts || transfer.timeout != 0 || transfer.amount != 0) return Result::invalid_field;
      return resolve_pending(context, transfer, undo);
  }
  return Result::invalid_field;
}

Result Ledger::apply_new(const TransferContext& context, const strict::Transfer& transfer, std::uint32_t index,
                         Undo* undo) {
  const bool pends = static_cast<strict::TransferKind>(transfer.kind) == strict::TransferKind::pending;
  const std::uint64_t amount = transfer.amount;
  if (!exists(transfer.debit_account) || !exists(transfer.credit_account)) return Result::unknown_account;
  if (transfer.debit_account == transfer.credit_account) return Result::accounts_must_differ;
  const Account& debit = at(transfer.debit_account);
  const Account& credit = at(transfer.credit_account);
  if (debit.asset != credit.asset) return Result::assets_must_match;
  if (!context.directory.disposes_of(context.sender, debit.owner_slot)) return Result::not_account_owner;
  if (amount == 0) return Result::amount_zero;
  if (sum_overflows(debit.debits_posted, debit.debits_pending, amount) ||
      sum_overflows(credit.credits_posted, credit.credits_pending, amount))
    return Result::overflow;
  if ((debit.flags & kDebitsMustNotExceedCredits) != 0 &&
      debit.debits_posted + debit.debits_pending + amount > debit.credits_posted)
    return Result::exceeds_credits;
  if ((credit.flags & kCreditsMustNotExceedDebits) != 0 &&
      credit.credits_posted + credit.credits_pending + amount > credit.debits_posted)
    return Result::exceeds_debits;
  if (pends && pending_.full()) return Result::pending_full;
  if (pends && transfer.timeout > context.pending_timeout_max_s) return Result::timeout_too_long;
  if (((debit.flags | credit.flags) & kSettlementOnly) != 0) return Result::account_reserved;

  if (undo != nullptr) {
    *undo = {.debit = transfer.debit_account,
             .credit = transfer.credit_account,
             .debit_before = debit,
             .credit_before = credit,
             .added = 0,
             .removed = 0,
             .removed_transfer = {}};
  }
  if (!pends) {
    change(transfer.debit_account).debits_posted += amount;
    change(transfer.credit_account).credits_posted += amount;
    return Result::ok;
  }
  change(transfer.debit_account).debits_pending += amount;
  change(transfer.credit_account).credits_pending += amount;
  const std::uint64_t timeout_s = transfer.timeout == 0 ? context.pending_timeout_max_s : transfer.timeout;
  const PendingTransfers::Entry added = pending_.add({.sequence = context.sequence,
                                                      .expiry_ns = context.time_ns + timeout_s * kNanosecondsPerSecond,
                                                      .amount = amount,
                                                      .slot = context.sender,
                                                      .index = index,
                                                      .debit_account = transfer.debit_account,
                                                      .credit_account = transfer.credit_account});
  if (undo != nullptr) undo->added = added;
  return Result::ok;
}

Result Ledger::resolve_pending(const TransferContext& context, const strict::Transfer& transfer, Undo* undo) {
  const bool posts = static_cast<strict::TransferKind>(transfer.kind) == strict::TransferKind::post_pending;
  const PendingTransfers::Entry entry =
      pending_.find(transfer.pending_slot, transfer.pending_sequence, transfer.pending_index);
  // One whose time has come counts as gone, even if this batch had no work left over to release it.
  if (entry == 0 || pending_.at(entry).expiry_ns <= context.time_ns) return Result::unknown_pending;
  const PendingTransfer found = pending_.at(entry);
  const bool is_payer = context.directory.disposes_of(context.sender, at(found.debit_account).owner_slot);
  const bool is_payee = context.directory.disposes_of(context.sender, at(found.credit_account).owner_slot);
  if (!is_payer && (posts || !is_payee)) return Result::not_pending_party;
  if (transfer.amount > found.amount) return Result::exceeds_pending;

  if (undo != nullptr) {
    *undo = {.debit = found.debit_account,
             .credit = found.credit_account,
             .debit_before = at(found.debit_account),
             .credit_before = at(found.credit_account),
             .added = 0,
             .removed = entry,
             .removed_transfer = found};
  }
  pending_.remove(entry);
  release(found);
  if (posts) move(found.debit_account, found.credit_account, transfer.amount == 0 ? found.amount : transfer.amount);
  return Result::ok;
}

void Ledger::take_back(const Undo& undo) {
  if (undo.added != 0) pending_.remove(undo.added);
  if (undo.removed != 0) pending_.restore(undo.removed, undo.removed_transfer);
  change(undo.debit) = undo.debit_before;
  change(undo.credit) = undo.credit_before;
}

void Ledger::release(const PendingTransfer& transfer) noexcept {
  change(transfer.debit_account).debits_pending -= transfer.amount;
  change(transfer.credit_account).credits_pending -= transfer.amount;
}

std::uint32_t Ledger::expire(std::uint64_t time_ns, std::uint32_t count_max) {
  std::uint32_t count = 0;
  while (count < count_max && next_expiry_ns() <= time_ns) {
    const PendingTransfers::Entry entry = pending_.earliest();
    release(pending_.at(entry));
    pending_.remove(entry);
    ++count;
  }
  return count;
}

std::uint64_t Ledger::next_expiry_ns() const noexcept {
  const PendingTransfers::Entry entry = pending_.earliest();
  return entry == 0 ? UINT64_MAX : pending_.at(entry).expiry_ns;
}

void Ledger::append_leaf(std::uint32_t index, LeafWriter& out) const {
  static_assert(proto::AccountLeaf::kTable == static_cast<std::uint8_t>(Table::accounts));
  const Account& account = accounts_[index];
  out.fixed(proto::AccountLeaf{.debits_posted = account.debits_posted,
                               .credits_posted = account.credits_posted,
                               .debits_pending = account.debits_pending,
                               .credits_pending = account.credits_pending,
                               .owner_slot = account.owner_slot,
                               .asset = static_cast<std::uint8_t>(account.asset),
                               .flags = account.flags}
                .encode());
}

LeafCheck Ledger::load_leaf(std::uint32_t index, ByteSpan bytes) {
  const auto leaf = proto::AccountLeaf::decode(bytes);
  if (!leaf) return wrong_leaf("is not the encoding of an account");
  if (leaf->asset < 1 || leaf->asset > 2) return wrong_field("asset", leaf->asset, "1..2");
  if (leaf->flags > kSettlementOnly) return wrong_field("flags", leaf->flags, "0..4");
  if ((leaf->flags & kDebitsMustNotExceedCredits) != 0 &&
      u128{leaf->debits_posted} + leaf->debits_pending > leaf->credits_posted)
    return wrong_leaf("its debits exceed its credits");
  if ((leaf->flags & kCreditsMustNotExceedDebits) != 0 &&
      u128{leaf->credits_posted} + leaf->credits_pending > leaf->debits_posted)
    return wrong_leaf("its credits exceed its debits");
  if ((leaf->flags & kSettlementOnly) != 0 && (leaf->debits_pending | leaf->credits_pending) != 0)
    return wrong_leaf("moves only by settlement, but something is pending");
  accounts_[index] = {.debits_posted = leaf->debits_posted,
                      .credits_posted = leaf->credits_posted,
                      .debits_pending = leaf->debits_pending,
                      .credits_pending = leaf->credits_pending,
                      .owner_slot = leaf->owner_slot,
                      .asset = static_cast<Asset>(leaf->asset),
                      .flags = leaf->flags};
  return {};
}

std::size_t Ledger::memory_bytes(std::uint32_t accounts_max, std::uint32_t pending_max) noexcept {
  return accounts_max * sizeof(Account) + TouchedSet::memory_bytes(accounts_max) +
         PendingTransfers::memory_bytes(pending_max);
}

}  // namespace electra::state
