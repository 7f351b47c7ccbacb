// What the tests of KeyTables share: tables by the fake maker, and a look at them as a reader has it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <thread>

#include "crypto-offload/tables/key_tables.h"
#include "tests/crypto-offload/fake_tables.h"

namespace electra::crypto {

inline constexpr std::size_t kMiB = std::size_t{1} << 20;

class KeyTablesTest : public testing::Test {
 protected:
  void SetUp() override { fake::reset(); }

  static KeyTables::Options options(std::uint32_t keys_max, std::size_t mib, std::uint32_t kib = 0) {
    return {.keys_max = keys_max, .memory_bytes_max = mib * kMiB, .table_kib = kib};
  }
  static void learn(KeyTables& tables, std::uint32_t first, std::uint32_t last) {
    for (std::uint32_t number = first; number <= last; ++number) tables.learn(number, fake::key_of(number));
  }
  // The keys among first … last that a reader finds no table for. What it finds is checked word for word.
  static std::set<std::uint32_t> without(const KeyTables& tables, std::uint32_t first, std::uint32_t last) {
    std::set<std::uint32_t> missing;
    const KeyTables::Reading reading(tables);
    for (std::uint32_t number = first; number <= last; ++number) {
      const KeyTables::Found found = reading.find(number, fake::key_of(number).data());
      if (found.entries == nullptr) {
        missing.insert(number);
      } else {
        EXPECT_TRUE(fake::whole(found, fake::key_of(number))) << number;
      }
    }
    return missing;
  }
  // Waits up to a minute. False: it did not come true.
  static bool comes_true(const std::function<bool()>& what) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!what()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }
  static bool has(const KeyTables& tables, std::uint32_t number, const Bytes32& key) {
    return KeyTables::Reading(tables).find(number, key.data()).entries != nullptr;
  }
};
}  // namespace electra::crypto
