#include "bench/e2e/frames.h"

#include <gtest/gtest.h>

#include "bench/e2e/scenario.h"
#include "crypto-offload/verifier.h"
#include "meter-proto/signing.h"
#include "tests/bench/support.h"

namespace electra::bench {
namespace {

std::unique_ptr<Scenario> make(const ScenarioOptions& options) {
  auto made = Scenario::make(options);
  EXPECT_TRUE(made) << made.error();
  return std::move(*made);
}

TEST(Frames, LieInTheOrderOfSendingWhateverThePiecesAre) {
  // More than two chunks of one stream.
  const auto scenario = make({.senders = 7, .connections = 1, .messages = 2 * FrameStore::kChunkMessages + 500});
  const FrameStore& frames = scenario->traffic().frames;
  const auto whole = bytes_of(frames, 0, 0, frames.length(0), 8192);
  EXPECT_EQ(whole.size(), frames.bytes());
  for (const std::uint64_t step : {1U, 13U, 512U, 8189U}) {
    EXPECT_EQ(bytes_of(frames, 0, 0, frames.length(0), step), whole) << step;
  }
  // From the middle on, as after a restart.
  const auto tail = bytes_of(frames, 0, 8190, 10, 10);
  const auto frame_list = frames_of(whole);
  std::vector<std::uint8_t> expected;
  for (std::size_t i = 8190; i < 8200; ++i) expected.insert(expected.end(), frame_list[i].begin(), frame_list[i].end());
  EXPECT_EQ(tail, expected);
}

TEST(Frames, NameSendersInTurnsAndRisingSequences) {
  const auto scenario = make({.senders = 10, .connections = 4, .messages = 100});
  const Traffic& traffic = scenario->traffic();
  EXPECT_EQ(traffic.frames.streams(), 4U);
  EXPECT_EQ(traffic.frames.messages(), 100U);
  for (std::uint32_t stream = 0; stream < 4; ++stream) {
    const std::uint32_t senders = traffic.senders_of(stream);
    EXPECT_EQ(senders, stream < 2 ? 3U : 2U);
    std::uint64_t position = 0;
    const auto bytes = bytes_of(traffic.frames, stream, 0, traffic.frames.length(stream), 64);
    for (const ByteSpan frame : frames_of(bytes)) {
      const auto envelope = envelope_of(frame);
      EXPECT_EQ(envelope.slot, Scenario::kFirstSender + stream + 4 * (position % senders));
      EXPECT_EQ(envelope.sequence, 1 + position / senders);
      ++position;
    }
    EXPECT_EQ(position, traffic.frames.length(stream));
  }
}

TEST(Frames, AreSignedByTheirSendersButForTheForgedOnes) {
  const auto scenario =
      make({.load = Load::mix, .senders = 20, .connections = 2, .messages = 1000, .forged_per_mille = 500});
  const auto verifier = crypto::make_verifier("sodium");
  ASSERT_TRUE(verifier);
  const Bytes16 tag = proto::signing_tag(proto::SignatureKind::message, scenario->genesis().hash);
  std::uint64_t forged = 0;
  for (std::uint32_t stream = 0; stream < 2; ++stream) {
    const auto bytes = bytes_of(scenario->traffic().frames, stream, 0, 500, 100);
    std::uint64_t position = 0;
    for (const ByteSpan frame : frames_of(bytes)) {
      const auto envelope = envelope_of(frame);
      const Bytes32& key = scenario->public_keys()[envelope.slot - 1];
      const crypto::VerifyItem item{.public_key = key.data(),
                                    .signature = envelope.signature,
                                    .tag = &tag,
                                    .sequence = envelope.sequence,
                                    .payload = envelope.payload};
      crypto::VerifyOutcome outcome;
      (*verifier)->verify({&item, 1}, {&outcome, 1});
      EXPECT_EQ(outcome.valid, !scenario->forged(stream, position)) << stream << " " << position;
      forged += scenario->forged(stream, position) ? 1 : 0;
      ++position;
    }
  }
  EXPECT_GT(forged, 400U);
  EXPECT_LT(forged, 600U);
}

TEST(Scenario, RefusesWhatCannotBe) {
  struct Case {
    const char* name;
    ScenarioOptions options;
  };
  const Case cases[] = {
      {"more connections than senders", {.senders = 3, .connections = 4}},
      {"fewer accounts than senders", {.senders = 100, .connections = 1, .accounts = 99}},
      {"too many accounts a sender", {.senders = 1, .connections = 1, .accounts = 8195}},
      {"more readings than seconds in a day",
       {.load = Load::readings, .senders = 1, .connections = 1, .messages = 86'400}},
      {"no senders", {.senders = 0}},
  };
  for (const Case& c : cases) {
    const auto made = Scenario::make(c.options);
    EXPECT_FALSE(made) << c.name;
  }
}

}  // namespace
}  // namespace electra::bench
