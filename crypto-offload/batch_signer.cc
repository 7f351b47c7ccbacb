#include "crypto-offload/batch_signer.h"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "crypto-offload/sodium/library.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/signing.h"

#if defined(__x86_64__)
#include "crypto-offload/avx512/sign.h"
#include "crypto-offload/avx512/supported.h"
#endif

namespace electra::crypto {

ExpandedKey::ExpandedKey(const Bytes32& seed) {
  sodium::require_library();
  static_assert(sizeof(secret_key_) == crypto_sign_SECRETKEYBYTES);
  crypto_sign_seed_keypair(public_key_.data(), secret_key_.data(), seed.data());
  Bytes64 hash;
  crypto_hash_sha512(hash.data(), seed.data(), seed.size());
  std::copy_n(hash.begin(), scalar_.size(), scalar_.begin());
  std::copy_n(hash.begin() + scalar_.size(), prefix_.size(), prefix_.begin());
  sodium_memzero(hash.data(), hash.size());
  scalar_.front() &= 0xf8;
  scalar_.back() = static_cast<std::uint8_t>((scalar_.back() & 0x3f) | 0x40);
}

ExpandedKey::~ExpandedKey() {
  sodium_memzero(scalar_.data(), scalar_.size());
  sodium_memzero(prefix_.data(), prefix_.size());
  sodium_memzero(secret_key_.data(), secret_key_.size());
}

void sign_each(std::span<const SignItem> items, std::span<Bytes64> signatures) {
  ELECTRA_ASSERT_EQ(items.size(), signatures.size());
  std::array<std::uint8_t, proto::kSigningPrefixBytes + kSignedPayloadBytesMax> buffer;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const SignItem& item = items[i];
    ELECTRA_ASSERT_LE(item.payload.size(), kSignedPayloadBytesMax);
    const ByteSpan message = proto::signing_bytes(*item.tag, item.sequence, item.payload, buffer);
    crypto_sign_detached(signatures[i].data(), nullptr, message.data(), message.size(), item.key->secret_key().data());
  }
}

void SignBatch::begin(const Bytes16& tag) noexcept {
  tag_ = tag;
  items_.clear();
  payloads_.clear();
  ends_.clear();
}

void SignBatch::add(const ExpandedKey& key, std::uint64_t sequence, ByteSpan payload) {
  items_.push_back({.key = &key, .tag = nullptr, .sequence = sequence, .payload = {}});
  payloads_.insert(payloads_.end(), payload.begin(), payload.end());
  ends_.push_back(payloads_.size());
}

ByteSpan SignBatch::payload(std::size_t index) const noexcept {
  const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
  return ByteSpan(payloads_).subspan(begin, ends_[index] - begin);
}

void SignBatch::sign() {
  for (std::size_t i = 0; i < items_.size(); ++i) {
    items_[i].tag = &tag_;
    items_[i].payload = payload(i);
  }
  signatures_.resize(items_.size());
  sign_many(items_, signatures_);
}

#if defined(__x86_64__)
namespace {

struct alignas(64) Table {
  Table() { avx512::make_sign_table(words); }
  std::uint64_t words[avx512::kSignTableWords];
};

void sign_in_lanes(const Table& table, std::span<const SignItem> items, std::span<Bytes64> signatures) {
  std::array<avx512::SignLaneItem, avx512::kSignItemsMax> lanes;
  static_assert(sizeof(Bytes64) == 64);
  while (!items.empty()) {
    const std::size_t count = std::min(items.size(), lanes.size());
    for (std::size_t i = 0; i < count; ++i) {
      const SignItem& item = items[i];
      ELECTRA_ASSERT_LE(item.payload.size(), kSignedPayloadBytesMax);
      lanes[i] = {.scalar = item.key->scalar().data(),
                  .prefix = item.key->prefix().data(),
                  .public_key = item.key->public_key().data(),
                  .tag = item.tag->data(),
                  .sequence = item.sequence,
                  .payload = item.payload.data(),
                  .payload_bytes = static_cast<std::uint32_t>(item.payload.size())};
    }
    avx512::sign_lanes(table.words, lanes.data(), count, reinterpret_cast<std::uint8_t(*)[64]>(signatures.data()));
    items = items.subspan(count);
    signatures = signatures.subspan(count);
  }
}

// Signs with every entry of the table and compares with libsodium: a wrong table must not sign.
void check(const Table& table) {
  const ExpandedKey key(Bytes32{1});
  const Bytes16 tag{2};
  std::array<SignItem, 64> items;
  for (std::size_t i = 0; i < items.size(); ++i) items[i] = {.key = &key, .tag = &tag, .sequence = i, .payload = {}};
  std::array<Bytes64, items.size()> made, expected;
  sign_in_lanes(table, items, made);
  sign_each(items, expected);
  ELECTRA_ASSERT(made == expected);
}

const Table& checked_table() {
  static const Table table = [] {
    Table made;
    check(made);
    return made;
  }();
  return table;
}

}  // namespace

void sign_many(std::span<const SignItem> items, std::span<Bytes64> signatures) {
  if (!avx512::supported()) return sign_each(items, signatures);
  ELECTRA_ASSERT_EQ(items.size(), signatures.size());
  sign_in_lanes(checked_table(), items, signatures);
}
std::string_view batch_signer_name() noexcept { return avx512::supported() ? "avx512" : "sodium"; }

#else

void sign_many(std::span<const SignItem> items, std::span<Bytes64> signatures) { sign_each(items, signatures); }
std::string_view batch_signer_name() noexcept { return "sodium"; }

#endif

}  // namespace electra::crypto
