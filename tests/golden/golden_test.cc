// Every release replays the journals of all releases before it, bit for bit.
#include "tests/golden/golden.h"

#include <gtest/gtest.h>

#include "engine/electrad/config.h"
#include "engine/state/types.h"

namespace electra::test {
namespace {

std::vector<std::filesystem::path> golden_journals() {
  std::vector<std::filesystem::path> directories;
  for (const auto& entry : std::filesystem::directory_iterator(ELECTRA_GOLDEN_DIR)) {
    if (entry.is_directory() && entry.path().filename().string().starts_with("rules-")) {
      directories.push_back(entry.path());
    }
  }
  return directories;
}

class Golden : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Golden, JournalGivesTheHeadersAndTheStateOfItsRelease) {
  const auto expected = app::read_text_file(GetParam() / "expected.txt");
  ASSERT_TRUE(expected) << expected.error();
  const pipeline::AuditReport report = audit_directory(GetParam());
  EXPECT_TRUE(report.good());
  EXPECT_EQ(golden_text(report), *expected);
}

TEST_P(Golden, PackedBlocksGiveTheSame) {
  const auto expected = app::read_text_file(GetParam() / "expected.txt");
  ASSERT_TRUE(expected) << expected.error();
  const pipeline::AuditReport report = audit_packed(GetParam());
  EXPECT_TRUE(report.good());
  EXPECT_EQ(golden_text(report), *expected);
}

INSTANTIATE_TEST_SUITE_P(Releases, Golden, testing::ValuesIn(golden_journals()), [](const auto& info) {
  std::string name = info.param.filename().string();
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(GoldenJournals, ThereIsOneForEveryRulesVersionThatThisProgramKnows) {
  for (std::uint32_t version = state::kKnownRules.first; version <= state::kKnownRules.last; ++version) {
    EXPECT_TRUE(
        std::filesystem::exists(std::filesystem::path(ELECTRA_GOLDEN_DIR) / ("rules-" + std::to_string(version))))
        << "make_golden makes it when the rules are released";
  }
}

}  // namespace
}  // namespace electra::test
