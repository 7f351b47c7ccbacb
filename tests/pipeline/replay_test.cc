// One journal gives one state: in the gateway that wrote it, in this process twice, in another process.
#include <gtest/gtest.h>

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

TEST(Replay, OfOneJournalGivesOneStateWhereverItRuns) {
  TempDirectory directory;
  RunningGateway gateway(small_settings(directory.path()));
  ASSERT_EQ(gateway.error(), "");
  ASSERT_NO_FATAL_FAILURE(do_a_bit_of_everything(gateway.port()));
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
  ASSERT_NO_FATAL_FAILURE(do_a_bit_of_everything(gateway.port()));
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
