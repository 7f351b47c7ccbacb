#include "io/signed_height.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "meter-proto/base/sha256.h"
#include "tests/io/support.h"

namespace electra::io {
namespace {

SignedHeight signed_height(std::uint32_t epoch, std::uint64_t height, std::string_view header = "a header") {
  return {epoch, height, sha256(std::string(header) + std::to_string(height))};
}

class SignedHeightTest : public testing::Test {
 protected:
  // What a new process reads.
  [[nodiscard]] std::expected<std::optional<SignedHeight>, std::string> load() const {
    auto file = SignedHeightFile::open(path_);
    if (!file) return std::unexpected(file.error());
    return file->get();
  }
  // The file's bytes after these heights were stored, in one process.
  [[nodiscard]] std::vector<std::uint8_t> bytes_after(std::uint64_t first, std::uint64_t last) const {
    auto file = SignedHeightFile::open(path_);
    EXPECT_TRUE(file.has_value());
    for (std::uint64_t height = first; height <= last; ++height) {
      const auto stored = file->store(signed_height(1, height));
      EXPECT_TRUE(stored.has_value()) << stored.error();
    }
    return read_file(path_);
  }

  TemporaryDirectory directory_{TemporaryDirectory::Where::memory};
  std::filesystem::path path_ = directory_.path() / "gateway.signed";
};

TEST_F(SignedHeightTest, AMissingFileMeansNothingSignedAndTheFirstStoreMakesIt) {
  auto file = SignedHeightFile::open(path_);
  ASSERT_TRUE(file.has_value()) << file.error();
  EXPECT_EQ(file->get(), std::nullopt);
  EXPECT_FALSE(std::filesystem::exists(path_));
  ASSERT_TRUE(file->store(signed_height(0, 1)).has_value());
  EXPECT_EQ(file->get(), signed_height(0, 1));
  EXPECT_EQ(load().value(), signed_height(0, 1));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_.path()), {}), 1) << "no draft is left";
}

TEST_F(SignedHeightTest, KeepsTheLastOfManyInOneProcessAndInAProcessEach) {
  for (std::uint64_t height = 1; height <= 40; ++height) {
    (void)bytes_after(height, height + height % 3);
    ASSERT_EQ(load().value(), signed_height(1, height + height % 3));
    height += height % 3;
  }
}

TEST_F(SignedHeightTest, TheFileIsTextThatShowsTheHeight) {
  const auto bytes = bytes_after(1, 7);
  const std::string text(bytes.begin(), bytes.end());
  EXPECT_NE(text.find("\nepoch 1\nheight 7\nheader " + to_hex(signed_height(1, 7).header_hash) + "\n"),
            std::string::npos);
}

TEST_F(SignedHeightTest, RefusesToGoBackAndTheSameValueAgainCostsNothing) {
  auto file = SignedHeightFile::open(path_);
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE(file->store(signed_height(2, 10)).has_value());
  const auto before = read_file(path_);
  struct Case {
    const char* name;
    SignedHeight value;
    bool stored;
  };
  for (const Case& test :
       {Case{"the same again", signed_height(2, 10), true},
        Case{"another header of the height", signed_height(2, 10, "another"), false},
        Case{"a lower height", signed_height(2, 9), false}, Case{"a lower epoch", signed_height(1, 11), false}}) {
    EXPECT_EQ(file->store(test.value).has_value(), test.stored) << test.name;
    EXPECT_EQ(file->get(), signed_height(2, 10)) << test.name;
    EXPECT_EQ(read_file(path_), before) << test.name;
  }
  ASSERT_TRUE(file->store(signed_height(3, 4)).has_value()) << "a new epoch may begin lower";
  EXPECT_EQ(load().value(), signed_height(3, 4));
}

TEST_F(SignedHeightTest, AWriteThatIsTornAtAnyByteLeavesTheOldHeightOrTheNewOne) {
  const auto before = bytes_after(1, 5);
  const auto after = bytes_after(6, 6);
  ASSERT_EQ(before.size(), after.size());
  std::vector<std::size_t> changed;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i] != after[i]) changed.push_back(i);
  }
  ASSERT_FALSE(changed.empty());
  for (std::size_t i = changed.front(); i <= changed.back() + 1; ++i) {
    for (const bool from_front : {true, false}) {
      // Up to byte i the one, from it on the other.
      auto torn = from_front ? after : before;
      const auto& rest = from_front ? before : after;
      const auto at = static_cast<std::ptrdiff_t>(i);
      std::copy(rest.begin() + at, rest.end(), torn.begin() + at);
      write_file(path_, torn);
      const auto value = load();
      ASSERT_TRUE(value.has_value()) << "byte " << i;
      ASSERT_TRUE(value->has_value());
      ASSERT_TRUE(**value == signed_height(1, 5) || **value == signed_height(1, 6)) << "byte " << i;
      if (i > changed.back()) {
        ASSERT_EQ(**value, from_front ? signed_height(1, 6) : signed_height(1, 5));
      }
    }
  }
  // In single sectors, and then on from there.
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    auto torn = before;
    for (std::size_t sector = 0; sector < torn.size(); sector += 512) {
      if (random() % 2 == 0) continue;
      const auto at = static_cast<std::ptrdiff_t>(sector);
      std::copy_n(after.begin() + at, 512, torn.begin() + at);
    }
    write_file(path_, torn);
    auto file = SignedHeightFile::open(path_);
    ASSERT_TRUE(file.has_value()) << file.error();
    ASSERT_TRUE(file->get() == signed_height(1, 5) || file->get() == signed_height(1, 6));
    ASSERT_TRUE(file->store(signed_height(1, 8)).has_value());
    ASSERT_EQ(load().value(), signed_height(1, 8));
  }
}

TEST_F(SignedHeightTest, AnyOneDamagedBlockNeverChangesTheHeight) {
  const auto whole = bytes_after(1, 9);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto damaged = whole;
    damaged[i] ^= static_cast<std::uint8_t>(1u << (i % 8));
    write_file(path_, damaged);
    const auto value = load();
    ASSERT_TRUE(value.has_value()) << "byte " << i;
    ASSERT_EQ(*value, signed_height(1, 9)) << "byte " << i;
  }
  for (std::size_t block = 0; block < whole.size(); block += 4096) {
    auto damaged = whole;
    std::fill_n(damaged.begin() + static_cast<std::ptrdiff_t>(block), 4096, std::uint8_t{0});
    write_file(path_, damaged);
    ASSERT_EQ(load().value(), signed_height(1, 9)) << "block at " << block;
  }
}

TEST_F(SignedHeightTest, WhatCannotBeReadIsAnErrorThatSaysWhatToDoAndNeverNothingSigned) {
  const auto whole = bytes_after(1, 3);
  const auto of_length = [&](std::size_t length) {
    auto bytes = whole;
    bytes.resize(length);
    return bytes;
  };
  auto swapped = whole;
  std::rotate(swapped.begin(), swapped.begin() + 8192, swapped.end());
  struct Case {
    const char* name;
    std::vector<std::uint8_t> bytes;
  };
  for (const Case& test : {Case{"empty", {}}, Case{"zeros", std::vector<std::uint8_t>(16384)},
                           Case{"garbage", std::vector<std::uint8_t>(16384, 'g')}, Case{"one block", of_length(4096)},
                           Case{"one byte short", of_length(16383)}, Case{"one byte long", of_length(16385)},
                           Case{"slots in each other's place", swapped}}) {
    write_file(path_, test.bytes);
    const auto value = load();
    ASSERT_FALSE(value.has_value()) << test.name;
    EXPECT_TRUE(value.error().starts_with(path_.string() + ": ")) << value.error();
    EXPECT_NE(value.error().find("restore this file from a backup"), std::string::npos) << value.error();
  }
}

TEST_F(SignedHeightTest, FilesThatCannotBeOpenedOrMadeAreErrors) {
  const auto directory = SignedHeightFile::open(directory_.path());
  ASSERT_FALSE(directory.has_value());
  EXPECT_TRUE(directory.error().starts_with(directory_.path().string() + ": ")) << directory.error();

  auto nowhere = SignedHeightFile::open(directory_.path() / "none" / "gateway.signed");
  ASSERT_TRUE(nowhere.has_value());
  EXPECT_FALSE(nowhere->store(signed_height(0, 1)).has_value());
  EXPECT_EQ(nowhere->get(), std::nullopt);

  // What another process made meanwhile is not replaced.
  auto late = SignedHeightFile::open(path_);
  ASSERT_TRUE(late.has_value());
  (void)bytes_after(1, 4);
  EXPECT_FALSE(late->store(signed_height(0, 1)).has_value());
  EXPECT_EQ(load().value(), signed_height(1, 4));

  if (geteuid() == 0) return;  // whom permissions do not stop
  std::filesystem::permissions(path_, std::filesystem::perms::none);
  const auto forbidden = load();
  ASSERT_FALSE(forbidden.has_value());
  EXPECT_NE(forbidden.error().find("Permission denied"), std::string::npos) << forbidden.error();
}

}  // namespace
}  // namespace electra::io
