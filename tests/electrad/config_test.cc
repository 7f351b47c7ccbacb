#include "engine/electrad/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace electra::app {
namespace {

using testing::HasSubstr;

const std::string kSource = ELECTRA_SOURCE_DIRECTORY;

std::string text_of_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Config, AnEmptyFileIsTheDefaults) {
  for (const char* text : {"", "# nothing\n", "---\n"}) {
    const auto config = parse_config("config.yml", text);
    ASSERT_TRUE(config) << config.error();
    EXPECT_EQ(config->chain_id, "electra-testnet-0");
    EXPECT_EQ(config->listen_port, 26600);
    EXPECT_EQ(config->params.interval_s, 900U);
    EXPECT_TRUE(config->accounts.empty());
    EXPECT_FALSE(config->genesis_time_s);
  }
}

TEST(Config, TheDefaultFileSaysWhatIsTheDefaultWithoutAFile) {
  const auto shipped = parse_config("default", std::string(default_config_text()));
  ASSERT_TRUE(shipped) << shipped.error();
  const Config plain;
  EXPECT_EQ(shipped->chain_id, plain.chain_id);
  EXPECT_EQ(shipped->development_seed, plain.development_seed);
  EXPECT_EQ(shipped->listen_host, plain.listen_host);
  EXPECT_EQ(shipped->listen_port, plain.listen_port);
  EXPECT_EQ(shipped->listen_udp, plain.listen_udp);
  EXPECT_EQ(shipped->udp_buffer_bytes, plain.udp_buffer_bytes);
  EXPECT_EQ(shipped->replay_clock, plain.replay_clock);
  EXPECT_EQ(shipped->segment_bytes, plain.segment_bytes);
  EXPECT_EQ(shipped->journal_reserve_bytes, plain.journal_reserve_bytes);
  EXPECT_EQ(shipped->sender_burst, plain.sender_burst);
  EXPECT_FALSE(shipped->sender_messages_per_second) << "the default follows from the clock";
  EXPECT_EQ(shipped->batch_messages_max, plain.batch_messages_max);
  EXPECT_EQ(shipped->params.retail_price, plain.params.retail_price);
  EXPECT_EQ(shipped->limits.correction_horizon_s, plain.limits.correction_horizon_s);
  EXPECT_EQ(shipped->limits.timer_visits_per_batch_max, plain.limits.timer_visits_per_batch_max);
  ASSERT_EQ(shipped->accounts.size(), 7U);
  EXPECT_EQ(shipped->accounts[0].name, "alice");
  EXPECT_EQ(shipped->accounts[0].balance, 1'000'000'000U);
  EXPECT_EQ(shipped->accounts[6].name, "prod2");
}

TEST(Config, TheDemonstrationIsSetUpAsItsPageSays) {
  const auto config = parse_config("config.yml", text_of_file(kSource + "/data/lv-urban/config.yml"));
  ASSERT_TRUE(config) << config.error();
  EXPECT_TRUE(config->replay_clock);
  EXPECT_EQ(config->genesis_time_s, 1'451'865'600U);
  EXPECT_EQ(config->params.interval_s, 900U);
  EXPECT_EQ(config->params.cycle_s, 3600U);
  EXPECT_EQ(config->params.grace_s, 300U);
  EXPECT_EQ(config->params.retail_price, 300U);
  EXPECT_EQ(config->params.feed_in_price, 80U);
  EXPECT_EQ(config->gateway.name, "GRID");
  EXPECT_EQ(config->gateway.phases, 1U);
  EXPECT_EQ(config->grid_operator.balance, 1'000'000'000'000U);
  for (const HolderConfig& account : config->accounts) EXPECT_EQ(account.phases, 0U) << account.name;
}

TEST(Config, EveryKeyIsRead) {
  const auto config = parse_config("config.yml", R"(
genesis: {chain_id: grid-7, time: 2016-01-04T00:00:00Z}
development_seed: another phrase
accounts:
  - {name: carol, coins: ["5uelectra", "1.5elc"], roles: [meter, auditor], phases: [1, 3]}
meters:
  - {serial: M-1, phases: [2], roles: [meter, producer], coins: ["7uelectra"], owner: carol,
     register_modulus: 1000000, max_wh_per_interval: 5000}
gateway: {serial: TRAFO, phases: [1, 2, 3], coins: ["9uelectra"]}
operator: {name: boss, coins: ["1elc"]}
metering: {interval: 5m, cycle: 30m, grace: 60, future_tolerance: 0}
prices: {retail: 12000, feed_in: 12000}
limits: {holders: 10, accounts: 100, pending_transfers: 20, correction_horizon: 1d, pending_timeout: 1h, not_after: 2h,
         timer_visits: 5}
clock: replay
listen: "[::1]:0"
udp: {listen: on, socket_buffer: 1MiB}
verify: {backend: sodium, table_memory: 64MiB, table_size: 4KiB, threads: 3, parallel_from: 100}
batches: {messages: 512, pool: 4}
connections: {limit: 7, hello_timeout: 3s}
senders: {messages_per_second: 3, burst: 40}
journal: {segment_bytes: 16MiB, reserve: 5MiB}
log: {level: debug, format: json}
)");
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->chain_id, "grid-7");
  EXPECT_EQ(config->development_seed, "another phrase");
  ASSERT_EQ(config->accounts.size(), 1U);
  EXPECT_EQ(config->accounts[0].balance, 1'500'005U);
  EXPECT_EQ(config->accounts[0].roles, std::uint32_t{state::kRoleMeter} | state::kRoleAuditor);
  EXPECT_EQ(config->accounts[0].phases, 5U);
  ASSERT_EQ(config->meters.size(), 1U);
  EXPECT_EQ(config->meters[0].phases, 2U);
  EXPECT_EQ(config->meters[0].roles, std::uint32_t{state::kRoleMeter} | state::kRoleProducer);
  EXPECT_EQ(config->meters[0].owner, "carol");
  EXPECT_EQ(config->meters[0].register_modulus, 1'000'000U);
  EXPECT_EQ(config->meters[0].max_wh_per_interval, 5000U);
  EXPECT_EQ(config->gateway.name, "TRAFO");
  EXPECT_EQ(config->gateway.phases, 7U);
  EXPECT_EQ(config->gateway.balance, 9U);
  EXPECT_EQ(config->grid_operator.name, "boss");
  EXPECT_EQ(config->params.interval_s, 300U);
  EXPECT_EQ(config->params.cycle_s, 1800U);
  EXPECT_EQ(config->params.grace_s, 60U);
  EXPECT_EQ(config->params.future_tolerance_s, 0U);
  EXPECT_EQ(config->params.feed_in_price, 12000U);
  EXPECT_EQ(config->limits.holders_max, 10U);
  EXPECT_EQ(config->limits.accounts_max, 100U);
  EXPECT_EQ(config->limits.pending_transfers_max, 20U);
  EXPECT_EQ(config->limits.correction_horizon_s, 86400U);
  EXPECT_EQ(config->limits.pending_timeout_max_s, 3600U);
  EXPECT_EQ(config->limits.not_after_max_s, 7200U);
  EXPECT_EQ(config->limits.timer_visits_per_batch_max, 5U);
  EXPECT_TRUE(config->replay_clock);
  EXPECT_EQ(config->listen_host, "::1");
  EXPECT_EQ(config->listen_port, 0);
  EXPECT_TRUE(config->listen_udp);
  EXPECT_EQ(config->udp_buffer_bytes, 1U << 20);
  EXPECT_EQ(config->verify_backend, "sodium");
  EXPECT_EQ(config->table_memory_bytes, 64U << 20);
  EXPECT_EQ(config->table_kib, 4U);
  EXPECT_EQ(config->verify_threads, 3U);
  EXPECT_EQ(config->parallel_batch_min, 100U);
  EXPECT_EQ(config->batch_messages_max, 512U);
  EXPECT_EQ(config->batches_max, 4U);
  EXPECT_EQ(config->connections_max, 7U);
  EXPECT_EQ(config->hello_timeout_s, 3U);
  EXPECT_EQ(config->sender_messages_per_second, 3U);
  EXPECT_EQ(config->sender_burst, 40U);
  EXPECT_EQ(config->segment_bytes, 16U << 20);
  EXPECT_EQ(config->journal_reserve_bytes, 5U << 20);
  EXPECT_EQ(config->log_level, "debug");
  EXPECT_TRUE(config->log_json);
}

struct Bad {
  const char* what;
  const char* text;
  const char* place;     // file, line and key of the complaint
  const char* expected;  // what it says
};

class BadConfig : public testing::TestWithParam<Bad> {};

TEST_P(BadConfig, IsRefusedWithPlaceAndExpectation) {
  const auto config = parse_config("config.yml", GetParam().text);
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error(), HasSubstr(GetParam().place));
  EXPECT_THAT(config.error(), HasSubstr(GetParam().expected));
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(Cases, BadConfig, testing::Values(
    Bad{"unknown key", "clock: real\n\nlisen: 127.0.0.1:1\n", "config.yml:3: lisen: ", "unknown key; did you mean listen?"},
    Bad{"unknown key in a section", "metering:\n  intervall: 900\n", "config.yml:2: metering.intervall: ", "did you mean metering.interval?"},
    Bad{"unknown key in a list", "accounts:\n  - name: a\n    coin: []\n", "config.yml:3: accounts[0].coin: ", "did you mean accounts[].coins?"},
    Bad{"a key in the wrong section", "chain_id: x\n", "config.yml:1: chain_id: ", "did you mean genesis.chain_id?"},
    Bad{"a key like no other", "validator: {name: alice}\n", "config.yml:1: validator: ", "unknown key"},
    Bad{"a key twice", "clock: real\nclock: replay\n", "config.yml:2: clock: ", "twice"},
    Bad{"text for a number", "prices: {retail: cheap}\n", "config.yml:1: prices.retail: ", "a whole number from 0 to 1000000000, found \"cheap\""},
    Bad{"a fraction for a whole number", "prices: {retail: 1.5}\n", "prices.retail", "a whole number"},
    Bad{"a negative number", "prices: {retail: -1}\n", "prices.retail", "a whole number"},
    Bad{"an octal-looking number", "prices: {retail: 0300}\n", "prices.retail", "a whole number"},
    Bad{"above the range", "batches: {messages: 8193}\n", "config.yml:1: batches.messages: ", "from 2 to 8192, found \"8193\""},
    Bad{"below the range", "batches: {pool: 1}\n", "batches.pool", "from 2 to 64"},
    Bad{"an unknown unit", "metering: {interval: 15min}\n", "metering.interval", "a time from 1 to 86400 seconds"},
    Bad{"a size without meaning", "journal: {segment_bytes: 64MB}\n", "journal.segment_bytes", "such as 65536, 64KiB or 64MiB"},
    Bad{"an unknown choice", "clock: fast\n", "config.yml:1: clock: ", "one of real, replay, found \"fast\""},
    Bad{"no value", "clock:\n", "config.yml:1: clock: ", "one of real, replay, found nothing"},
    Bad{"a list for a word", "clock: [real]\n", "clock", "found a list"},
    Bad{"a word for a section", "metering: 900\n", "config.yml:1: metering: ", "a section with keys of its own, found \"900\""},
    Bad{"a mapping for a list", "accounts: {alice: 5}\n", "config.yml:1: accounts: ", "a list of entries"},
    Bad{"a word in a list of entries", "accounts:\n  - alice\n", "config.yml:2: accounts[0]: ", "found \"alice\""},
    Bad{"a missing name", "accounts:\n  - coins: [\"1elc\"]\n", "config.yml:2: accounts[0].name: ", "missing; expected a name"},
    Bad{"a name with a slash", "accounts:\n  - name: ../alice\n", "config.yml:2: accounts[0].name: ", "1 to 32 letters"},
    Bad{"a foreign token", "accounts:\n  - {name: a, coins: [\"5stake\"]}\n", "accounts[0].coins", "the only token there is"},
    Bad{"an amount without unit", "accounts:\n  - {name: a, coins: [\"5\"]}\n", "accounts[0].coins", "has no unit"},
    Bad{"an unknown role", "accounts:\n  - {name: a, roles: [king]}\n", "accounts[0].roles", "a list of meter, owner, producer"},
    Bad{"a phase that does not exist", "gateway: {phases: [4]}\n", "gateway.phases", "a list of phases"},
    Bad{"a phase twice", "gateway: {phases: [1, 1]}\n", "gateway.phases", "twice"},
    Bad{"an address without port", "listen: localhost\n", "config.yml:1: listen: ", "host:port"},
    Bad{"an IPv6 address without brackets", "listen: \"::1:5\"\n", "listen", "host:port"},
    Bad{"a port out of range", "listen: 127.0.0.1:65536\n", "listen", "host:port"},
    Bad{"an instant whose nanoseconds do not fit", "genesis: {time: 2600-01-01T00:00:00Z}\n", "config.yml:1: genesis.time: ", "from 1970 to 2242"},
    Bad{"a segment of broken pages", "journal: {segment_bytes: 10000001}\n", "config.yml:1: journal.segment_bytes: ", "a multiple of 4096"},
    Bad{"a horizon before settlement", "metering: {cycle: 12h}\nlimits: {correction_horizon: 1h}\n", "config.yml:2: limits.correction_horizon: ", "43500 s"},
    Bad{"a holder without a role", "accounts:\n  - {name: a, roles: []}\n", "config.yml:2: accounts[0].name: ", "needs a role"},
    Bad{"phases without a role of a meter", "accounts:\n  - {name: a, phases: [1]}\n", "accounts[0].name", "needs the role meter"},
    Bad{"a modulus of one", "meters:\n  - {serial: M, register_modulus: 1}\n", "meters[0].serial", "0 (never rolls over) or above 1"},
    Bad{"an instant in another spelling", "genesis: {time: 2016-01-04}\n", "genesis.time", "such as 2016-01-04T00:00:00Z"},
    Bad{"a cycle of broken intervals", "metering:\n  interval: 700\n", "config.yml:2: metering.interval: ", "a divisor of a day"},
    Bad{"a cycle that is no multiple", "metering:\n  interval: 3600\n  cycle: 900\n", "config.yml:3: metering.cycle: ", "a multiple of metering.interval"},
    Bad{"a begin inside of a cycle", "genesis: {time: 2016-01-04T00:15:00Z}\n", "config.yml:1: genesis.time: ", "the beginning of a cycle"},
    Bad{"a replay that begins nowhere", "clock: replay\n", "config.yml:1: clock: ", "needs genesis.time"},
    Bad{"feed-in above retail", "prices:\n  retail: 10\n  feed_in: 11\n", "config.yml:3: prices.feed_in: ", "at most prices.retail (10), found 11"},
    Bad{"one name twice", "accounts:\n  - name: a\n  - name: a\n", "config.yml:3: accounts[1].name: ", "\"a\" is the name at accounts[0].name"},
    Bad{"the operator's name twice", "accounts:\n  - name: operator\n", "config.yml:2: accounts[0].name: ", "the name at operator.name"},
    Bad{"an owner that is not there", "meters:\n  - serial: M\n    owner: nobody\n", "config.yml:3: meters[0].owner: ", "no account named \"nobody\""},
    Bad{"a second gateway", "accounts:\n  - {name: g, roles: [gateway], phases: [1]}\n", "accounts[0].name", "one gateway"},
    Bad{"a meter without phases", "meters:\n  - {serial: M, phases: []}\n", "meters[0].serial", "needs phases"},
    Bad{"more holders than the limit", "limits: {holders: 2}\naccounts:\n  - name: a\n", "config.yml:1: limits.holders: ", "at least 3"},
    Bad{"more money than there is", "operator: {coins: [\"18446744073709551615uelectra\"]}\n", "accounts", "2^62"},
    Bad{"a list at the top", "- a\n", "config.yml:1: ", "keys and values"},
    Bad{"a second document", "clock: real\n---\nclock: real\n", "config.yml:3: ", "one document"},
    Bad{"no YAML", "a: [1, 2\nb: }\n", "config.yml:", ""}),
    [](const testing::TestParamInfo<Bad>& info) {
      std::string name;
      for (const char c : std::string(info.param.what)) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
      return name;
    });
// clang-format on

TEST(Config, AllComplaintsComeAtOnce) {
  const auto config = parse_config("config.yml", "lisen: x\nclock: fast\nprices: {retail: no}\n");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error(), HasSubstr("config.yml:1: lisen"));
  EXPECT_THAT(config.error(), HasSubstr("config.yml:2: clock"));
  EXPECT_THAT(config.error(), HasSubstr("config.yml:3: prices.retail"));
}

TEST(Config, EveryKeyHasItsPlaceInTheDocumentation) {
  const std::string page = text_of_file(kSource + "/docs/configuration.md");
  ASSERT_FALSE(page.empty());
  for (const auto& row : config_table()) {
    EXPECT_THAT(page, HasSubstr("`" + std::string(row.spec.path) + "`")) << "docs/configuration.md";
  }
}

TEST(Config, AFileThatIsNotThereIsNamed) {
  const auto text = read_text_file("/nowhere/config.yml");
  ASSERT_FALSE(text);
  EXPECT_THAT(text.error(), HasSubstr("/nowhere/config.yml"));
}

}  // namespace
}  // namespace electra::app
