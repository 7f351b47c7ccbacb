// Signatures of many messages at once are libsodium's, byte for byte, whatever their number, lengths and keys.
#include "crypto-offload/batch_signer.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <algorithm>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "crypto-offload/avx512/supported.h"
#include "meter-proto/signing.h"

namespace electra::crypto {
namespace {

// As libsodium says it without our help: tag ‖ sequence ‖ payload put together and signed with the seed's key.
Bytes64 libsodium_signature(const Bytes32& seed, const SignItem& item) {
  Bytes32 public_key;
  Bytes64 secret_key, signature;
  crypto_sign_seed_keypair(public_key.data(), secret_key.data(), seed.data());
  std::vector<std::uint8_t> message(item.tag->begin(), item.tag->end());
  for (int i = 0; i < 8; ++i) message.push_back(static_cast<std::uint8_t>(item.sequence >> 8 * i));
  message.insert(message.end(), item.payload.begin(), item.payload.end());
  crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(), secret_key.data());
  return signature;
}

struct Way {
  const char* name;
  void (*sign)(std::span<const SignItem>, std::span<Bytes64>);
};
void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }

class BatchSigner : public testing::TestWithParam<Way> {
 protected:
  BatchSigner() {
    for (std::size_t i = 0; i < 24; ++i) {
      std::ranges::generate(seeds_.emplace_back(), [&] { return static_cast<std::uint8_t>(random_()); });
      keys_.emplace_back(seeds_.back());
    }
    std::ranges::generate(tags_[0], [&] { return static_cast<std::uint8_t>(random_()); });
    std::ranges::generate(tags_[1], [&] { return static_cast<std::uint8_t>(random_()); });
    payload_.resize(kSignedPayloadBytesMax);
    std::ranges::generate(payload_, [&] { return static_cast<std::uint8_t>(random_()); });
  }

  // A message under key `key`, its payload somewhere in the random bytes.
  void add(std::size_t key, std::size_t payload_bytes) {
    key_of_item_.push_back(key % keys_.size());
    const std::size_t at = random_() % (payload_.size() - payload_bytes + 1);
    items_.push_back({.key = &keys_[key_of_item_.back()],
                      .tag = &tags_[random_() % 2],
                      .sequence = random_(),
                      .payload = ByteSpan(payload_).subspan(at, payload_bytes)});
  }

  // Signs what was added and forgets it. What lies beside the signatures must stay.
  void expect_libsodiums() {
    Bytes64 guard;
    guard.fill(0xa5);
    std::vector<Bytes64> signatures(items_.size() + 2, guard);
    GetParam().sign(items_, std::span(signatures).subspan(1, items_.size()));
    EXPECT_EQ(signatures.front(), guard);
    EXPECT_EQ(signatures.back(), guard);
    for (std::size_t i = 0; i < items_.size(); ++i) {
      ASSERT_EQ(to_hex(signatures[i + 1]), to_hex(libsodium_signature(seeds_[key_of_item_[i]], items_[i])))
          << "message " << i << " of " << items_.size() << ", payload " << items_[i].payload.size();
    }
    items_.clear();
    key_of_item_.clear();
  }

  std::mt19937_64 random_{30};
  std::vector<Bytes32> seeds_;
  std::deque<ExpandedKey> keys_;
  Bytes16 tags_[2];
  std::vector<std::uint8_t> payload_;
  std::vector<SignItem> items_;
  std::vector<std::size_t> key_of_item_;
};

INSTANTIATE_TEST_SUITE_P(Ways, BatchSigner, testing::Values(Way{"many", sign_many}, Way{"each", sign_each}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(BatchSigner, SignsAnyNumberOfMessages) {
  for (std::size_t count = 0; count <= 64; ++count) {
    for (std::size_t i = 0; i < count; ++i) add(i, 40 + random_() % 160);
    ASSERT_NO_FATAL_FAILURE(expect_libsodiums());
  }
  for (const std::size_t count : {255U, 256U, 257U, 511U, 512U, 513U, 1000U}) {
    for (std::size_t i = 0; i < count; ++i) add(random_(), 40 + random_() % 160);
    ASSERT_NO_FATAL_FAILURE(expect_libsodiums());
  }
}

TEST_P(BatchSigner, SignsEveryPayloadLengthUpTo300) {
  for (std::size_t bytes = 0; bytes <= 300; ++bytes) {
    for (std::size_t i = 0; i < 8; ++i) add(random_(), bytes);
    ASSERT_NO_FATAL_FAILURE(expect_libsodiums());
  }
}

// 56 bytes stand before the payload in the first hash, 88 in the second. Blocks end at 111 and 112 bytes of each 128.
TEST_P(BatchSigner, SignsAcrossTheBlockEdgesOfBothHashesInEveryLane) {
  std::vector<std::size_t> lengths;
  for (const std::size_t head : {56U, 88U}) {
    for (const std::size_t total : {110U, 111U, 112U, 113U, 127U, 128U, 129U, 239U, 240U, 255U, 256U, 257U, 368U}) {
      lengths.push_back(total - head);
    }
  }
  for (std::size_t turn = 0; turn < lengths.size(); ++turn) {
    for (std::size_t i = 0; i < lengths.size(); ++i) add(i, lengths[(i + turn) % lengths.size()]);
    ASSERT_NO_FATAL_FAILURE(expect_libsodiums());
  }
}

TEST_P(BatchSigner, SignsShortAndLongMessagesBesideEachOther) {
  for (std::size_t odd = 0; odd < 16; ++odd) {
    for (const auto& [one, others] : {std::pair{0U, 700U}, {700U, 0U}, {4096U, 1U}}) {
      for (std::size_t i = 0; i < 16; ++i) add(i, i == odd ? one : others);
      ASSERT_NO_FATAL_FAILURE(expect_libsodiums());
    }
  }
}

TEST_P(BatchSigner, SignsWithTheSameKeyInAllLanesAndWithAnotherInOne) {
  for (std::size_t odd = 0; odd <= 16; ++odd) {
    for (std::size_t i = 0; i < 16; ++i) add(i == odd ? 5 : 3, 100);
    ASSERT_NO_FATAL_FAILURE(expect_libsodiums());
  }
}

TEST_P(BatchSigner, GivesTheSameSignatureForTheSameMessageInEveryPlace) {
  for (const std::size_t count : {8U, 21U, 300U}) {
    add(7, 120);
    const SignItem item = items_.front();
    items_.assign(count, item);
    key_of_item_.assign(count, 7);
    ASSERT_NO_FATAL_FAILURE(expect_libsodiums());
  }
}

TEST_P(BatchSigner, SignsWithTheKeysOfTheRfc) {
  struct Case {
    const char* seed;
    const char* public_key;
  };
  const Case cases[] = {
      // RFC 8032, 7.1
      {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"},
      {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
       "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"},
      {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
       "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"},
      {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
       "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf"},
  };
  seeds_.clear();
  keys_.clear();
  for (const Case& one : cases) {
    ASSERT_TRUE(from_hex(one.seed, seeds_.emplace_back()));
    keys_.emplace_back(seeds_.back());
    EXPECT_EQ(to_hex(keys_.back().public_key()), one.public_key);
  }
  for (std::size_t i = 0; i < 40; ++i) add(i, 3 * i);
  expect_libsodiums();
}

TEST_P(BatchSigner, StopsAtAPayloadBeyondTheBound) {
  add(0, 10);
  std::vector<std::uint8_t> long_payload(kSignedPayloadBytesMax + 1);
  items_.front().payload = long_payload;
  Bytes64 signature;
  EXPECT_DEATH(GetParam().sign(items_, std::span(&signature, 1)), "4097");
}

TEST(SignBatch, GivesBackWhatItTookWithSignatures) {
  std::deque<ExpandedKey> keys;
  for (std::uint8_t i = 0; i < 3; ++i) keys.emplace_back(Bytes32{i});
  SignBatch batch;
  for (const std::size_t count : {5U, 0U, 300U, 1U}) {  // in the same memory
    const Bytes16 tag{static_cast<std::uint8_t>(count)};
    batch.begin(tag);
    for (std::size_t i = 0; i < count; ++i) {
      batch.add(keys[i % 3], 7 * i, std::vector<std::uint8_t>(i % 90, static_cast<std::uint8_t>(i)));
    }
    batch.sign();
    ASSERT_EQ(batch.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      const std::vector<std::uint8_t> payload(i % 90, static_cast<std::uint8_t>(i));
      EXPECT_EQ(batch.sequence(i), 7 * i);
      EXPECT_TRUE(equal_bytes(batch.payload(i), payload));
      EXPECT_EQ(batch.signature(i),
                libsodium_signature(Bytes32{static_cast<std::uint8_t>(i % 3)},
                                    {.key = &keys[i % 3], .tag = &tag, .sequence = 7 * i, .payload = payload}));
    }
  }
}

TEST(BatchSignerName, IsTheOneThatTheMachineCanRun) {
  EXPECT_EQ(batch_signer_name(), avx512::supported() ? "avx512" : "sodium");
}

TEST(ExpandedKey, LeavesNoSecretBehind) {
  alignas(ExpandedKey) std::uint8_t memory[sizeof(ExpandedKey)] = {};
  auto* const key = new (memory) ExpandedKey(Bytes32{9});
  const Bytes32 scalar = key->scalar(), prefix = key->prefix();
  const Bytes32 seed{9};
  const auto holds = [&](const Bytes32& secret) {
    return !std::ranges::search(std::span<const std::uint8_t>(memory), secret).empty();
  };
  for (const Bytes32* secret : {&scalar, &prefix, &seed}) ASSERT_TRUE(holds(*secret));
  key->~ExpandedKey();
  for (const Bytes32* secret : {&scalar, &prefix, &seed}) EXPECT_FALSE(holds(*secret));
}

}  // namespace
}  // namespace electra::crypto
