#include "io/header_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "tests/io/support.h"

namespace electra::io {
namespace {

// All bytes of an entry say its height, so that a mixed one shows.
HeaderEntry entry(std::uint64_t height) {
  HeaderEntry bytes;
  bytes.fill(static_cast<std::uint8_t>(height % 251 + 1));
  return bytes;
}

std::vector<std::uint8_t> entries(std::uint64_t first, std::uint64_t count) {
  std::vector<std::uint8_t> bytes;
  for (std::uint64_t height = first; height < first + count; ++height) {
    const HeaderEntry one = entry(height);
    bytes.insert(bytes.end(), one.begin(), one.end());
  }
  return bytes;
}

std::unique_ptr<HeaderFile> opened(const std::filesystem::path& path, bool writable) {
  auto file = HeaderFile::open(path, writable);
  EXPECT_TRUE(file.has_value()) << file.error();
  return file ? std::move(*file) : nullptr;
}

void expect_heights(const HeaderFile& file, std::uint64_t count) {
  EXPECT_EQ(file.count(), count);
  HeaderEntry out;
  for (std::uint64_t height = 1; height <= file.count(); ++height) {
    ASSERT_TRUE(file.read(height, out).has_value());
    ASSERT_EQ(out, entry(height)) << "height " << height;
  }
}

class HeaderFileTest : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  std::filesystem::path path_ = directory_.path() / "headers.bin";
};

TEST_F(HeaderFileTest, AppendsAndReadsAndGoesOnAfterOpeningAgain) {
  {
    auto file = opened(path_, true);
    EXPECT_EQ(file->count(), 0u);
    ASSERT_TRUE(file->append(entries(1, 1)).has_value());
    ASSERT_TRUE(file->append(entries(2, 5)).has_value());
    ASSERT_TRUE(file->append({}).has_value());
    ASSERT_TRUE(file->sync().has_value());
    expect_heights(*file, 6);
  }
  EXPECT_EQ(read_file(path_), entries(1, 6)) << "nothing else is in the file";
  auto file = opened(path_, true);
  ASSERT_TRUE(file->append(entries(7, 1)).has_value());
  expect_heights(*file, 7);
}

TEST_F(HeaderFileTest, ReplacesOneAndCutsTheLast) {
  auto file = opened(path_, true);
  ASSERT_TRUE(file->append(entries(1, 4)).has_value());
  ASSERT_TRUE(file->replace(2, entry(200)).has_value());
  ASSERT_TRUE(file->truncate(3).has_value());
  HeaderEntry out;
  ASSERT_TRUE(file->read(2, out).has_value());
  EXPECT_EQ(out, entry(200));
  ASSERT_TRUE(file->replace(2, entry(2)).has_value());
  expect_heights(*file, 3);
  EXPECT_EQ(std::filesystem::file_size(path_), 3 * kHeaderEntryBytes);
}

TEST_F(HeaderFileTest, ATornLastEntryIsCutWhenWritableAndToldWhenNot) {
  const auto whole = entries(1, 3);
  for (const std::size_t length : {std::size_t{1}, kHeaderEntryBytes - 1, kHeaderEntryBytes, kHeaderEntryBytes + 1,
                                   2 * kHeaderEntryBytes + 287, 3 * kHeaderEntryBytes}) {
    SCOPED_TRACE(length);
    write_file(path_, ByteSpan(whole).first(length));
    {
      const auto file = opened(path_, false);
      expect_heights(*file, length / kHeaderEntryBytes);
      EXPECT_EQ(file->torn_bytes(), length % kHeaderEntryBytes);
      EXPECT_EQ(std::filesystem::file_size(path_), length);
    }
    const auto file = opened(path_, true);
    EXPECT_EQ(file->torn_bytes(), length % kHeaderEntryBytes);
    expect_heights(*file, length / kHeaderEntryBytes);
    EXPECT_EQ(std::filesystem::file_size(path_), length / kHeaderEntryBytes * kHeaderEntryBytes);
  }
}

TEST_F(HeaderFileTest, ErrorsBeginWithThePath) {
  for (const auto& [path, writable] : {std::pair(path_, false), std::pair(directory_.path() / "none" / "h", true),
                                       std::pair(directory_.path(), false), std::pair(directory_.path(), true)}) {
    const auto file = HeaderFile::open(path, writable);
    ASSERT_FALSE(file.has_value());
    EXPECT_TRUE(file.error().starts_with(path.string() + ": ")) << file.error();
  }
}

TEST_F(HeaderFileTest, AFileThatBecameShorterIsAnError) {
  auto file = opened(path_, true);
  ASSERT_TRUE(file->append(entries(1, 2)).has_value());
  std::filesystem::resize_file(path_, kHeaderEntryBytes + 5);
  HeaderEntry out;
  EXPECT_TRUE(file->read(1, out).has_value());
  EXPECT_FALSE(file->read(2, out).has_value());
}

TEST_F(HeaderFileTest, AReaderBesideTheWriterSeesWholeEntriesOnly) {
  auto file = opened(path_, true);
  constexpr std::uint64_t kLast = 20'000;
  std::atomic<bool> go_on = true;
  std::thread reader([&] {
    HeaderEntry out;
    for (std::uint64_t i = 0; go_on || i == 0; ++i) {
      const std::uint64_t count = file->count();
      if (count == 0) continue;
      const std::uint64_t height = i % 3 == 0 ? i % count + 1 : count;
      ASSERT_TRUE(file->read(height, out).has_value());
      ASSERT_EQ(out, entry(height));
    }
  });
  for (std::uint64_t height = 1; height <= kLast; height += 5) {
    ASSERT_TRUE(file->append(entries(height, 5)).has_value());
  }
  go_on = false;
  reader.join();
  expect_heights(*file, kLast);
}

}  // namespace
}  // namespace electra::io
