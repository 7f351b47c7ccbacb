// `electrad verify`, as users run it, on the golden journal laid out as a home and as packed blocks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/directory_lock.h"
#include "io/journal/record_format.h"
#include "tests/electrad/program.h"

namespace electra::app {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const fs::path kGolden = fs::path(ELECTRA_SOURCE_DIRECTORY) / "tests" / "golden" / "rules-1";

// "height" → "14", as the golden journal's release has written it down.
std::string expected(const std::string& name) {
  std::istringstream lines(read_file(kGolden / "expected.txt"));
  std::string key;
  std::string value;
  while (lines >> key >> value) {
    if (key == name) return value;
  }
  ADD_FAILURE() << "expected.txt has no " << name;
  return {};
}

class VerifyTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(home() / "config");
    fs::copy(kGolden / "genesis.json", home() / "config" / "genesis.json");
    fs::copy(kGolden / "journal", home() / "journal");
    fs::copy(kGolden / "blocks", home() / "blocks");
    fs::copy(kGolden / "chain.blocks", packed());
  }

  [[nodiscard]] fs::path home() const { return directory_.path() / "home"; }
  [[nodiscard]] std::string packed() const { return directory_ / "chain.blocks"; }
  [[nodiscard]] fs::path segment() const { return home() / "journal" / io::segment_name(1); }

  [[nodiscard]] Ended verify(Arguments more) const {
    Arguments arguments = {"verify"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_electrad(arguments);
  }
  static void flip(const fs::path& file, std::size_t byte) {
    std::string bytes = read_file(file);
    ASSERT_LT(byte, bytes.size());
    bytes[byte] = static_cast<char>(bytes[byte] ^ 4);
    write_file(file, bytes);
  }

  TemporaryDirectory directory_;
};

TEST_F(VerifyTest, SaysOfAGoodHomeWhatItHasChecked) {
  const Ended ended = verify({home()});
  EXPECT_EQ(ended.exit_code, 0) << ended.error;
  EXPECT_THAT(ended.out, HasSubstr(expected("header_hash")));
  EXPECT_THAT(ended.out, HasSubstr(expected("state_root")));
  EXPECT_THAT(ended.out, HasSubstr(expected("settlement_digest")));
  EXPECT_THAT(ended.out, testing::EndsWith("verified\n"));
  EXPECT_EQ(ended.error, "");
  EXPECT_EQ(verify({"--home", home()}).exit_code, 0) << "the home is the default";
}

TEST_F(VerifyTest, TellsMachinesTheSameForAHomeAndForPackedBlocks) {
  for (const std::string& subject : {home().string(), packed()}) {
    const Ended ended = verify({subject, "--json", "--threads", "1"});
    ASSERT_EQ(ended.exit_code, 0) << ended.error;
    const auto json = ended.json();
    EXPECT_EQ(json["verified"], true);
    EXPECT_EQ(json["height"], expected("height"));
    EXPECT_EQ(json["blocks"], expected("height"));
    EXPECT_EQ(json["messages"], expected("total_messages"));
    EXPECT_EQ(json["headerHash"], expected("header_hash"));
    EXPECT_EQ(json["stateRoot"], expected("state_root"));
    EXPECT_EQ(json["settlementDigest"], expected("settlement_digest"));
    EXPECT_EQ(json["problemCount"], "0");
    EXPECT_EQ(json["threads"], 1);
  }
}

TEST_F(VerifyTest, WantsTheChainThatItIsToldToWant) {
  const std::string hash = verify({packed(), "--json"}).json()["genesisHash"];
  EXPECT_EQ(verify({packed(), "--genesis-hash", hash}).exit_code, 0);
  const Ended ended = verify({packed(), "--genesis-hash", std::string(64, '0')});
  EXPECT_EQ(ended.exit_code, 10);
  EXPECT_THAT(ended.error, HasSubstr(hash));
}

TEST_F(VerifyTest, NamesTheFirstThingThatIsWrongAndWithAllGoesOn) {
  ASSERT_NO_FATAL_FAILURE(flip(segment(), 4096 * 3 + 260));                         // in the body of batch 4
  ASSERT_NO_FATAL_FAILURE(flip(home() / "blocks" / "headers.bin", 288 * 9 + 230));  // in the signature of height 10
  const Ended first = verify({home()});
  EXPECT_EQ(first.exit_code, 10);
  EXPECT_THAT(first.error, HasSubstr(segment().string() + " at offset 12288, batch 4, height 1: "));
  EXPECT_THAT(first.error, HasSubstr("--all"));

  const Ended all = verify({home(), "--all", "--json"});
  EXPECT_EQ(all.exit_code, 10);
  const auto json = all.json();
  EXPECT_EQ(json["verified"], false);
  ASSERT_EQ(json["problems"].size(), 2U) << json.dump(2);
  EXPECT_EQ(json["problems"][0]["offset"], "12288");
  EXPECT_EQ(json["problems"][0]["batch"], "4");
  EXPECT_EQ(json["problems"][1]["height"], "10");
  EXPECT_EQ(json["problems"][1]["offset"], std::to_string(288 * 9));
}

TEST_F(VerifyTest, ForgivesATornTailOnlyOfDataThatMayBeUnfinished) {
  fs::resize_file(segment(), fs::file_size(segment()) - 1000);
  EXPECT_EQ(verify({home()}).exit_code, 10);
  EXPECT_EQ(verify({home(), "--unfinished"}).exit_code, 0);
  const auto lock = io::DirectoryLock::acquire(home());  // as a gateway holds it
  ASSERT_TRUE(lock) << lock.error();
  const Ended served = verify({home()});
  EXPECT_EQ(served.exit_code, 0) << served.error;
  EXPECT_THAT(served.out, HasSubstr("as far as the gateway that is serving"));
}

struct Refused {
  const char* name;
  Arguments arguments;
  int exit_code;
  const char* text;
};

class VerifyRefuses : public testing::TestWithParam<Refused> {};

TEST_P(VerifyRefuses, WithASentence) {
  Arguments arguments = {"verify"};
  arguments.insert(arguments.end(), GetParam().arguments.begin(), GetParam().arguments.end());
  const Ended ended = run_electrad(arguments);
  EXPECT_EQ(ended.exit_code, GetParam().exit_code);
  EXPECT_THAT(ended.error, HasSubstr(GetParam().text));
}

INSTANTIATE_TEST_SUITE_P(
    CommandLine, VerifyRefuses,
    testing::Values(Refused{"AHomeWithoutAChain", {"--home", "/nowhere/at/all"}, 4, "there is no chain here"},
                    Refused{"AFileThatIsNotThere", {"/nowhere/at/all.blocks"}, 1, "/nowhere/at/all.blocks"},
                    Refused{"AFileOfSomethingElse", {kGolden / "genesis.json"}, 10, "genesis.json"},
                    Refused{"AnUnknownBackend", {kGolden / "chain.blocks", "--backend", "abacus"}, 1, "abacus"},
                    Refused{"ANumberOfThreadsThatIsNone", {"--threads", "-1"}, 2, "not a whole number"}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace electra::app
