// The ring under every interleaving of a producer and a consumer, and under every value that its memory orders let a load
// see: nothing is lost, doubled or out of order, and no slot is raced for. With any one of the orders weakened, it is.
#include <gtest/gtest.h>

#include "engine/pipeline/spsc_ring.h"
#include "tests/pipeline/memory_model.h"

#ifndef ELECTRA_SANITIZED  // fibers are beyond the sanitizers

namespace electra::pipeline {
namespace {

using namespace test;

constexpr std::size_t kTail = 0;  // places in the order of the ring's members
constexpr std::size_t kHead = 1;

template <std::size_t kCapacity>
MemoryModel::Result explore_ring(int pushes, int pops) {
  return MemoryModel::explore([&](MemoryModel& model) {
    SpscRing<int, kCapacity, ModelMemory> ring;
    int pushed = 0;
    std::vector<int> popped;
    model.run(
        [&] {
          for (int i = 0; i < pushes; ++i) {
            if (ring.try_push(pushed + 1)) ++pushed;
          }
        },
        [&] {
          for (int i = 0; i < pops; ++i) {
            if (const auto value = ring.try_pop()) popped.push_back(*value);
          }
        });
    // What is left, in the order of a third who knows all.
    for (int i = 0; i < pushes; ++i) {
      if (const auto value = ring.try_pop()) popped.push_back(*value);
    }
    if (popped.size() != static_cast<std::size_t>(pushed)) model.fail("lost or doubled");
    for (std::size_t i = 0; i < popped.size(); ++i) {
      if (popped[i] != static_cast<int>(i) + 1) model.fail("out of order");
    }
  });
}

TEST(SpscRingOrders, HoldUnderEveryInterleavingAndEveryValueThatALoadMaySee) {
  ModelAtomic<std::size_t>::orders = {};
  const auto one = explore_ring<1>(4, 4);
  EXPECT_EQ(one.fault, "");
  EXPECT_GT(one.executions, 1000U);
  const auto two = explore_ring<2>(5, 4);
  EXPECT_EQ(two.fault, "");
  EXPECT_GT(two.executions, 1000U);
}

TEST(SpscRingOrders, MayNotBeWeaker) {
  struct Weaker {
    const char* name;
    std::array<Orders, 2> orders;
  };
  const Orders whole;
  const Weaker cases[] = {
      {"tail stored relaxed", {{{.release = false, .acquire = true}, whole}}},
      {"tail loaded relaxed", {{{.release = true, .acquire = false}, whole}}},
      {"head stored relaxed", {{whole, {.release = false, .acquire = true}}}},
      {"head loaded relaxed", {{whole, {.release = true, .acquire = false}}}},
  };
  static_assert(kTail == 0 && kHead == 1);
  for (const Weaker& weaker : cases) {
    ModelAtomic<std::size_t>::orders = weaker.orders;
    EXPECT_EQ(explore_ring<2>(4, 4).fault, "a race on plain memory") << weaker.name;
  }
  ModelAtomic<std::size_t>::orders = {};
}

// The model itself: one flag that hands over one plain value.
TEST(MemoryModel, FindsTheRaceThatOneMissingOrderLeaves) {
  for (const bool release : {true, false}) {
    for (const bool acquire : {true, false}) {
      ModelAtomic<int>::orders = {{{release, acquire}, {}}};
      const auto result = MemoryModel::explore([](MemoryModel& model) {
        ModelAtomic<int> flag(0);
        ModelPlain<int> value;
        model.run(
            [&] {
              value = 7;
              flag.store(1, std::memory_order_release);
            },
            [&] {
              if (flag.load(std::memory_order_acquire) == 1 && value != 7) model.fail("not handed over");
            });
      });
      EXPECT_EQ(result.fault.empty(), release && acquire) << release << acquire;
    }
  }
  ModelAtomic<int>::orders = {};
}

}  // namespace
}  // namespace electra::pipeline

#endif
