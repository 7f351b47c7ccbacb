#include "engine/state/accounts/pending_transfers.h"

#include <tuple>

#include "meter-proto/strict/payload.h"

namespace electra::state {

PendingTransfers::PendingTransfers(std::uint32_t entries_max)
    : entries_(entries_max),
      heap_position_(entries_max),
      free_(entries_max),
      index_(entries_max),
      touched_(entries_max) {
  heap_.reserve(entries_max);
}

std::uint64_t PendingTransfers::hash_of(Slot slot, std::uint64_t sequence, std::uint32_t index) noexcept {
  return mix64(mix64(sequence) ^ (std::uint64_t{slot} << 8) ^ index);
}

std::uint64_t PendingTransfers::hash_of(Entry entry) const noexcept {
  const PendingTransfer& transfer = at(entry);
  return hash_of(transfer.slot, transfer.sequence, transfer.index);
}

PendingTransfers::Entry PendingTransfers::find(Slot slot, std::uint64_t sequence, std::uint32_t index) const noexcept {
  return index_.find(hash_of(slot, sequence, index), [&](Entry entry) {
    const PendingTransfer& transfer = at(entry);
    return transfer.slot == slot && transfer.sequence == sequence && transfer.index == index;
  });
}

PendingTransfers::Entry PendingTransfers::add(const PendingTransfer& transfer) {
  const Entry entry = free_.take() + 1;
  free_.release(entry - 1);
  restore(entry, transfer);
  return entry;
}

void PendingTransfers::restore(Entry entry, const PendingTransfer& transfer) {
  free_.mark_taken(entry - 1);
  touched_.mark(entry - 1);
  highest_ever_ = std::max(highest_ever_, entry);
  entries_[entry - 1] = transfer;
  index_.insert(hash_of(entry), entry);
  heap_.push_back(entry);
  place(heap_.size() - 1, entry);
  sift_up(heap_.size() - 1);
}

void PendingTransfers::remove(Entry entry) {
  index_.erase(hash_of(entry), entry, [&](Entry other) { return hash_of(other); });
  const std::size_t position = heap_position_[entry - 1];
  const Entry last = heap_.back();
  heap_.pop_back();
  if (last != entry) {
    place(position, last);
    sift_up(position);
    sift_down(heap_position_[last - 1]);
  }
  touched_.mark(entry - 1);
  entries_[entry - 1] = {};
  free_.release(entry - 1);
}

bool PendingTransfers::before(Entry left, Entry right) const noexcept {
  const PendingTransfer& l = at(left);
  const PendingTransfer& r = at(right);
  return std::tie(l.expiry_ns, l.slot, l.sequence, l.index) < std::tie(r.expiry_ns, r.slot, r.sequence, r.index);
}

void PendingTransfers::place(std::size_t position, Entry entry) noexcept {
  heap_[position] = entry;
  heap_position_[entry - 1] = static_cast<std::uint32_t>(position);
}

void PendingTransfers::sift_up(std::size_t position) noexcept {
  const Entry entry = heap_[position];
  while (position != 0) {
    const std::size_t parent = (position - 1) / 2;
    if (!before(entry, heap_[parent])) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, entry);
}

void PendingTransfers::sift_down(std::size_t position) noexcept {
  const Entry entry = heap_[position];
  for (;;) {
    std::size_t child = 2 * position + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
    if (!before(heap_[child], entry)) break;
    place(position, heap_[child]);
    position = child;
  }
  place(position, entry);
}

void PendingTransfers::append_leaf(std::uint32_t index, LeafWriter& out) const {
  out.records(std::span<const PendingTransfer>(&entries_[index], 1));
}

LeafCheck PendingTransfers::load_leaf(std::uint32_t index, ByteSpan bytes) {
  PendingTransfer& transfer = entries_[index];
  LeafReader reader(bytes);
  reader.records(std::span<PendingTransfer>(&transfer, 1));
  if (!reader.good()) return wrong_leaf("is not the encoding of a pending transfer");
  if (std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; })) return {};
  if (transfer.amount == 0) return wrong_field("amount", transfer.amount, "above 0, or everything 0");
  if (transfer.slot == 0) return wrong_field("slot", transfer.slot, "above 0");
  if (transfer.index >= strict::kTransfersMax) return wrong_field("index", transfer.index, "0..15");
  if (transfer.debit_account == transfer.credit_account)
    return wrong_field("credit_account", transfer.credit_account, "another one than debit_account");
  return {};
}

LeafCheck PendingTransfers::restore_indexes(Entry& entry) {
  for (entry = 1; entry <= highest_ever_; ++entry) {
    if (is_free(entry)) continue;
    const PendingTransfer transfer = at(entry);
    if (const Entry other = find(transfer.slot, transfer.sequence, transfer.index); other != 0)
      return wrong_leaf("slot, sequence and index are those of leaf " + std::to_string(other - 1) + ", too");
    restore(entry, transfer);
  }
  return {};
}

std::size_t PendingTransfers::memory_bytes(std::uint32_t entries_max) noexcept {
  return entries_max * (sizeof(PendingTransfer) + sizeof(std::uint32_t) + sizeof(Entry)) +
         LowestFree(entries_max).memory_bytes() + IndexTable(entries_max).memory_bytes() +
         TouchedSet::memory_bytes(entries_max);
}

}  // namespace electra::state
