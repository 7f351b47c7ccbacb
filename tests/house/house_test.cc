// The rules of the house, applied to the house.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/house/rules.h"

namespace electra::house {
namespace {

const std::string kRoot = ELECTRA_SOURCE_DIR;

TEST(House, every_file_keeps_to_who_may_include_whom_and_to_purity) {
  int files_checked = 0;
  EXPECT_EQ(to_text(check_house(kRoot, files_checked)), "");
  EXPECT_GT(files_checked, 10) << "the walk found hardly any file: is " << kRoot << " the root?";
}

TEST(House, holds_no_file_above_5_mb) { EXPECT_EQ(to_text(check_sizes(kRoot, 5'000'000)), ""); }

TEST(House, has_a_checksum_for_every_data_file) {
  const std::filesystem::path folder = std::filesystem::path(kRoot) / "data/lv-urban";
  std::ifstream in(folder / "SHA256SUMS");
  const std::string sums((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (!name.ends_with(".csv") && !name.ends_with(".gz")) continue;
    ++files;
    EXPECT_NE(sums.find("  " + name + "\n"), std::string::npos) << name;
  }
  EXPECT_EQ(files, 12);
}

}  // namespace
}  // namespace electra::house
