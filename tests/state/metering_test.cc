// Readings: what is said on arrival, and what a closing cycle makes of registers. One case a name.
//
// Prices: retail 300, feed-in 80. Without generation a Wh costs 300; intervals are 900 s, a cycle has four, the grace is
// 300 s.

#include "tests/state/support.h"

namespace electra::state::test {
namespace {

constexpr Slot kAlice = 3;
constexpr Slot kBob = 4;

class Metering : public ::testing::Test {
 protected:
  explicit Metering(Genesis genesis = usual()) : chain_(genesis) {}

  static Genesis usual() {
    Genesis genesis = genesis_with({meter("ALICE", 1, 1'000'000), meter("BOB", 7, 1'000'000)});
    genesis.holders[kAlice - 1].register_modulus = 10'000;
    genesis.holders[kAlice - 1].max_wh_per_interval = 500;
    return genesis;
  }
  // A reading of Alice's, at its own time or, if that has passed, now.
  Result at(std::uint64_t time_s, std::uint64_t whin, std::uint64_t whout = 0) {
    const Message message = chain_.make(kAlice, reading(time_s, whin, whout));
    return chain_.batch(time_s, {&message, 1}).front().result;
  }
  void settle_cycle(std::uint64_t cycle) { chain_.pass_time_to((cycle + 1) * 3600 + 300); }
  std::vector<std::uint64_t> lines_in(Slot slot = kAlice) {
    std::vector<std::uint64_t> out;
    for (const BillLine& line : chain_.machine().last_bill(slot).lines) out.push_back(line.wh_in);
    return out;
  }
  HolderView alice() { return chain_.holder(kAlice); }

  Chain chain_;
};

using Wh = std::vector<std::uint64_t>;

TEST_F(Metering, AFirstReadingIsABaselineAndBillsNothing) {
  EXPECT_EQ(at(0, 5000), Result::ok);
  settle_cycle(0);
  EXPECT_EQ(alice().consumed_wh, 0U);
  EXPECT_EQ(alice().paid, 0U);
  EXPECT_EQ(alice().registers[0].whin, 5000U);
  EXPECT_EQ(alice().intervals_missing, 4U);
}

TEST_F(Metering, IntervalsBeforeTheFirstReadingCountAsNothing) {
  settle_cycle(0);
  EXPECT_EQ(at(5400, 5000), Result::ok);  // boundary 6, in the middle of cycle 1
  EXPECT_EQ(at(7200, 5100), Result::ok);
  settle_cycle(1);
  EXPECT_EQ(lines_in(), (Wh{0, 0, 50, 50}));
  EXPECT_EQ(alice().intervals_missing, 0U);
  EXPECT_EQ(alice().intervals_estimated, 2U);
}

TEST_F(Metering, RegistersBecomeIntervals) {
  for (std::uint64_t i = 0; i <= 4; ++i) EXPECT_EQ(at(i * 900, 100 + i * i * 10), Result::ok);
  settle_cycle(0);
  EXPECT_EQ(lines_in(), (Wh{10, 30, 50, 70}));
  EXPECT_EQ(alice().consumed_wh, 160U);
  EXPECT_EQ(alice().paid, 160U * 300);
  EXPECT_EQ(alice().wallet_balance, 1'000'000 - 160 * 300);
  EXPECT_EQ(alice().energy_balance, 160);
  EXPECT_EQ(chain_.holder(kGrid).wallet_balance, 160 * 300);
  EXPECT_EQ(alice().last_reading_time, kGenesisS + 3600);
  expect_books_close(chain_.machine());
}

TEST_F(Metering, OfSeveralReadingsOfABoundaryTheLatestCounts) {
  EXPECT_EQ(at(0, 0), Result::ok);
  EXPECT_EQ(at(600, 60), Result::ok);
  EXPECT_EQ(at(899, 90), Result::ok);
  EXPECT_EQ(at(700, 70), Result::superseded_reading);
  EXPECT_EQ(at(1800, 180), Result::ok);
  EXPECT_EQ(at(2700, 270), Result::ok);
  EXPECT_EQ(at(3600, 360), Result::ok);
  settle_cycle(0);
  EXPECT_EQ(lines_in(), (Wh{90, 90, 90, 90}));
}

TEST_F(Metering, ArrivalIsJudgedInOrderOfPrecedence) {
  chain_.batch(10'000, {});
  struct Case {
    const char* name;
    Slot slot;
    strict::Reading reading;
    Result expected;
  };
  strict::Reading twice = reading(9000, {{1, 0}, {1, 0}});
  twice.items[1].phase = 1;
  strict::Reading phase_4 = reading(9000, {{1, 0}, {1, 0}});
  phase_4.items[1].phase = 4;
  strict::Reading before_genesis = reading(0, 1);
  before_genesis.time -= 1;
  const Case cases[] = {
      {"two phases of one", kAlice, reading(9000, {{1, 0}, {1, 0}}), Result::wrong_phases},
      {"another phase", kAlice, reading(9000, {{1, 0}}, 2), Result::wrong_phases},
      {"one phase of three, out of range and in future", kBob, reading(99999, 1), Result::wrong_phases},
      {"no phase", kAlice, reading(9000, std::vector<RegisterPair>{}), Result::wrong_phases},
      {"a phase twice", kAlice, twice, Result::invalid_field},
      {"a phase that does not exist", kAlice, phase_4, Result::invalid_field},
      {"before genesis", kAlice, before_genesis, Result::invalid_field},
      {"61 s ahead, out of range", kAlice, reading(10'061, 10'000), Result::reading_in_future},
      {"out of range", kAlice, reading(10'060, 10'000), Result::register_out_of_range},
      {"out of range in the other direction", kAlice, reading(10'060, 0, 10'000), Result::register_out_of_range},
      {"60 s ahead", kAlice, reading(10'060, 9'999), Result::ok},
      {"the same again", kAlice, reading(10'060, 9'999), Result::duplicate_reading},
      {"another of the same instant", kAlice, reading(10'060, 9'998), Result::conflicting_reading},
      {"an earlier instant of the same interval", kAlice, reading(10'000, 9'998), Result::superseded_reading},
      {"three phases", kBob, reading(9000, {{1, 0}, {2, 0}, {3, 0}}), Result::ok},
  };
  for (const Case& one : cases) EXPECT_EQ(chain_.send(one.slot, one.reading).result, one.expected) << one.name;
}

TEST_F(Metering, AReadingMayBeAsOldAsTheCorrectionHorizon) {
  chain_.pass_time_to(15 * 86400);
  EXPECT_EQ(at(86400 - 1, 1), Result::reading_too_old);
  EXPECT_EQ(at(86400, 1), Result::ok) << "the first one ever, so a baseline, however late";
}

TEST_F(Metering, ThreePhasesAreSummedAndKeptApart) {
  const auto send = [&](std::uint64_t time_s, std::vector<RegisterPair> phases) {
    const Message message = chain_.make(kBob, reading(time_s, std::move(phases)));
    return chain_.batch(time_s, {&message, 1}).front().result;
  };
  EXPECT_EQ(send(0, {{10, 1}, {20, 2}, {30, 3}}), Result::ok);
  EXPECT_EQ(send(900, {{11, 1}, {22, 2}, {33, 13}}), Result::ok);
  EXPECT_EQ(send(1800, {{11, 1}, {22, 2}, {34, 13}}), Result::ok);
  EXPECT_EQ(send(2700, {{11, 1}, {22, 2}, {33, 13}}), Result::ok) << "L3 runs backwards; found when the cycle closes";
  EXPECT_EQ(send(3600, {{12, 1}, {22, 2}, {33, 13}}), Result::ok);
  settle_cycle(0);
  EXPECT_EQ(lines_in(kBob), (Wh{6, 1, 0, 1}));
  const HolderView bob = chain_.holder(kBob);
  EXPECT_EQ(bob.consumed_wh, 8U);
  EXPECT_EQ(bob.generated_wh, 10U);
  EXPECT_EQ(bob.intervals_faulty, 1U);
  EXPECT_EQ(bob.register_count, 3U);
  EXPECT_EQ(bob.registers[2].whin, 33U);
  EXPECT_EQ(bob.registers[0].whout, 1U);
}

TEST_F(Metering, ARollbackBillsNothingAndIsTheNewBaseline) {
  EXPECT_EQ(at(0, 9000), Result::ok);
  EXPECT_EQ(at(900, 9100), Result::ok);
  EXPECT_EQ(at(1800, 50), Result::ok);  // an exchanged meter: 950 by rollover would be more than 500
  EXPECT_EQ(at(2700, 80), Result::ok);
  EXPECT_EQ(at(3600, 90), Result::ok);
  settle_cycle(0);
  EXPECT_EQ(lines_in(), (Wh{100, 0, 30, 10}));
  EXPECT_EQ(alice().intervals_faulty, 1U);
}

TEST_F(Metering, ARolloverIsARiseThroughTheModulus) {
  EXPECT_EQ(at(0, 9700), Result::ok);
  EXPECT_EQ(at(900, 9900), Result::ok);
  EXPECT_EQ(at(1800, 50), Result::ok);
  EXPECT_EQ(at(2700, 80), Result::ok);
  EXPECT_EQ(at(3600, 90), Result::ok);
  settle_cycle(0);
  EXPECT_EQ(lines_in(), (Wh{200, 150, 30, 10}));
  EXPECT_EQ(alice().intervals_faulty, 0U);
}

TEST_F(Metering, AnImplausibleRiseBillsNothing) {
  EXPECT_EQ(at(0, 0), Result::ok);
  EXPECT_EQ(at(900, 500), Result::ok);
  EXPECT_EQ(at(1800, 1001), Result::ok);
  EXPECT_EQ(at(2700, 1011), Result::ok);
  EXPECT_EQ(at(3600, 1021), Result::ok);
  settle_cycle(0);
  EXPECT_EQ(lines_in(), (Wh{500, 0, 10, 10}));
  EXPECT_EQ(alice().intervals_faulty, 1U);
}

TEST_F(Metering, AGapInsideACycleIsSpreadEvenly) {
  EXPECT_EQ(at(0, 100), Result::ok);
  EXPECT_EQ(at(900, 110), Result::ok);
  EXPECT_EQ(at(3600, 121), Result::ok);
  settle_cycle(0);
  EXPECT_EQ(lines_in(), (Wh{10, 3, 4, 4}));
  EXPECT_EQ(alice().intervals_estimated, 3U);
  EXPECT_EQ(alice().intervals_missing, 0U);
}

TEST_F(Metering, AGapAtTheEndIsCorrectedAtTheIntervalsOwnPrices) {
  // Bob produces 12 Wh in the third interval, which is dearer to sell than to the grid; Alice's gap spans it.
  const auto bob = [&](std::uint64_t time_s, std::uint64_t whout) {
    return chain_.make(kBob, reading(time_s, {{0, whout}, {0, 0}, {0, 0}}));
  };
  std::vector<Message> messages = {bob(0, 0), chain_.make(kAlice, reading(0, 100)), bob(900, 0),
                                   chain_.make(kAlice, reading(900, 110))};
  chain_.batch(900, messages);
  messages = {bob(1800, 0), bob(2700, 12), bob(3600, 12)};
  chain_.batch(3600, messages);
  settle_cycle(0);
  EXPECT_EQ(lines_in(), (Wh{10, 0, 0, 0}));
  EXPECT_EQ(alice().intervals_missing, 3U);
  const Totals before = chain_.machine().totals();
  EXPECT_EQ(before.consumers_pay, 3000U);
  EXPECT_EQ(before.producers_get, 12U * 80);
  EXPECT_EQ(chain_.holder(kBob).received, 12U * 80);

  // The next reading comes at the end of cycle 1's first interval: 20 Wh over four intervals.
  EXPECT_EQ(at(4500, 130), Result::ok);
  settle_cycle(1);
  EXPECT_EQ(lines_in(), (Wh{5, 0, 0, 0})) << "a quarter of the gap, and then it ends";
  EXPECT_EQ(alice().consumed_wh, 30U);
  EXPECT_EQ(alice().paid, 3000U + 15 * 300 + 5 * 300) << "no consumption was settled there: the retail price";
  EXPECT_EQ(alice().intervals_missing, 3U) << "those of the gap became estimated, three new ones are missing";
  EXPECT_EQ(alice().intervals_estimated, 4U);
  EXPECT_EQ(chain_.holder(kBob).received, 12U * 80) << "nobody else's bill moves";
  const Totals after = chain_.machine().totals();
  EXPECT_EQ(after.consumption_wh, 30U);
  EXPECT_EQ(after.import_wh, 30U);
  EXPECT_EQ(after.matched_wh, 0U);
  EXPECT_EQ(after.consumers_pay, alice().paid);
  EXPECT_EQ(after.grid_gets, static_cast<std::int64_t>(alice().paid) - 12 * 80);
  expect_books_close(chain_.machine());
}

TEST_F(Metering, ALateReadingBooksItsDifferenceAtTheIntervalsOwnPrices) {
  // Interval 3: Alice takes 10, Bob takes 10 and gives 8: consumers pay 8*190 + 12*300 = 5120 for 20 Wh.
  const auto bob = [&](std::uint64_t time_s, std::uint64_t whin, std::uint64_t whout) {
    return chain_.make(kBob, reading(time_s, {{whin, whout}, {0, 0}, {0, 0}}));
  };
  std::vector<Message> messages = {bob(0, 0, 0), bob(2700, 0, 0), bob(3600, 10, 8)};
  for (std::uint64_t i = 0; i <= 3; ++i) messages.push_back(chain_.make(kAlice, reading(i * 900, 100 + i * 10)));
  messages.push_back(chain_.make(kAlice, reading(3599, 140)));
  chain_.batch(3600, messages);
  settle_cycle(0);
  EXPECT_EQ(chain_.machine().interval(3)->consumers_pay, 5120U);
  const std::uint64_t paid = alice().paid;

  EXPECT_EQ(at(3599, 140), Result::duplicate_reading);
  EXPECT_EQ(at(3599, 141), Result::conflicting_reading);
  EXPECT_EQ(at(3598, 139), Result::late_without_effect);
  EXPECT_EQ(at(3600, 147), Result::late_reading) << "seven more Wh in the last interval";
  EXPECT_EQ(alice().paid, paid + 1792) << "7 * 5120 / 20";
  EXPECT_EQ(alice().consumed_wh, 47U);
  EXPECT_EQ(at(3600, 147), Result::duplicate_reading);
  EXPECT_EQ(at(4500, 150), Result::ok);
  settle_cycle(1);
  EXPECT_EQ(lines_in(), (Wh{3, 0, 0, 0})) << "the base moved on";
  expect_books_close(chain_.machine());
}

TEST_F(Metering, LateRollbackAndRiseMoveTheBaseAndBillNothing) {
  for (std::uint64_t i = 0; i <= 2; ++i) EXPECT_EQ(at(i * 900, 5000 + i * 10), Result::ok);
  settle_cycle(0);
  EXPECT_EQ(at(2700, 10), Result::late_reading);
  EXPECT_EQ(at(3600, 9000), Result::late_reading);
  EXPECT_EQ(alice().consumed_wh, 20U);
  EXPECT_EQ(alice().intervals_faulty, 2U);
  EXPECT_EQ(alice().intervals_missing, 0U);
  EXPECT_EQ(alice().registers[0].whin, 9000U);
}

TEST_F(Metering, ALateProducerIsPaidByTheGrid) {
  for (std::uint64_t i = 0; i <= 3; ++i) EXPECT_EQ(at(i * 900, 0, i * 10), Result::ok);
  settle_cycle(0);
  EXPECT_EQ(alice().received, 30U * 80);
  EXPECT_EQ(chain_.holder(kGrid).debt, 30U * 80) << "it had nothing";
  EXPECT_EQ(at(3600, 0, 40), Result::late_reading);
  EXPECT_EQ(alice().received, 40U * 80);
  EXPECT_EQ(chain_.holder(kGrid).debt, 40U * 80);
  EXPECT_EQ(alice().energy_balance, -40);
  EXPECT_EQ(chain_.machine().totals().debt, 40U * 80);
  expect_books_close(chain_.machine());
}

TEST_F(Metering, AGapLongerThanTheHistoryIsBookedInOneLineAtTheGridsPrices) {
  EXPECT_EQ(at(0, 0), Result::ok);
  chain_.pass_time_to(20 * 86400);
  EXPECT_EQ(alice().intervals_missing, 1916U) << "the grace of the last cycle has not passed";
  EXPECT_EQ(at(20 * 86400, 1920), Result::ok);
  settle_cycle(20 * 24 - 1);
  EXPECT_EQ(alice().consumed_wh, 1920U);
  EXPECT_EQ(alice().paid, 1920U * 300);
  EXPECT_EQ(alice().intervals_missing, 0U);
  EXPECT_EQ(alice().intervals_estimated, 1920U);
  EXPECT_EQ(chain_.machine().totals().consumption_wh, 1920U);
  expect_books_close(chain_.machine());
}

TEST_F(Metering, ReadingsDuringTheGraceStillCountForTheirCycle) {
  for (std::uint64_t i = 0; i <= 3; ++i) EXPECT_EQ(at(i * 900, i * 10), Result::ok);
  chain_.batch(3700, {});
  EXPECT_EQ(at(3600, 40), Result::ok);
  EXPECT_EQ(at(3660, 41), Result::ok) << "the next interval's";
  settle_cycle(0);
  EXPECT_EQ(lines_in(), (Wh{10, 10, 10, 10}));
  EXPECT_EQ(at(3600, 40), Result::duplicate_reading);
}

TEST_F(Metering, WhatTheGridGaveAndNoMeterSawIsUnaccounted) {
  const auto grid = [&](std::uint64_t time_s, std::uint64_t whin, std::uint64_t whout) {
    return chain_.make(kGrid, reading(time_s, whin, whout));
  };
  std::vector<Message> messages = {grid(0, 0, 0), grid(900, 12, 0), grid(1800, 22, 5)};
  for (std::uint64_t i = 0; i <= 4; ++i) messages.push_back(chain_.make(kAlice, reading(i * 900, i * 10)));
  chain_.batch(3600, messages);
  settle_cycle(0);
  EXPECT_EQ(chain_.machine().interval(0)->unaccounted_wh, 2);
  EXPECT_EQ(chain_.machine().interval(1)->unaccounted_wh, -5);
  EXPECT_FALSE(chain_.machine().interval(2)->grid_known);
  EXPECT_EQ(chain_.machine().totals().unaccounted_wh, -3);
  EXPECT_EQ(chain_.holder(kGrid).energy_balance, -(22 - 5) - 20) << "its registers, and imports that it did not report";

  // Its next reading, 23 Wh of import later, closes the gap of two settled intervals and one open one.
  messages = {grid(4500, 46, 5), chain_.make(kAlice, reading(4500, 43))};
  chain_.batch(4500, messages);
  settle_cycle(1);
  EXPECT_EQ(chain_.machine().totals().unaccounted_wh, -3 + (8 - 10) + (8 - 10) + (8 - 3));
  EXPECT_EQ(chain_.holder(kGrid).energy_balance, -(46 - 5));
  EXPECT_EQ(static_cast<std::int64_t>(chain_.account(kUnaccountedAccount).credits_posted -
                                      chain_.account(kUnaccountedAccount).debits_posted),
            -2);
  // A correction takes its energy out of `unaccounted`: the grid's registers had it all the time.
  EXPECT_EQ(at(4501, 44), Result::late_reading);
  EXPECT_EQ(chain_.holder(kGrid).energy_balance, -(46 - 5) - 1) << "interval 5 was not reported by the grid";
  expect_books_close(chain_.machine());
}

TEST_F(Metering, ACorrectionOfAnAccountedIntervalReducesUnaccounted) {
  std::vector<Message> messages;
  for (std::uint64_t i = 0; i <= 4; ++i) messages.push_back(chain_.make(kGrid, reading(i * 900, i * 10)));
  for (std::uint64_t i = 0; i <= 3; ++i) messages.push_back(chain_.make(kAlice, reading(i * 900, i * 10)));
  chain_.batch(3600, messages);
  settle_cycle(0);
  EXPECT_EQ(chain_.machine().totals().unaccounted_wh, 10);
  EXPECT_EQ(at(3600, 40), Result::late_reading);
  EXPECT_EQ(chain_.machine().totals().unaccounted_wh, 0);
  EXPECT_EQ(chain_.holder(kGrid).energy_balance, -40);
  EXPECT_EQ(alice().energy_balance, 40);
  expect_books_close(chain_.machine());
}

}  // namespace
}  // namespace electra::state::test
