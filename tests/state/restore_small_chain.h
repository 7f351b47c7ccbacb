// A small chain with something in every table, for tests that make its leaves wrong.
#pragma once

#include "tests/state/restore_support.h"

namespace electra::state::test {

// In the middle of counting: the cursor has its work in the leaf of settlement.
class SmallChain {
 public:
  SmallChain() : chain_(genesis()) {
    for (std::uint64_t boundary = 0; boundary <= 4; ++boundary) {
      const std::uint64_t time = boundary * 900;
      chain_.batch(time, {});
      EXPECT_EQ(chain_.send(kGrid, reading(time, 100 * boundary, 3 * boundary)).result, Result::ok);
      EXPECT_EQ(chain_.send(kBob, reading(time, 7 * boundary * boundary)).result, Result::ok);
      if (boundary == 4) continue;
      EXPECT_EQ(chain_.send(kAlice, reading(time, 11 * boundary, 71 * boundary)).result, Result::ok);
    }
    settle(3600 + 300);
    EXPECT_EQ(chain_.send(kAlice, reading(3600, 900, 900)).result, Result::late_reading);
    for (std::uint64_t boundary = 5; boundary <= 8; ++boundary) {
      const std::uint64_t time = boundary * 900;
      chain_.batch(time, {});
      EXPECT_EQ(chain_.send(kGrid, reading(time, 100 * boundary, 3 * boundary)).result, Result::ok);
      EXPECT_EQ(chain_.send(kBob, reading(time, 7 * boundary * boundary, 13 * boundary)).result, Result::ok);
      EXPECT_EQ(chain_.send(kAlice, reading(time, 1000 + 11 * boundary, 1000 + 71 * boundary)).result, Result::ok);
    }
    const auto held = [&](Slot from, Slot to, std::uint64_t amount) {
      return chain_.send(from, group({hold(chain_.wallet(from), chain_.wallet(to), amount, 7200)}));
    };
    EXPECT_EQ(held(kAlice, kBob, 5).result, Result::ok);
    EXPECT_EQ(held(kBob, kAlice, 6).result, Result::ok);
    EXPECT_EQ(chain_.send(kAlice, group({resolve(kVoid, kAlice, chain_.holder(kAlice).highest_sequence)})).result,
              Result::ok);
    EXPECT_EQ(chain_.send(kOperator, registration("CAROL", kRoleMeter, 1, kAlice)).result, Result::ok);
    EXPECT_EQ(chain_.send(kOperator, strict::OpenAccounts{kOperator, 1, 0, 1}).result, Result::ok);
    EXPECT_EQ(chain_.send(kOperator, strict::ScheduleRules{2, 9}).result, Result::ok);
    chain_.batch(2 * 3600 + 300, {}, true);
    while (leaves_of(machine(), Table::settlement).front().size() < 4 * 2 * 1024) chain_.batch(0, {});
  }

  static Genesis genesis() {
    GenesisHolder alice = meter("ALICE", 1, 500'000);
    alice.register_modulus = 1'000'000;
    alice.max_wh_per_interval = 90'000;
    Genesis genesis = genesis_with({alice, meter("BOB", 1, 700'000)});
    genesis.limits.holders_max = 8;
    genesis.limits.accounts_max = 32;
    genesis.limits.pending_transfers_max = 4;
    genesis.limits.correction_horizon_s = 2 * 3600;
    genesis.limits.timer_visits_per_batch_max = 3;
    return genesis;
  }
  const Machine& machine() const { return chain_.machine(); }

  static constexpr Slot kAlice = 3;
  static constexpr Slot kBob = 4;

 private:
  void settle(std::uint64_t time_s) {
    chain_.batch(time_s, {});
    while (machine().next_timer_ns() <= machine().time_ns()) chain_.batch(0, {});
  }

  Chain chain_;
};

inline constexpr RulesRange kTwoRules{1, 2};
inline constexpr std::uint32_t kTill = 18;  // the leaf of the account that the operator opened

}  // namespace electra::state::test
