#include "crypto-offload/key_store.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "meter-proto/address.h"
#include "meter-proto/base/sha256.h"

namespace electra::crypto {
namespace {

// The store does not look into keys; these name slot and generation, so that a reader can tell a wrong one.
Bytes32 key_of(std::uint32_t slot, std::uint32_t generation) {
  return sha256("key " + std::to_string(slot) + "/" + std::to_string(generation));
}
Bytes20 address_of(std::uint32_t slot) { return proto::address_of(key_of(slot, 1)); }

TEST(KeyStore, FindsNothingWhileItIsEmpty) {
  const KeyStore store(10, 0);
  for (const std::uint32_t slot : {0u, 1u, 10u, 11u, UINT32_MAX}) {
    EXPECT_EQ(store.find(slot, 1), nullptr) << slot;
    EXPECT_EQ(store.find(slot, 0), nullptr) << slot;
    EXPECT_EQ(store.entry(slot).key, nullptr) << slot;
    EXPECT_EQ(store.entry(slot).status, KeyStatus::none) << slot;
  }
  EXPECT_EQ(store.find_slot(Bytes20{}), 0u);
  EXPECT_EQ(store.find_slot(address_of(1)), 0u);
}

TEST(KeyStore, FindsAKeyByItsStatus) {
  struct Case {
    KeyStatus status;
    bool found;
  };
  for (const Case& c :
       {Case{KeyStatus::pending, true}, Case{KeyStatus::active, true}, Case{KeyStatus::suspended, false},
        Case{KeyStatus::active, true}, Case{KeyStatus::retired, false}}) {
    static KeyStore store(3, 0);  // one slot goes through all of them
    ASSERT_TRUE(store.apply(2, 1, key_of(2, 1), c.status));
    const StoredKey* const key = store.find(2, 1);
    EXPECT_EQ(key != nullptr, c.found) << static_cast<int>(c.status);
    if (key != nullptr) {
      EXPECT_EQ(key->public_key, key_of(2, 1));
    }
    EXPECT_EQ(store.entry(2).status, c.status);
    EXPECT_EQ(store.entry(2).key->public_key, key_of(2, 1));
    EXPECT_EQ(store.find_slot(address_of(2)), 2u);
    EXPECT_EQ(store.find(1, 1), nullptr);
    EXPECT_EQ(store.find(3, 1), nullptr);
  }
}

TEST(KeyStore, FindsThePresentGenerationOnly) {
  KeyStore store(4, 4);
  ASSERT_TRUE(store.apply(1, 1, key_of(1, 1), KeyStatus::active));
  EXPECT_EQ(store.find(1, 0), nullptr);
  EXPECT_EQ(store.find(1, 2), nullptr);
  ASSERT_TRUE(store.apply(1, 2, key_of(1, 2), KeyStatus::active));
  EXPECT_EQ(store.find(1, 1), nullptr);
  ASSERT_NE(store.find(1, 2), nullptr);
  EXPECT_EQ(store.find(1, 2)->public_key, key_of(1, 2));
  EXPECT_EQ(store.entry(1).key->generation, 2u);
}

TEST(KeyStore, KeepsAFoundKeyUnchangedThroughRotationAndRetirement) {
  KeyStore store(4, 4);
  ASSERT_TRUE(store.apply(1, 1, key_of(1, 1), KeyStatus::active));
  const StoredKey* const held = store.find(1, 1);
  ASSERT_TRUE(store.apply(1, 2, key_of(1, 2), KeyStatus::active));
  ASSERT_TRUE(store.apply(1, 3, key_of(1, 3), KeyStatus::retired));
  ASSERT_TRUE(store.apply(2, 1, key_of(2, 1), KeyStatus::active));
  EXPECT_EQ(held->public_key, key_of(1, 1));
}

TEST(KeyStore, KeepsTheAddressOfTheFirstKey) {
  KeyStore store(4, 4);
  ASSERT_TRUE(store.apply(3, 1, key_of(3, 1), KeyStatus::active));
  ASSERT_TRUE(store.apply(3, 2, key_of(3, 2), KeyStatus::active));
  EXPECT_EQ(store.find_slot(address_of(3)), 3u);
  EXPECT_EQ(store.find_slot(proto::address_of(key_of(3, 2))), 0u);
}

TEST(KeyStore, RefusesARotationBeyondItsRoomAndChangesNothing) {
  KeyStore store(3, 1);
  for (std::uint32_t slot = 1; slot <= 3; ++slot) {
    ASSERT_TRUE(store.apply(slot, 1, key_of(slot, 1), KeyStatus::active));
  }
  ASSERT_TRUE(store.apply(1, 2, key_of(1, 2), KeyStatus::active));
  EXPECT_FALSE(store.apply(2, 2, key_of(2, 2), KeyStatus::active));
  EXPECT_EQ(store.find(2, 1)->public_key, key_of(2, 1));
  EXPECT_TRUE(store.apply(2, 1, key_of(2, 1), KeyStatus::suspended)) << "a change of status needs no room";
}

TEST(KeyStore, LeavesRoomForEverySlotWhenRotationsAreUsedUp) {
  KeyStore store(2, 1);
  ASSERT_TRUE(store.apply(1, 1, key_of(1, 1), KeyStatus::active));
  ASSERT_TRUE(store.apply(1, 2, key_of(1, 2), KeyStatus::active));
  EXPECT_FALSE(store.apply(1, 3, key_of(1, 3), KeyStatus::active));
  EXPECT_TRUE(store.apply(2, 1, key_of(2, 1), KeyStatus::active));
}

TEST(KeyStore, FindsEveryAddressWhenFull) {
  constexpr std::uint32_t kSlots = 5000;
  KeyStore store(kSlots, 0);
  for (std::uint32_t slot = kSlots; slot >= 1; --slot) {
    ASSERT_TRUE(store.apply(slot, 1, key_of(slot, 1), KeyStatus::pending));
  }
  for (std::uint32_t slot = 1; slot <= kSlots; ++slot) ASSERT_EQ(store.find_slot(address_of(slot)), slot);
  for (std::uint32_t slot = kSlots + 1; slot <= 2 * kSlots; ++slot) ASSERT_EQ(store.find_slot(address_of(slot)), 0u);
}

TEST(KeyStoreDeathTest, StopsOnABrokenContract) {
  KeyStore store(4, 4);
  ASSERT_TRUE(store.apply(1, 2, key_of(1, 2), KeyStatus::active));
  const auto apply = [&](std::uint32_t slot, std::uint32_t generation, const Bytes32& key) {
    (void)store.apply(slot, generation, key, KeyStatus::active);
  };
  EXPECT_DEATH(apply(0, 1, key_of(9, 1)), "slot");
  EXPECT_DEATH(apply(5, 1, key_of(9, 1)), "slot");
  EXPECT_DEATH(apply(2, 0, key_of(9, 1)), "generation");
  EXPECT_DEATH(apply(1, 1, key_of(1, 1)), "generation");
  EXPECT_DEATH(apply(1, 2, key_of(9, 1)), "public_key");
  EXPECT_DEATH(apply(2, 1, key_of(1, 2)), "find_slot");
}

// One writer registers, activates, rotates, suspends and retires while readers look. Whatever a reader finds is a whole
// key of the slot and generation that it asked for, what was found never changes, and generations never go back.
// Under tsan this also shows that no read races with a write.
TEST(KeyStore, ReadersSeeWholeKeysInOrderWhileTheWriterWorks) {
  constexpr std::uint32_t kSlots = 300;
  constexpr std::uint32_t kGenerations = 8;
  constexpr std::size_t kReaders = 3;
  constexpr int kStatusRounds = 25;
  KeyStore store(kSlots, kSlots * (kGenerations - 1));
  std::vector<std::vector<Bytes32>> keys(kSlots + 1);
  std::vector<Bytes20> addresses(kSlots + 1);
  for (std::uint32_t slot = 1; slot <= kSlots; ++slot) {
    addresses[slot] = address_of(slot);
    for (std::uint32_t generation = 0; generation <= kGenerations; ++generation) {
      keys[slot].push_back(key_of(slot, generation));
    }
  }

  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> found{0};
  std::array<std::atomic<std::uint64_t>, kReaders> rounds{};
  const auto read = [&](std::size_t reader) {
    struct Seen {
      std::uint32_t generation = 0;
      const StoredKey* held = nullptr;  // the first key found, kept as by a verification in flight
      std::uint32_t held_generation = 0;
    };
    std::vector<Seen> seen(kSlots + 1);
    std::uint64_t hits = 0;
    bool last_round = false;
    while (!last_round) {
      last_round = done.load();
      for (std::uint32_t slot = 1; slot <= kSlots; ++slot) {
        const KeyStore::Entry entry = store.entry(slot);
        const std::uint32_t present = entry.key != nullptr ? entry.key->generation : 0;
        if (present < seen[slot].generation) ++wrong;
        if (entry.key != nullptr && entry.key->public_key != keys[slot][present]) ++wrong;
        seen[slot].generation = present;
        for (std::uint32_t generation = 1; generation <= kGenerations; ++generation) {
          const StoredKey* const key = store.find(slot, generation);
          if (key == nullptr) continue;
          ++hits;
          if (key->public_key != keys[slot][generation]) ++wrong;
          if (generation < seen[slot].generation) ++wrong;  // a superseded key came back
          seen[slot].generation = generation;
          if (seen[slot].held == nullptr) {
            seen[slot].held = key;
            seen[slot].held_generation = generation;
          }
        }
        const std::uint32_t by_address = store.find_slot(addresses[slot]);
        if (by_address != 0 && by_address != slot) ++wrong;
        if (by_address != 0 && store.entry(by_address).key == nullptr) ++wrong;
        if (seen[slot].held != nullptr && seen[slot].held->public_key != keys[slot][seen[slot].held_generation])
          ++wrong;
      }
      ++rounds[reader];
    }
    found += hits;
  };

  std::vector<std::thread> readers;
  for (std::size_t i = 0; i < kReaders; ++i) readers.emplace_back(read, i);
  // Each generation starts and ends with a whole round of every reader, so that all of them meet every rotation.
  const auto wait_for_readers = [&] {
    for (auto& made : rounds) {
      const std::uint64_t before = made;
      while (made < before + 2) std::this_thread::yield();
    }
  };
  for (std::uint32_t generation = 1; generation <= kGenerations; ++generation) {
    wait_for_readers();
    for (int round = 0; round < kStatusRounds; ++round) {
      for (std::uint32_t slot = 1; slot <= kSlots; ++slot) {
        for (const KeyStatus status :
             {KeyStatus::pending, KeyStatus::active, KeyStatus::suspended, KeyStatus::active}) {
          if (!store.apply(slot, generation, keys[slot][generation], status)) ++wrong;
        }
      }
    }
  }
  wait_for_readers();
  done = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_GE(found, std::uint64_t{kReaders} * kSlots * kGenerations);
}

}  // namespace
}  // namespace electra::crypto
