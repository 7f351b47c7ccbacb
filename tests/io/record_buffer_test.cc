#include "io/journal/record_buffer.h"

#include <gtest/gtest.h>

namespace electra::io {
namespace {

std::vector<std::string> entries(const RecordBuffer& buffer) {
  std::vector<std::string> out;
  for (std::uint32_t i = 0; i < buffer.count(); ++i) out.emplace_back(text_of(buffer.entry(i)));
  return out;
}

class RecordBufferTest : public testing::Test {
 protected:
  void SetUp() override {
    auto pool = RecordBufferPool::create(2);
    ASSERT_TRUE(pool.has_value()) << pool.error();
    pool_ = std::move(*pool);
    buffer_ = pool_->acquire();
  }
  std::unique_ptr<RecordBufferPool> pool_;
  RecordBuffer* buffer_ = nullptr;
};

TEST_F(RecordBufferTest, LaysEntriesBehindTheHeaderWithTheirLengths) {
  ASSERT_TRUE(buffer_->append(bytes_of("abc")));
  ASSERT_TRUE(buffer_->append(bytes_of("de")));
  EXPECT_EQ(text_of(buffer_->body()), std::string_view("\3\0abc\2\0de", 9));
  EXPECT_EQ(buffer_->body().data(), buffer_->memory() + kRecordHeaderBytes);
  EXPECT_EQ(entries(*buffer_), (std::vector<std::string>{"abc", "de"}));
  EXPECT_TRUE(body_is_well_formed(buffer_->body(), buffer_->count()));
}

TEST_F(RecordBufferTest, IsFullAt8192Messages) {
  for (std::uint32_t i = 0; i < kRecordMessagesMax; ++i) ASSERT_TRUE(buffer_->append(bytes_of("m")));
  EXPECT_FALSE(buffer_->append(bytes_of("m")));
  EXPECT_EQ(buffer_->count(), kRecordMessagesMax);
}

TEST_F(RecordBufferTest, IsFullAtTwoMebibytes) {
  const std::string large(65534, 'x');
  for (int i = 0; i < 32; ++i) ASSERT_TRUE(buffer_->append(bytes_of(large)));
  EXPECT_EQ(buffer_->body().size(), kRecordBodyBytesMax);
  EXPECT_FALSE(buffer_->append(bytes_of("m")));
}

TEST_F(RecordBufferTest, RetainKeepsTheFlaggedEntriesInOrder) {
  struct Case {
    std::vector<std::uint8_t> keep;
    std::vector<std::string> expected;
  };
  for (const Case& test : {Case{{1, 1, 1, 1}, {"a", "bb", "ccc", "dddd"}}, Case{{0, 1, 1, 1}, {"bb", "ccc", "dddd"}},
                           Case{{1, 0, 0, 1}, {"a", "dddd"}}, Case{{1, 1, 1, 0}, {"a", "bb", "ccc"}},
                           Case{{0, 0, 0, 0}, {}}, Case{{0, 1, 0, 1}, {"bb", "dddd"}}}) {
    buffer_->clear();
    for (const char* text : {"a", "bb", "ccc", "dddd"}) ASSERT_TRUE(buffer_->append(bytes_of(text)));
    buffer_->retain(test.keep);
    EXPECT_EQ(entries(*buffer_), test.expected);
    EXPECT_TRUE(body_is_well_formed(buffer_->body(), buffer_->count()));
    ASSERT_TRUE(buffer_->append(bytes_of("more")));
    EXPECT_EQ(entries(*buffer_).back(), "more");
  }
}

TEST_F(RecordBufferTest, ThePoolIsBoundedAndHandsOutEmptyBuffers) {
  RecordBuffer* other = pool_->acquire();
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(pool_->acquire(), nullptr);
  ASSERT_TRUE(other->append(bytes_of("left over")));
  pool_->release(*other);
  RecordBuffer* again = pool_->acquire();
  ASSERT_EQ(again, other);
  EXPECT_TRUE(again->empty());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(again->memory()) % kRecordAlignment, 0u);
}

TEST_F(RecordBufferTest, ABufferGivenBackTwiceIsABug) {
  pool_->release(*buffer_);
  EXPECT_DEATH(pool_->release(*buffer_), "taken_");
}

}  // namespace
}  // namespace electra::io
