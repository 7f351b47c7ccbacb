// The state root of a million accounts after some of them changed.
//
// A town of 100,000 people who have 1,000,000 accounts; an operator opened most of them. People pay from their wallets into
// accounts at random, 16 transfers a message, until so many accounts are touched. What is timed is the trees' update alone:
// the leaves of accounts and of the payers' sequence windows, and every node above them; in CPU time, as it never waits.
// Whoever pays once only (`one_each`) touches the largest leaf there is, a window of 1.4 KB, for each transfer.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <random>

#include "bench/chain/cases.h"
#include "bench/chain/slow_root.h"
#include "bench/common/measure.h"
#include "engine/chain/block_maker.h"
#include "engine/pipeline/cpu_time.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/base/sha256.h"
#include "meter-proto/encode.h"

namespace electra::bench {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kGenesisS = 1'451'865'600;
constexpr std::uint32_t kPeople = 100'000;
constexpr std::uint32_t kAccounts = 1'000'000;
constexpr std::uint32_t kTouched = 100'000;
constexpr double kBarMilliseconds = 60;
constexpr state::Slot kOperator = 2;
constexpr state::Slot kFirstPerson = 3;
constexpr std::uint32_t kOpenAtOnce = 8192;
constexpr std::size_t kBatchMessages = 8192;
constexpr std::array<std::uint32_t, 5> kSteps = {10'000, 25'000, 50'000, kTouched, 200'000};

state::Genesis genesis_of_people() {
  state::Genesis genesis;
  genesis.chain_id = "electra-bench-accounts";
  genesis.time_ns = kGenesisS * kSecondNs;
  genesis.limits.holders_max = kPeople + kFirstPerson;
  genesis.limits.accounts_max = kAccounts;
  genesis.limits.pending_transfers_max = 1024;
  for (std::uint32_t i = 0; i < kPeople + kFirstPerson - 1; ++i) {
    state::GenesisHolder holder;
    holder.serial = std::string("P").append(std::to_string(i));
    holder.public_key = sha256(holder.serial);
    holder.roles = i == 0 ? state::kRoleGateway | state::kRoleMeter : state::kRoleOwner;
    if (i + 1 == kOperator) holder.roles = state::kRoleOperator;
    holder.phases = i == 0 ? 1 : 0;
    holder.balance = i == 0 ? 0 : 1'000'000'000;
    genesis.holders.push_back(std::move(holder));
  }
  return genesis;
}

class People {
 public:
  std::string open() {
    auto machine = state::Machine::create(genesis_of_people());
    if (!machine) return machine.error();
    machine_ = std::move(*machine);
    sequences_.resize(machine_->holder_count() + 1);
    first_opened_ = machine_->account_count() + 1;
    for (state::Slot owner = kFirstPerson; machine_->account_count() < kAccounts; ++owner) {
      strict::PayloadView payload;
      payload.operation = strict::OpenAccounts{.owner_slot = owner,
                                               .asset = static_cast<std::uint32_t>(state::Asset::uelectra),
                                               .flags = state::kDebitsMustNotExceedCredits,
                                               .count = std::min(kOpenAtOnce, kAccounts - machine_->account_count())};
      if (std::string error = send(kOperator, payload); !error.empty()) return error;
      if (std::string error = execute(); !error.empty()) return error;
    }
    const std::uint64_t begin = pipeline::thread_cpu_ns();
    trees_.emplace(*machine_);
    first_build_ms_ = static_cast<double>(pipeline::thread_cpu_ns() - begin) / 1e6;
    return {};
  }

  // Transfers until `count` accounts are touched (a payer's wallet counts), `group` <= 16 a message; not yet in the trees.
  std::string touch(std::uint32_t count, std::uint32_t group) {
    const state::TouchedSet& touched = machine_->touched(state::Table::accounts);
    while (touched.count() < count) {
      // As many as cannot be too many: each transfer touches at most one account, and each message a wallet beside them.
      const std::size_t messages = std::clamp<std::size_t>((count - touched.count()) / (group + 1), 1, kBatchMessages);
      for (std::size_t i = 0; i < messages; ++i) {
        if (std::string error = send(random_person(), payment(group)); !error.empty()) return error;
      }
      if (std::string error = execute(); !error.empty()) return error;
    }
    return {};
  }

  struct Update {
    double ms = 0;
    std::uint32_t leaves = 0;    // touched, of all tables
    std::uint32_t accounts = 0;  // of them
    std::uint32_t windows = 0;
  };
  Update update() {
    Update update{.accounts = machine_->touched(state::Table::accounts).count(),
                  .windows = machine_->touched(state::Table::windows).count()};
    for (std::size_t table = 0; table < state::kTables; ++table) {
      update.leaves += machine_->touched(static_cast<state::Table>(table)).count();
    }
    const std::uint64_t begin = pipeline::thread_cpu_ns();
    trees_->update();
    update.ms = static_cast<double>(pipeline::thread_cpu_ns() - begin) / 1e6;
    return update;
  }

  [[nodiscard]] bool root_is_right() const { return trees_->root() == slow_state_root(*machine_); }
  [[nodiscard]] double first_build_ms() const noexcept { return first_build_ms_; }
  [[nodiscard]] std::uint32_t accounts() const noexcept { return machine_->account_count(); }

 private:
  state::Slot random_person() { return kFirstPerson + static_cast<state::Slot>(random_() % kPeople); }

  strict::PayloadView payment(std::uint32_t group) {
    strict::PayloadView payload;
    payload.not_after = kGenesisS + 3600;
    strict::Transfers& transfers = payload.operation.emplace<strict::Transfers>();
    // The payer's wallet is filled in by send().
    transfers.count = group;
    for (std::uint32_t i = 0; i < group; ++i) {
      transfers.items[i].credit_account =
          first_opened_ + static_cast<state::AccountNumber>(random_() % (kAccounts - first_opened_ + 1));
      transfers.items[i].amount = 1 + random_() % 100;
    }
    return payload;
  }

  std::string send(state::Slot slot, strict::PayloadView payload) {
    if (auto* transfers = std::get_if<strict::Transfers>(&payload.operation)) {
      const auto wallet = machine_->holder(slot)->wallet_account;
      for (std::uint32_t i = 0; i < transfers->count; ++i) transfers->items[i].debit_account = wallet;
    }
    std::vector<std::uint8_t>& bytes = payloads_.emplace_back(proto::kClientBufferBytes);
    bytes.resize(proto::encode_payload(payload, bytes));
    if (bytes.empty()) return "a payload is too long";
    state::VerifiedMessage& message = messages_.emplace_back();
    message.slot = message.envelope.slot = slot;
    message.envelope.key_generation = 1;
    message.envelope.sequence = ++sequences_[slot];
    message.envelope.payload = bytes;
    store_le64(message.id.data(), slot);
    store_le64(message.id.data() + 8, message.envelope.sequence);
    return messages_.size() == kBatchMessages ? execute() : std::string();
  }

  std::string execute() {
    outcomes_.resize(messages_.size());
    machine_->execute(
        {.number = machine_->batch_number() + 1, .time_ns = machine_->time_ns() + 1, .messages = messages_}, outcomes_);
    messages_.clear();
    payloads_.clear();
    for (const state::Outcome& outcome : outcomes_) {
      if (outcome.result != Result::ok) return "a transfer got " + std::string(result_name(outcome.result));
    }
    return {};
  }

  std::unique_ptr<state::Machine> machine_;
  std::optional<chain::StateTrees> trees_;
  std::mt19937_64 random_{1};
  state::AccountNumber first_opened_ = 0;
  std::vector<std::uint64_t> sequences_;  // by slot
  std::vector<std::vector<std::uint8_t>> payloads_;
  std::vector<state::VerifiedMessage> messages_;
  std::vector<state::Outcome> outcomes_;
  double first_build_ms_ = 0;
};

}  // namespace

Outcome state_root(const CaseOptions& options) {
  People people;
  if (std::string error = people.open(); !error.empty()) return std::unexpected(error);
  if (!people.root_is_right()) return std::unexpected("the first state root is not the one that the leaves have");

  struct Step {
    std::vector<double> ms;
    People::Update last;
  };
  std::map<std::uint32_t, Step> steps;
  Step one_each;
  const auto measure = [&](Step& step, std::uint32_t count, std::uint32_t group) -> std::string {
    if (std::string error = people.touch(count, group); !error.empty()) return error;
    step.last = people.update();
    step.ms.push_back(step.last.ms);
    return {};
  };
  for (std::uint32_t run = 0; run < options.runs; ++run) {
    for (const std::uint32_t count : kSteps) {
      if (std::string error = measure(steps[count], count, strict::kTransfersMax); !error.empty()) {
        return std::unexpected(error);
      }
    }
    if (std::string error = measure(one_each, kTouched, 1); !error.empty()) return std::unexpected(error);
  }
  // Everything that was touched since the first root lies under this one.
  if (!people.root_is_right()) return std::unexpected("the last state root is not the one that the leaves have");

  nlohmann::json touched = nlohmann::json::array();
  std::string line;
  for (const auto& [count, step] : steps) {
    const double ms = median(step.ms);
    const double ns_per_leaf = ms * 1e6 / step.last.leaves;
    touched.push_back({{"accounts", step.last.accounts},
                       {"leaves", step.last.leaves},
                       {"milliseconds", ms},
                       {"ns_per_leaf", ns_per_leaf}});
    line += fmt::format("{}{} k: {:.0f}", line.empty() ? "" : ", ", count / 1000, ns_per_leaf);
  }
  const Step& step = steps[kTouched];
  const double ms = median(step.ms);
  return CaseResult{.name = "state_root_1m",
                    .per_second = 1000 / ms,
                    .unit = "roots",
                    .ratio = kBarMilliseconds / ms,
                    .against = fmt::format("{:.0f} ms", kBarMilliseconds),
                    .bar = 1.0,
                    .figures = fmt::format(
                        "{:.1f} ms for {} accounts and {} windows of senders ({:.1f} ms if each pays once); ns a "
                        "touched leaf at {}; first build {:.0f} ms",
                        ms, step.last.accounts, step.last.windows, median(one_each.ms), line, people.first_build_ms()),
                    .more = {{"milliseconds", ms},
                             {"spread", spread(step.ms)},
                             {"accounts", people.accounts()},
                             {"touched", touched},
                             {"one_each_milliseconds", median(one_each.ms)},
                             {"one_each_leaves", one_each.last.leaves},
                             {"first_build_milliseconds", people.first_build_ms()}}};
}

}  // namespace electra::bench
