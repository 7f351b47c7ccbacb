// The bench's books against the state machine's: two ways to the same figures.
#include "bench/e2e/model.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "bench/e2e/scenario.h"
#include "engine/state/machine.h"
#include "meter-proto/base/sha256.h"
#include "tests/bench/support.h"

namespace electra::bench {
namespace {

// Executes every good message of a traffic, in batches that take from all streams.
class Ledger {
 public:
  explicit Ledger(const Scenario& scenario) : scenario_(scenario) {
    auto machine = state::Machine::create(scenario.genesis());
    EXPECT_TRUE(machine) << machine.error();
    machine_ = std::move(*machine);
  }

  void execute(const Traffic& traffic, const std::vector<std::uint64_t>& sent, bool may_be_forged) {
    for (std::uint32_t stream = 0; stream < traffic.frames.streams(); ++stream) {
      if (sent[stream] == 0) continue;
      const auto bytes = bytes_of(traffic.frames, stream, 0, sent[stream], 4096);
      std::vector<state::VerifiedMessage> messages;
      std::uint64_t position = 0;
      for (const ByteSpan frame : frames_of(bytes)) {
        if (may_be_forged && scenario_.forged(stream, position++)) continue;
        state::VerifiedMessage& message = messages.emplace_back();
        message.envelope = envelope_of(frame);
        message.slot = message.envelope.slot;
        message.id = sha256(frame);
      }
      std::vector<state::Outcome> outcomes(messages.size());
      machine_->execute({.number = ++batch_, .time_ns = Scenario::time_ns() + batch_, .messages = messages}, outcomes);
      for (const state::Outcome& outcome : outcomes) ASSERT_EQ(outcome.result, Result::ok);
    }
  }

  [[nodiscard]] Model books() const {
    Model model;
    model.messages = machine_->messages_executed();
    for (state::AccountNumber i = 1; i <= machine_->account_count(); ++i) {
      const auto account = machine_->account(i);
      model.accounts.push_back({account->debits_posted, account->credits_posted});
    }
    for (state::Slot i = 1; i <= machine_->holder_count(); ++i) {
      model.registers.push_back(machine_->holder(i)->registers[0].whin);
    }
    return model;
  }

 private:
  const Scenario& scenario_;
  std::unique_ptr<state::Machine> machine_;
  std::uint64_t batch_ = 0;
};

std::vector<std::uint64_t> all_of(const Traffic& traffic) {
  std::vector<std::uint64_t> sent;
  for (std::uint32_t i = 0; i < traffic.frames.streams(); ++i) sent.push_back(traffic.frames.length(i));
  return sent;
}

TEST(Model, AgreesWithTheStateMachine) {
  struct Case {
    const char* name;
    ScenarioOptions options;
  };
  const Case cases[] = {
      {"transfers", {.senders = 20, .connections = 3, .messages = 2000}},
      {"readings", {.load = Load::readings, .senders = 20, .connections = 3, .messages = 2000}},
      {"a mix, skewed", {.load = Load::mix, .skew = Skew::zipf, .senders = 20, .connections = 3, .messages = 2000}},
      {"many accounts", {.senders = 20, .connections = 3, .accounts = 1000, .messages = 2000}},
      {"forged messages among them",
       {.load = Load::mix, .senders = 20, .connections = 3, .messages = 2000, .forged_per_mille = 300}},
      {"one sender", {.senders = 1, .connections = 1, .messages = 100}},
      {"another seed", {.senders = 20, .connections = 3, .messages = 2000, .seed = 99}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto scenario = Scenario::make(c.options);
    ASSERT_TRUE(scenario) << scenario.error();
    Ledger ledger(**scenario);
    if ((*scenario)->has_setup()) {
      ledger.execute((*scenario)->opening(), all_of((*scenario)->opening()), false);
      ledger.execute((*scenario)->funding(), all_of((*scenario)->funding()), false);
    }
    // Not all that was signed is always sent.
    auto sent = all_of((*scenario)->traffic());
    sent.front() /= 2;
    ledger.execute((*scenario)->traffic(), sent, true);
    EXPECT_EQ(difference((*scenario)->model_after(sent), ledger.books()), "");
  }
}

TEST(Model, TellsTheFirstDifference) {
  const Model books{.accounts = {{1, 2}, {3, 4}}, .registers = {5, 6}, .messages = 7};
  struct Case {
    const char* expected;
    Model found;
  };
  const Case cases[] = {
      {"", books},
      {"8 messages were executed instead of 7", {.accounts = books.accounts, .registers = {5, 6}, .messages = 8}},
      {"there are 1 accounts instead of 2", {.accounts = {{1, 2}}, .registers = {5, 6}, .messages = 7}},
      {"account 2 has debits 3 and credits 9 instead of 3 and 4",
       {.accounts = {{1, 2}, {3, 9}}, .registers = {5, 6}, .messages = 7}},
      {"the meter of slot 2 shows 0 instead of 6", {.accounts = books.accounts, .registers = {5, 0}, .messages = 7}},
      {"there are 1 holders instead of 2", {.accounts = books.accounts, .registers = {5}, .messages = 7}},
  };
  for (const Case& c : cases) EXPECT_EQ(difference(books, c.found), c.expected);
}

TEST(Model, ComesBackFromItsFile) {
  const auto file = std::filesystem::temp_directory_path() / ("electra-bench-model-" + std::to_string(getpid()));
  const Model books{.accounts = {{1, UINT64_MAX}, {3, 4}}, .registers = {5, 6, 7}, .messages = 7};
  EXPECT_EQ(write_model(books, file), "");
  const auto read = read_model(file);
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(*read, books);
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
  EXPECT_FALSE(read_model(file));
  std::filesystem::remove(file);
  EXPECT_FALSE(read_model(file));
}

}  // namespace
}  // namespace electra::bench
