// Who may ask what.
#include <gtest/gtest.h>

#include "engine/pipeline/queries.h"
#include "meter-proto/base/sha256.h"
#include "meter-proto/encode.h"
#include "tests/pipeline/raw_socket.h"
#include "tests/pipeline/support.h"

namespace electra::pipeline {
namespace {

using namespace test;

class GatewayQueries : public testing::Test {
 protected:
  TempDirectory directory_;
  RunningGateway gateway_{small_settings(directory_.path())};

  void SetUp() override { ASSERT_EQ(gateway_.error(), ""); }

  // Slot 0: without a hello.
  Result result_for(state::Slot asker, const wire::Query& query) {
    if (asker != 0) return static_cast<Result>(Client(gateway_.port(), asker).query(query).result());
    RawSocket socket(gateway_.port());
    const std::string text = query.SerializeAsString();
    Bytes frame(text.size() + 16);
    frame.resize(proto::encode_frame(strict::FrameKind::query, bytes_of(text), frame));
    EXPECT_TRUE(socket.send(frame));
    (void)socket.read_frame(kPatience);  // the welcome
    const auto body = socket.read_frame(kPatience);
    strict::FrameView view;
    wire::QueryAnswer answer;
    EXPECT_TRUE(body && strict::decode_frame(*body, view) == Result::ok &&
                view.kind == strict::FrameKind::query_answer);
    EXPECT_TRUE(answer.ParseFromArray(view.message.data(), static_cast<int>(view.message.size())));
    return static_cast<Result>(answer.result());
  }
};

wire::Query holder_query(state::Slot slot) {
  wire::Query query;
  query.mutable_holder()->set_slot(slot);
  return query;
}
wire::Query account_query(std::uint32_t account) {
  wire::Query query;
  query.mutable_account()->set_account(account);
  return query;
}

TEST_F(GatewayQueries, PersonalFiguresAreForTheirHolderItsOwnerAndTheOfficesOnly) {
  constexpr Result ok = Result::ok;
  constexpr Result no = Result::not_permitted;
  constexpr Result who = Result::hello_required;
  wire::Query status, params, cycle, cycles, digest, holders;
  status.mutable_status();
  params.mutable_params();
  cycle.mutable_current_cycle();
  cycles.mutable_cycles();
  digest.mutable_digest();
  holders.mutable_holders();
  const std::uint32_t wallet_of_bob = Client(gateway_.port(), kBob).holder(kBob).wallet_account();
  const std::uint32_t energy_of_m1 = Client(gateway_.port(), kOperator).holder(kM1).energy_account();
  struct Case {
    const char* what;
    wire::Query query;
    Result nobody, grid, grid_operator, auditor, alice, bob, m1;
  };
  const Case cases[] = {
      // question          query                                nobody grid operator auditor alice bob m1
      {"status", status, ok, ok, ok, ok, ok, ok, ok},
      {"params", params, ok, ok, ok, ok, ok, ok, ok},
      {"current cycle", cycle, ok, ok, ok, ok, ok, ok, ok},
      {"cycles", cycles, ok, ok, ok, ok, ok, ok, ok},
      {"digest", digest, who, ok, ok, ok, no, no, no},
      {"holders", holders, who, ok, ok, ok, ok, ok, ok},
      {"bob", holder_query(kBob), who, ok, ok, ok, no, ok, no},
      {"alice", holder_query(kAlice), who, ok, ok, ok, ok, no, no},
      {"alice's meter M1", holder_query(kM1), who, ok, ok, ok, ok, no, ok},
      {"bob's wallet", account_query(wallet_of_bob), who, ok, ok, ok, no, ok, no},
      {"energy of M1", account_query(energy_of_m1), who, ok, ok, ok, ok, no, ok},
      {"issuer's account", account_query(state::kIssuerAccount), who, ok, ok, ok, no, no, no},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    EXPECT_EQ(result_for(0, c.query), c.nobody);
    EXPECT_EQ(result_for(kGrid, c.query), c.grid);
    EXPECT_EQ(result_for(kOperator, c.query), c.grid_operator);
    EXPECT_EQ(result_for(kAuditor, c.query), c.auditor);
    EXPECT_EQ(result_for(kAlice, c.query), c.alice);
    EXPECT_EQ(result_for(kBob, c.query), c.bob);
    EXPECT_EQ(result_for(kM1, c.query), c.m1);
  }
}

TEST_F(GatewayQueries, AListHoldsOnlyWhatTheAskerMaySee) {
  wire::Query holders;
  holders.mutable_holders();
  EXPECT_EQ(Client(gateway_.port(), kAuditor).query(holders).holders().holders_size(), 8);
  const wire::HolderList of_alice = Client(gateway_.port(), kAlice).query(holders).holders();
  ASSERT_EQ(of_alice.holders_size(), 2);  // herself and her meter
  EXPECT_EQ(of_alice.holders(0).serial(), "alice");
  EXPECT_EQ(of_alice.holders(1).serial(), "M1");
  EXPECT_EQ(of_alice.next_slot(), 0U);

  holders.mutable_holders()->set_limit(3);
  Client auditor(gateway_.port(), kAuditor);
  std::vector<std::string> serials;
  std::uint32_t next = 1;
  while (next != 0) {
    holders.mutable_holders()->set_from_slot(next);
    const wire::HolderList page = auditor.query(holders).holders();
    ASSERT_LE(page.holders_size(), 3);
    for (const wire::Holder& holder : page.holders()) serials.push_back(holder.serial());
    next = page.next_slot();
  }
  EXPECT_EQ(serials, (std::vector<std::string>{"GRID", "operator", "auditor", "alice", "bob", "M1", "M2", "P1"}));
}

TEST_F(GatewayQueries, UnknownThingsAreNotFoundAndEmptyQuestionsMalformed) {
  Client auditor(gateway_.port(), kAuditor);
  const auto ask = [&](const wire::Query& query) { return static_cast<Result>(auditor.query(query).result()); };
  EXPECT_EQ(ask(holder_query(99)), Result::not_found);
  EXPECT_EQ(ask(holder_query(0)), Result::not_found);
  EXPECT_EQ(ask(account_query(60'000)), Result::not_found);
  wire::Query by_serial;
  by_serial.mutable_holder()->set_serial("no such serial");
  EXPECT_EQ(ask(by_serial), Result::not_found);
  by_serial.mutable_holder()->set_serial("M2");
  EXPECT_EQ(ask(by_serial), Result::ok);
  wire::Query by_address;
  by_address.mutable_holder()->set_address("short");
  EXPECT_EQ(ask(by_address), Result::not_found);
  EXPECT_EQ(ask({}), Result::malformed_frame);
}

TEST_F(GatewayQueries, AnOfficeThatIsSuspendedSeesNoMoreThanAnybody) {
  Client boss(gateway_.port(), kOperator);
  Client auditor(gateway_.port(), kAuditor);
  ASSERT_EQ(auditor.query(holder_query(kBob)).result(), 0U);
  ASSERT_EQ(boss.ask(1, set_status(kAuditor, state::HolderStatus::suspended)).result, Result::ok);
  EXPECT_EQ(static_cast<Result>(auditor.query(holder_query(kBob)).result()), Result::not_permitted);
  wire::Query digest;
  digest.mutable_digest();
  EXPECT_EQ(static_cast<Result>(auditor.query(digest).result()), Result::not_permitted);
}

TEST_F(GatewayQueries, TheStatusNamesTheChainAndItsState) {
  Client boss(gateway_.port(), kOperator);
  const wire::Status status = boss.status();
  EXPECT_EQ(status.chain_id(), "electra-pipeline-test");
  EXPECT_EQ(status.batch(), 0U);
  EXPECT_EQ(status.time(), kGenesisS * kSecondNs);
  EXPECT_EQ(status.holders(), 8U);
  EXPECT_EQ(status.backend(), crypto::backend_names().front());
  EXPECT_EQ(status.version(), "test");
  EXPECT_TRUE(status.replay_clock());
}

// A stranger among many: an answer that looks at all of them would hold up the io thread.
TEST(HolderPages, EndAfterABoundedNumberOfHoldersAndSayWhereToGoOn) {
  constexpr std::uint32_t kHolders = 10'005;
  state::Genesis genesis;
  genesis.chain_id = "many";
  genesis.time_ns = std::uint64_t{1'451'865'600} * 1'000'000'000;
  genesis.limits.holders_max = kHolders;
  for (std::uint32_t i = 1; i <= kHolders; ++i) {
    state::GenesisHolder holder;
    holder.serial = std::string("H").append(std::to_string(i));
    holder.public_key = i == 1 ? Person("gateway").public_key() : sha256(bytes_of(holder.serial));
    holder.roles = i == 1 ? state::kRoleGateway : state::kRoleOwner;
    genesis.holders.push_back(holder);
  }
  const auto machine = state::Machine::create(genesis);
  ASSERT_TRUE(machine.has_value()) << machine.error();
  const TempDirectory directory;
  const auto keeper = BlockKeeper::open({.signer = Person("gateway").signer(),
                                         .headers_file = directory.path() / "headers.bin",
                                         .signed_height_file = directory.path() / "gateway.signed"},
                                        **machine);
  ASSERT_TRUE(keeper.has_value()) << keeper.error();
  wire::Query query;
  query.mutable_holders();
  const wire::HolderList first = answer_query(query, {kHolders}, **machine, **keeper, {}).holders();
  EXPECT_EQ(first.holders_size(), 0);
  ASSERT_EQ(first.next_slot(), 10'001u);
  query.mutable_holders()->set_from_slot(first.next_slot());
  const wire::HolderList second = answer_query(query, {kHolders}, **machine, **keeper, {}).holders();
  ASSERT_EQ(second.holders_size(), 1);
  EXPECT_EQ(second.holders(0).slot(), kHolders);
  EXPECT_EQ(second.next_slot(), 0u);
}

}  // namespace
}  // namespace electra::pipeline
