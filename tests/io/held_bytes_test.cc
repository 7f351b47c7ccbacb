#include "io/tcp/held_bytes.h"

#include <gmock/gmock.h>

#include <deque>
#include <map>
#include <random>

namespace electra::io {
namespace {

using testing::ElementsAre;

HeldBytes::Piece piece(std::uint32_t buffer) { return {.buffer = buffer, .offset = 0, .length = 10}; }

// Everything in the order of turns, a buffer at a time.
std::vector<std::uint32_t> drain(HeldBytes& held) {
  std::vector<std::uint32_t> buffers;
  while (held.waiting() > 0) {
    const std::uint32_t connection = held.take_turn();
    if (!held.empty(connection)) buffers.push_back(held.pop(connection).buffer);
    held.stand_in_line(connection);
  }
  return buffers;
}

TEST(HeldBytes, ComeOutABufferOfEachConnectionInTurn) {
  HeldBytes held(3, 8);
  for (const std::uint32_t buffer : {5, 0, 3, 1}) held.push_back(2, piece(buffer));
  held.push_back(0, piece(7));
  held.push_back(0, piece(2));
  held.push_back(1, piece(4));
  EXPECT_THAT(drain(held), ElementsAre(5, 7, 4, 0, 2, 3, 1));
  EXPECT_TRUE(held.empty(2));
}

TEST(HeldBytes, WhatIsLeftOfAPieceStaysBeforeTheOthersOfItsConnection) {
  HeldBytes held(1, 4);
  held.push_back(0, piece(0));
  held.push_back(0, piece(1));
  HeldBytes::Piece first = held.pop(0);
  first.offset = 4;
  first.length = 6;
  held.push_front(0, first);
  const HeldBytes::Piece again = held.pop(0);
  EXPECT_EQ(again.buffer, 0u);
  EXPECT_EQ(again.offset, 4u);
  EXPECT_EQ(again.length, 6u);
  EXPECT_EQ(held.pop(0).buffer, 1u);
  EXPECT_TRUE(held.empty(0));
  held.push_front(0, again);
  held.push_back(0, piece(2));
  EXPECT_EQ(held.pop(0).buffer, 0u);
  EXPECT_EQ(held.pop(0).buffer, 2u);
}

TEST(HeldBytes, WhoLostWhatItHeldIsPassedOver) {
  HeldBytes held(2, 4);
  held.push_back(0, piece(0));
  held.push_back(1, piece(1));
  EXPECT_EQ(held.pop(0).buffer, 0u);
  EXPECT_THAT(drain(held), ElementsAre(1));
  held.push_back(0, piece(2));  // and stands in line again later
  EXPECT_THAT(drain(held), ElementsAre(2));
}

TEST(HeldBytes, KeepEveryConnectionsOrderWhateverHappens) {
  constexpr std::uint32_t kConnections = 7;
  constexpr std::uint32_t kBuffers = 32;
  HeldBytes held(kConnections, kBuffers);
  std::map<std::uint32_t, std::deque<std::uint32_t>> expected;
  std::vector<std::uint32_t> free;
  for (std::uint32_t i = 0; i < kBuffers; ++i) free.push_back(i);
  std::mt19937 random(1);
  for (int step = 0; step < 100'000; ++step) {
    const auto connection = static_cast<std::uint32_t>(random() % kConnections);
    if (random() % 2 == 0 && !free.empty()) {
      held.push_back(connection, piece(free.back()));
      expected[connection].push_back(free.back());
      free.pop_back();
    } else if (held.waiting() > 0) {
      const std::uint32_t turn = held.take_turn();
      ASSERT_EQ(held.empty(turn), expected[turn].empty());
      if (!held.empty(turn)) {
        ASSERT_EQ(held.pop(turn).buffer, expected[turn].front());
        free.push_back(expected[turn].front());
        expected[turn].pop_front();
      }
      held.stand_in_line(turn);
    }
    ASSERT_LE(held.waiting(), kConnections);
  }
}

}  // namespace
}  // namespace electra::io
