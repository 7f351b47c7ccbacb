// The leaves themselves: what stands where in those that are a contract, what their decoders refuse, and the digest that
// is made of them all. That changes are marked is leaf_marks_test.cc's.

#include "meter-proto/chain/leaves.h"

#include <set>

#include "tests/state/support.h"

namespace electra::state::test {
namespace {

constexpr Slot kAlice = 3;
constexpr Slot kBob = 4;

using Leaf = std::vector<std::uint8_t>;

Leaf leaf(const Machine& machine, Table table, std::uint32_t index) {
  Leaf out;
  machine.append_leaf(table, index, out);
  return out;
}

// A chain with something in every table.
Chain lived_in_chain() {
  GenesisHolder alice = meter("ALICE", 3, 500'000);
  alice.register_modulus = 1'000'000;
  alice.max_wh_per_interval = 90'000;
  Chain chain(genesis_with({alice, meter("BOB", 1, 7000)}));
  for (std::uint64_t boundary = 0; boundary <= 6; ++boundary) {
    const std::uint64_t time = boundary * 900;
    chain.batch(time, {});
    EXPECT_EQ(chain.send(kAlice, reading(time, {{500 + 11 * boundary, 7}, {600 + 13 * boundary, 9}})).result,
              Result::ok);
    EXPECT_EQ(chain.send(kBob, reading(time, 40 * boundary, 21 * boundary)).result, Result::ok);
  }
  chain.pass_time_to(5600);
  const strict::Transfers pending = group({hold(chain.wallet(kAlice), chain.wallet(kBob), 250)});
  EXPECT_EQ(chain.send(kAlice, pending).result, Result::ok);
  EXPECT_EQ(chain.send(kOperator, registration("CAROL", kRoleOwner, 0)).result, Result::ok);
  return chain;
}

TEST(Leaves, TheTableOfAccountsIsLaidOutAsTheContractSays) {
  const Chain chain = lived_in_chain();
  const Machine& machine = chain.machine();
  ASSERT_EQ(machine.leaf_count(Table::accounts), machine.account_count());
  for (AccountNumber number = 1; number <= machine.account_count(); ++number) {
    const AccountView view = chain.account(number);
    const Leaf bytes = leaf(machine, Table::accounts, number - 1);
    ASSERT_EQ(bytes.size(), 38U);
    EXPECT_EQ(load_le64(&bytes[0]), view.debits_posted);
    EXPECT_EQ(load_le64(&bytes[8]), view.credits_posted);
    EXPECT_EQ(load_le64(&bytes[16]), view.debits_pending);
    EXPECT_EQ(load_le64(&bytes[24]), view.credits_pending);
    EXPECT_EQ(load_le32(&bytes[32]), view.owner_slot);
    EXPECT_EQ(bytes[36], static_cast<std::uint8_t>(view.asset));
    EXPECT_EQ(bytes[37], view.flags);
  }
  const auto wallet = proto::AccountLeaf::decode(leaf(machine, Table::accounts, chain.wallet(kAlice) - 1)).value();
  EXPECT_EQ(wallet.debits_pending, 250U);
  EXPECT_EQ(wallet.owner_slot, kAlice);
}

TEST(Leaves, TheTableOfMetersIsLaidOutAsTheContractSays) {
  const Chain chain = lived_in_chain();
  const HolderView view = chain.holder(kAlice);
  const Leaf bytes = leaf(chain.machine(), Table::meters, 1);  // 0 is the gateway's
  ASSERT_EQ(bytes.size(), 280U);
  EXPECT_EQ(load_le32(&bytes[0]), kAlice);
  EXPECT_EQ(bytes[4], 3) << "phases";
  EXPECT_EQ(bytes[5], 1) << "own limit";
  EXPECT_EQ(bytes[6], 1) << "has base";
  EXPECT_EQ(bytes[7], 0);
  EXPECT_EQ(load_le64(&bytes[8]), view.register_modulus);
  EXPECT_EQ(load_le64(&bytes[16]), view.max_wh_per_interval);
  EXPECT_EQ(load_le64(&bytes[24]), 4U) << "base boundary";
  EXPECT_EQ(load_le64(&bytes[32]), kGenesisS + 3600) << "base time";
  EXPECT_EQ(load_le64(&bytes[40]), 500U + 44) << "base in, L1";
  EXPECT_EQ(load_le64(&bytes[48]), 600U + 52) << "base in, L2";
  EXPECT_EQ(load_le64(&bytes[64]), 7U) << "base out, L1";
  EXPECT_EQ(load_le64(&bytes[88]), view.last_reading_time);
  EXPECT_EQ(load_le64(&bytes[96]), 6U) << "newest boundary";
  for (std::size_t phase = 0; phase < 3; ++phase) {
    EXPECT_EQ(load_le64(&bytes[104 + 8 * phase]), view.registers[phase].whin);
    EXPECT_EQ(load_le64(&bytes[128 + 8 * phase]), view.registers[phase].whout);
  }
  EXPECT_EQ(load_le64(&bytes[104]), 566U);
  EXPECT_EQ(load_le64(&bytes[152]), view.consumed_wh);
  EXPECT_EQ(view.consumed_wh, 96U);
  EXPECT_EQ(load_le64(&bytes[160]), view.generated_wh);
  EXPECT_EQ(load_le64(&bytes[168]), view.paid);
  EXPECT_EQ(load_le64(&bytes[176]), view.received);
  EXPECT_EQ(load_le64(&bytes[184]), view.intervals_missing);
  EXPECT_EQ(load_le64(&bytes[192]), view.intervals_estimated);
  EXPECT_EQ(load_le64(&bytes[200]), view.intervals_faulty);
  EXPECT_EQ(load_le64(&bytes[208]), 1U) << "billed cycle";
  EXPECT_TRUE(equal_bytes(ByteSpan(bytes).subspan(216, 32), view.bill_hash));
  EXPECT_TRUE(equal_bytes(ByteSpan(bytes).subspan(248, 32), Bytes32{})) << "no correction yet";
}

TEST(Leaves, TheTableOfHoldersIsLaidOutAsTheContractSays) {
  const Chain chain = lived_in_chain();
  ASSERT_EQ(chain.machine().leaf_count(Table::holders), chain.machine().holder_count());
  for (Slot slot = 1; slot <= chain.machine().holder_count(); ++slot) {
    const HolderView view = chain.holder(slot);
    const Leaf bytes = leaf(chain.machine(), Table::holders, slot - 1);
    ASSERT_EQ(bytes.size(), 163U);
    EXPECT_TRUE(equal_bytes(ByteSpan(bytes).subspan(0, 32), view.public_key));
    EXPECT_TRUE(equal_bytes(ByteSpan(bytes).subspan(32, 32), view.registration_id));
    EXPECT_TRUE(equal_bytes(ByteSpan(bytes).subspan(64, 20), view.address));
    std::string serial(view.serial);
    serial.resize(32);
    EXPECT_EQ(text_of(ByteSpan(bytes).subspan(84, 32)), serial);
    EXPECT_EQ(bytes[116], view.serial.size());
    EXPECT_EQ(bytes[117], static_cast<std::uint8_t>(view.status));
    EXPECT_EQ(bytes[118], view.phases);
    EXPECT_EQ(load_le32(&bytes[119]), view.roles);
    EXPECT_EQ(load_le32(&bytes[123]), view.key_generation);
    EXPECT_EQ(load_le32(&bytes[127]), view.owner_slot);
    EXPECT_EQ(load_le32(&bytes[131]) == UINT32_MAX, view.phases == 0) << "meter";
    EXPECT_EQ(load_le32(&bytes[135]), view.wallet_account);
    EXPECT_EQ(load_le32(&bytes[139]), view.energy_account);
    EXPECT_EQ(load_le32(&bytes[143]), view.debt_account);
    EXPECT_EQ(load_le64(&bytes[147]), view.register_modulus);
    EXPECT_EQ(load_le64(&bytes[155]), view.max_wh_per_interval);
    const auto decoded = proto::HolderLeaf::decode(bytes);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->serial(), view.serial);
  }
}

// Every byte that a decoder accepts means something: changed, it is either refused or another leaf.
template <typename Contract>
void expect_strict(const Leaf& bytes) {
  const auto decoded = Contract::decode(bytes);
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(equal_bytes(decoded->encode(), bytes));
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(Contract::decode(ByteSpan(bytes).first(length))) << length;
  Leaf longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(Contract::decode(longer));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    Leaf other = bytes;
    other[at] ^= 0x40;
    const auto changed = Contract::decode(other);
    if (!changed) continue;
    EXPECT_FALSE(*changed == *decoded) << at;
    EXPECT_TRUE(equal_bytes(changed->encode(), other)) << at;
  }
}

TEST(Leaves, DecodersTakeOneEncodingOnly) {
  const Chain chain = lived_in_chain();
  const Machine& machine = chain.machine();
  expect_strict<proto::AccountLeaf>(leaf(machine, Table::accounts, chain.wallet(kAlice) - 1));
  expect_strict<proto::MeterLeaf>(leaf(machine, Table::meters, 1));
  expect_strict<proto::HolderLeaf>(leaf(machine, Table::holders, kAlice - 1));

  for (const std::size_t flag : {5U, 6U, 7U}) {
    Leaf bytes = leaf(machine, Table::meters, 1);
    bytes[flag] = 2;
    EXPECT_FALSE(proto::MeterLeaf::decode(bytes)) << flag;
  }
  Leaf holder = leaf(machine, Table::holders, kAlice - 1);
  holder[116] = 33;
  EXPECT_FALSE(proto::HolderLeaf::decode(holder)) << "a serial longer than its place";
  holder[116] = 4;
  EXPECT_FALSE(proto::HolderLeaf::decode(holder)) << "a letter after the serial's end";
}

TEST(Leaves, AFreePlaceOfAPendingTransferIsAllZero) {
  Chain chain = lived_in_chain();
  ASSERT_EQ(chain.machine().leaf_count(Table::pending_transfers), 1U);
  EXPECT_EQ(chain.machine().pending_transfer_count(), 1U);
  const Leaf used = leaf(chain.machine(), Table::pending_transfers, 0);
  EXPECT_NE(used, Leaf(used.size(), 0));
  chain.pass_time_to(40 * 86400);
  EXPECT_EQ(chain.machine().pending_transfer_count(), 0U);
  EXPECT_EQ(chain.machine().leaf_count(Table::pending_transfers), 1U);
  EXPECT_EQ(leaf(chain.machine(), Table::pending_transfers, 0), Leaf(used.size(), 0));
}

TEST(Leaves, AWindowKeepsNothingOfSequencesThatLeftIt) {
  const auto window_after = [](std::initializer_list<std::uint64_t> sequences) {
    Chain chain(genesis_with({meter("ALICE", 1, 1000)}));
    for (const std::uint64_t sequence : sequences)
      EXPECT_EQ(chain.send(kAlice, strict::Reading{}, {.sequence = sequence}).result, Result::wrong_phases);
    return leaf(chain.machine(), Table::windows, kAlice - 1);
  };
  const auto used_places = [](const Leaf& window) {
    std::set<std::size_t> places;
    for (std::size_t place = 0; place < 64; ++place)
      if (load_le64(&window[16 + 24 * place]) != 0) places.insert(place);
    return places;
  };
  using Places = std::set<std::size_t>;
  EXPECT_EQ(used_places(window_after({})), Places{});
  EXPECT_EQ(used_places(window_after({1, 2, 3})), (Places{1, 2, 3}));
  EXPECT_EQ(used_places(window_after({1, 2, 3, 63})), (Places{1, 2, 3, 63}));
  EXPECT_EQ(used_places(window_after({1, 2, 3, 64})), (Places{0, 1, 2, 3}));
  EXPECT_EQ(used_places(window_after({1, 2, 3, 66})), (Places{2, 3})) << "2 is 66's now, 1 has left";
  EXPECT_EQ(used_places(window_after({1, 2, 3, 67, 66})), (Places{2, 3}));
  EXPECT_EQ(used_places(window_after({1, 2, 3, 68})), Places{4});
  EXPECT_EQ(used_places(window_after({1, 2, 3, 1000})), Places{1000 % 64});
  EXPECT_EQ(used_places(window_after({1, 2, 3, 1000, 970})), (Places{1000 % 64, 970 % 64}));
  EXPECT_EQ(window_after({1}).size(), 16U + 64 * 24);
  EXPECT_EQ(load_le64(&window_after({5})[0]), 5U);
  EXPECT_EQ(load_le64(&window_after({5, 3})[8]), 0b101U);
}

TEST(Leaves, EveryTableHasANameAndANumber) {
  std::set<std::string_view> names;
  for (std::size_t table = 0; table < kTables; ++table) names.insert(table_name(static_cast<Table>(table)));
  EXPECT_EQ(names.size(), kTables);
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_EQ(table_name(static_cast<Table>(kTables)), "unknown");
  EXPECT_EQ(proto::AccountLeaf::kTable, static_cast<std::uint8_t>(Table::accounts));
  EXPECT_EQ(proto::MeterLeaf::kTable, static_cast<std::uint8_t>(Table::meters));
  EXPECT_EQ(proto::HolderLeaf::kTable, static_cast<std::uint8_t>(Table::holders));
}

TEST(Leaves, ALivedInChainHasLeavesInEveryTable) {
  const Chain chain = lived_in_chain();
  for (std::size_t table = 0; table < kTables; ++table)
    EXPECT_GT(chain.machine().leaf_count(static_cast<Table>(table)), 0U) << table_name(static_cast<Table>(table));
}

TEST(Leaves, HaveTheSizesOfThePage) {
  const Chain chain = lived_in_chain();
  const std::size_t places = 11;  // in the ring of readings: 4 of a cycle, 4 of the next, 1 of grace and future, 2
  const std::array<std::size_t, kTables> sizes = {160 + 6, 163, 1552, 38, 40, 280, 64 * places, 32 * 4, 66, 32, 125};
  for (std::size_t table = 0; table < kTables; ++table)
    EXPECT_EQ(leaf(chain.machine(), static_cast<Table>(table), 0).size(), sizes[table])
        << table_name(static_cast<Table>(table));
}

TEST(Leaves, ANewMachineHasTouchedEveryLeaf) {
  Chain chain(genesis_with({meter("ALICE", 1, 1000), meter("BOB", 0)}));
  Machine& machine = chain.machine();
  for (std::size_t number = 0; number < kTables; ++number) {
    const auto table = static_cast<Table>(number);
    EXPECT_EQ(machine.touched(table).count(), machine.leaf_count(table)) << table_name(table);
  }
  machine.clear_touched();
  for (std::size_t number = 0; number < kTables; ++number) {
    const auto table = static_cast<Table>(number);
    const bool always = table == Table::chain || table == Table::settlement;
    EXPECT_EQ(machine.touched(table).count(), always ? 1U : 0U) << table_name(table);
  }
}

TEST(Leaves, RefusedMessagesTouchNothingButTheirSequence) {
  Chain chain(genesis_with({meter("ALICE", 1, 1000), meter("BOB", 1)}));
  chain.send(kAlice, reading(0, 5));
  chain.machine().clear_touched();
  EXPECT_EQ(chain.send(kAlice, group({move(chain.wallet(kAlice), chain.wallet(kBob), 1001)})).result,
            Result::exceeds_credits);
  EXPECT_EQ(chain.send(kAlice, reading(0, 6)).result, Result::conflicting_reading);
  EXPECT_EQ(chain.send(kAlice, registration("NEW")).result, Result::no_role);
  for (std::size_t number = 0; number < kTables; ++number) {
    const auto table = static_cast<Table>(number);
    const bool touched = table == Table::chain || table == Table::settlement || table == Table::windows;
    EXPECT_EQ(chain.machine().touched(table).count(), touched ? 1U : 0U) << table_name(table);
  }
  EXPECT_TRUE(chain.machine().touched(Table::windows).contains(kAlice - 1));
}

TEST(StateDigest, IsTheSameForTheSameHistoryAndOtherForAnother) {
  EXPECT_EQ(lived_in_chain().machine().digest(), lived_in_chain().machine().digest());
  std::set<Bytes32> digests;
  const auto note = [&](const auto& what) {
    Chain chain = lived_in_chain();
    what(chain);
    digests.insert(chain.machine().digest());
  };
  note([](Chain&) {});
  note([](Chain& chain) { chain.batch(0, {}); });
  note([](Chain& chain) { chain.batch(0, {}, true); });
  note([](Chain& chain) { chain.send(kAlice, strict::Reading{}); });
  note([](Chain& chain) { chain.send(kAlice, strict::Reading{}, {.sequence = 1000}); });
  note([](Chain& chain) { chain.send(kAlice, reading(5400, {{567, 7}, {679, 9}})); });
  note([](Chain& chain) { chain.send(kAlice, group({move(chain.wallet(kAlice), chain.wallet(kBob), 1)})); });
  note([](Chain& chain) { chain.send(kAlice, group({move(chain.wallet(kAlice), chain.wallet(kBob), 2)})); });
  note([](Chain& chain) { chain.send(kOperator, strict::SetStatus{kBob, 3}); });
  note([](Chain& chain) { chain.send(kOperator, strict::BeginEpoch{1, 1}); });
  note([](Chain& chain) { chain.send(kOperator, strict::BeginEpoch{2, 1}); });
  note([](Chain& chain) { chain.send(kOperator, strict::ScheduleRules{2, 5}); });
  note([](Chain& chain) { chain.send(kOperator, strict::ScheduleRules{2, 6}); });
  EXPECT_EQ(digests.size(), 13U);
}

TEST(StateDigest, CoversWhatTheGenesisSays) {
  std::set<Bytes32> digests;
  const auto note = [&](const auto& change) {
    Genesis genesis = genesis_with({meter("ALICE", 1, 1000)});
    change(genesis);
    digests.insert(Chain(genesis).machine().digest());
  };
  note([](Genesis&) {});
  note([](Genesis& g) { g.chain_id = "test-2"; });
  note([](Genesis& g) { g.hash[31] ^= 1; });
  note([](Genesis& g) { g.time_ns += 3600 * kSecond; });
  note([](Genesis& g) { g.params.interval_s = 450; });
  note([](Genesis& g) { g.params.cycle_s = 1800; });
  note([](Genesis& g) { g.params.grace_s += 1; });
  note([](Genesis& g) { g.params.future_tolerance_s += 1; });
  note([](Genesis& g) { g.params.retail_price += 1; });
  note([](Genesis& g) { g.params.feed_in_price += 1; });
  note([](Genesis& g) { g.limits.holders_max += 1; });
  note([](Genesis& g) { g.limits.accounts_max += 1; });
  note([](Genesis& g) { g.limits.pending_transfers_max += 1; });
  note([](Genesis& g) { g.limits.correction_horizon_s += 1; });
  note([](Genesis& g) { g.limits.pending_timeout_max_s += 1; });
  note([](Genesis& g) { g.limits.not_after_max_s += 1; });
  note([](Genesis& g) { g.limits.timer_visits_per_batch_max += 1; });
  note([](Genesis& g) { g.holders[2].balance += 1; });
  note([](Genesis& g) { g.holders[2].roles |= kRoleProducer; });
  EXPECT_EQ(digests.size(), 19U);
}

}  // namespace
}  // namespace electra::state::test
