#include "engine/pipeline/spsc_ring.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <thread>

namespace electra::pipeline {
namespace {

TEST(SpscRing, TakesExactlyItsCapacityAndSaysWhenItIsFull) {
  SpscRing<int, 4> ring;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.try_push(i));
  EXPECT_FALSE(ring.try_push(4));
  EXPECT_EQ(ring.try_pop(), 0);
  EXPECT_TRUE(ring.try_push(4));
  EXPECT_FALSE(ring.try_push(5));
}

TEST(SpscRing, IsEmptyAtFirstAndAfterTheLastPop) {
  SpscRing<int, 2> ring;
  EXPECT_EQ(ring.try_pop(), std::nullopt);
  EXPECT_TRUE(ring.try_push(7));
  EXPECT_EQ(ring.try_pop(), 7);
  EXPECT_EQ(ring.try_pop(), std::nullopt);
}

// Against a model: every sequence of 16 pushes and pops, which wraps a ring of 2 or 4 several times.
template <std::size_t kCapacity>
void every_sequence_behaves_like_a_queue() {
  constexpr unsigned kSteps = 16;
  for (std::uint32_t pushes = 0; pushes < (1U << kSteps); ++pushes) {
    SpscRing<unsigned, kCapacity> ring;
    std::deque<unsigned> model;
    for (unsigned step = 0; step < kSteps; ++step) {
      if ((pushes >> step & 1U) != 0) {
        const bool room = model.size() < kCapacity;
        ASSERT_EQ(ring.try_push(step), room) << "sequence " << pushes << " step " << step;
        if (room) model.push_back(step);
      } else {
        const auto expected = model.empty() ? std::nullopt : std::optional(model.front());
        ASSERT_EQ(ring.try_pop(), expected) << "sequence " << pushes << " step " << step;
        if (!model.empty()) model.pop_front();
      }
    }
  }
}

TEST(SpscRing, EverySequenceOfPushesAndPopsBehavesLikeAQueue) {
  every_sequence_behaves_like_a_queue<1>();
  every_sequence_behaves_like_a_queue<2>();
  every_sequence_behaves_like_a_queue<4>();
}

// What stands behind the handle must have arrived with it; TSan watches the plain memory.
TEST(SpscRing, HandsOverMemoryBetweenTwoThreadsInOrder) {
  constexpr std::uint64_t kRounds = 200'000;
  struct Box {
    std::uint64_t value = 0;
  };
  constexpr std::size_t kBoxes = 64;
  std::vector<Box> boxes(kBoxes);
  SpscRing<Box*, 16> there;
  SpscRing<Box*, kBoxes> back;
  for (Box& box : boxes) ASSERT_TRUE(back.try_push(&box));

  std::thread consumer([&] {
    for (std::uint64_t expected = 0; expected < kRounds;) {
      const auto box = there.try_pop();
      if (!box) {
        std::this_thread::yield();
        continue;
      }
      ASSERT_EQ((*box)->value, expected++);
      ASSERT_TRUE(back.try_push(*box));
    }
  });
  for (std::uint64_t next = 0; next < kRounds;) {
    const auto box = back.try_pop();
    if (!box) {
      std::this_thread::yield();
      continue;
    }
    (*box)->value = next++;
    while (!there.try_push(*box)) std::this_thread::yield();
  }
  consumer.join();
}

}  // namespace
}  // namespace electra::pipeline
