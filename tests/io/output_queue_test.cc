#include "io/tcp/output_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace electra::io {
namespace {

std::string text(const OutputQueue& queue, const OutputPool& pool) {
  std::array<iovec, 64> ranges{};
  std::string out;
  const std::size_t filled = queue.gather(pool, ranges);
  for (std::size_t i = 0; i < filled; ++i) out.append(static_cast<const char*>(ranges[i].iov_base), ranges[i].iov_len);
  return out;
}

TEST(OutputQueue, GivesBackWhatWasAppendedWhateverTheCuts) {
  auto pool = OutputPool::create(std::size_t{1} << 20);
  ASSERT_TRUE(pool.has_value());
  const std::size_t all = (*pool)->free_bytes();
  OutputQueue queue;
  std::string model;
  std::mt19937 random(1);
  for (int step = 0; step < 3000; ++step) {
    if (random() % 2 == 0 && model.size() < 500'000) {
      const std::string bytes(random() % 40'000, static_cast<char>('a' + step % 26));
      ASSERT_TRUE(queue.append(**pool, bytes_of(bytes)));
      model += bytes;
    } else {
      const std::size_t taken = model.empty() ? 0 : random() % (model.size() + 1);
      queue.consume(**pool, taken);
      model.erase(0, taken);
    }
    ASSERT_EQ(queue.bytes(), model.size());
    ASSERT_EQ(text(queue, **pool), model);
  }
  queue.clear(**pool);
  EXPECT_EQ((*pool)->free_bytes(), all);
}

TEST(OutputQueue, RefusesWholeAppendsWhenThePoolIsEmpty) {
  auto pool = OutputPool::create(2 * OutputPool::kChunkBytes);
  ASSERT_TRUE(pool.has_value());
  OutputQueue first;
  OutputQueue second;
  ASSERT_TRUE(first.append(**pool, bytes_of("x")));
  EXPECT_FALSE(second.append(**pool, std::vector<std::uint8_t>(OutputPool::kChunkBytes + 1)));
  EXPECT_EQ(second.bytes(), 0u);
  EXPECT_TRUE(second.append(**pool, std::vector<std::uint8_t>(OutputPool::kChunkBytes)));
  EXPECT_TRUE(first.append(**pool, std::vector<std::uint8_t>(OutputPool::kChunkBytes - 1)));
  EXPECT_FALSE(first.append(**pool, bytes_of("y")));
  second.clear(**pool);
  EXPECT_TRUE(first.append(**pool, bytes_of("y")));
}

}  // namespace
}  // namespace electra::io
