#include "engine/pipeline/disk_reserve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace electra::pipeline {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kSecond = 1'000'000'000;

// A file system of 1000 bytes, of which the test says how many are free.
struct Disk {
  std::uint64_t free = 1000;
  int asked = 0;
  std::vector<std::string> told;

  DiskReserveSettings settings(std::uint64_t reserve) {
    return {.directory = "/disk",
            .bytes = reserve,
            .on_problem = [this](const std::string& text) { told.push_back(text); },
            .other_space = [this](const std::filesystem::path&) -> std::expected<DiskSpace, std::string> {
              ++asked;
              return DiskSpace{.free_bytes = free, .all_bytes = 1000};
            }};
  }
};

TEST(DiskReserve, IsShortBelowItAndRecoversByItself) {
  struct Step {
    std::uint64_t at_s;
    std::uint64_t free;
    bool is_short;
  };
  const Step steps[] = {{1, 1000, false}, {2, 400, false}, {3, 399, true},
                        {4, 0, true},     {5, 399, true},  {6, 400, false}};
  Disk disk;
  auto reserve = DiskReserve::open(disk.settings(400), 0);
  ASSERT_TRUE(reserve);
  for (const Step& step : steps) {
    disk.free = step.free;
    reserve->look(step.at_s * kSecond, 0);
    EXPECT_EQ(reserve->is_short(), step.is_short) << step.at_s;
  }
  // Told when it begins and when it ends, and not in between.
  ASSERT_EQ(disk.told.size(), 2U);
  EXPECT_THAT(disk.told[0], testing::AllOf(HasSubstr("399 bytes are free"), HasSubstr("journal.reserve (400)")));
  EXPECT_EQ(disk.told[1], "");
}

TEST(DiskReserve, IsAskedOnceASecondAndAfterAnEighthOfIt) {
  Disk disk;
  auto reserve = DiskReserve::open(disk.settings(800), 0);
  ASSERT_TRUE(reserve);
  disk.asked = 0;
  for (int i = 0; i < 99; ++i) reserve->look(kSecond / 2, 1);
  EXPECT_EQ(disk.asked, 0);
  reserve->look(kSecond / 2, 1);
  EXPECT_EQ(disk.asked, 1);
  reserve->look(kSecond, 0);
  EXPECT_EQ(disk.asked, 1) << "the last look was half a second ago";
  reserve->look(kSecond + kSecond / 2, 0);
  EXPECT_EQ(disk.asked, 2);
}

TEST(DiskReserve, OfZeroAsksNobody) {
  Disk disk;
  disk.free = 0;
  auto reserve = DiskReserve::open(disk.settings(0), 0);
  ASSERT_TRUE(reserve);
  reserve->look(10 * kSecond, 1 << 30);
  EXPECT_FALSE(reserve->is_short());
  EXPECT_EQ(disk.asked, 0);
}

TEST(DiskReserve, OfMoreThanTheFileSystemHasIsRefused) {
  Disk disk;
  const auto reserve = DiskReserve::open(disk.settings(1000), 0);
  ASSERT_FALSE(reserve);
  EXPECT_THAT(reserve.error(),
              testing::AllOf(HasSubstr("/disk"), HasSubstr("1000 bytes in all"), HasSubstr("lower journal.reserve")));
}

TEST(DiskReserve, IsShortWhereNobodyCanSayHowMuchIsLeft) {
  Disk disk;
  DiskReserveSettings settings = disk.settings(100);
  bool works = true;
  settings.other_space = [&works](const std::filesystem::path&) -> std::expected<DiskSpace, std::string> {
    if (!works) return std::unexpected("/disk: gone");
    return DiskSpace{.free_bytes = 500, .all_bytes = 1000};
  };
  auto reserve = DiskReserve::open(std::move(settings), 0);
  ASSERT_TRUE(reserve);
  works = false;
  reserve->look(kSecond, 0);
  EXPECT_EQ(reserve->problem(), "/disk: gone");
}

TEST(DiskSpaceOf, ADirectoryIsItsFileSystems) {
  const auto space = disk_space(std::filesystem::temp_directory_path());
  ASSERT_TRUE(space) << space.error();
  EXPECT_GT(space->all_bytes, 0U);
  EXPECT_LE(space->free_bytes, space->all_bytes);
  EXPECT_FALSE(disk_space("/no/such/place"));
}

}  // namespace
}  // namespace electra::pipeline
