// A program that meets rules newer than its own says so and stops; it does not execute them its own way.
#include <gtest/gtest.h>

#include "engine/pipeline/replay.h"
#include "meter-proto/encode.h"
#include "tests/pipeline/support.h"

namespace electra::pipeline {
namespace {

using namespace test;

// A chain on which version 2 came into force with block 2, in a program that knows `known`.
std::unique_ptr<state::Machine> chain_under_version_2(state::RulesRange known) {
  auto machine = std::move(state::Machine::create(small_genesis(), known).value());
  Bytes payload(64);
  payload.resize(
      proto::encode_payload({.not_after = 0, .operation = strict::ScheduleRules{.version = 2, .height = 2}}, payload));
  state::VerifiedMessage message;
  message.slot = kOperator;
  message.envelope.slot = kOperator;
  message.envelope.key_generation = 1;
  message.envelope.sequence = 1;
  message.envelope.payload = payload;
  state::Outcome outcome;
  machine->execute({.number = 1, .time_ns = machine->time_ns() + 1, .closes_block = true, .messages = {&message, 1}},
                   {&outcome, 1});
  EXPECT_EQ(outcome.result, Result::ok);
  EXPECT_EQ(machine->rules_version(), 2U);
  return machine;
}

// What the replayer says of an empty record under `version`; empty if it executed it.
std::string problem_of(state::Machine& machine, std::uint32_t version) {
  const auto verifier = std::move(crypto::make_verifier("sodium").value());
  crypto::KeyStore keys(machine.limits().holders_max, 0);
  follow_key_changes(machine, keys, *verifier);
  RecordReplayer replayer(machine, keys, *verifier);
  io::RecordHeader header{};
  header.rules_version = static_cast<decltype(header.rules_version)>(version);
  header.batch = machine.batch_number() + 1;
  header.time_ns = machine.time_ns() + 1;
  const bool executed = replayer.on_record({.header = header, .body = {}, .file_offset = 0, .segment = 1});
  EXPECT_EQ(executed, replayer.problem().empty());
  return replayer.problem();
}

TEST(NewerRules, AreExecutedByAProgramThatKnowsThem) {
  const auto machine = chain_under_version_2({1, 2});
  EXPECT_EQ(problem_of(*machine, 2), "");
  EXPECT_EQ(machine->batch_number(), 2U);
}

TEST(NewerRules, StopAReplayByAProgramThatDoesNotKnowThem) {
  const auto machine = chain_under_version_2({1, 1});
  EXPECT_EQ(problem_of(*machine, 2), "this program does not know rules version 2");
  EXPECT_EQ(problem_of(*machine, 1), "the record says rules version 1, and version 2 is in force");
  EXPECT_EQ(machine->batch_number(), 1U);
}

}  // namespace
}  // namespace electra::pipeline
