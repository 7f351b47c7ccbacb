// Every backend has libsodium's verdicts wherever in a batch a message stands, and whatever stands beside it.
#include <barrier>
#include <cstdlib>
#include <thread>

#include "tests/crypto-offload/conformance.h"

namespace electra::crypto {
namespace {

constexpr std::size_t kLanes = 8;
constexpr std::size_t kLargest = 2'048;
constexpr std::size_t kSigners = 40;

bool is_long() { return std::getenv("ELECTRA_LONG") != nullptr; }

class ConformanceOfBatches : public testing::TestWithParam<Setting> {
 protected:
  ConformanceOfBatches() {
    // Of each message a good and a bad signature; the damage is another one at each place.
    Numbers numbers(9);
    std::vector<std::uint8_t> payload(200);
    for (std::size_t i = 0; i < kLargest; ++i) {
      numbers.fill(payload);
      Order order{.signer = numbers.next(),
                  .nonce = numbers.next(),
                  .choice = numbers.next(),
                  .sequence = i,
                  .payload = ByteSpan(payload).first(numbers.below(payload.size()))};
      good_.push_back(forge_.make(order));
      order.damage = static_cast<Damage>(1 + i % (kDamages - 1));
      bad_.push_back(forge_.make(order));
    }
    for (const Case& c : good_) batch_.push_back(&c);
  }

  // The first `size` messages, those bad for which is_bad(place) holds.
  template <typename Predicate>
  void expect_right(std::size_t size, const Predicate& is_bad) {
    std::vector<const Case*> batch(size);
    for (std::size_t i = 0; i < size; ++i) batch[i] = is_bad(i) ? &bad_[i] : &good_[i];
    ASSERT_TRUE(subject_.is_right_about(batch));
  }

  const Forge forge_ = Forge(kSigners, 64, 2);
  const Subject subject_ = Subject(GetParam(), forge_.keys());
  std::vector<Case> good_, bad_;
  std::vector<const Case*> batch_;
};

INSTANTIATE_TEST_SUITE_P(Backends, ConformanceOfBatches, testing::ValuesIn(settings()), name_of_setting);

TEST_P(ConformanceOfBatches, AreOfMessagesOnWhichLibsodiumAgrees) {
  Numbers numbers(0);
  const std::uint64_t every = is_long() ? 1 : 4;
  EXPECT_TRUE(libsodium_agrees(good_, every, numbers));
  EXPECT_TRUE(libsodium_agrees(bad_, every, numbers));
}

// All sizes, but under a sanitizer without ELECTRA_LONG: then those to two vectors and one more, and those around 32 and 64.
bool is_size_to_try(std::size_t size) {
#ifdef ELECTRA_SANITIZED
  return is_long() || size <= 2 * kLanes + 1 || (size + 1) % (4 * kLanes) <= 2;
#else
  static_cast<void>(size);
  return true;
#endif
}

TEST_P(ConformanceOfBatches, FindTheBadOneAtEachPlaceOfEachSizeTo65) {
  for (std::size_t size = 1; size <= 65; size += works_in_lanes(GetParam()) || is_long() ? 1 : 16) {
    if (!is_size_to_try(size)) continue;
    for (std::size_t bad = 0; bad < size; ++bad) {
      expect_right(size, [&](std::size_t i) { return i == bad; });
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(ConformanceOfBatches, FindTheBadOnesInEachLaneOfLargeOnes) {
  for (const std::size_t size : {1'000U, 2'048U}) {
    for (std::size_t lane = 0; lane < (works_in_lanes(GetParam()) ? kLanes : 1); ++lane) {
      expect_right(size, [&](std::size_t i) { return i % kLanes == lane; });
      if (HasFatalFailure()) return;
    }
  }
}

// All places under ELECTRA_LONG; else those around what an implementation may cut a batch into, and the last.
TEST_P(ConformanceOfBatches, FindTheOnlyBadOneOfLargeOnes) {
  for (const std::size_t size : {1'000U, 2'048U}) {
    for (std::size_t bad = 0; bad < size; ++bad) {
      const bool at_a_cut = size == 1'000 && (bad % 256 == 0 || bad % 256 == 255);
      const bool wanted = works_in_lanes(GetParam()) && (is_long() || at_a_cut);
      if (!wanted && bad != size - 1) continue;
      expect_right(size, [&](std::size_t i) { return i == bad; });
      if (HasFatalFailure()) return;
    }
  }
}

// Alone, as the first and as the last of several vectors, and before an incomplete one.
TEST_P(ConformanceOfBatches, FindEverySubsetOfBadOnesInAVector) {
  struct Place {
    std::size_t size, vector;
  };
  for (const Place& place : {Place{8, 0}, Place{24, 0}, Place{24, 2}, Place{20, 1}}) {
    if (!works_in_lanes(GetParam()) && place.size > kLanes) break;
    for (unsigned subset = 0; subset < 256; ++subset) {
      expect_right(place.size,
                   [&](std::size_t i) { return i / kLanes == place.vector && (subset >> (i % kLanes) & 1) != 0; });
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(ConformanceOfBatches, MayBeEmpty) { EXPECT_TRUE(subject_.is_right_about(std::span<const Case>())); }

TEST_P(ConformanceOfBatches, OfBadOnesOnlyAreAllRefused) {
  expect_right(works_in_lanes(GetParam()) ? kLargest : 100, [](std::size_t) { return true; });
}

TEST_P(ConformanceOfBatches, SkipSignaturesOfOtherLengths) {
  std::vector<Case> cases;
  for (std::size_t i = 0; i < 260; ++i) {
    cases.push_back(i % 2 == 0 ? good_[i]
                               : forge_.make({.damage = Damage::other_length,
                                              .signer = i,
                                              .nonce = i,
                                              .choice = i / 2,
                                              .sequence = i,
                                              .payload = {}}));
  }
  EXPECT_TRUE(subject_.is_right_in_every_lane_about(cases, forge_));
  // Nothing else in the batch: there is no vector to fill.
  std::erase_if(cases, [](const Case& c) { return c.signature.size() == 64; });
  EXPECT_TRUE(subject_.is_right_about(cases));
}

TEST_P(ConformanceOfBatches, MayBeVerifiedByManyThreadsAtOnce) {
  // Each round begins together: 100 messages take a fast backend less time than a thread to start.
  constexpr std::size_t kThreads = 4;
  const int rounds = works_in_lanes(GetParam()) ? 100 : 3;
  std::barrier begin(kThreads);
  std::vector<std::thread> threads;
  std::vector<testing::AssertionResult> results(kThreads, testing::AssertionSuccess());
  for (std::size_t part = 0; part < results.size(); ++part) {
    threads.emplace_back([&, part] {
      std::vector<const Case*> batch;
      for (std::size_t i = part; i < 400; i += results.size()) batch.push_back(i % 3 == 0 ? &bad_[i] : &good_[i]);
      for (int round = 0; round < rounds; ++round) {
        begin.arrive_and_wait();
        if (results[part]) results[part] = subject_.is_right_about(batch);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const testing::AssertionResult& result : results) EXPECT_TRUE(result);
}

}  // namespace
}  // namespace electra::crypto
