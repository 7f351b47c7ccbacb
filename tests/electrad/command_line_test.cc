// What the commands do without a gateway: help, exit codes, the home directory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/electrad/program.h"

namespace electra::app {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kBobSeed(64, '7');

TEST(CommandLine, EveryCommandHasHelpWithAnExample) {
  const std::vector<Arguments> commands = {
      {},
      {"init"},
      {"serve"},
      {"start"},
      {"version"},
      {"keys"},
      {"keys", "add"},
      {"keys", "list"},
      {"keys", "show"},
      {"keys", "import"},
      {"keys", "export-public"},
      {"query"},
      {"query", "status"},
      {"query", "digest"},
      {"query", "holder"},
      {"query", "account"},
      {"query", "bank", "balances"},
      {"query", "meter"},
      {"query", "meter", "currentcycle-id"},
      {"query", "meter", "params"},
      {"query", "meter", "list-meterdirectory"},
      {"query", "meter", "show-meterdirectory"},
      {"query", "meter", "list-billingcycles"},
      {"query", "meter", "show-billingcycles"},
      {"tx"},
      {"tx", "meter", "record"},
      {"tx", "meter", "record-3"},
      {"tx", "bank", "send"},
      {"tx", "directory", "register"},
      {"tx", "directory", "prove"},
      {"tx", "directory", "set-status"},
      {"inspect"},
      {"inspect", "journal"},
      {"inspect", "record"},
      {"inspect", "block"},
      {"inspect", "account"},
      {"inspect", "meter"},
      {"inspect", "snapshot"},
      {"prove"},
      {"prove", "message"},
      {"prove", "balance"},
      {"prove", "registers"},
      {"prove", "holder"},
      {"prove", "absent"},
      {"prove", "absent", "slot"},
      {"prove", "absent", "account"},
      {"check-proof"},
  };
  for (Arguments arguments : commands) {
    arguments.push_back("--help");
    const Ended ended = run_electrad(arguments);
    EXPECT_EQ(ended.exit_code, 0) << testing::PrintToString(arguments);
    EXPECT_THAT(ended.out, HasSubstr("Example")) << testing::PrintToString(arguments);
    EXPECT_THAT(ended.out, HasSubstr("electrad ")) << testing::PrintToString(arguments);
  }
}

TEST(CommandLine, AWrongOneEndsWithTwoAndNamesTheWord) {
  struct Case {
    Arguments arguments;
    const char* named;
  };
  for (const Case& c :
       {Case{{}, "subcommand"}, Case{{"quary"}, "quary"}, Case{{"query", "meter", "curentcycle"}, "curentcycle"},
        Case{{"init", "--confi", "x"}, "--confi"}, Case{{"version", "-o", "xml"}, "xml"},
        Case{{"tx", "meter", "record", "1", "4", "0", "0", "0", "0", "0", "0"}, "phase"},
        Case{{"tx", "meter", "record", "1", "1", "-5", "0", "0", "0", "0", "0"}, "-5"},
        Case{{"tx", "meter", "record", "1", "1", "5", "0", "0", "0", "0", "0"}, "--from"},
        Case{{"tx", "bank", "send", "alice", "bob", "5"}, "unit"}}) {
    const Ended ended = run_electrad(c.arguments);
    EXPECT_EQ(ended.exit_code, 2) << testing::PrintToString(c.arguments) << ended.error;
    EXPECT_THAT(ended.error, HasSubstr(c.named));
    EXPECT_EQ(ended.out, "");
  }
}

TEST(CommandLine, VersionIsJsonInThreeSpellings) {
  for (const Arguments& arguments :
       {Arguments{"version", "--json"}, {"--json", "version"}, {"version", "-o", "json"}}) {
    const Ended ended = run_electrad(arguments);
    EXPECT_EQ(ended.exit_code, 0);
    EXPECT_EQ(ended.json()["name"], "electrad");
  }
}

TEST(Init, MakesAHomeOfPrivateKeysConfigurationAndGenesis) {
  const TemporaryDirectory directory;
  const std::string home = directory / "home";
  const Ended ended = run_electrad({"init", "--home", home, "--json"});
  ASSERT_EQ(ended.exit_code, 0) << ended.error;
  const auto answer = ended.json();
  EXPECT_EQ(answer["chainId"], "electra-testnet-0");
  EXPECT_EQ(answer["genesisHash"].get<std::string>().size(), 64U);
  EXPECT_EQ(answer["holders"][0]["name"], "GRID");
  EXPECT_EQ(answer["holders"][2]["name"], "alice");
  EXPECT_THAT(answer["holders"][2]["address"].get<std::string>(), StartsWith("electra1"));
  EXPECT_TRUE(fs::exists(home + "/config/genesis.json"));
  EXPECT_THAT(read_file(home + "/config/config.yml"), HasSubstr("docs/configuration.md"));
  const auto mode = fs::status(home + "/keys/alice.key").permissions();
  EXPECT_EQ(mode, fs::perms::owner_read | fs::perms::owner_write);
}

TEST(Init, ForPeoplePrintsAddressesAndWarnsOfTheSeed) {
  const TemporaryDirectory directory;
  const Ended ended = run_electrad({"init", "--home", directory / "home"});
  ASSERT_EQ(ended.exit_code, 0) << ended.error;
  EXPECT_THAT(ended.out, HasSubstr("electra development seed: never use for real meters"));
  EXPECT_THAT(ended.out, HasSubstr("prod2"));
  EXPECT_THAT(ended.out, Not(HasSubstr("\x1b["))) << "colours are for terminals";
  EXPECT_THAT(ended.error, HasSubstr("warning:"));
}

TEST(Init, RefusesAHomeThatHasAChain) {
  const TemporaryDirectory directory;
  ASSERT_EQ(run_electrad({"init", "--home", directory / "home"}).exit_code, 0);
  const std::string genesis = read_file(directory / "home/config/genesis.json");
  const Ended second = run_electrad({"init", "--home", directory / "home"});
  EXPECT_EQ(second.exit_code, 4);
  EXPECT_THAT(second.error, HasSubstr("already"));
  EXPECT_EQ(read_file(directory / "home/config/genesis.json"), genesis);
}

TEST(Init, RefusesABadConfigurationAndLeavesNoHome) {
  const TemporaryDirectory directory;
  write_file(directory / "bad.yml", "clock: real\nmetering:\n  intervall: 900\n");
  const Ended ended = run_electrad({"init", "--home", directory / "home", "--config", directory / "bad.yml", "--json"});
  EXPECT_EQ(ended.exit_code, 3);
  const auto error = nlohmann::json::parse(ended.error, nullptr, false);
  EXPECT_EQ(error["error"]["exitCode"], 3);
  EXPECT_THAT(error["error"]["text"].get<std::string>(), HasSubstr("bad.yml:3: metering.intervall"));
  EXPECT_FALSE(fs::exists(directory / "home"));
  EXPECT_EQ(run_electrad({"init", "--home", directory / "home", "--config", "/nowhere.yml"}).exit_code, 3);
}

TEST(Init, RefusesToReplaceAnotherKeyOfTheSameName) {
  const TemporaryDirectory directory;
  ASSERT_EQ(run_electrad({"keys", "import", "bob", "--home", directory / "home"}, kBobSeed + "\n").exit_code, 0);
  const Ended ended = run_electrad({"init", "--home", directory / "home"});
  EXPECT_EQ(ended.exit_code, 4);
  EXPECT_THAT(ended.error, HasSubstr("bob.key"));
  EXPECT_EQ(read_file(directory / "home/keys/bob.key"), kBobSeed + "\n");
}

TEST(Start, WithoutAChainSaysWhatToDo) {
  const TemporaryDirectory directory;
  const Ended ended = run_electrad({"start", "--home", directory / "home"});
  EXPECT_EQ(ended.exit_code, 4);
  EXPECT_THAT(ended.error, HasSubstr("electrad init"));
}

TEST(Start, RefusesAnEditedGenesisAndABrokenConfiguration) {
  const TemporaryDirectory directory;
  const std::string home = directory / "home";
  ASSERT_EQ(run_electrad({"init", "--home", home}).exit_code, 0);
  const std::string genesis = read_file(home + "/config/genesis.json");
  const std::string config = read_file(home + "/config/config.yml");
  write_file(home + "/config/genesis.json", genesis + " ");
  Ended ended = run_electrad({"start", "--home", home});
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.error, HasSubstr("genesis.json"));
  write_file(home + "/config/genesis.json", genesis);
  write_file(home + "/config/config.yml", config + "clok: real\n");
  ended = run_electrad({"start", "--home", home});
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.error, HasSubstr("clok: unknown key; did you mean clock?"));
}

TEST(Query, WithoutAGatewayEndsWithFive) {
  const TemporaryDirectory directory;
  const std::string home = directory / "home";
  ASSERT_EQ(run_electrad({"init", "--home", home}).exit_code, 0);
  Ended ended = run_electrad({"query", "status", "--home", home});
  EXPECT_EQ(ended.exit_code, 5);
  EXPECT_THAT(ended.error, HasSubstr("no gateway serves here"));
  write_file(home + "/address", "127.0.0.1:1\n");  // left behind by a kill; nobody listens
  ended = run_electrad({"query", "status", "--home", home});
  EXPECT_EQ(ended.exit_code, 5);
  EXPECT_THAT(ended.error, HasSubstr("127.0.0.1:1"));
}

TEST(Keys, AreAddedShownListedAndExportedWithoutThePrivatePart) {
  const TemporaryDirectory directory;
  const std::string home = directory / "home";
  const Ended added = run_electrad({"keys", "add", "m17", "--home", home, "--json"});
  ASSERT_EQ(added.exit_code, 0) << added.error;
  const Ended imported = run_electrad({"keys", "import", "bob", "--home", home, "--json"}, kBobSeed + "\n");
  ASSERT_EQ(imported.exit_code, 0) << imported.error;
  EXPECT_EQ(run_electrad({"keys", "show", "m17", "--home", home, "--json"}).json(), added.json());
  const auto list = run_electrad({"keys", "list", "--home", home, "--json"}).json();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0]["name"], "bob");
  EXPECT_EQ(list[1], added.json());
  const Ended exported = run_electrad({"keys", "export-public", "bob", "--home", home});
  EXPECT_EQ(exported.out, "bob " + imported.json()["publicKey"].get<std::string>() + " " +
                              imported.json()["address"].get<std::string>() + "\n");
  for (const std::string& text : {exported.out, added.out, imported.out}) EXPECT_THAT(text, Not(HasSubstr(kBobSeed)));
}

TEST(Keys, AreNeverReplacedAndHavePlainNames) {
  const TemporaryDirectory directory;
  const std::string home = directory / "home";
  ASSERT_EQ(run_electrad({"keys", "add", "m17", "--home", home}).exit_code, 0);
  const std::string key = read_file(home + "/keys/m17.key");
  EXPECT_EQ(run_electrad({"keys", "add", "m17", "--home", home}).exit_code, 4);
  EXPECT_EQ(run_electrad({"keys", "import", "m17", "--home", home}, kBobSeed).exit_code, 4);
  EXPECT_EQ(read_file(home + "/keys/m17.key"), key);
  EXPECT_EQ(run_electrad({"keys", "add", "../m18", "--home", home}).exit_code, 4);
  EXPECT_EQ(run_electrad({"keys", "show", "nobody", "--home", home}).exit_code, 4);
  EXPECT_EQ(run_electrad({"keys", "export-public", "nobody", "--home", home}).exit_code, 4);
  EXPECT_EQ(run_electrad({"keys", "import", "m19", "--home", home}, "not a key\n").exit_code, 4);
  fs::permissions(home + "/keys/m17.key", fs::perms::group_read, fs::perm_options::add);
  EXPECT_EQ(run_electrad({"keys", "show", "m17", "--home", home}).exit_code, 4) << "others may read it";
}

TEST(Keys, OfADevelopmentSeedAreTheSameEverywhere) {
  const TemporaryDirectory directory;
  ASSERT_EQ(run_electrad({"init", "--home", directory / "one"}).exit_code, 0);
  const Arguments add = {"keys",
                         "add",
                         "alice",
                         "--development-seed",
                         "electra development seed: never use for real meters",
                         "--home",
                         directory / "two"};
  ASSERT_EQ(run_electrad(add).exit_code, 0);
  EXPECT_EQ(read_file(directory / "one/keys/alice.key"), read_file(directory / "two/keys/alice.key"));
}

TEST(Inspect, AnEmptyJournalHasNoRecordsAndAMissingOneIsNamed) {
  const TemporaryDirectory directory;
  ASSERT_EQ(run_electrad({"init", "--home", directory / "home"}).exit_code, 0);
  const Ended empty = run_electrad({"inspect", "journal", "--home", directory / "home", "--json"});
  EXPECT_EQ(empty.exit_code, 0) << empty.error;
  EXPECT_EQ(empty.json()["recordCount"], "0");
  const Ended record = run_electrad({"inspect", "record", "1", "--home", directory / "home"});
  EXPECT_EQ(record.exit_code, 1);
  EXPECT_THAT(record.error, HasSubstr("there is no batch 1"));
  EXPECT_EQ(run_electrad({"inspect", "journal", "--journal", directory / "nowhere"}).exit_code, 4);
}

}  // namespace
}  // namespace electra::app
