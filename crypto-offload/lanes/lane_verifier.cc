#include "crypto-offload/lanes/lane_verifier.h"

#include <algorithm>
#include <array>
#include <optional>

#include "crypto-offload/tables/table_plan.h"
#include "meter-proto/base/assert.h"

namespace electra::crypto {
namespace {

constexpr std::size_t kSignatureBytes = 64;

LaneItem lane_item(const VerifyItem& item) noexcept {
  ELECTRA_ASSERT(item.tag != nullptr);
  ELECTRA_ASSERT_LE(item.payload.size(), std::size_t{UINT32_MAX});
  return {.signature = item.signature.data(),
          .key = item.public_key,
          .tag = item.tag->data(),
          .sequence = item.sequence,
          .payload = item.payload.data(),
          .payload_bytes = static_cast<std::uint32_t>(item.payload.size())};
}
LaneItem lane_item(const RawVerifyItem& item) noexcept {
  ELECTRA_ASSERT_LE(item.message.size(), std::size_t{UINT32_MAX});
  return {.signature = item.signature.data(),
          .key = item.public_key,
          .payload = item.message.data(),
          .payload_bytes = static_cast<std::uint32_t>(item.message.size())};
}

ByteSpan message_of(const VerifyItem& item) noexcept { return item.payload; }
ByteSpan message_of(const RawVerifyItem& item) noexcept { return item.message; }

// Asks for the first lines of what will be read; behind them the hash reads in order.
void prefetch(ByteSpan bytes) noexcept {
  constexpr std::size_t kLine = 64, kAsked = 4 * kLine;
  for (std::size_t at = 0; at < std::min(bytes.size(), kAsked); at += kLine) __builtin_prefetch(bytes.data() + at);
}

// The items of a part that go to the backend together, and which outcomes are theirs.
struct List {
  std::array<LaneItem, kLaneItemsMax> items;
  std::array<std::uint16_t, kLaneItemsMax> outcome;
};

void run(const LaneBackend& backend, const List& list, std::size_t count, std::uint32_t shape,
         const std::uint64_t* base, VerifyOutcome* outcomes) {
  std::array<std::uint8_t, kLaneItemsMax> valid;
  alignas(64) std::array<std::uint8_t, kLaneItemsMax * sizeof(Bytes64)> hashes;
  backend.verify(list.items.data(), count, shape, base, valid.data(), hashes.data());
  for (std::size_t i = 0; i < count; ++i) {
    VerifyOutcome& outcome = outcomes[list.outcome[i]];
    std::copy_n(hashes.data() + sizeof(Bytes64) * i, outcome.message_id.size(), outcome.message_id.begin());
    outcome.valid = valid[i] == 1;
  }
}

template <typename Item>
void verify_part(const LaneBackend& backend, const KeyTables::Reading* tables, const std::uint64_t* base,
                 std::span<const Item> items, VerifyOutcome* outcomes) {
  for (const Item& item : items) {
    if (tables != nullptr) tables->prefetch(item.key_number);
    __builtin_prefetch(item.public_key);
    prefetch(item.signature);
    prefetch(message_of(item));
  }
  constexpr std::size_t kLists = kTableShapeCount + 1;
  std::array<const std::uint64_t*, kLaneItemsMax> table;
  std::array<std::uint8_t, kLaneItemsMax> list_of;
  std::array<std::size_t, kLists> counts{};
  for (std::size_t i = 0; i < items.size(); ++i) {
    list_of[i] = kLists;
    if (items[i].signature.size() != kSignatureBytes) {
      outcomes[i] = {};
      continue;
    }
    ELECTRA_ASSERT(items[i].public_key != nullptr);
    const KeyTables::Found found =
        tables != nullptr ? tables->find(items[i].key_number, items[i].public_key) : KeyTables::Found{};
    table[i] = found.entries;
    list_of[i] = static_cast<std::uint8_t>(found.entries != nullptr ? found.shape : kTableShapeCount);
    ++counts[list_of[i]];
  }
  List list;
  for (std::uint32_t l = 0; l < kLists; ++l) {
    if (counts[l] == 0) continue;
    std::size_t count = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (list_of[i] != l) continue;
      list.items[count] = lane_item(items[i]);
      list.items[count].table = table[i];
      list.outcome[count++] = static_cast<std::uint16_t>(i);
    }
    run(backend, list, count, l == kTableShapeCount ? kNoTable : l, base, outcomes);
  }
}

template <typename Item>
void verify_all(const LaneBackend& backend, const KeyTables* tables, const std::uint64_t* base,
                std::span<const Item> items, std::span<VerifyOutcome> outcomes) {
  ELECTRA_ASSERT_EQ(items.size(), outcomes.size());
  for (std::size_t at = 0; at < items.size(); at += kLaneItemsMax) {
    const auto part = items.subspan(at, std::min(kLaneItemsMax, items.size() - at));
    std::optional<KeyTables::Reading> reading;
    if (tables != nullptr) reading.emplace(*tables);
    verify_part(backend, reading ? &*reading : nullptr, base, part, outcomes.data() + at);
  }
}

}  // namespace

void require_item_count(std::size_t count) noexcept { ELECTRA_ASSERT(count >= 1 && count <= kLaneItemsMax); }

LaneVerifier::LaneVerifier(const LaneBackend& backend, const VerifierOptions& options)
    : backend_(backend), base_(make_base_table(backend.make_tables)) {
  if (options.keys_max != 0 && options.table_memory_bytes != 0) {
    tables_ = std::make_unique<KeyTables>(KeyTables::Options{.keys_max = options.keys_max,
                                                             .memory_bytes_max = options.table_memory_bytes,
                                                             .table_kib = options.table_kib,
                                                             .on_change = options.on_tables},
                                          backend_.make_tables);
  }
}

LaneVerifier::~LaneVerifier() = default;

bool LaneVerifier::check_key(const Bytes32& public_key) const {
  const std::uint8_t* key = public_key.data();
  return (backend_.check_keys(&key, 1) & 1) != 0;
}

void LaneVerifier::check_keys(std::span<const std::uint8_t* const> keys, std::span<std::uint8_t> passes) const {
  ELECTRA_ASSERT_EQ(keys.size(), passes.size());
  for (std::size_t at = 0; at < keys.size(); at += 8) {
    const std::size_t count = std::min<std::size_t>(8, keys.size() - at);
    const std::uint8_t good = backend_.check_keys(keys.data() + at, count);
    for (std::size_t i = 0; i < count; ++i) passes[at + i] = good >> i & 1;
  }
}

void LaneVerifier::verify(std::span<const VerifyItem> items, std::span<VerifyOutcome> outcomes) const {
  verify_all(backend_, tables_.get(), base_.get(), items, outcomes);
}

void LaneVerifier::verify_raw(std::span<const RawVerifyItem> items, std::span<VerifyOutcome> outcomes) const {
  verify_all(backend_, tables_.get(), base_.get(), items, outcomes);
}

void LaneVerifier::learn(std::uint32_t key_number, const Bytes32& public_key) {
  if (tables_) tables_->learn(key_number, public_key);
}
void LaneVerifier::forget(std::uint32_t key_number) {
  if (tables_) tables_->forget(key_number);
}
void LaneVerifier::settle() {
  if (tables_) tables_->settle();
}
TableStatus LaneVerifier::tables() const {
  if (tables_) return tables_->status();
  TableStatus status;
  status.reason = reason_of({});
  return status;
}

}  // namespace electra::crypto
