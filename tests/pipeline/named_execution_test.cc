// A message that trips an assertion is named, when it happens and at the next start, and can be cut when nobody was told of
// it. The assertion is planted by the tests: the machine is wrapped by one that does not like a certain sequence.
#include "engine/pipeline/named_execution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "engine/pipeline/tail_cut.h"
#include "meter-proto/base/assert.h"
#include "tests/pipeline/support.h"

namespace electra::pipeline {
namespace {

using namespace test;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::uint64_t kPoison = 666;

// Executes as the machine does, up to the poison.
void execute_but_poison(state::Machine& machine, const state::BatchInput& batch, std::span<state::Outcome> outcomes) {
  const auto poison = std::ranges::find_if(
      batch.messages, [](const state::VerifiedMessage& message) { return message.envelope.sequence == kPoison; });
  if (poison == batch.messages.end()) return machine.execute(batch, outcomes);
  const auto before = static_cast<std::size_t>(poison - batch.messages.begin());
  state::BatchInput part = batch;
  part.messages = batch.messages.first(before);
  machine.execute(part, outcomes.first(before));
  std::this_thread::sleep_for(300ms);  // the disk gets the record meanwhile
  ELECTRA_ASSERT_NE(poison->envelope.sequence, kPoison);
}

class NamedExecutionDeathTest : public testing::Test {
 protected:
  GatewaySettings settings(bool poisoned) {
    GatewaySettings settings = small_settings(directory_.path());
    settings.parallel_batch_min = 1;  // every record is on its way to the disk before it is executed
    settings.on_tripped = [this](const TripNote& note) { told_ = note; };
    if (poisoned) settings.other_execution = execute_but_poison;
    return settings;
  }
  // In a child, which dies of it. Some messages are acknowledged before.
  void die() {
    RunningGateway gateway(settings(true));
    Client meter(gateway.port(), kM2);
    for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) (void)meter.ask(sequence, reading(0, 1));
    meter.tcp().session().send_frame(meter.frame(6, reading(0, 1)));
    meter.tcp().session().send_frame(meter.frame(kPoison, reading(0, 1)));
    meter.tcp().flush();
    gateway.join();
  }
  std::expected<TailCut, std::string> plan() {
    return plan_tail_cut(directory_.path(), small_genesis().hash, directory_.path() / "snapshots");
  }

  TempDirectory directory_;
  std::optional<TripNote> told_;
};

constexpr const char* kNamed =
    "execution stopped at message [12] of [12] of batch [0-9]+: slot 7, sequence 666, id [0-9a-f]{64}";

TEST_F(NamedExecutionDeathTest, NamesTheMessageAndAgainAtTheNextStartUntilItsTailIsCut) {
  static_assert(kM2 == 7);
  EXPECT_DEATH(die(), kNamed);
  const auto note = read_trip_note(trip_note_file(directory_.path()));
  ASSERT_TRUE(note);
  EXPECT_EQ(note->slot, kM2);
  EXPECT_EQ(note->sequence, kPoison);
  ASSERT_TRUE(note->acknowledged);
  EXPECT_LT(*note->acknowledged, note->batch);

  // The record is on the disk: every start fails at it, and says so.
  EXPECT_DEATH(RunningGateway{settings(true)}, kNamed);
  const auto again = read_trip_note(trip_note_file(directory_.path()));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->acknowledged, note->acknowledged) << "what the first failure knew is kept";

  const auto before = journal_messages(directory_.path());
  ASSERT_EQ(before.count({kM2, kPoison}), 1U);
  const auto cut = plan();
  ASSERT_TRUE(cut) << cut.error();
  EXPECT_EQ(cut->first_batch, note->batch);
  EXPECT_GT(cut->first_batch, cut->watermark);
  EXPECT_EQ(cut->messages.back().sequence, kPoison);
  EXPECT_EQ(journal_messages(directory_.path()), before) << "a plan changes nothing";

  const auto done = cut_tail(directory_.path(), *cut);
  ASSERT_TRUE(done) << done.error();
  EXPECT_FALSE(read_trip_note(trip_note_file(directory_.path())));
  RunningGateway gateway(settings(true));
  ASSERT_EQ(gateway.error(), "");
  EXPECT_FALSE(told_);
  Client meter(gateway.port(), kM2);
  ASSERT_TRUE(meter.connected());
  for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) {
    EXPECT_TRUE(meter.ask(sequence, reading(0, 1)).body.repeated) << "acknowledged, so it is there";
  }
  EXPECT_TRUE(meter.ask(6, reading(0, 1)).receipt);
  gateway.stop();
  EXPECT_EQ(journal_messages(directory_.path()).count({kM2, kPoison}), 0U);
}

TEST_F(NamedExecutionDeathTest, ABetterProgramExecutesTheTailAndForgets) {
  EXPECT_DEATH(die(), kNamed);
  RunningGateway gateway(settings(false));
  ASSERT_EQ(gateway.error(), "");
  ASSERT_TRUE(told_) << "the start tells what happened before";
  EXPECT_EQ(told_->sequence, kPoison);
  EXPECT_FALSE(read_trip_note(trip_note_file(directory_.path())));
  Client meter(gateway.port(), kM2);
  EXPECT_EQ(meter.hello().highest_sequence, kPoison);
  const auto nothing = plan();
  ASSERT_FALSE(nothing);
  EXPECT_THAT(nothing.error(), HasSubstr("nothing to cut"));
}

// A program that is worse than the one that wrote the journal.
TEST_F(NamedExecutionDeathTest, WhatMayHaveBeenAcknowledgedIsNotCut) {
  {
    RunningGateway gateway(settings(false));
    Client meter(gateway.port(), kM2);
    ASSERT_TRUE(meter.ask(kPoison, reading(0, 1)).receipt);
  }
  EXPECT_DEATH(RunningGateway{settings(true)}, kNamed);
  const auto note = read_trip_note(trip_note_file(directory_.path()));
  ASSERT_TRUE(note);
  EXPECT_FALSE(note->acknowledged);
  const auto refused = plan();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), AllOf(HasSubstr("sequence 666"), HasSubstr("receipts may have left")));

  // Nor when a note pretends that nobody was told: the journal knows better.
  TripNote lie = *note;
  lie.acknowledged = 0;
  write_trip_note(lie, trip_note_file(directory_.path()));
  const auto still = plan();
  ASSERT_FALSE(still);
  EXPECT_THAT(still.error(), HasSubstr("known to be durable"));
  RunningGateway gateway(settings(false));
  EXPECT_EQ(gateway.error(), "");
}

TEST(TripNote, ReadsAsItWasWrittenAndNothingElseIsOne) {
  TempDirectory directory;
  const auto file = trip_note_file(directory.path());
  EXPECT_FALSE(read_trip_note(file));
  TripNote note{
      .batch = 17, .message = 3, .messages = 12, .slot = 5, .sequence = 1ULL << 63, .id = {}, .acknowledged = 16};
  note.id.fill(0xab);
  for (const auto acknowledged : {std::optional<std::uint64_t>(16), std::optional<std::uint64_t>()}) {
    note.acknowledged = acknowledged;
    write_trip_note(note, file);
    const auto read = read_trip_note(file);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->text(), note.text());
    EXPECT_EQ(read->acknowledged, acknowledged);
  }
  EXPECT_THAT(note.text(), HasSubstr("message 3 of 12 of batch 17: slot 5, sequence 9223372036854775808, id abab"));
  // Cut anywhere, as a full disk would.
  std::ifstream in(file);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  for (std::size_t length = 0; length + 4 < whole.size(); ++length) {
    std::ofstream(file, std::ios::trunc) << whole.substr(0, length);
    EXPECT_FALSE(read_trip_note(file)) << length;
  }
}

}  // namespace
}  // namespace electra::pipeline
