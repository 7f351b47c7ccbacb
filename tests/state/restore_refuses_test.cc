// Leaves that are wrong, or that do not fit together, become an error that names the place.

#include "tests/state/restore_small_chain.h"

namespace electra::state::test {
namespace {

std::string error_of(const Dump& all) {
  const auto made = restore(all, SmallChain::genesis(), kTwoRules);
  return made ? "none" : made.error();
}

TEST(RestoreRefuses, NothingThatIsRight) {
  const SmallChain small;
  EXPECT_EQ(error_of(dump(small.machine())), "none");
  for (std::size_t table = 0; table < kTables; ++table)
    EXPECT_GT(small.machine().leaf_count(static_cast<Table>(table)), 0U) << table_name(static_cast<Table>(table));
}

struct BadField {
  Table table;
  std::uint32_t index;
  std::size_t offset;
  std::size_t bytes;  // width of the field: 1, 2, 4 or 8
  std::uint64_t value;
  std::string_view error;  // its beginning
};

TEST(RestoreRefuses, EveryFieldOutOfItsRange) {
  const SmallChain small;
  const Dump right = dump(small.machine());
  using enum Table;
  constexpr std::uint64_t kFar = 1'000'000'000'000;
  const std::uint64_t genesis_ns = kGenesisS * kSecond;
  // clang-format off
  const BadField fields[] = {
      // chain                 index offset bytes value
      {Table::chain,            0,    0,   4,  3,               "chain leaf 0: rules_version is 3"},
      {Table::chain,            0,    4,   4,  1,               "chain leaf 0: scheduled version is 1"},
      {Table::chain,            0,    4,   4,  0,               "chain leaf 0: scheduled height is 9"},
      {Table::chain,            0,    8,   8,  2,               "chain leaf 0: scheduled height is 2"},
      {Table::chain,            0,   16,   8,  kFar,            "chain leaf 0: height is"},
      {Table::chain,            0,   28,   8,  0,               "chain leaf 0: height is"},
      {Table::chain,            0,   36,   8,  genesis_ns + 1,  "chain leaf 0: time_ns is"},
      {Table::chain,            0,   36,   8,  genesis_ns - 1,  "chain leaf 0: time_ns is"},
      {Table::chain,            0,   52,   4,  2,               "chain leaf 0: the gateway's slot is 2"},
      {Table::chain,            0,   56,   8,  1,               "chain leaf 0: genesis_time_ns is 1"},
      {Table::chain,            0,   64,   1,  1,               "chain leaf 0: genesis_hash"},
      {Table::chain,            0,   96,   4,  901,             "chain leaf 0: interval_s is 901"},
      {Table::chain,            0,  100,   4,  7200,            "chain leaf 0: cycle_s is 7200"},
      {Table::chain,            0,  104,   4,  1,               "chain leaf 0: grace_s is 1"},
      {Table::chain,            0,  108,   4,  1,               "chain leaf 0: future_tolerance_s is 1"},
      {Table::chain,            0,  112,   8,  1,               "chain leaf 0: retail_price is 1"},
      {Table::chain,            0,  120,   8,  1,               "chain leaf 0: feed_in_price is 1"},
      {Table::chain,            0,  128,   4,  1,               "chain leaf 0: holders_max is 1"},
      {Table::chain,            0,  132,   4,  1,               "chain leaf 0: accounts_max is 1"},
      {Table::chain,            0,  136,   4,  1,               "chain leaf 0: pending_transfers_max is 1"},
      {Table::chain,            0,  140,   4,  1,               "chain leaf 0: correction_horizon_s is 1"},
      {Table::chain,            0,  144,   4,  1,               "chain leaf 0: pending_timeout_max_s is 1"},
      {Table::chain,            0,  148,   4,  1,               "chain leaf 0: not_after_max_s is 1"},
      {Table::chain,            0,  152,   4,  1,               "chain leaf 0: timer_visits_per_batch_max is 1"},
      {Table::chain,            0,  156,   4,  7,               "chain leaf 0: the length of the chain id is 7"},
      {Table::chain,            0,  160,   1,  'T',             "chain leaf 0: the chain id"},
      // a holder of the genesis (2) and a registered one (4)
      {holders,                  2,    0,   1,  1,               "holders leaf 2: address is not"},
      {holders,                  2,   32,   1,  1,               "holders leaf 2: is not the holder that the genesis"},
      {holders,                  4,   64,   1,  1,               "holders leaf 4: address is not"},
      {holders,                  4,   84,   1,  '/',             "holders leaf 4: serial is not"},
      {holders,                  4,   84 + 31, 1, 'x',           "holders leaf 4: serial and serial_length"},
      {holders,                  4,  116,   1,  0,               "holders leaf 4: serial and serial_length"},
      {holders,                  4,  116,   1,  33,              "holders leaf 4: serial and serial_length"},
      {holders,                  4,  117,   1,  0,               "holders leaf 4: status is 0"},
      {holders,                  4,  117,   1,  5,               "holders leaf 4: status is 5"},
      {holders,                  2,  117,   1,  1,               "holders leaf 2: is not the holder that the genesis"},
      {holders,                  4,  118,   1,  8,               "holders leaf 4: phases is 8"},
      {holders,                  4,  118,   1,  0,               "holders leaf 4: meter is 3"},
      {holders,                  4,  119,   4,  0,               "holders leaf 4: roles is 0"},
      {holders,                  4,  119,   4,  64,              "holders leaf 4: roles is 64"},
      {holders,                  4,  119,   4,  kRoleOwner,      "holders leaf 4: phases without the role"},
      {holders,                  4,  119,   4,  kRoleGateway,    "holders leaf 4: is a second gateway"},
      {holders,                  4,  123,   4,  0,               "holders leaf 4: key_generation is 0"},
      {holders,                  4,  123,   4,  2,               "holders leaf 4: key_generation is 2"},
      {holders,                  4,  127,   4,  5,               "holders leaf 4: owner_slot is 5"},
      {holders,                  2,  127,   4,  1,               "holders leaf 2: is not the holder that the genesis"},
      {holders,                  4,  131,   4,  UINT32_MAX,    "holders leaf 4: meter is"},
      {holders,                  4,  131,   4,  0,               "holders leaf 4: meter is 0"},
      {holders,                  4,  135,   4,  0,               "holders leaf 4: wallet_account is 0"},
      {holders,                  4,  135,   4,  kFar & 0xffffffff, "holders leaf 4: wallet_account is"},
      {holders,                  4,  135,   4,  18,              "holders leaf 4: debt_account is"},
      {holders,                  4,  139,   4,  0,               "holders leaf 4: energy_account is 0"},
      {holders,                  4,  143,   4,  0,               "holders leaf 4: debt_account is 0"},
      {holders,                  4,  147,   8,  1,               "holders leaf 4: register_modulus is 1"},
      {holders,                  4,  155,   8,  kFar,            "holders leaf 4: max_wh_per_interval is"},
      {holders,                  4,  155,   8,  5,               "meters leaf 3: own_limit"},
      // windows
      {windows,                  2,    0,   8,  0,               "windows leaf 2: a sequence below 1"},
      {windows,                  2,    0,   8,  kFar,            "windows leaf 2: entry"},
      {windows,                  2,    8,   8,  0,               "windows leaf 2: the highest sequence"},
      {windows,                  2,    8,   8,  UINT64_MAX,      "windows leaf 2: a sequence below 1"},
      {windows,                  2,   16 + 24 + 8,  8,  0,       "windows leaf 2: entry 1: batch is 0"},
      {windows,                  2,   16 + 24 + 8,  8,  kFar,    "windows leaf 2: the newest batch of its entries is"},
      {windows,                  2,   16 + 24 + 20, 2,  1,       "windows leaf 2: entry 1: result is 1"},
      {windows,                  2,   16 + 24 + 20, 2,  63000,   "windows leaf 2: entry 1: result is 63000"},
      {windows,                  2,   16 + 24 + 22, 2,  1,       "windows leaf 2: entry 1: the last two bytes"},
      {windows,                  2,   16,   1,  1,               "windows leaf 2: entry 0: is not zero"},
      {windows,                  4,   16,   1,  1,               "windows leaf 4: entry 0: is not zero"},
      // accounts: 2 settlement, 10 ALICE's wallet, 11 her debt, 12 her energy, the last one the operator's till
      {accounts,                 1,   32,   4,  1,               "accounts leaf 1: is not the system's"},
      {accounts,                 1,   36,   1,  2,               "accounts leaf 1: is not the system's"},
      {accounts,                 1,   37,   1,  0,               "accounts leaf 1: is not the system's"},
      {accounts,                 9,    0,   8,  kFar,            "accounts leaf 9: its debits exceed"},
      {accounts,                 9,   16,   8,  UINT64_MAX,      "accounts leaf 9: its debits exceed"},
      {accounts,                 9,   16,   8,  1,               "accounts leaf 9: debits_pending is 1"},
      {accounts,                 9,   24,   8,  1,               "accounts leaf 9: credits_pending is 1"},
      {accounts,                 9,    8,   8,  kFar,            "accounts: the debits of an asset"},
      {accounts,                 9,   32,   4,  4,               "holders leaf 2: account 10 cannot be its wallet"},
      {accounts,                 9,   36,   1,  0,               "accounts leaf 9: asset is 0"},
      {accounts,                 9,   36,   1,  3,               "accounts leaf 9: asset is 3"},
      {accounts,                 9,   36,   1,  2,               "holders leaf 2: account 10 cannot be its wallet"},
      {accounts,                 9,   37,   1,  8,               "accounts leaf 9: flags is 8"},
      {accounts,                 9,   37,   1,  5,               "accounts leaf 9: flags is 5"},
      {accounts,                 9,   37,   1,  3,               "accounts leaf 9: its credits exceed"},
      {accounts,                10,    8,   8,  kFar,            "holders leaf 2: its debt account has a credit"},
      {accounts,                10,   16,   8,  1,               "accounts leaf 10: moves only by settlement"},
      {accounts,                11,   36,   1,  1,               "holders leaf 2: account 12 cannot be its energy"},
      {accounts,               kTill, 32,   4,  0,               "accounts leaf 18: owner_slot is 0"},
      {accounts,               kTill, 32,   4,  9,               "accounts leaf 18: owner_slot is 9"},
      {accounts,               kTill, 32,   4,  3,               "accounts leaf 18: flags is 0"},
      {accounts,               kTill, 37,   1,  4,               "accounts leaf 18: flags is 4"},
      // pending transfers: 0 is free, 1 is BOB's
      {pending_transfers,        0,    0,   1,  1,               "pending_transfers leaf 0: amount is 0"},
      {pending_transfers,        1,    0,   8,  0,               "pending_transfers leaf 1: sequence is 0"},
      {pending_transfers,        1,    0,   8,  kFar,            "pending_transfers leaf 1: sequence is"},
      {pending_transfers,        1,    8,   8,  genesis_ns,      "pending_transfers leaf 1: expiry_ns is"},
      {pending_transfers,        1,    8,   8,  UINT64_MAX,      "pending_transfers leaf 1: expiry_ns is"},
      {pending_transfers,        1,   16,   8,  0,               "pending_transfers leaf 1: amount is 0"},
      {pending_transfers,        1,   16,   8,  7,               "accounts leaf 9: credits_pending is 6"},
      {pending_transfers,        1,   24,   4,  0,               "pending_transfers leaf 1: slot is 0"},
      {pending_transfers,        1,   24,   4,  9,               "pending_transfers leaf 1: slot is 9"},
      {pending_transfers,        1,   28,   4,  16,              "pending_transfers leaf 1: index is 16"},
      {pending_transfers,        1,   32,   4,  0,               "pending_transfers leaf 1: debit_account is 0"},
      {pending_transfers,        1,   32,   4,  99,              "pending_transfers leaf 1: debit_account is 99"},
      {pending_transfers,        1,   32,   4,  10,              "pending_transfers leaf 1: credit_account is 10"},
      {pending_transfers,        1,   36,   4,  12,              "pending_transfers leaf 1: credit_account is 12"},
      {pending_transfers,        1,   36,   4,  99,              "pending_transfers leaf 1: credit_account is 99"},
      // meters: 1 is ALICE's, which is classified for the second cycle; 3 is CAROL's, without a reading
      {meters,                   1,    0,   4,  4,               "meters leaf 1: slot is 4"},
      {meters,                   1,    4,   1,  0,               "meters leaf 1: phases is 0"},
      {meters,                   1,    4,   1,  8,               "meters leaf 1: phases is 8"},
      {meters,                   1,    4,   1,  3,               "meters leaf 1: phases is 3"},
      {meters,                   1,    5,   1,  0,               "meters leaf 1: own_limit"},
      {meters,                   1,    5,   1,  2,               "meters leaf 1: own_limit or has_base"},
      {meters,                   1,    6,   1,  0,               "meters leaf 1: billed_cycle is 2"},
      {meters,                   1,    6,   1,  2,               "meters leaf 1: own_limit or has_base"},
      {meters,                   1,    7,   1,  1,               "meters leaf 1: own_limit or has_base"},
      {meters,                   1,    8,   8,  2,               "meters leaf 1: register_modulus is 2"},
      {meters,                   1,   16,   8,  2,               "meters leaf 1: wh_per_interval_max is 2"},
      {meters,                   1,   24,   8,  9,               "meters leaf 1: base: boundary is 9"},
      {meters,                   1,   32,   8,  0,               "meters leaf 1: base: time_s is 0"},
      {meters,                   1,   32,   8,  UINT64_MAX,      "meters leaf 1: base: time_s is"},
      {meters,                   1,   40,   8,  1'000'000,       "meters leaf 1: base: a register is 1000000"},
      {meters,                   1,   48,   8,  1,               "meters leaf 1: base: the register of an unmetered"},
      {meters,                   1,   88,   8,  0,               "meters leaf 1: newest_time_s is 0"},
      {meters,                   1,   96,   8,  0,               "meters leaf 1: newest_boundary is 0"},
      {meters,                   1,  104,   8,  0,               "meters leaf 1: the newest registers"},
      {meters,                   1,  128,   8,  0,               "meters leaf 1: the newest registers"},
      {meters,                   1,  208,   8,  3,               "meters leaf 1: billed_cycle is 3"},
      {meters,                   3,   24,   8,  1,               "meters leaf 3: base is not zero"},
      {meters,                   3,   40,   8,  1,               "meters leaf 3: base is not zero"},
      {meters,                   3,   88,   8,  1,               "meters leaf 3: newest_time_s is 1"},
      {meters,                   3,   96,   8,  1,               "meters leaf 3: newest_boundary is 1"},
      {meters,                   3,  208,   8,  1,               "meters leaf 3: billed_cycle is 1"},
      // readings: place 8 of ALICE's ring
      {readings,                 1, 512,    8,  0,               "readings leaf 1: place 8: is not zero"},
      {readings,                 1, 512,    8,  10,              "readings leaf 1: place 8: boundary is 9"},
      {readings,                 1, 520,    8,  1,               "readings leaf 1: place 8: time_s is 1"},
      {readings,                 1, 520,    8,  UINT64_MAX,      "readings leaf 1: place 8: time_s is"},
      {readings,                 1, 528,    8,  1'000'000,       "readings leaf 1: place 8: a register is 1000000"},
      {readings,                 1, 536,    8,  1,               "readings leaf 1: place 8: the register of an unmetered"},
      {readings,                 3,   8,    8,  1,               "readings leaf 3: place 0: is not zero"},
      // bill lines
      {bill_lines,               1,    0,   8,  90'001,          "bill_lines leaf 1: the energy of a line is 90001"},
      {bill_lines,               1,    8,   8,  kFar,            "bill_lines leaf 1: the energy of a line is"},
      {bill_lines,               1,    0,   8,  5,               "settlement leaf 0: interval 0 is not what"},
      {bill_lines,               3,   16,   8,  1,               "bill_lines leaf 3: is not zero"},
      // intervals
      {intervals,                1,    0,   8,  0,               "intervals leaf 1: interval + 1 is 0"},
      {intervals,                1,    8,   8,  UINT64_MAX,      "intervals leaf 1: consumption_wh is"},
      {intervals,                1,   16,   8,  UINT64_MAX,      "intervals leaf 1: generation_wh is"},
      {intervals,                1,    8,   8,  1,               "intervals leaf 1: consumers_pay is"},
      {intervals,                1,   24,   8,  1,               "intervals leaf 1: consumers_pay is 1"},
      {intervals,                1,   32,   8,  1,               "intervals leaf 1: producers_get is 1"},
      {intervals,                1,   40,   8,  UINT64_MAX / 2,  "intervals leaf 1: unaccounted_wh is"},
      {intervals,                1,   64,   1,  2,               "intervals leaf 1: grid_settled or grid_known"},
      {intervals,                1,   64,   1,  0,               "intervals leaf 1: unaccounted_wh is"},
      {intervals,                1,   65,   1,  2,               "intervals leaf 1: grid_settled or grid_known"},
      {intervals,                1,   65,   1,  0,               "intervals leaf 1: grid_settled without"},
      // settlement
      {settlement,               0,    0,   4,  1,               "settlement leaf 0: the number of entries ever in use"},
      {settlement,               0,    4,   8,  2,               "settlement leaf 0: the total of cycles is 2"},
      {settlement,               0,   12,   8,  5,               "settlement leaf 0: the total of intervals is 5"},
      {settlement,               0,   20,   8,  5,               "settlement leaf 0: total consumption is 5"},
      {settlement,               0,   28,   8,  5,               "settlement leaf 0: total generation is 5"},
      {settlement,               0,   36,   8,  5,               "settlement leaf 0: total consumption is"},
      {settlement,               0,   44,   8,  5,               "settlement leaf 0: total consumption is"},
      {settlement,               0,   52,   8,  5,               "settlement leaf 0: total generation is"},
      {settlement,               0,   60,   8,  5,               "settlement leaf 0: what the grid gets is"},
      {settlement,               0,   68,   8,  5,               "settlement leaf 0: what the grid gets is"},
      {settlement,               0,   76,   8,  5,               "settlement leaf 0: what the grid gets is 5"},
      {settlement,               0,   84,   8,  5,               "settlement leaf 0: the debt of all is 5"},
      {settlement,               0,   92,   8,  5,               "settlement leaf 0: unaccounted energy is 5"},
      {settlement,               0,  100,   8,  5,               "settlement leaf 0: the end of the interval history is 5"},
      {settlement,               0,  108,   8,  3,               "settlement leaf 0: the number of closed cycles is 3"},
      {settlement,               0,  116,   8,  0,               "settlement leaf 0: the end of the interval history is"},
      {settlement,               0,  116,   8,  2,               "settlement leaf 0: a cycle is being settled"},
      {settlement,               0,  116,   8,  3,               "settlement leaf 0: the number of settled cycles is 3"},
      {settlement,               0,  124,   1,  5,               "settlement leaf 0: phase is 5"},
      {settlement,               0,  124,   1,  0,               "settlement leaf 0: has not the length"},
      {settlement,               0,  124,   1,  2,               "settlement leaf 0: has not the length"},
      {settlement,               0,  125,   8,  5,               "settlement leaf 0: position is 5"},
      {settlement,               0,  125,   8,  UINT64_MAX,      "settlement leaf 0: position is"},
      {settlement,               0,  133,   4,  8,               "settlement leaf 0: byte is 8"},
      {settlement,               0,  133,   4,  7,               "settlement leaf 0: byte is 7"},
      {settlement,               0,  137,   8,  5,               "settlement leaf 0: the work on interval 0"},
      {settlement,               0,  145,   8,  5,               "settlement leaf 0: the work on interval 0"},
      {settlement,               0,  153,   1,  2,               "settlement leaf 0: has not the length"},
      {settlement,               0,  153,   1,  0,               "settlement leaf 0: interval 0 is not what"},
      {settlement,               0,  154,   8,  5,               "settlement leaf 0: the work on interval 0"},
      {settlement,               0,  162,   8,  5,               "settlement leaf 0: the work on interval 0"},
      {settlement,               0,  202,   8,  5,               "settlement leaf 0: the work on interval 0"},
      {settlement,               0,  210,   8,  0,               "settlement leaf 0: the work on interval 0"},
      {settlement,               0,  137 + 4 * 161, 4, 77,       "settlement leaf 0: the counters"},
  };
  // clang-format on
  for (const BadField& field : fields) {
    Dump wrong = right;
    std::vector<std::uint8_t>& leaf = wrong.of(field.table).at(field.index);
    ASSERT_LE(field.offset + field.bytes, leaf.size());
    for (std::size_t byte = 0; byte < field.bytes; ++byte)
      leaf[field.offset + byte] = static_cast<std::uint8_t>(field.value >> (8 * byte));
    EXPECT_TRUE(error_of(wrong).starts_with(field.error))
        << field.error << "\n  but: " << error_of(wrong) << "\n  at offset " << field.offset;
  }
}

TEST(RestoreRefuses, LeavesOfAnotherLength) {
  const SmallChain small;
  const Dump right = dump(small.machine());
  for (std::size_t number = 0; number < kTables; ++number) {
    const std::string name = std::string(table_name(static_cast<Table>(number))) + " leaf 0: has";
    for (const bool longer : {true, false}) {
      Dump wrong = right;
      std::vector<std::uint8_t>& leaf = wrong.tables[number].front();
      leaf.resize(leaf.size() + (longer ? 1 : -1UL));
      EXPECT_TRUE(error_of(wrong).starts_with(name)) << error_of(wrong);
    }
    Dump wrong = right;
    wrong.tables[number].front().clear();
    EXPECT_TRUE(error_of(wrong).starts_with(name)) << error_of(wrong);
  }
}

TEST(RestoreRefuses, LeavesThatAreMissingDoubledOrBeyondTheTable) {
  const SmallChain small;
  const Dump all = dump(small.machine());
  for (std::size_t number = 0; number < kTables; ++number) {
    const auto table = static_cast<Table>(number);
    const auto count = static_cast<std::uint32_t>(all.tables[number].size());
    const std::string last = std::string(table_name(table)) + " leaf " + std::to_string(count - 1);
    const auto fill = [&](Machine::Restorer& restorer, bool without) {
      for (std::size_t other = 0; other < kTables; ++other)
        for (std::uint32_t index = 0; index < all.tables[other].size(); ++index)
          if (!without || other != number || index != count - 1) {
            ASSERT_TRUE(restorer.load(static_cast<Table>(other), index, all.tables[other][index]).has_value());
          }
    };
    auto doubled = Machine::Restorer::create(SmallChain::genesis(), kTwoRules, all.counts());
    ASSERT_NO_FATAL_FAILURE(fill(*doubled, false));
    EXPECT_EQ(doubled->load(table, count - 1, all.tables[number].back()).error(), last + ": comes twice");

    auto missing = Machine::Restorer::create(SmallChain::genesis(), kTwoRules, all.counts());
    ASSERT_NO_FATAL_FAILURE(fill(*missing, true));
    EXPECT_EQ(missing->finish().error(), last + ": is missing");

    for (const std::uint32_t index : {count, count + 1, UINT32_MAX}) {
      auto beyond = Machine::Restorer::create(SmallChain::genesis(), kTwoRules, all.counts());
      const std::string error = beyond->load(table, index, all.tables[number].back()).error();
      EXPECT_TRUE(error.starts_with(std::string(table_name(table)) + " leaf " + std::to_string(index) +
                                    ": the table has only " + std::to_string(count)))
          << error;
    }
  }
  for (const unsigned table : {11U, 12U, 255U}) {
    auto restorer = Machine::Restorer::create(SmallChain::genesis(), kTwoRules, all.counts());
    EXPECT_EQ(restorer->load(static_cast<Table>(table), 0, {}).error(), "there is no table " + std::to_string(table));
  }
}

TEST(RestoreRefuses, CountsThatCannotBe) {
  const SmallChain small;
  const LeafCounts right = dump(small.machine()).counts();
  using enum Table;
  const std::tuple<Table, std::uint32_t, std::string> cases[] = {
      {Table::chain, 0, "chain has 0 leaves; it must have 1"},
      {Table::chain, 2, "chain has 2 leaves; it must have 1"},
      {holders, 3, "holders has 3 leaves; it must have 4..8"},
      {holders, 9, "holders has 9 leaves; it must have 4..8"},
      {windows, 4, "windows has 4 leaves; it must have 5"},
      {accounts, 3, "accounts has 3 leaves; it must have 4..32"},
      {accounts, 33, "accounts has 33 leaves; it must have 4..32"},
      {accounts, UINT32_MAX, "accounts has 4294967295 leaves; it must have 4..32"},
      {pending_transfers, 5, "pending_transfers has 5 leaves; it must have 0..4"},
      {meters, 6, "meters has 6 leaves; it must have 0..5"},
      {readings, 3, "readings has 3 leaves; it must have 4"},
      {bill_lines, 5, "bill_lines has 5 leaves; it must have 4"},
      {intervals, 10, "intervals has 10 leaves; it must have 0..9"},
      {cycles, 1025, "cycles has 1025 leaves; it must have 0..1024"},
      {settlement, 0, "settlement has 0 leaves; it must have 1"},
  };
  for (const auto& [table, count, error] : cases) {
    LeafCounts counts = right;
    counts[static_cast<std::size_t>(table)] = count;
    const auto restorer = Machine::Restorer::create(SmallChain::genesis(), kTwoRules, counts);
    ASSERT_FALSE(restorer.has_value()) << error;
    EXPECT_EQ(restorer.error(), error);
  }
}

// Counts that are possible, with as many leaves, but not those that the other tables speak of.
TEST(RestoreRefuses, TablesThatAreTooShortOrTooLong) {
  const SmallChain small;
  const Dump right = dump(small.machine());
  using enum Table;
  const auto without_last = [&](std::initializer_list<Table> tables) {
    Dump wrong = right;
    for (const Table table : tables) wrong.of(table).pop_back();
    return error_of(wrong);
  };
  const auto with_one_more = [&](std::initializer_list<Table> tables) {
    Dump wrong = right;
    for (const Table table : tables) wrong.of(table).push_back(wrong.of(table).back());
    return error_of(wrong);
  };
  EXPECT_EQ(without_last({pending_transfers}),
            "settlement leaf 0: the number of entries ever in use is 2; it must be 1");
  EXPECT_EQ(with_one_more({pending_transfers}),
            "settlement leaf 0: the number of entries ever in use is 2; it must be 3");
  EXPECT_EQ(without_last({meters, readings, bill_lines}), "meters has 3 leaves, but the holders have 4 meters");
  EXPECT_EQ(with_one_more({meters, readings, bill_lines}), "meters has 5 leaves, but the holders have 4 meters");
  EXPECT_EQ(without_last({intervals}), "intervals has 7 leaves; settlement says 8");
  EXPECT_EQ(with_one_more({intervals}), "intervals has 9 leaves; settlement says 8");
  EXPECT_EQ(without_last({cycles}), "cycles has 0 leaves; settlement says 1");
  EXPECT_EQ(with_one_more({cycles}), "cycles has 2 leaves; settlement says 1");
  EXPECT_EQ(with_one_more({holders, windows}), "holders leaf 5: public_key is that of slot 5, too");
  Dump wrong = right;
  wrong.of(accounts).resize(17);
  EXPECT_EQ(error_of(wrong), "holders leaf 4: account 18 cannot be its energy account");
}

TEST(RestoreRefuses, AnotherGenesisAndRulesThatItDoesNotKnow) {
  const SmallChain small;
  const Dump all = dump(small.machine());
  Genesis other = SmallChain::genesis();
  other.hash[0] ^= 1;
  EXPECT_EQ(restore(all, other, kTwoRules).error(), "chain leaf 0: genesis_hash is not that of the genesis");
  other = SmallChain::genesis();
  other.time_ns = 1;
  EXPECT_FALSE(restore(all, other, kTwoRules).has_value());
  EXPECT_EQ(restore(all, SmallChain::genesis(), {2, 5}).error(),
            "chain leaf 0: rules_version is 1; it must be one that this program knows, 2..5");
}

// Two leaves that cannot stand together.
TEST(RestoreRefuses, TheSameKeySerialOrTransferTwice) {
  const SmallChain small;
  const Dump right = dump(small.machine());
  Dump wrong = right;
  const auto copy = [&](Table table, std::uint32_t from, std::uint32_t to, std::size_t offset, std::size_t bytes) {
    std::copy_n(wrong.of(table)[from].begin() + static_cast<std::ptrdiff_t>(offset), bytes,
                wrong.of(table)[to].begin() + static_cast<std::ptrdiff_t>(offset));
  };
  copy(Table::holders, 2, 4, 0, 32);   // the key
  copy(Table::holders, 2, 4, 64, 20);  // and the address
  EXPECT_EQ(error_of(wrong), "holders leaf 4: public_key is that of slot 3, too");
  wrong = right;
  copy(Table::holders, 2, 4, 84, 33);
  EXPECT_EQ(error_of(wrong), "holders leaf 4: serial is that of slot 3, too");
}

}  // namespace
}  // namespace electra::state::test
