// The rules of the house, applied to the house.
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

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

// Relative targets of [text](target) in the pages that a newcomer reads.
TEST(House, has_every_page_and_picture_that_its_pages_point_to) {
  const std::filesystem::path root(kRoot);
  std::vector<std::filesystem::path> pages = {root / "README.md", root / "ARCHITECTURE.md", root / "CONTRIBUTING.md"};
  for (const auto& entry : std::filesystem::directory_iterator(root / "docs")) {
    if (entry.path().extension() == ".md") pages.push_back(entry.path());
  }
  for (const auto& page : pages) {
    std::ifstream in(page);
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    EXPECT_FALSE(text.empty()) << page;
    for (std::size_t at = text.find("]("); at != std::string::npos; at = text.find("](", at + 1)) {
      const std::string target = text.substr(at + 2, text.find_first_of(")#", at) - at - 2);
      if (target.empty() || target.find("://") != std::string::npos) continue;
      EXPECT_TRUE(std::filesystem::exists(page.parent_path() / target)) << page << " points to " << target;
    }
  }
}

}  // namespace
}  // namespace electra::house
