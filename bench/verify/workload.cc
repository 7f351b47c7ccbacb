#include "bench/verify/workload.h"

#include <sodium.h>

#include <algorithm>
#include <random>

#include "meter-proto/base/assert.h"
#include "meter-proto/signing.h"

namespace electra::bench {
namespace {

constexpr std::uint32_t kDamageEvery = 64;
// Bits 0 … 255 are R's. The higher bits of S stay, because S ≥ L would be refused without any work.
constexpr std::uint32_t kDamageBits = 256 + 240;
constexpr std::uint64_t kSeed = 20160104;
constexpr Bytes32 kGenesis = {'e', 'l', 'e', 'c', 't', 'r', 'a', ' ', 'b', 'e', 'n', 'c', 'h'};

void turn(Bytes64& signature, std::uint32_t bit) noexcept {
  signature[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
}

}  // namespace

void KeyRing::grow(std::uint32_t count) {
  while (public_keys.size() < count) {
    Bytes32 seed{0xe1};
    for (std::size_t i = 0; i < 8; ++i) seed[8 + i] = static_cast<std::uint8_t>(public_keys.size() >> (8 * i));
    public_keys.push_back(secret_keys.emplace_back(seed).public_key());
  }
}

Workload::Workload(KeyRing& ring, std::uint32_t keys, std::uint32_t messages)
    : ring_(ring),
      keys_(keys),
      tag_(proto::signing_tag(proto::SignatureKind::message, kGenesis)),
      messages_(messages),
      facts_(messages) {
  ELECTRA_ASSERT_EQ(messages % 256, 0u);
  ring.grow(keys);
  std::mt19937_64 random(kSeed);
  std::array<std::uint8_t, kSignedBytes - kPayloadOffset> payload;
  for (std::uint32_t i = 0; i < messages; ++i) {
    std::ranges::generate(payload, [&] { return static_cast<std::uint8_t>(random()); });
    proto::signing_bytes(tag_, sequence(i), payload, messages_[i].signed_bytes);
    facts_[i].key = static_cast<std::uint32_t>(random() % keys);
    if (random() % kDamageEvery == 0) facts_[i].turned_bit = static_cast<std::uint16_t>(random() % kDamageBits);
  }
  sign_all();
  for (std::uint32_t i = 0; i < messages; ++i) {
    if (!facts_[i].valid()) turn(messages_[i].signature, facts_[i].turned_bit);
    hash(i);
  }
}

// In batches. That libsodium gives the same signatures is seen when it signs and verifies.
void Workload::sign_all() {
  std::vector<crypto::SignItem> items;
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    items.push_back(
        {.key = &secret_key(facts_[i].key), .tag = &tag_, .sequence = sequence(i), .payload = messages_[i].payload()});
  }
  std::vector<Bytes64> signatures(items.size());
  crypto::sign_many(items, signatures);
  for (std::size_t i = 0; i < messages_.size(); ++i) messages_[i].signature = signatures[i];
}

void Workload::hash(std::size_t message) {
  const Message& made = messages_[message];
  crypto_hash_sha512_state state;
  crypto_hash_sha512_init(&state);
  crypto_hash_sha512_update(&state, made.signature.data(), 32);
  crypto_hash_sha512_update(&state, public_key(facts_[message].key).data(), 32);
  crypto_hash_sha512_update(&state, made.signed_bytes.data(), made.signed_bytes.size());
  crypto_hash_sha512_final(&state, facts_[message].digest.data());
}

Bytes64 Workload::signature_as_signed(std::size_t message) const noexcept {
  Bytes64 out = messages_[message].signature;
  if (!facts_[message].valid()) turn(out, facts_[message].turned_bit);
  return out;
}

std::vector<crypto::VerifyItem> Workload::items(bool numbered) const {
  std::vector<crypto::VerifyItem> items;
  items.reserve(messages_.size());
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    items.push_back({.public_key = public_key(facts_[i].key).data(),
                     .key_number = numbered ? facts_[i].key + 1 : 0,
                     .signature = messages_[i].signature,
                     .tag = &tag_,
                     .sequence = sequence(i),
                     .payload = messages_[i].payload()});
  }
  return items;
}

}  // namespace electra::bench
