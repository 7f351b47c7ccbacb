// Money: pool prices, largest remainder, debts, owners; and what must make no difference.

#include <algorithm>

#include "engine/state/clearing/largest_remainder.h"
#include "engine/state/clearing/pool_price.h"
#include "engine/state/metering/registers.h"
#include "tests/state/support.h"

namespace electra::state::test {
namespace {

TEST(MidMarket, WorkedCases) {
  struct Case {
    const char* name;
    std::uint64_t d, g, retail, feed_in;
    std::uint64_t producers_get, consumers_pay;
  };
  const Case cases[] = {
      {"nothing happens", 0, 0, 300, 80, 0, 0},
      {"no generation: all from the grid", 10, 0, 300, 80, 0, 3000},
      {"no consumption: all to the grid", 0, 10, 300, 80, 800, 0},
      {"balance: both at 190", 10, 10, 300, 80, 1900, 1900},
      {"a deficit", 10, 4, 300, 80, 760, 760 + 1800},
      {"a surplus", 4, 10, 300, 80, 760 + 480, 760},
      {"half a unit, down to even", 1, 1, 301, 80, 190, 190},
      {"half a unit, up to even", 1, 1, 303, 80, 192, 192},
      {"one and a half", 3, 3, 2, 1, 4, 4},
      {"three and a half, with imports", 5, 3, 2, 1, 4, 8},
      {"a surplus at an odd sum", 1, 3, 2, 1, 4, 2},
      {"free energy", 5, 5, 0, 0, 0, 0},
  };
  for (const Case& one : cases) {
    const PoolTotals totals = mid_market(one.d, one.g, one.retail, one.feed_in);
    EXPECT_EQ(totals.producers_get, one.producers_get) << one.name;
    EXPECT_EQ(totals.consumers_pay, one.consumers_pay) << one.name;
    EXPECT_EQ(totals.consumers_pay + totals.export_wh * one.feed_in,
              totals.producers_get + totals.import_wh * one.retail)
        << one.name;
  }
}

// What largest remainder means, said with a sort.
std::vector<std::uint64_t> by_sorting(std::uint64_t total, const std::vector<std::uint64_t>& weights) {
  u128 sum = 0;
  for (const std::uint64_t weight : weights) sum += weight;
  std::vector<std::uint64_t> shares;
  std::vector<std::pair<u128, std::size_t>> remainders;
  std::uint64_t left = total;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    shares.push_back(sum == 0 ? 0 : static_cast<std::uint64_t>(u128{total} * weights[i] / sum));
    remainders.emplace_back(sum == 0 ? 0 : u128{total} * weights[i] % sum, i);
    left -= shares.back();
  }
  std::ranges::sort(remainders, [](const auto& l, const auto& r) {
    return l.first != r.first ? l.first > r.first : l.second < r.second;
  });
  for (std::uint64_t i = 0; i < left; ++i) ++shares[remainders[i].second];
  return shares;
}

std::vector<std::uint64_t> by_radix(std::uint64_t total, const std::vector<std::uint64_t>& weights) {
  std::uint64_t sum = 0;
  for (const std::uint64_t weight : weights) sum += weight;
  LargestRemainder spread(total, sum);
  for (const std::uint64_t weight : weights) spread.add_floor(weight);
  spread.end_floors();
  for (unsigned byte = spread.counting_passes(); byte-- > 0;) {
    LargestRemainder::Counters counters{};
    for (const std::uint64_t weight : weights) spread.count(weight, byte, counters);
    spread.end_pass(byte, counters);
  }
  std::vector<std::uint64_t> shares;
  for (const std::uint64_t weight : weights) shares.push_back(spread.take(weight));
  return shares;
}

TEST(LargestRemainderTest, WorkedCases) {
  using V = std::vector<std::uint64_t>;
  EXPECT_EQ(by_radix(10, {1, 1, 1}), (V{4, 3, 3})) << "a tie goes to the first";
  EXPECT_EQ(by_radix(11, {1, 1, 1}), (V{4, 4, 3}));
  EXPECT_EQ(by_radix(100, {3, 3, 1}), (V{43, 43, 14}));
  EXPECT_EQ(by_radix(7, {0, 5, 0, 2}), (V{0, 5, 0, 2}));
  EXPECT_EQ(by_radix(0, {0, 0}), (V{0, 0}));
  EXPECT_EQ(by_radix(1, {0, 1000, 999}), (V{0, 1, 0}));
  EXPECT_EQ(by_radix(UINT64_MAX, {1, UINT64_MAX - 1}), (V{1, UINT64_MAX - 1}));
}

TEST(LargestRemainderTest, AgreesWithSorting) {
  std::uint64_t dice = 1;
  const auto roll = [&](std::uint64_t sides) {
    dice = dice * 6364136223846793005U + 1442695040888963407U;
    return (dice >> 20) % sides;
  };
  for (int round = 0; round < 3000; ++round) {
    const std::uint64_t scale = std::uint64_t{1} << (1 + roll(43));
    std::vector<std::uint64_t> weights;
    for (std::uint64_t n = 1 + roll(40); n > 0; --n) weights.push_back(roll(3) == 0 ? roll(4) : roll(scale));
    weights.push_back(1);
    const std::uint64_t total = roll(std::uint64_t{1} << (1 + roll(43)));
    ASSERT_EQ(by_radix(total, weights), by_sorting(total, weights)) << "round " << round;
  }
}

TEST(Registers, ADeltaIsMeasuredRolledBackOrImplausible) {
  struct Case {
    const char* name;
    std::uint64_t before, after, modulus, limit, intervals;
    DeltaKind kind;
    std::uint64_t wh;
  };
  using enum DeltaKind;
  const Case cases[] = {
      {"no change", 5, 5, 0, 0, 1, measured, 0},
      {"a rise", 5, 9, 0, 0, 1, measured, 4},
      {"a fall without a modulus", 9, 5, 0, 0, 1, rollback, 0},
      {"a rise at the limit", 0, 100, 0, 100, 1, measured, 100},
      {"a rise above the limit", 0, 101, 0, 100, 1, implausible, 0},
      {"the limit grows with the gap", 0, 300, 0, 100, 3, measured, 300},
      {"a rollover at the limit", 950, 50, 1000, 100, 1, measured, 100},
      {"a rollover above the limit is a fall", 950, 51, 1000, 100, 1, rollback, 0},
      {"a rollover of half a turn without a limit", 600, 100, 1000, 0, 1, measured, 500},
      {"more than half a turn is a fall", 600, 101, 1000, 0, 1, rollback, 0},
      {"the chain's own bound", 0, kWhPerIntervalMax + 1, 0, 0, 1, implausible, 0},
      {"the whole range", 0, UINT64_MAX, 0, 0, 1, implausible, 0},
  };
  for (const Case& one : cases) {
    Registers before, after;
    before.in[0] = before.out[2] = one.before;
    after.in[0] = after.out[2] = one.after;
    const RegisterRules rules{.modulus = one.modulus,
                              .wh_per_interval_max = one.limit == 0 ? kWhPerIntervalMax : one.limit,
                              .own_limit = one.limit != 0};
    const Delta delta = delta_between(before, after, rules, one.intervals);
    EXPECT_EQ(delta.kind, one.kind) << one.name;
    EXPECT_EQ(delta.wh_in, one.wh) << one.name;
    EXPECT_EQ(delta.wh_out, one.wh) << one.name;
  }
}

TEST(Registers, EvenPartsSumToTheWhole) {
  for (const std::uint64_t total : {0ULL, 1ULL, 7ULL, 1000ULL, ~0ULL})
    for (const std::uint64_t parts : {1ULL, 2ULL, 3ULL, 96ULL}) {
      std::uint64_t sum = 0;
      for (std::uint64_t part = 0; part < parts; ++part) {
        EXPECT_LE(even_part(total, part, parts) - total / parts, 1U);
        sum += even_part(total, part, parts);
      }
      EXPECT_EQ(sum, total);
    }
}

constexpr Slot kAlice = 3;
constexpr Slot kBob = 4;

// Alice takes `alice` Wh, Bob gives `bob` Wh, all in the cycle's first interval.
void play_cycle(Chain& chain, std::uint64_t cycle, std::uint64_t alice, std::uint64_t bob) {
  const std::uint64_t begin = cycle * 3600;
  std::vector<Message> messages;
  const RegisterPair a = chain.holder(kAlice).registers[0];
  const RegisterPair b = chain.holder(kBob).registers[0];
  if (cycle == 0) messages = {chain.make(kAlice, reading(0, 0)), chain.make(kBob, reading(0, 0, 0))};
  for (std::uint64_t i = 1; i <= 4; ++i) {
    messages.push_back(chain.make(kAlice, reading(begin + i * 900, a.whin + alice)));
    messages.push_back(chain.make(kBob, reading(begin + i * 900, b.whin, b.whout + bob)));
  }
  for (const Outcome& outcome : chain.batch(begin + 3600, messages)) ASSERT_EQ(outcome.result, Result::ok);
  chain.pass_time_to(begin + 3900);
}

TEST(Billing, AShortfallBecomesDebtAndIncomeRepaysIt) {
  Chain chain(genesis_with({meter("ALICE", 1, 1000), meter("BOB", 1)}));
  play_cycle(chain, 0, 10, 10);  // 1900 for 10 Wh
  EXPECT_EQ(chain.holder(kAlice).wallet_balance, 0);
  EXPECT_EQ(chain.holder(kAlice).debt, 900U);
  EXPECT_EQ(chain.holder(kBob).wallet_balance, 1900) << "the producer is paid in full";
  EXPECT_EQ(chain.machine().totals().debt, 900U);
  EXPECT_EQ(chain.send(kBob, group({move(chain.wallet(kBob), chain.wallet(kAlice), 1500)})).result, Result::ok);
  EXPECT_EQ(chain.holder(kAlice).debt, 900U) << "a transfer is not settlement";
  play_cycle(chain, 1, 0, 0);
  EXPECT_EQ(chain.holder(kAlice).debt, 0U);
  EXPECT_EQ(chain.holder(kAlice).wallet_balance, 600);
  EXPECT_EQ(chain.machine().totals().debt, 0U);
  expect_books_close(chain.machine());
}

TEST(Billing, ReservedMoneyIsNotSpentTwice) {
  Chain chain(genesis_with({meter("ALICE", 1, 1000), meter("BOB", 1)}));
  ASSERT_EQ(chain.send(kAlice, group({hold(chain.wallet(kAlice), chain.wallet(kBob), 800)})).result, Result::ok);
  play_cycle(chain, 0, 10, 10);
  EXPECT_EQ(chain.holder(kAlice).wallet_balance, 800);
  EXPECT_EQ(chain.holder(kAlice).debt, 1700U);
  EXPECT_EQ(chain.send(kAlice, group({resolve(kPost, kAlice, 1)})).result, Result::ok);
  EXPECT_EQ(chain.holder(kAlice).wallet_balance, 0);
  EXPECT_EQ(chain.holder(kBob).wallet_balance, 1900 + 800);
  expect_books_close(chain.machine());
}

TEST(Billing, TheOwnerPaysAndIsPaid) {
  Genesis genesis = genesis_with({meter("ALICE", 1, 5), meter("BOB", 1, 5), meter("OWNER", 0, 5000)});
  genesis.holders[kAlice - 1].owner_slot = 5;
  genesis.holders[kBob - 1].owner_slot = 5;
  Chain chain(genesis);
  play_cycle(chain, 0, 10, 4);
  EXPECT_EQ(chain.holder(kAlice).wallet_balance, 5);
  EXPECT_EQ(chain.holder(kBob).wallet_balance, 5);
  EXPECT_EQ(chain.holder(kAlice).paid, 2560U);
  EXPECT_EQ(chain.holder(kBob).received, 760U);
  EXPECT_EQ(chain.holder(5).wallet_balance, 5000 - 2560 + 760);
  EXPECT_EQ(chain.holder(kGrid).wallet_balance, 1800);
}

TEST(Billing, TiesGoToTheLowerSerialNumberWhateverTheSlot) {
  Genesis genesis = genesis_with({meter("Z"), meter("A"), meter("M"), meter("P")});
  genesis.params.retail_price = 3;
  genesis.params.feed_in_price = 2;
  Chain chain(genesis);
  std::vector<Message> messages;
  for (Slot slot = 3; slot <= 6; ++slot) {
    const bool produces = slot == 6;
    messages.push_back(chain.make(slot, reading(0, 0)));
    messages.push_back(chain.make(slot, reading(900, produces ? 0 : 1, produces ? 3 : 0)));
  }
  chain.batch(900, messages);
  chain.pass_time_to(3900);
  // 3 Wh at 2.5 = 7.5, half to even 8: 3 + 3 + 2.
  EXPECT_EQ(chain.holder(4).paid, 3U) << "A";
  EXPECT_EQ(chain.holder(5).paid, 3U) << "M";
  EXPECT_EQ(chain.holder(3).paid, 2U) << "Z";
  EXPECT_EQ(chain.holder(6).received, 8U);
}

TEST(Cycles, AreOpenThenClosedThenFinal) {
  Genesis genesis = genesis_with({meter("ALICE", 1, 10'000), meter("BOB", 1)});
  genesis.limits.timer_visits_per_batch_max = 4;
  Chain chain(genesis);
  const Machine& machine = chain.machine();
  EXPECT_EQ(machine.current_cycle().cycle_id, 1U);
  EXPECT_EQ(machine.current_cycle().begin, kGenesisS);
  EXPECT_EQ(machine.current_cycle().end, kGenesisS + 3599);
  EXPECT_FALSE(machine.cycle(0).has_value());
  EXPECT_FALSE(machine.cycle(2).has_value());
  std::vector<Message> messages = {chain.make(kAlice, reading(0, 0)), chain.make(kAlice, reading(3600, 8))};
  chain.batch(3600, messages);
  EXPECT_EQ(machine.current_cycle().cycle_id, 2U);
  EXPECT_EQ(machine.cycle(1)->state, CycleState::open) << "in its grace";
  chain.batch(3899, {});
  EXPECT_EQ(machine.cycle(1)->state, CycleState::open);
  EXPECT_EQ(machine.next_timer_ns(), (kGenesisS + 3900) * kSecond);
  chain.batch(3900, {});
  EXPECT_EQ(machine.cycle(1)->state, CycleState::closed);
  EXPECT_EQ(machine.last_bill(kAlice).cycle_id, 0U) << "in the making";
  EXPECT_LE(machine.next_timer_ns(), machine.time_ns());
  chain.pass_time_to(3900);
  EXPECT_EQ(machine.cycle(1)->state, CycleState::final);
  EXPECT_EQ(machine.cycle(1)->whin, 8U);
  EXPECT_EQ(machine.cycle(1)->moneyin, 2400U);
  EXPECT_EQ(machine.next_timer_ns(), (kGenesisS + 7200 + 300) * kSecond);
  chain.pass_time_to(1100 * 3600);
  EXPECT_EQ(machine.first_kept_cycle(), 1099U - 1024 + 1);
  EXPECT_FALSE(machine.cycle(1).has_value());
  EXPECT_EQ(machine.totals().cycles, 1099U);
}

TEST(Cycles, AHolderThatIsRegisteredDuringASettlementChangesNobodysBill) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> bills;
  for (const bool registers : {false, true}) {
    Genesis genesis = genesis_with({meter("B", 1, 10'000), meter("D", 1), meter("F", 1, 10'000)});
    genesis.limits.timer_visits_per_batch_max = 1;
    Chain chain(genesis);
    std::vector<Message> messages;
    for (Slot slot = 3; slot <= 5; ++slot)
      for (std::uint64_t i = 0; i <= 4; ++i)
        messages.push_back(chain.make(slot, reading(i * 900, slot == 4 ? 0 : i * slot, slot == 4 ? i * 5 : 0)));
    chain.batch(3600, messages);
    chain.batch(3900, {});
    // Before, between and behind whoever the cursor has come to.
    const std::string_view letters = "CAEZGY";
    std::size_t next = 0;
    while (chain.machine().next_timer_ns() <= chain.machine().time_ns()) {
      if (registers && next < letters.size()) {
        ASSERT_EQ(chain.send(kOperator, registration(letters.substr(next, 1))).result, Result::ok);
        ++next;
      } else {
        chain.batch(0, {});
      }
    }
    EXPECT_EQ(next, registers ? letters.size() : 0U);
    for (Slot slot = 3; slot <= 5; ++slot) bills.emplace_back(chain.holder(slot).paid, chain.holder(slot).received);
    expect_books_close(chain.machine());
  }
  EXPECT_TRUE(std::equal(bills.begin(), bills.begin() + 3, bills.begin() + 3));
}

// --- what must make no difference ---------------------------------------------------------------------------------------

struct Dice {
  std::uint64_t state;
  std::uint64_t roll(std::uint64_t sides) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (state >> 33) % sides;
  }
};

// A rough week: gaps, rollbacks, rollovers, spikes, several readings an interval, late ones. The readings of each cycle
// are the same in every run; how they are shuffled, and how much timer work a batch does, differ. Late readings come at
// fixed places.
Bytes32 rough_week(std::uint64_t shuffle_seed, std::uint32_t visits, std::vector<Bytes32>* digests = nullptr) {
  constexpr std::uint32_t kMeters = 12;
  std::vector<GenesisHolder> holders;
  for (std::uint32_t i = 0; i < kMeters; ++i) {
    holders.push_back(meter("M" + std::to_string(i * 7 % kMeters), i % 3 == 0 ? 7 : 1, 200'000));
    holders.back().register_modulus = i % 2 == 0 ? 100'000 : 0;
    holders.back().max_wh_per_interval = i % 4 == 0 ? 900 : 0;
  }
  Genesis genesis = genesis_with(holders);
  genesis.limits.timer_visits_per_batch_max = visits;
  Chain chain(genesis);
  Dice world{11};
  Dice shuffle{shuffle_seed};
  std::vector<std::array<RegisterPair, 3>> registers(kMeters + 1);
  for (auto& meter_registers : registers)
    for (RegisterPair& pair : meter_registers) pair = {world.roll(99'000), world.roll(99'000)};
  std::vector<Message> held_back;
  for (std::uint64_t cycle = 0; cycle < 7 * 24; ++cycle) {
    std::vector<Message> messages;
    for (std::uint64_t i = cycle == 0 ? 0 : 1; i <= 4; ++i)
      for (std::uint32_t m = 0; m <= kMeters; ++m) {
        const Slot slot = m == kMeters ? kGrid : kFirstMeter + m;
        const std::uint32_t phases = slot != kGrid && m % 3 == 0 ? 3 : 1;
        const std::array<RegisterPair, 3> before = registers[m];
        for (std::uint32_t p = 0; p < phases; ++p) {
          RegisterPair& pair = registers[m][p];
          pair.whin += world.roll(200);
          pair.whout += world.roll(3) == 0 ? world.roll(300) : 0;
          if (world.roll(200) == 0) pair.whin = world.roll(1000);
          if (m % 2 == 0) pair = {pair.whin % 100'000, pair.whout % 100'000};
        }
        const std::uint64_t time_s = cycle * 3600 + i * 900 - world.roll(cycle + i == 0 ? 1 : 3) * 7;
        const Message message = chain.make(
            slot, reading(time_s, std::vector<RegisterPair>(registers[m].begin(), registers[m].begin() + phases)));
        // Sometimes the same interval was reported before.
        if (world.roll(10) == 0 && cycle + i != 0)
          messages.push_back(chain.make(
              slot, reading(time_s - 300, std::vector<RegisterPair>(before.begin(), before.begin() + phases))));
        const std::uint64_t fate = world.roll(20);
        if (fate == 0) continue;  // a gap
        if (fate == 1)
          held_back.push_back(message);
        else
          messages.push_back(message);
      }
    for (std::size_t i = messages.size(); shuffle_seed != 0 && i > 1; --i)
      std::swap(messages[i - 1], messages[shuffle.roll(i)]);
    // In three parts, all before the grace of this cycle ends. A small step leaves settlement of the last one unfinished.
    const std::size_t third = messages.size() / 3;
    const std::span<const Message> all(messages);
    chain.batch(cycle * 3600 + 3600, all.first(third));
    chain.batch(cycle * 3600 + 3700, all.subspan(third, third));
    chain.batch(cycle * 3600 + 3800, all.subspan(2 * third));
    // The cursor has just begun when the late ones come in.
    if (cycle % 3 == 2) {
      chain.batch(cycle * 3600 + 3900, held_back);
      held_back.clear();
    }
    if (digests != nullptr) digests->push_back(chain.machine().digest());
  }
  chain.pass_time_to(8 * 24 * 3600);
  expect_books_close(chain.machine());
  const Totals totals = chain.machine().totals();
  EXPECT_EQ(totals.consumption_wh - totals.generation_wh, totals.import_wh - totals.export_wh);
  EXPECT_EQ(static_cast<std::int64_t>(totals.consumers_pay - totals.producers_get), totals.grid_gets);
  std::uint64_t missing = 0, estimated = 0, faulty = 0, consumed = 0;
  for (Slot slot = kFirstMeter; slot < kFirstMeter + kMeters; ++slot) {
    const HolderView view = chain.holder(slot);
    missing += view.intervals_missing;
    estimated += view.intervals_estimated;
    faulty += view.intervals_faulty;
    consumed += view.consumed_wh;
  }
  EXPECT_GT(missing, 0U);
  EXPECT_GT(estimated, 0U);
  EXPECT_GT(faulty, 0U);
  EXPECT_EQ(consumed, totals.consumption_wh);
  return chain.machine().settlement_digest();
}

TEST(RoughWeek, TheOrderOfArrivalWithinACycleMakesNoDifference) {
  const Bytes32 straight = rough_week(0, 2048);
  for (const std::uint64_t seed : {1U, 2U, 3U}) EXPECT_EQ(to_hex(rough_week(seed, 2048)), to_hex(straight)) << seed;
}

TEST(RoughWeek, HowMuchTimerWorkABatchDoesMakesNoDifference) {
  const Bytes32 straight = rough_week(0, 2048);
  for (const std::uint32_t visits : {1U, 7U, 50U, 300U})
    EXPECT_EQ(to_hex(rough_week(0, visits)), to_hex(straight)) << visits;
}

TEST(RoughWeek, ReplayingTheSameBatchesGivesTheSameStateAfterEachOfThem) {
  std::vector<Bytes32> first;
  std::vector<Bytes32> second;
  rough_week(5, 7, &first);
  rough_week(5, 7, &second);
  EXPECT_EQ(first, second);
  EXPECT_EQ(first.size(), 7U * 24);
}

}  // namespace
}  // namespace electra::state::test
