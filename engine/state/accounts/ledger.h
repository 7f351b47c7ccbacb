// Accounts and the transfers between them: double entry, so that nothing is made and nothing is lost.
//
// Every movement debits one account and credits another of the same asset by the same amount. An account's limits are
// kept at all times, what is reserved by pending transfers included. People's transfers come as linked groups: all of a
// group happens or none of it. The machine's own movements (settlement, genesis) go through move(), which cannot fail:
// people's transfers stop at half of the 64-bit range, and the upper half is room that only settlement uses.
#pragma once

#include <span>
#include <vector>

#include "engine/state/accounts/pending_transfers.h"
#include "engine/state/directory.h"
#include "engine/state/types.h"
#include "meter-proto/strict/payload.h"

namespace electra::state {

// No transfer of a message lifts a sum (posted and pending) above this.
inline constexpr std::uint64_t kTransferSumMax = (std::uint64_t{1} << 63) - 1;

// A cache line of its own: a transfer touches two, wherever its accounts lie.
struct alignas(64) Account {
  std::uint64_t debits_posted = 0;
  std::uint64_t credits_posted = 0;
  std::uint64_t debits_pending = 0;
  std::uint64_t credits_pending = 0;
  Slot owner_slot = 0;  // 0 = the system
  Asset asset = Asset::none;
  std::uint8_t flags = 0;  // bit set of AccountFlag

  // What may still be debited from an account whose debits must not exceed its credits.
  [[nodiscard]] std::uint64_t available() const noexcept { return credits_posted - debits_posted - debits_pending; }
  // credits - debits posted.
  [[nodiscard]] std::int64_t balance() const noexcept {
    return static_cast<std::int64_t>(credits_posted - debits_posted);
  }
};
static_assert(sizeof(Account) == 64 && alignof(Account) == 64);

// Who sends a group, and when.
struct TransferContext {
  const Directory& directory;
  Slot sender = 0;
  std::uint64_t sequence = 0;
  std::uint64_t time_ns = 0;  // of the batch
  std::uint32_t pending_timeout_max_s = 0;
};

class Ledger {
 public:
  Ledger(std::uint32_t accounts_max, std::uint32_t pending_max);

  [[nodiscard]] std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(accounts_.size()); }
  [[nodiscard]] std::uint32_t room() const noexcept { return accounts_max_ - count(); }
  [[nodiscard]] bool exists(AccountNumber number) const noexcept { return number != 0 && number <= count(); }
  [[nodiscard]] const Account& at(AccountNumber number) const noexcept { return accounts_[number - 1]; }
  [[nodiscard]] const PendingTransfers& pending() const noexcept { return pending_; }
  [[nodiscard]] PendingTransfers& pending() noexcept { return pending_; }

  // Opens `count` <= room() accounts with consecutive numbers; returns the first.
  AccountNumber open(Slot owner_slot, Asset asset, std::uint8_t flags, std::uint32_t count = 1);

  // The machine's own movement; the caller has seen to limits, assets and accounts (asserted). Amount 0 does nothing.
  void move(AccountNumber debit, AccountNumber credit, std::uint64_t amount);

  // Of a group that will be applied soon: has what it reads and writes fetched. Any numbers will do.
  void prefetch(std::span<const strict::Transfer> group) const noexcept;

  // All of the group, or none of it: then `failed_index` says which transfer was the first that could not be.
  [[nodiscard]] Result apply(const TransferContext& context, std::span<const strict::Transfer> group,
                             std::uint32_t& failed_index);

  // Releases pending transfers whose time has come, earliest first, at most `count_max`; returns how many.
  std::uint32_t expire(std::uint64_t time_ns, std::uint32_t count_max);
  // UINT64_MAX if nothing is pending.
  [[nodiscard]] std::uint64_t next_expiry_ns() const noexcept;

  // Of the accounts; pending() has its own.
  void append_leaf(std::uint32_t index, LeafWriter& out) const;
  // Restoring (restorer.h): of an empty ledger, first this, then every leaf.
  void begin_restore(std::uint32_t count) { accounts_.resize(count); }
  [[nodiscard]] LeafCheck load_leaf(std::uint32_t index, ByteSpan bytes);
  [[nodiscard]] const TouchedSet& touched() const noexcept { return touched_; }
  [[nodiscard]] TouchedSet& touched() noexcept { return touched_; }
  void clear_touched() noexcept {
    touched_.clear();
    pending_.clear_touched();
  }
  [[nodiscard]] static std::size_t memory_bytes(std::uint32_t accounts_max, std::uint32_t pending_max) noexcept;

 private:
  // How one transfer of a group is taken back: the accounts as they were, and what it did to the pending table.
  struct Undo {
    AccountNumber debit = 0;
    AccountNumber credit = 0;
    Account debit_before;
    Account credit_before;
    PendingTransfers::Entry added = 0;
    PendingTransfers::Entry removed = 0;
    PendingTransfer removed_transfer;
  };

  // The only way to an account that may be changed.
  [[nodiscard]] Account& change(AccountNumber number) noexcept {
    touched_.mark(number - 1);
    return accounts_[number - 1];
  }
  // `undo` is null where nothing follows that could fail: a transfer itself changes nothing before it is sure to succeed.
  [[nodiscard]] Result apply_one(const TransferContext& context, const strict::Transfer& transfer, std::uint32_t index,
                                 Undo* undo);
  [[nodiscard]] Result apply_new(const TransferContext& context, const strict::Transfer& transfer, std::uint32_t index,
                                 Undo* undo);
  [[nodiscard]] Result resolve_pending(const TransferContext& context, const strict::Transfer& transfer, Undo* undo);
  void take_back(const Undo& undo);
  // Ends the reservation.
  void release(const PendingTransfer& transfer) noexcept;

  std::uint32_t accounts_max_;
  std::vector<Account> accounts_;
  PendingTransfers pending_;
  TouchedSet touched_;
  std::array<Undo, strict::kTransfersMax> undo_{};
};

}  // namespace electra::state
