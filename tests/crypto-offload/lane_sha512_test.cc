// The SHA-512 of every vector backend gives libsodium's, whatever the lengths, the number of messages and where their
// parts lie.
#include <gtest/gtest.h>
#include <sodium/crypto_hash_sha512.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

#include "meter-proto/base/bytes.h"
#include "tests/crypto-offload/lane_stages.h"

namespace electra::crypto {
namespace {

constexpr std::uint32_t kHead = 88;  // bytes before the payload

// Which of r and key an item has.
enum class Head { both, only_r, only_key, none };

// A message whose parts lie apart, at odd addresses.
class Message {
 public:
  Message(std::mt19937_64& random, std::uint32_t payload_bytes, bool tagged = true, Head head = Head::both)
      : tagged_(tagged), head_(head) {
    offset_ = random() % 64;
    bytes_.resize(offset_ + kHead + payload_bytes + 3);
    std::ranges::generate(bytes_, [&] { return static_cast<std::uint8_t>(random()); });
    sequence_ = random();
    payload_bytes_ = payload_bytes;
  }

  [[nodiscard]] Sha512Item item() const {
    const std::uint8_t* payload = bytes_.data() + offset_;
    const std::uint8_t* parts = payload + payload_bytes_ + 1;
    return {.r = head_ == Head::both || head_ == Head::only_r ? parts : nullptr,
            .key = head_ == Head::both || head_ == Head::only_key ? parts + 33 : nullptr,
            .tag = tagged_ ? parts + 66 : nullptr,
            .sequence = sequence_,
            .payload = payload_bytes_ == 0 ? nullptr : payload,
            .payload_bytes = payload_bytes_};
  }

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t offset_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint32_t payload_bytes_ = 0;
  bool tagged_;
  Head head_;
};

Bytes64 oracle(const Sha512Item& item) {
  std::vector<std::uint8_t> whole;
  if (item.r != nullptr) whole.insert(whole.end(), item.r, item.r + 32);
  if (item.key != nullptr) whole.insert(whole.end(), item.key, item.key + 32);
  if (item.tag != nullptr) {
    whole.insert(whole.end(), item.tag, item.tag + 16);
    for (int i = 0; i < 8; ++i) whole.push_back(static_cast<std::uint8_t>(item.sequence >> 8 * i));
  }
  if (item.payload_bytes > 0) whole.insert(whole.end(), item.payload, item.payload + item.payload_bytes);
  Bytes64 out;
  crypto_hash_sha512(out.data(), whole.data(), whole.size());
  return out;
}

class Sha512Lanes : public StagesTest {
 protected:
  // Hashes the items and compares; what lies behind the outputs must stay.
  static void expect_oracle(const std::vector<Sha512Item>& items) {
    Bytes64 guard;
    guard.fill(0xa5);
    std::vector<Bytes64> digests(items.size() + 2, guard);
    stages().sha512_many(items.data(), items.size(), digests.data() + 1);
    EXPECT_EQ(digests.front(), guard);
    EXPECT_EQ(digests.back(), guard);
    for (std::size_t i = 0; i < items.size(); ++i) {
      ASSERT_EQ(digests[i + 1], oracle(items[i]))
          << "message " << i << " of " << items.size() << ", payload " << items[i].payload_bytes;
    }
  }

  static void expect_oracle(const std::vector<Message>& messages) {
    std::vector<Sha512Item> items;
    for (const Message& message : messages) items.push_back(message.item());
    expect_oracle(items);
  }
};
ELECTRA_EVERY_STAGES(Sha512Lanes);

TEST_P(Sha512Lanes, HashesEveryPayloadLengthUpTo300) {
  std::mt19937_64 random(1);
  for (const bool tagged : {true, false}) {
    for (std::uint32_t bytes = 0; bytes <= 300; ++bytes) {
      std::vector<Message> messages;
      for (int i = 0; i < 8; ++i) messages.emplace_back(random, bytes, tagged);
      expect_oracle(messages);
    }
  }
}

TEST_P(Sha512Lanes, HashesMessagesWithoutRWithoutKeyAndWithoutBoth) {
  std::mt19937_64 random(8);
  for (const Head head : {Head::only_r, Head::only_key, Head::none}) {
    for (const bool tagged : {true, false}) {
      for (std::uint32_t bytes = 0; bytes <= 300; ++bytes) {
        std::vector<Message> messages;
        for (int i = 0; i < 8; ++i) messages.emplace_back(random, bytes, tagged, head);
        expect_oracle(messages);
      }
    }
  }
}

TEST_P(Sha512Lanes, HashesMessagesOfAllShapesMixedInOneGroup) {
  std::mt19937_64 random(9);
  for (int round = 0; round < 300; ++round) {
    std::vector<Message> messages;
    for (int i = 0; i < 16; ++i) {
      messages.emplace_back(random, static_cast<std::uint32_t>(random() % 301), random() % 4 != 0,
                            static_cast<Head>(random() % 4));
    }
    expect_oracle(messages);
  }
}

TEST_P(Sha512Lanes, HashesLengthsMixedInOneGroup) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 300; ++round) {
    std::vector<Message> messages;
    for (int i = 0; i < 16; ++i) {
      const std::uint32_t bytes = static_cast<std::uint32_t>(random() % (random() % 2 == 0 ? 301 : 5001));
      messages.emplace_back(random, bytes, random() % 4 != 0);
    }
    expect_oracle(messages);
  }
}

TEST_P(Sha512Lanes, HashesAnyNumberOfMessages) {
  std::mt19937_64 random(3);
  expect_oracle(std::vector<Sha512Item>{});
  for (std::size_t count = 1; count <= 40; ++count) {
    for (int round = 0; round < 10; ++round) {
      std::vector<Message> messages;
      for (std::size_t i = 0; i < count; ++i) messages.emplace_back(random, static_cast<std::uint32_t>(random() % 500));
      expect_oracle(messages);
    }
  }
}

TEST_P(Sha512Lanes, ALongMessageAndAShortOneDoNotDisturbTheirNeighbours) {
  std::mt19937_64 random(4);
  for (const std::size_t count : {8U, 16U}) {
    for (std::size_t odd = 0; odd < count; ++odd) {
      for (const auto& [one, others] : {std::pair{0U, 700U}, {700U, 0U}, {7U, 8U}, {65536U, 1U}}) {
        std::vector<Message> messages;
        for (std::size_t i = 0; i < count; ++i) messages.emplace_back(random, i == odd ? one : others);
        expect_oracle(messages);
      }
    }
  }
}

// Total lengths about the edges where the padding needs another block.
TEST_P(Sha512Lanes, HashesAcrossBlockEdgesInEveryLane) {
  std::mt19937_64 random(5);
  const std::vector<std::uint32_t> totals = {111, 112, 113, 127, 128, 129, 239, 240,
                                             241, 255, 256, 257, 367, 368, 383, 384};
  for (std::size_t turn = 0; turn < totals.size(); ++turn) {
    for (const bool tagged : {true, false}) {
      std::vector<Message> messages;
      for (std::size_t i = 0; i < totals.size(); ++i) {
        messages.emplace_back(random, totals[(i + turn) % totals.size()] - (tagged ? kHead : 64), tagged);
      }
      expect_oracle(messages);
    }
  }
}

TEST_P(Sha512Lanes, GivesTheDigestAsLittleEndianWordsOfItsLane) {
  std::mt19937_64 random(6);
  std::vector<Message> messages;
  std::vector<Sha512Item> items;
  for (std::uint32_t i = 0; i < 19; ++i) messages.emplace_back(random, 20 * i);
  for (const Message& message : messages) items.push_back(message.item());
  LaneWords<8> digests[3];
  stages().sha512_lanes(items.data(), items.size(), digests);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Bytes64 expected = oracle(items[i]);
    for (std::size_t k = 0; k < 8; ++k) {
      EXPECT_EQ(digests[i / 8].word[k][i % 8], load_le64(expected.data() + 8 * k)) << "message " << i << " word " << k;
    }
  }
}

// Two pages between two that nobody may touch.
class GuardedPages {
 public:
  GuardedPages() : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
    void* all = mmap(nullptr, 4 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) std::abort();
    all_ = static_cast<std::uint8_t*>(all);
    if (mprotect(begin(), 2 * page_, PROT_READ | PROT_WRITE) != 0) std::abort();
  }
  ~GuardedPages() { munmap(all_, 4 * page_); }
  GuardedPages(const GuardedPages&) = delete;
  GuardedPages& operator=(const GuardedPages&) = delete;

  [[nodiscard]] std::uint8_t* begin() const { return all_ + page_; }
  [[nodiscard]] std::uint8_t* end() const { return all_ + 3 * page_; }

 private:
  std::size_t page_;
  std::uint8_t* all_ = nullptr;
};

TEST_P(Sha512Lanes, TouchesNoByteBesideAPart) {
  std::mt19937_64 random(7);
  const auto parts = std::make_unique<GuardedPages[]>(4);
  for (std::size_t i = 0; i < 4; ++i) {
    std::generate(parts[i].begin(), parts[i].end(), [&] { return static_cast<std::uint8_t>(random()); });
  }
  for (std::uint32_t bytes = 0; bytes <= 400; ++bytes) {
    for (const bool at_end : {true, false}) {
      const auto place = [&](std::size_t part, std::size_t size) {
        return at_end ? parts[part].end() - size : parts[part].begin();
      };
      Sha512Item item = {.r = place(0, 32),
                         .key = place(1, 32),
                         .tag = place(2, 16),
                         .sequence = random(),
                         .payload = place(3, bytes),
                         .payload_bytes = bytes};
      const Message longer(random, 600);
      std::vector<Sha512Item> items(8, item);
      items[bytes % 8] = longer.item();  // keeps the others' lanes running behind their ends
      expect_oracle(items);
      item.tag = nullptr;
      expect_oracle({item});
      for (const auto& [r, key, tag] : {std::tuple{true, false, true},
                                        {false, true, true},
                                        {false, false, true},
                                        {true, false, false},
                                        {false, true, false},
                                        {false, false, false}}) {
        item.r = r ? place(0, 32) : nullptr;
        item.key = key ? place(1, 32) : nullptr;
        item.tag = tag ? place(2, 16) : nullptr;
        expect_oracle({item});
      }
    }
  }
}

}  // namespace
}  // namespace electra::crypto
