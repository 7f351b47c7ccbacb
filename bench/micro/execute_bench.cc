// Execution alone: batches of readings and of transfers through the state machine, signatures taken for granted.
//
// The argument is the number of messages a batch; of execute_transfers_among, with full batches, that of accounts. Payloads are encoded and ids made before the clock runs. Reported are
// items (messages) per second; a reading is one message of one phase, a transfer message carries one posted transfer.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <vector>

#include "engine/state/index_table.h"
#include "engine/state/machine.h"
#include "meter-proto/base/sha256.h"
#include "meter-proto/encode.h"

namespace electra::state {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kGenesisS = 1451865600;
constexpr std::uint32_t kMeters = 10'000;
constexpr Slot kFirstMeter = 2;
constexpr std::uint64_t kIntervalS = 900;
constexpr std::uint64_t kNotAfter = kGenesisS + 3600;
constexpr std::uint32_t kFewSenders = 1000;
constexpr std::size_t kFullBatch = 8192;

// Slot 1 is the gateway and an operator.
Genesis genesis(std::uint32_t meters, std::uint32_t more_accounts) {
  Genesis genesis;
  genesis.chain_id = "bench";
  genesis.time_ns = kGenesisS * kSecond;
  genesis.params.grace_s = 1800;  // a batch may hold the end of one interval's readings and the beginning of the next
  genesis.limits.holders_max = meters + 1;
  genesis.limits.accounts_max = 4 * (meters + 2) + more_accounts;
  for (std::uint32_t i = 0; i <= meters; ++i) {
    GenesisHolder holder;
    holder.serial = std::string("M").append(std::to_string(i));
    holder.public_key = sha256(holder.serial);
    holder.roles = i == 0 ? kRoleGateway | kRoleOperator : kRoleMeter;
    holder.phases = 1;
    holder.balance = 1'000'000'000;
    genesis.holders.push_back(holder);
  }
  return genesis;
}

struct Batches {
  explicit Batches(std::size_t size, std::uint32_t meters = kMeters, std::uint32_t more_accounts = 0)
      : machine(std::move(Machine::create(genesis(meters, more_accounts)).value())), messages(size), outcomes(size) {
    payloads.resize(size);
  }

  void resize(std::size_t size) {
    payloads.resize(size);
    messages.resize(size);
    outcomes.resize(size);
  }

  void set(std::size_t i, Slot slot, std::uint64_t sequence, const strict::PayloadView& payload) {
    payloads[i].resize(512);
    payloads[i].resize(proto::encode_payload(payload, payloads[i]));
    VerifiedMessage& message = messages[i];
    message.slot = slot;
    message.envelope.slot = slot;
    message.envelope.key_generation = 1;
    message.envelope.sequence = sequence;
    message.envelope.payload = payloads[i];
    store_le64(message.id.data(), sequence * kMeters + slot);
  }

  void execute(std::uint64_t time_ns) {
    machine->execute({.number = machine->batch_number() + 1,
                      .time_ns = std::max(time_ns, machine->time_ns() + 1),
                      .messages = messages},
                     outcomes);
    for (const Outcome& outcome : outcomes)
      if (outcome.result != Result::ok) std::abort();  // a benchmark of refusals would measure something else
  }

  std::unique_ptr<Machine> machine;
  std::vector<std::vector<std::uint8_t>> payloads;
  std::vector<VerifiedMessage> messages;
  std::vector<Outcome> outcomes;
};

// Settlement is left out: timers of cycles that end run while the clock is paused.
void execute_readings(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  Batches batches(size);
  std::uint32_t meter = 0;
  std::uint64_t row = 0;
  for (auto _ : state) {
    state.PauseTiming();
    for (std::size_t i = 0; i < size; ++i) {
      strict::Reading reading;
      reading.time = kGenesisS + row * kIntervalS;
      reading.count = 1;
      reading.items[0] = {.phase = 1, .whin = 1'000'000 + row * 250, .mvolt = 230'000, .mhertz = 50'000, .mpf = 958};
      batches.set(i, kFirstMeter + meter, row + 1, {.not_after = 0, .operation = reading});
      if (++meter == kMeters) meter = 0, ++row;
    }
    Machine& machine = *batches.machine;
    const std::uint64_t time_ns = (kGenesisS + row * kIntervalS) * kSecond;
    while (machine.next_timer_ns() <= std::max(time_ns, machine.time_ns()))
      machine.execute(
          {.number = machine.batch_number() + 1, .time_ns = std::max(time_ns, machine.time_ns() + 1), .messages = {}},
          {});
    state.ResumeTiming();
    batches.execute(time_ns);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(size));
}
BENCHMARK(execute_readings)->Arg(1)->Arg(64)->Arg(1024)->Arg(8192);

strict::Transfers transfer(AccountNumber debit, AccountNumber credit, std::uint64_t amount) {
  strict::Transfers transfers;
  transfers.count = 1;
  transfers.items[0].debit_account = debit;
  transfers.items[0].credit_account = credit;
  transfers.items[0].amount = amount;
  return transfers;
}

void execute_transfers(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  Batches batches(size);
  std::uint32_t meter = 0;
  std::uint64_t round = 0;
  for (auto _ : state) {
    state.PauseTiming();
    for (std::size_t i = 0; i < size; ++i) {
      const Slot slot = kFirstMeter + meter;
      const AccountNumber debit = batches.machine->holder(slot)->wallet_account;
      const AccountNumber credit = batches.machine->holder(slot % kMeters + 1)->wallet_account;
      batches.set(i, slot, round + 1, {.not_after = kNotAfter, .operation = transfer(debit, credit, 1)});
      if (++meter == kMeters) meter = 0, ++round;
    }
    state.ResumeTiming();
    batches.execute(0);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(size));
}
BENCHMARK(execute_transfers)->Arg(1)->Arg(64)->Arg(1024)->Arg(8192);

// Accounts of 1,000 senders, each with as many as the others and money on all of them.
struct Town {
  explicit Town(std::uint32_t accounts) : batches(kFullBatch, kFewSenders, accounts), of(kFewSenders) {
    const std::uint32_t each = accounts / kFewSenders;
    std::uint64_t sequence = 0;  // of the operator
    const auto send = [&](std::vector<strict::Operation> operations) {
      batches.resize(operations.size());
      for (std::size_t i = 0; i < operations.size(); ++i)
        batches.set(i, 1, ++sequence, {.not_after = kNotAfter, .operation = operations[i]});
      batches.execute(0);
      return batches.outcomes;
    };
    const auto till = static_cast<AccountNumber>(
        send({strict::OpenAccounts{.owner_slot = 1, .asset = 1, .flags = 0, .count = 1}})[0].detail);
    for (std::uint32_t i = 0; i < kFewSenders; ++i) {
      const Slot slot = kFirstMeter + i;
      of[i].push_back(batches.machine->holder(slot)->wallet_account);
      if (each == 1) continue;
      const std::uint64_t first =
          send({strict::OpenAccounts{.owner_slot = slot, .asset = 1, .flags = 1, .count = each - 1}})[0].detail;
      std::vector<strict::Operation> funding;
      for (std::uint32_t k = 0; k < each - 1; ++k) {
        of[i].push_back(static_cast<AccountNumber>(first + k));
        funding.emplace_back(transfer(till, of[i].back(), 1'000'000'000));
      }
      send(funding);
    }
    batches.resize(kFullBatch);
  }

  Batches batches;
  std::vector<std::vector<AccountNumber>> of;  // by sender
};

// Every sender pays from any of its accounts to anybody's; what lies in the cache is of no use.
void execute_transfers_among(benchmark::State& state) {
  Town town(static_cast<std::uint32_t>(state.range(0)));
  std::uint64_t sent = 0;
  for (auto _ : state) {
    state.PauseTiming();
    for (std::size_t i = 0; i < kFullBatch; ++i, ++sent) {
      const std::uint64_t dice = mix64(sent + 1);
      const auto sender = static_cast<std::uint32_t>(sent % kFewSenders);
      const std::vector<AccountNumber>& own = town.of[sender];
      const std::vector<AccountNumber>& others = town.of[(sender + 1 + (dice & 0xff)) % kFewSenders];
      town.batches.set(i, kFirstMeter + sender, sent / kFewSenders + 1,
                       {.not_after = kNotAfter,
                        .operation = transfer(own[(dice >> 8) % own.size()], others[(dice >> 32) % others.size()], 1)});
    }
    state.ResumeTiming();
    town.batches.execute(0);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kFullBatch));
}
BENCHMARK(execute_transfers_among)->Arg(1000)->Arg(1'000'000);

// One whole cycle of 10,000 meters: reported are visits (meters times intervals) a second.
void settle_cycle(benchmark::State& state) {
  Batches batches(kMeters);
  std::uint64_t row = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Machine& machine = *batches.machine;
    for (std::uint64_t i = row == 0 ? 0 : 1; i <= 4; ++i) {
      for (std::uint32_t meter = 0; meter < kMeters; ++meter) {
        strict::Reading reading;
        reading.time = kGenesisS + (row + i) * kIntervalS;
        reading.count = 1;
        reading.items[0] = {.phase = 1, .whin = (row + i) * (100 + meter % 997), .whout = meter % 7 * (row + i) * 50};
        batches.set(meter, kFirstMeter + meter, row + i + 1, {.not_after = 0, .operation = reading});
      }
      batches.execute((kGenesisS + (row + i) * kIntervalS) * kSecond);
    }
    row += 4;
    const std::uint64_t due = machine.next_timer_ns();
    state.ResumeTiming();
    while (machine.next_timer_ns() <= std::max(due, machine.time_ns()))
      machine.execute(
          {.number = machine.batch_number() + 1, .time_ns = std::max(due, machine.time_ns() + 1), .messages = {}}, {});
  }
  state.SetItemsProcessed(state.iterations() * kMeters * 4);
}
BENCHMARK(settle_cycle)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace electra::state
