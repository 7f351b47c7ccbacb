#include "engine/electrad/genesis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto-offload/software_signer.h"
#include "engine/state/machine.h"
#include "meter-proto/base/sha256.h"

namespace electra::app {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kNow_s = 1'700'000'123;

Config small_config() {
  const auto config = parse_config("config.yml", R"(
genesis: {chain_id: test-1, time: 2016-01-04T00:00:00Z}
accounts:
  - {name: alice, coins: ["1elc"]}
  - {name: prod1, coins: ["18446744073709uelectra"], roles: [producer]}
meters:
  - {serial: M-1, phases: [1, 3], owner: alice, register_modulus: 18446744073709551615}
operator: {coins: ["1000000000000uelectra"]}
)");
  EXPECT_TRUE(config) << config.error();
  return *config;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t place = text.find(from);
  EXPECT_NE(place, std::string::npos) << from;
  return text.replace(place, from.size(), to);
}

TEST(Genesis, NamesGatewayOperatorAccountsAndMetersInThisOrder) {
  const state::Genesis genesis = make_genesis(small_config(), kNow_s);
  ASSERT_EQ(genesis.holders.size(), 5U);
  EXPECT_EQ(genesis.holders[0].serial, "GRID");
  EXPECT_EQ(genesis.holders[0].roles, std::uint32_t{state::kRoleMeter} | state::kRoleGateway);
  EXPECT_EQ(genesis.holders[0].phases, 1U);
  EXPECT_EQ(genesis.holders[1].serial, "operator");
  EXPECT_EQ(genesis.holders[1].balance, 1'000'000'000'000U);
  EXPECT_EQ(genesis.holders[2].serial, "alice");
  EXPECT_EQ(genesis.holders[2].roles, std::uint32_t{state::kRoleOwner});
  EXPECT_EQ(genesis.holders[3].serial, "prod1");
  EXPECT_EQ(genesis.holders[4].serial, "M-1");
  EXPECT_EQ(genesis.holders[4].phases, 5U);
  EXPECT_EQ(genesis.holders[4].owner_slot, 3U);
}

TEST(Genesis, KeysFollowFromTheDevelopmentSeedAndTheName) {
  const Config config = small_config();
  const state::Genesis genesis = make_genesis(config, kNow_s);
  for (const state::GenesisHolder& holder : genesis.holders) {
    const crypto::SoftwareSigner signer(crypto::derive_development_seed(config.development_seed, holder.serial));
    EXPECT_EQ(holder.public_key, signer.public_key()) << holder.serial;
  }
}

TEST(Genesis, WithoutATimeBeginsTheCycleOfTheMoment) {
  Config config = small_config();
  config.genesis_time_s.reset();
  EXPECT_EQ(make_genesis(config, kNow_s).time_ns, (kNow_s - kNow_s % 3600) * 1'000'000'000);
}

TEST(Genesis, ReadsBackWhatItWrote) {
  const state::Genesis genesis = make_genesis(small_config(), kNow_s);
  const std::string text = genesis_text(genesis);
  const auto read = parse_genesis("genesis.json", text);
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(genesis_text(*read), text);
  EXPECT_EQ(read->hash, genesis.hash);
  EXPECT_EQ(read->chain_id, "test-1");
  EXPECT_EQ(read->time_ns, 1'451'865'600'000'000'000U);
  ASSERT_EQ(read->holders.size(), genesis.holders.size());
  EXPECT_EQ(read->holders[4].register_modulus, 18'446'744'073'709'551'615U);
  EXPECT_EQ(read->holders[3].balance, 18'446'744'073'709U);
}

TEST(Genesis, HashIsOverDomainAndFileBytes) {
  EXPECT_EQ(genesis_hash("abc"), sha256("electra/genesis/1abc"));
  const state::Genesis genesis = make_genesis(small_config(), kNow_s);
  EXPECT_EQ(genesis.hash, genesis_hash(genesis_text(genesis)));
  Config other = small_config();
  other.params.retail_price += 1;
  EXPECT_NE(make_genesis(other, kNow_s).hash, genesis.hash);
}

TEST(Genesis, AStateMachineCanBeMadeOfIt) {
  const auto machine = state::Machine::create(make_genesis(small_config(), kNow_s));
  ASSERT_TRUE(machine) << machine.error();
  EXPECT_EQ((*machine)->holder_count(), 5U);
}

TEST(Genesis, AnEditedFileIsRefusedWithThePlace) {
  const std::string good = genesis_text(make_genesis(small_config(), kNow_s));
  struct Case {
    const char* what;
    std::string text;
    const char* place;
    const char* expected;
  };
  const std::vector<Case> cases = {
      {"unknown key", replaced(good, "\"chainId\"", "\"chainID\""), "genesis.json:3: chainID", "did you mean chainId?"},
      {"added key", replaced(good, "\"grace\": 300,", "\"grace\": 300,\n    \"extra\": 1,"),
       "genesis.json:9: params.extra", "unknown key"},
      {"missing key", replaced(good, "    \"grace\": 300,\n", ""), "params.grace", "missing"},
      {"wrong type", replaced(good, "\"interval\": 900", "\"interval\": \"soon\""), "genesis.json:6: params.interval",
       "a whole number"},
      {"out of range", replaced(good, "\"interval\": 900", "\"interval\": 0"), "params.interval", "from 1 to 86400"},
      {"another format", replaced(good, "electra/genesis/1", "electra/genesis/2"), "genesis.json:2: format",
       "one of electra/genesis/1"},
      {"a blank more", replaced(good, "\"grace\": 300", "\"grace\":  300"), "genesis.json:8", "canonical"},
      {"a number for a string", replaced(good, "\"retailPrice\": \"300\"", "\"retailPrice\": 300"), "genesis.json:10",
       "canonical"},
      {"an address of another key", replaced(good, "\"address\": \"electra1", "\"address\": \"electra2"),
       "genesis.json:25", "canonical"},
      {"no last line feed", good.substr(0, good.size() - 1), "genesis.json", "canonical"},
      {"something behind", good + "\n", "genesis.json", "canonical"},
      {"cut short", good.substr(0, good.size() / 2), "genesis.json", ""},
      {"empty", "", "genesis.json", "missing"},
  };
  for (const Case& c : cases) {
    const auto read = parse_genesis("genesis.json", c.text);
    ASSERT_FALSE(read) << c.what;
    EXPECT_THAT(read.error(), HasSubstr(c.place)) << c.what;
    EXPECT_THAT(read.error(), HasSubstr(c.expected)) << c.what;
  }
}

TEST(Genesis, KeysThatCameTooLateAreNamed) {
  const Config config = small_config();
  const state::Genesis genesis = make_genesis(config, kNow_s);
  EXPECT_TRUE(keys_without_effect(config, genesis).empty());
  Config changed = config;
  changed.params.retail_price = 301;
  changed.limits.holders_max = 5000;
  changed.accounts[0].balance += 1;
  EXPECT_THAT(
      keys_without_effect(changed, genesis),
      testing::ElementsAre(HasSubstr("prices.retail (chain: 300)"), HasSubstr("limits.holders"), HasSubstr("alice")));
  changed.accounts.pop_back();
  EXPECT_THAT(keys_without_effect(changed, genesis), testing::Contains(HasSubstr("number of holders")));
}

}  // namespace
}  // namespace electra::app
