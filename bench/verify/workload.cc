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
    crypto_sign_seed_keypair(public_keys.emplace_back().data(), secret_keys.emplace_back().data(), seed.data());
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
    const auto key = static_cast<std::uint32_t>(random() % keys);
    const bool damaged = random() % kDamageEvery == 0;
    make(i, key, damaged ? static_cast<std::uint16_t>(random() % kDamageBits) : Facts::kNoBit, payload);
  }
}

void Workload::make(std::size_t message, std::uint32_t key, std::uint16_t turned_bit, ByteSpan payload) {
  Message& made = messages_[message];
  Facts& facts = facts_[message];
  facts.key = key;
  facts.turned_bit = turned_bit;
  proto::signing_bytes(tag_, sequence(message), payload, made.signed_bytes);
  crypto_sign_detached(made.signature.data(), nullptr, made.signed_bytes.data(), made.signed_bytes.size(),
                       secret_key(key).data());
  if (!facts.valid()) turn(made.signature, turned_bit);
  crypto_hash_sha512_state state;
  crypto_hash_sha512_init(&state);
  crypto_hash_sha512_update(&state, made.signature.data(), 32);
  crypto_hash_sha512_update(&state, public_key(key).data(), 32);
  crypto_hash_sha512_update(&state, made.signed_bytes.data(), made.signed_bytes.size());
  crypto_hash_sha512_final(&state, facts.digest.data());
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
