// One journal gives one state: in the gateway that wrote it, in this process twice, in another process.
#include <gtest/gtest.h>

#include "meter-proto/address.h"
#include "tests/pipeline/digests.h"

namespace electra::pipeline {
namespace {

using namespace test;

std::vector<std::string> lines_of(const std::string& command) {
  std::vector<std::string> lines;
  FILE* pipe = ::popen(command.c_str(), "r");
  EXPECT_NE(pipe, nullptr);
  char line[256];
  while (std::fgets(line, sizeof line, pipe) != nullptr) {
    lines.emplace_back(line);
    while (!lines.back().empty() && lines.back().back() == '\n') lines.back().pop_back();
  }
  EXPECT_EQ(::pclose(pipe), 0) << command;
  return lines;
}

// A bit of everything: readings over two cycles, transfers that go and that do not, a registration, a suspension, a
// repetition, large and small batches, empty ones.
void drive(std::uint16_t port) {
  Client grid(port, kGrid);
  Client boss(port, kOperator);
  Client meter(port, kM2);
  Client producer(port, kP1);
  Client alice(port, kAlice);
  const std::uint32_t from = alice.holder(kAlice).wallet_account();
  const std::uint32_t to = boss.holder(kBob).wallet_account();
  std::uint64_t sequence = 0;
  for (std::uint64_t boundary = 0; boundary <= 9; ++boundary) {
    ASSERT_EQ(grid.tick(kGenesisS + boundary * 900).result, Result::ok);
    ++sequence;
    ASSERT_EQ(meter.ask(sequence, reading(boundary, 130 * boundary)).result, Result::ok);
    ASSERT_EQ(producer.ask(sequence, reading(boundary, 0, 47 * boundary)).result, Result::ok);
    ASSERT_EQ(grid.ask(sequence, reading(boundary, 83 * boundary)).result, Result::ok);
  }
  const Bytes repeated = alice.frame(1, transfer(from, to, 5));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(alice.ask_frame(repeated, 1).receipt);
  for (std::uint64_t next = 2; next <= 200; ++next) {
    alice.tcp().session().send_frame(alice.frame(next, transfer(from, next % 3 == 0 ? from : to, next)));
  }
  alice.tcp().flush();
  ASSERT_EQ(alice.replies(199).size(), 199U);
  const Person person("NEW1");
  const strict::RegisterKey registration{
      .public_key = person.public_key(), .serial = "NEW1", .roles = state::kRoleMeter, .phases = 1};
  ASSERT_EQ(boss.ask(1, {.not_after = 0, .operation = registration}).result, Result::ok);
  Client fresh(port, person, {.slot = 0, .address = proto::address_of(person.public_key())});
  const strict::ProvePossession proof{.registration_id = *fresh.hello().registration_id};
  ASSERT_EQ(fresh.ask(1, {.not_after = 0, .operation = proof}).result, Result::ok);
  ASSERT_EQ(boss.ask(2, set_status(kBob, state::HolderStatus::suspended)).result, Result::ok);
  ASSERT_EQ(grid.tick(kGenesisS + 3 * 3600).result, Result::ok);
}

TEST(Replay, OfOneJournalGivesOneStateWhereverItRuns) {
  TempDirectory directory;
  RunningGateway gateway(small_settings(directory.path()));
  ASSERT_EQ(gateway.error(), "");
  ASSERT_NO_FATAL_FAILURE(drive(gateway.port()));
  gateway.stop();

  const Replayed once = replay_digests(directory.path());
  const Replayed twice = replay_digests(directory.path());
  EXPECT_EQ(once.digests, twice.digests);
  EXPECT_EQ(once.settlement, twice.settlement);
  EXPECT_EQ(once.digests.size(), gateway.batch_number() + 1);
  EXPECT_EQ(once.messages, gateway.counters().messages);
  EXPECT_EQ(once.digests.back(), gateway.digest());
  EXPECT_EQ(once.settlement, gateway.settlement_digest());

  std::vector<std::string> expected;
  for (const Bytes32& digest : once.digests) expected.push_back(to_hex(digest));
  expected.push_back(to_hex(once.settlement));
  EXPECT_EQ(lines_of(std::string(ELECTRA_PRINT_DIGESTS) + " " + directory.path().string()), expected);

  // Each record changed the state: a digest that stood still would prove nothing.
  for (std::size_t i = 1; i < once.digests.size(); ++i) EXPECT_NE(once.digests[i], once.digests[i - 1]) << i;
}

TEST(Replay, ARunningGatewayTellsTheDigestOfItsJournal) {
  TempDirectory directory;
  RunningGateway gateway(small_settings(directory.path()));
  ASSERT_NO_FATAL_FAILURE(drive(gateway.port()));
  std::this_thread::sleep_for(50ms);  // the watermark's record is out
  wire::Query query;
  query.mutable_digest();
  const wire::QueryAnswer answer = Client(gateway.port(), kAuditor).query(query);
  const Replayed replayed = replay_digests(directory.path());
  EXPECT_EQ(to_hex(bytes_of(answer.digest().state())), to_hex(replayed.digests.back()));
  EXPECT_EQ(to_hex(bytes_of(answer.digest().settlement())), to_hex(replayed.settlement));
}

}  // namespace
}  // namespace electra::pipeline
