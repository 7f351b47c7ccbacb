// The sequence window, the key and the time limit of a message: what comes before every operation.

#include "tests/state/support.h"

namespace electra::state::test {
namespace {

constexpr Slot kAlice = 3;

class Sequence : public ::testing::Test {
 protected:
  Sequence() : chain_(genesis_with({meter("ALICE", 1, 1000), meter("BOB", 0)})) {}

  Message at(std::uint64_t sequence, std::uint64_t amount = 1) {
    return chain_.make(kAlice, group({move(chain_.wallet(kAlice), chain_.wallet(4), amount)}), {.sequence = sequence});
  }
  Result send(std::uint64_t sequence) { return chain_.send(at(sequence)).result; }

  Chain chain_;
};

TEST_F(Sequence, TheSameMessageGetsItsFirstAnswerAndHasNoEffect) {
  const Message message = at(5, 10);
  const Outcome first = chain_.send(message);
  chain_.batch(3, {});
  const Outcome again = chain_.send(message);
  EXPECT_EQ(first.result, Result::ok);
  EXPECT_FALSE(first.repeated);
  EXPECT_EQ(again.result, Result::ok);
  EXPECT_TRUE(again.repeated);
  EXPECT_EQ(again.batch, first.batch);
  EXPECT_EQ(chain_.holder(kAlice).wallet_balance, 990);
}

TEST_F(Sequence, ARefusalIsFinalAndRepeatedToo) {
  const Message message = at(5, 2000);
  EXPECT_EQ(chain_.send(message).result, Result::exceeds_credits);
  const AccountNumber till =
      static_cast<AccountNumber>(chain_.send(kOperator, strict::OpenAccounts{2, 1, 0, 1}).detail);
  chain_.send(kOperator, group({move(till, chain_.wallet(kAlice), 5000)}));
  const Outcome again = chain_.send(message);
  EXPECT_EQ(again.result, Result::exceeds_credits) << "although it could be done by now";
  EXPECT_TRUE(again.repeated);
}

TEST_F(Sequence, TheAnswerKeepsItsDetail) {
  const Message message = chain_.make(kOperator, registration("NEW"));
  const Outcome first = chain_.send(message);
  const Outcome again = chain_.send(message);
  EXPECT_EQ(first.detail, 5U);
  EXPECT_EQ(again.detail, 5U);
  EXPECT_TRUE(again.repeated);
}

TEST_F(Sequence, AnotherMessageUnderAUsedSequenceIsRefused) {
  EXPECT_EQ(chain_.send(at(5, 10)).result, Result::ok);
  const Outcome other = chain_.send(at(5, 11));
  EXPECT_EQ(other.result, Result::sequence_used);
  EXPECT_FALSE(other.repeated);
  EXPECT_EQ(chain_.holder(kAlice).wallet_balance, 990);
}

TEST_F(Sequence, MessagesMayOvertakeEachOtherWithinSixtyFour) {
  EXPECT_EQ(send(100), Result::ok);
  EXPECT_EQ(send(37), Result::ok) << "63 behind";
  EXPECT_EQ(send(36), Result::sequence_too_old) << "64 behind";
  EXPECT_EQ(send(99), Result::ok);
  EXPECT_EQ(send(101), Result::ok);
  EXPECT_EQ(send(37), Result::sequence_too_old) << "the window moved on";
  EXPECT_EQ(send(38), Result::ok);
  EXPECT_EQ(chain_.holder(kAlice).highest_sequence, 101U);
}

TEST_F(Sequence, ItRisesByAtMostTwoToTheTwentieth) {
  constexpr std::uint64_t kRise = std::uint64_t{1} << 20;
  EXPECT_EQ(send(kRise + 1), Result::sequence_too_new);
  EXPECT_EQ(send(kRise), Result::ok);
  EXPECT_EQ(send(UINT64_MAX), Result::sequence_too_new);
  EXPECT_EQ(send(2 * kRise), Result::ok);
  EXPECT_EQ(send(kRise), Result::sequence_too_old);
}

TEST_F(Sequence, OnlyFinalAnswersUseASequence) {
  EXPECT_EQ(chain_.send(chain_.make(kAlice, reading(0, 1), {.sequence = 1, .generation = 2})).result,
            Result::key_superseded);
  Message malformed = chain_.make(kAlice, reading(0, 1), {.sequence = 1});
  malformed.payload.push_back(0);
  EXPECT_EQ(chain_.send(malformed).result, Result::malformed_payload);
  EXPECT_EQ(chain_.holder(kAlice).highest_sequence, 0U);
  EXPECT_EQ(send(1), Result::ok);
}

TEST_F(Sequence, TheWindowAgreesWithAModel) {
  std::uint64_t highest = 0;
  std::vector<bool> used(100'000);
  std::uint64_t dice = 7;
  for (int round = 0; round < 20'000; ++round) {
    dice = dice * 6364136223846793005U + 1442695040888963407U;
    const std::uint64_t sequence = std::max<std::uint64_t>(1, highest + 4 - std::min(highest, (dice >> 33) % 80));
    const Result expected = sequence + 64 <= highest ? Result::sequence_too_old
                            : used[sequence]         ? Result::sequence_used
                                                     : Result::ok;
    Message message = chain_.make(kAlice, reading(0, 1), {.sequence = sequence});
    message.verified.id[0] = static_cast<std::uint8_t>(round);  // never the same message
    message.verified.id[1] = static_cast<std::uint8_t>(round >> 8);
    const Result result = chain_.send(message).result;
    if (expected == Result::ok) {
      ASSERT_TRUE(result == Result::ok || result == Result::duplicate_reading) << result_name(result);
    } else {
      ASSERT_EQ(result, expected);
    }
    used[sequence] = true;
    highest = std::max(highest, sequence);
  }
}

TEST_F(Sequence, TimeLimitsOfAMessage) {
  chain_.batch(1000, {});
  const std::uint64_t now = kGenesisS + 1000;
  const auto result = [&](std::uint64_t not_after) {
    return chain_
        .send(chain_.make(kAlice, group({move(chain_.wallet(kAlice), chain_.wallet(4), 1)}), {.not_after = not_after}))
        .result;
  };
  EXPECT_EQ(result(now - 1), Result::expired);
  EXPECT_EQ(result(now), Result::expired) << "some nanoseconds into that second";
  EXPECT_EQ(result(now + 1), Result::ok);
  EXPECT_EQ(result(now + 30 * 86400), Result::ok);
  EXPECT_EQ(result(now + 30 * 86400 + 1), Result::not_after_too_far);
  EXPECT_EQ(result(UINT64_MAX - 1), Result::not_after_too_far);
  EXPECT_EQ(result(UINT64_MAX), Result::not_after_required) << "none given";
  EXPECT_EQ(chain_.send(chain_.make(kAlice, reading(0, 1), {.not_after = now - 1})).result, Result::expired);
}

TEST_F(Sequence, ASenderMayBeNamedByItsAddress) {
  EXPECT_EQ(chain_.send(kAlice, reading(0, 1), {.by_address = true}).result, Result::ok);
}

}  // namespace
}  // namespace electra::state::test
