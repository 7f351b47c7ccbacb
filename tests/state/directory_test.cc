// Registration in two steps, statuses, and who may do what.

#include "meter-proto/address.h"
#include "tests/state/support.h"

namespace electra::state::test {
namespace {

constexpr Slot kAlice = 3;

class DirectoryTest : public ::testing::Test {
 protected:
  DirectoryTest() : chain_(genesis()) {}

  static Genesis genesis() {
    Genesis genesis = genesis_with({meter("ALICE", 1, 1000)});
    GenesisHolder second = meter("OPER2", 0);
    second.roles = kRoleOperator;
    genesis.holders.push_back(second);
    genesis.limits.holders_max = 7;
    return genesis;
  }
  Result set_status(Slot sender, Slot slot, HolderStatus status) {
    return chain_.send(sender, strict::SetStatus{slot, static_cast<std::uint32_t>(status)}).result;
  }

  Chain chain_;
};

TEST_F(DirectoryTest, AHolderIsPendingUntilItProvesPossession) {
  const Message message = chain_.make(kOperator, registration("NEW", kRoleMeter, 7, kAlice));
  const Outcome outcome = chain_.send(message);
  ASSERT_EQ(outcome.result, Result::ok);
  const Slot slot = static_cast<Slot>(outcome.detail);
  ASSERT_EQ(slot, 5U);
  ASSERT_EQ(chain_.machine().key_changes().size(), 1U);
  EXPECT_EQ(chain_.machine().key_changes()[0].status, HolderStatus::pending);
  EXPECT_EQ(chain_.machine().key_changes()[0].public_key, key_of("NEW"));

  const HolderView view = chain_.holder(slot);
  EXPECT_EQ(view.status, HolderStatus::pending);
  EXPECT_EQ(view.registration_id, message.verified.id);
  EXPECT_EQ(view.address, proto::address_of(key_of("NEW")));
  EXPECT_EQ(view.owner_slot, kAlice);
  EXPECT_EQ(chain_.machine().find_serial("NEW"), slot);
  EXPECT_EQ(chain_.machine().find_key(key_of("NEW")), slot);
  EXPECT_EQ(chain_.machine().find_address(view.address), slot);
  EXPECT_EQ(chain_.account(view.wallet_account).flags, kDebitsMustNotExceedCredits);
  EXPECT_EQ(chain_.account(view.energy_account).asset, Asset::watt_hour);
  EXPECT_EQ(chain_.account(view.debt_account).flags, kSettlementOnly);

  EXPECT_EQ(chain_.send(slot, reading(0, {{1, 0}, {1, 0}, {1, 0}})).result, Result::not_active);
  EXPECT_EQ(chain_.send(slot, strict::ProvePossession{chain_.holder(kAlice).public_key}).result,
            Result::wrong_registration);
  EXPECT_EQ(chain_.send(slot, strict::ProvePossession{message.verified.id}, {.by_address = true}).result, Result::ok);
  ASSERT_EQ(chain_.machine().key_changes().size(), 1U);
  EXPECT_EQ(chain_.machine().key_changes()[0].status, HolderStatus::active);
  EXPECT_EQ(chain_.send(slot, strict::ProvePossession{message.verified.id}).result, Result::already_active);
  EXPECT_EQ(chain_.send(slot, reading(0, {{1, 0}, {1, 0}, {1, 0}})).result, Result::ok);
  EXPECT_TRUE(chain_.machine().key_changes().empty());
}

TEST_F(DirectoryTest, RegistrationReportsTheFirstRuleThatFails) {
  struct Case {
    const char* name;
    strict::RegisterKey operation;
    bool key_valid;
    Result expected;
  };
  strict::RegisterKey modulus_1 = registration("NEW");
  modulus_1.register_modulus = 1;
  strict::RegisterKey huge = registration("NEW");
  huge.max_wh_per_interval = std::uint64_t{1} << 40;
  strict::RegisterKey other_serial = registration("ALICE");
  other_serial.serial = "NEW";
  strict::RegisterKey other_key = registration("NEW");
  other_key.serial = "ALICE";
  const Case cases[] = {
      {"an empty serial", registration(""), true, Result::invalid_field},
      {"a blank in the serial", registration("A B"), true, Result::invalid_field},
      {"no role", registration("NEW", 0), true, Result::invalid_field},
      {"a role that does not exist", registration("NEW", 64), true, Result::invalid_field},
      {"a second gateway", registration("NEW", kRoleGateway), true, Result::invalid_field},
      {"four phases", registration("NEW", kRoleMeter, 8), true, Result::invalid_field},
      {"phases without a role of a meter", registration("NEW", kRoleOwner, 1), true, Result::invalid_field},
      {"a modulus of 1", modulus_1, true, Result::invalid_field},
      {"more than a meter can measure", huge, true, Result::invalid_field},
      {"a bad key", registration("NEW"), false, Result::invalid_key},
      {"a bad key that is taken", other_serial, false, Result::invalid_key},
      {"a taken key", other_serial, true, Result::key_taken},
      {"a taken serial", other_key, true, Result::serial_taken},
      {"an owner who does not exist", registration("NEW", kRoleMeter, 1, 99), true, Result::unknown_holder},
      {"all is well", registration("NEW", kRoleMeter, 1, kAlice), true, Result::ok},
      {"again", registration("NEW", kRoleMeter, 1), true, Result::key_taken},
      {"an owner has no meter", registration("OWNER", kRoleOwner, 0), true, Result::ok},
      {"the last one", registration("LAST"), true, Result::ok},
      {"one more", registration("MORE"), true, Result::directory_full},
  };
  for (const Case& one : cases)
    EXPECT_EQ(chain_.send(kOperator, one.operation, {.key_valid = one.key_valid}).result, one.expected) << one.name;
  EXPECT_EQ(chain_.machine().holder_count(HolderStatus::pending), 3U);
  EXPECT_EQ(chain_.machine().holder_count(), 7U);
}

TEST_F(DirectoryTest, OnlyOperatorsRegisterOpenAndSetStatus) {
  EXPECT_EQ(chain_.send(kAlice, registration("NEW")).result, Result::no_role);
  EXPECT_EQ(chain_.send(kAlice, strict::OpenAccounts{kAlice, 1, 1, 1}).result, Result::no_role);
  EXPECT_EQ(chain_.send(kAlice, strict::SetStatus{4, 3}).result, Result::no_role);
  EXPECT_EQ(chain_.send(kOperator, reading(0, 1)).result, Result::no_role) << "an operator is no meter";
}

TEST_F(DirectoryTest, StatusesFollowTheirTable) {
  using enum HolderStatus;
  const Slot pending_slot = static_cast<Slot>(chain_.send(kOperator, registration("NEW")).detail);
  struct Case {
    const char* name;
    Slot sender, slot;
    HolderStatus to;
    Result expected;
  };
  const Case cases[] = {
      {"none is no status", kOperator, kAlice, none, Result::invalid_field},
      {"nor is 5", kOperator, kAlice, static_cast<HolderStatus>(5), Result::invalid_field},
      {"nobody", kOperator, 99, suspended, Result::unknown_holder},
      {"active to active", kOperator, kAlice, active, Result::invalid_status},
      {"back to pending", kOperator, kAlice, pending, Result::invalid_status},
      {"only the holder ends pending", kOperator, pending_slot, active, Result::invalid_status},
      {"pending to suspended", kOperator, pending_slot, suspended, Result::invalid_status},
      {"itself", kOperator, kOperator, suspended, Result::invalid_status},
      {"itself, for ever", kOperator, kOperator, retired, Result::invalid_status},
      {"the gateway, for ever", kOperator, kGrid, retired, Result::invalid_status},
      {"suspends", kOperator, kAlice, suspended, Result::ok},
      {"activates again", kOperator, kAlice, active, Result::ok},
      {"suspends another operator", kOperator, 4, suspended, Result::ok},
      {"retires the suspended", kOperator, 4, retired, Result::ok},
      {"retires the pending", kOperator, pending_slot, retired, Result::ok},
      {"retired is for ever", kOperator, 4, active, Result::invalid_status},
  };
  for (const Case& one : cases) EXPECT_EQ(set_status(one.sender, one.slot, one.to), one.expected) << one.name;
}

TEST_F(DirectoryTest, ASuspendedHolderIsNotHeard) {
  // Also within one batch: the message was verified before the holder was suspended.
  const std::vector<Message> messages = {chain_.make(kAlice, reading(0, 1)),
                                         chain_.make(kOperator, strict::SetStatus{kAlice, 3}),
                                         chain_.make(kAlice, reading(1, 2))};
  const std::vector<Outcome> outcomes = chain_.batch(10, messages);
  EXPECT_EQ(outcomes[0].result, Result::ok);
  EXPECT_EQ(outcomes[1].result, Result::ok);
  EXPECT_EQ(outcomes[2].result, Result::key_superseded);
  EXPECT_EQ(chain_.holder(kAlice).highest_sequence, 1U);
  EXPECT_EQ(set_status(kOperator, kAlice, HolderStatus::active), Result::ok);
  EXPECT_EQ(chain_.send(messages[2]).result, Result::ok) << "the same bytes, sent again later";
}

TEST(Genesis, IsRefusedWithTheFieldThatIsWrong) {
  struct Case {
    const char* says;
    void (*spoil)(Genesis&);
  };
  const Case cases[] = {
      {"params.cycle_s must be a multiple", [](Genesis& g) { g.params.interval_s = 700; }},
      {"params.cycle_s must divide a day", [](Genesis& g) { g.params.cycle_s = 900 * 7; }},
      {"reach over more intervals", [](Genesis& g) { g.params.interval_s = 25; }},
      {"params.retail_price", [](Genesis& g) { g.params.retail_price = 2'000'000'000; }},
      {"params.feed_in_price", [](Genesis& g) { g.params.feed_in_price = 301; }},
      {"not a multiple of params.cycle_s", [](Genesis& g) { g.time_ns += 1; }},
      {"limits.holders_max", [](Genesis& g) { g.limits.holders_max = 0; }},
      {"more holders than", [](Genesis& g) { g.limits.holders_max = 2; }},
      {"limits.accounts_max", [](Genesis& g) { g.limits.accounts_max = 5; }},
      {"timer_visits_per_batch_max", [](Genesis& g) { g.limits.timer_visits_per_batch_max = 0; }},
      {"correction_horizon_s", [](Genesis& g) { g.limits.correction_horizon_s = 60; }},
      {"genesis holder 3: the serial", [](Genesis& g) { g.holders[2].serial = "a/b"; }},
      {"genesis holder 3: its serial is another", [](Genesis& g) { g.holders[2].serial = "GRID"; }},
      {"genesis holder 3: its key is another", [](Genesis& g) { g.holders[2].public_key = key_of("GRID"); }},
      {"genesis holder 3: roles", [](Genesis& g) { g.holders[2].roles = 64; }},
      {"genesis holder 3: phases", [](Genesis& g) { g.holders[2].phases = 8; }},
      {"genesis holder 3: there is no holder", [](Genesis& g) { g.holders[2].owner_slot = 4; }},
      {"genesis holder 3: max_wh_per_interval", [](Genesis& g) { g.holders[2].max_wh_per_interval = UINT64_MAX; }},
      {"the balances sum", [](Genesis& g) { g.holders[2].balance = UINT64_MAX; }},
      {"role gateway, not 2", [](Genesis& g) { g.holders[2].roles = kRoleGateway; }},
      {"role gateway, not 0", [](Genesis& g) { g.holders[0].roles = kRoleMeter; }},
  };
  for (const Case& one : cases) {
    Genesis genesis = genesis_with({meter("ALICE")});
    one.spoil(genesis);
    const auto created = Machine::create(genesis);
    ASSERT_FALSE(created.has_value()) << one.says;
    EXPECT_NE(created.error().find(one.says), std::string::npos) << created.error();
  }
}

TEST(Genesis, IssuesItsBalancesAndNamesItsKeys) {
  const Chain chain(genesis_with({meter("ALICE", 1, 700), meter("BOB", 0, 300)}));
  EXPECT_EQ(chain.account(kIssuerAccount).debits_posted, 1000U);
  EXPECT_EQ(chain.holder(3).wallet_balance, 700);
  EXPECT_EQ(chain.machine().key_changes().size(), 4U);
  EXPECT_EQ(chain.machine().gateway_slot(), kGrid);
  EXPECT_EQ(chain.machine().batch_number(), 0U);
  EXPECT_EQ(chain.machine().next_timer_ns(), (kGenesisS + 3600 + 300) * kSecond);
  EXPECT_GT(chain.machine().memory_bytes(), 100'000U);
  expect_books_close(chain.machine());
}

}  // namespace
}  // namespace electra::state::test
