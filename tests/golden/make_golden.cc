// Makes a golden journal: a small chain in which everything happens that a message can do, kept for ever.
//
//   make_golden DIRECTORY    writes genesis.json, journal/, blocks/headers.bin, chain.blocks and expected.txt
//
// Run once for a rules version, when it is released; later releases replay what is there bit for bit.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "engine/electrad/genesis.h"
#include "engine/pipeline/export.h"
#include "tests/audit/forge.h"
#include "tests/golden/golden.h"

namespace electra::test {
namespace {

strict::PayloadView pending(state::AccountNumber debit, state::AccountNumber credit, std::uint64_t amount,
                            std::uint32_t timeout) {
  strict::PayloadView payload = transfer(debit, credit, amount);
  auto& transfers = std::get<strict::Transfers>(payload.operation);
  transfers.items[0].kind = 1;
  transfers.items[0].timeout = timeout;
  return payload;
}

strict::PayloadView resolve(std::uint32_t kind, state::Slot slot, std::uint64_t sequence) {
  strict::PayloadView payload = transfer(0, 0, 0);
  auto& transfers = std::get<strict::Transfers>(payload.operation);
  transfers.items[0] = {};
  transfers.items[0].kind = kind;
  transfers.items[0].pending_slot = slot;
  transfers.items[0].pending_sequence = sequence;
  return payload;
}

// After do_a_bit_of_everything(): time is three hours after genesis, twelve intervals.
void do_the_rest(std::uint16_t port) {
  Client grid(port, kGrid);
  Client boss(port, kOperator);
  Client alice(port, kAlice);
  Client meter(port, kM1);
  const std::uint32_t from = alice.holder(kAlice).wallet_account();
  const std::uint32_t to = boss.holder(kBob).wallet_account();
  const auto expect = [](const Reply& reply, Result result) {
    EXPECT_TRUE(reply.receipt);
    EXPECT_EQ(reply.result, result);
  };
  const auto tick = [&grid](std::uint64_t boundary) {
    ASSERT_EQ(grid.tick(kGenesisS + boundary * 900).result, Result::ok);
  };

  // Metering: a baseline, a gap, a duplicate, a conflict, too far ahead, a rollback, and readings that come late.
  tick(14);
  expect(meter.ask(1, reading(12, 1000)), Result::ok);
  expect(meter.ask(2, reading(14, 1400)), Result::ok);
  expect(meter.ask(3, reading(14, 1400)), Result::duplicate_reading);
  expect(meter.ask(4, reading(14, 1401)), Result::conflicting_reading);
  expect(meter.ask(5, reading(99, 1500)), Result::reading_in_future);
  expect(meter.ask(6, reading(13, 1250)), Result::ok);
  tick(20);
  expect(meter.ask(7, reading(15, 1450)), Result::late_reading);
  expect(meter.ask(8, reading(14, 1420)), Result::late_without_effect);
  expect(meter.ask(9, reading(20, 900)), Result::ok);
  tick(26);
  expect(meter.ask(11, reading(25, 1800)), Result::ok);
  expect(meter.ask(10, reading(24, 1700)), Result::late_reading);

  // Transfers: pending ones posted, voided and expired, and refusals of several kinds.
  expect(boss.ask(3, set_status(kBob, state::HolderStatus::active)), Result::ok);
  expect(alice.ask(201, pending(from, to, 700, 0)), Result::ok);
  expect(alice.ask(202, resolve(2, kAlice, 201)), Result::ok);
  expect(alice.ask(203, pending(from, to, 800, 0)), Result::ok);
  expect(alice.ask(204, resolve(3, kAlice, 203)), Result::ok);
  expect(alice.ask(205, pending(from, to, 900, 60)), Result::ok);
  expect(alice.ask(206, transfer(from, to, std::uint64_t{1} << 61)), Result::exceeds_credits);
  expect(alice.ask(207, transfer(to, from, 1)), Result::not_account_owner);
  tick(27);
  expect(alice.ask(208, resolve(2, kAlice, 205)), Result::unknown_pending);
  expect(boss.ask(4, {.not_after = 0,
                      .operation = strict::OpenAccounts{.owner_slot = kAlice, .asset = 1, .flags = 1, .count = 3}}),
         Result::ok);

  // The chain: a schedule that is refused, and a new epoch.
  expect(boss.ask(5, {.not_after = 0, .operation = strict::ScheduleRules{.version = 1, .height = 1000}}),
         Result::unknown_rules);
  const std::uint64_t height = boss.status().height();
  expect(boss.ask(6, {.not_after = 0, .operation = strict::BeginEpoch{.epoch = 1, .height = height + 2}}),
         Result::wrong_height);
  expect(boss.ask(7, {.not_after = 0, .operation = strict::BeginEpoch{.epoch = 1, .height = height + 1}}), Result::ok);
  expect(boss.ask(8, set_status(kP1, state::HolderStatus::retired)), Result::ok);
  tick(40);
}

int make(const std::filesystem::path& directory) {
  if (std::filesystem::exists(directory)) {
    std::fprintf(stderr, "%s is there already\n", directory.c_str());
    return 1;
  }
  state::Genesis genesis = small_genesis();
  genesis.chain_id = "electra-golden-" + std::to_string(state::kRulesVersion);
  const std::string text = app::genesis_text(genesis);
  genesis.hash = app::genesis_hash(text);
  std::filesystem::create_directories(directory);
  std::ofstream(directory / "genesis.json") << text;

  TempDirectory work;
  pipeline::GatewaySettings settings = small_settings(work.path());
  settings.genesis = genesis;
  settings.blocks.interval_ns = 600 * kSecondNs;  // ticks alone end blocks
  RunningGateway gateway(settings);
  EXPECT_EQ(gateway.error(), "");
  do_a_bit_of_everything(gateway.port());
  do_the_rest(gateway.port());
  gateway.stop();

  store_records(directory / "journal", load_records(work.path()));  // without the lead of zeros
  std::filesystem::create_directories(directory / "blocks");
  std::filesystem::copy(work.path() / "blocks" / "headers.bin", directory / "blocks" / "headers.bin");
  const auto packed = pipeline::export_blocks({.journal_directory = directory / "journal",
                                               .headers_file = directory / "blocks" / "headers.bin",
                                               .genesis_hash = genesis.hash,
                                               .genesis_text = text,
                                               .out = directory / "chain.blocks",
                                               .first_height = 1,
                                               .last_height = 0,
                                               .progress = {}});
  EXPECT_TRUE(packed) << packed.error().text;
  std::ofstream(directory / "expected.txt") << golden_text(audit_directory(directory));
  return testing::Test::HasFailure() ? 1 : 0;
}

}  // namespace
}  // namespace electra::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_golden DIRECTORY\n");
    return 2;
  }
  return electra::test::make(argv[1]);
}
