// One journal gives one state: in the gateway that wrote it, in this process twice, in another process.
#include <gtest/gtest.h>

#include "meter-proto/address.h"
#include "tests/pipeline/digests.h"

namespace electra::pipeline {
namespace {

using namespace test;

std::vector<std::string> lines_of(const std::string& command) {
  std::vector<std::string> lines;
  FILE* pipe = ::popen(command.c_str(), "r");
  EXPECT_NE(pipe, nullptr);
  char line[256];
  while (std::fgets(line, sizeof line, pipe) != nullptr) {
    lines.emplace_back(line);
    while (!lines.back().empty() && lines.back().back() == '\n') lines.back().pop_back();
  }
  EXPECT_EQ(::pclose(pipe), 0) << command;
  return lines;
}

// Writes down what it is told about keys.
class NotingVerifier final : public crypto::Verifier {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "notes"; }
  [[nodiscard]] bool check_key(const Bytes32&) const override { return true; }
  void verify(std::span<const crypto::VerifyItem>, std::span<crypto::VerifyOutcome>) const override {}
  void verify_raw(std::span<const crypto::RawVerifyItem>, std::span<crypto::VerifyOutcome>) const override {}
  void learn(std::uint32_t number, const Bytes32& key) override {
    notes_.push_back("learn " + std::to_string(number) + " " + to_hex(key));
  }
  void forget(std::uint32_t number) override { notes_.push_back("forget " + std::to_string(number)); }

  // Those since the last call.
  [[nodiscard]] std::vector<std::string> notes() { return std::exchange(notes_, {}); }

 private:
  std::vector<std::string> notes_;
};

TEST(Replay, OfOneJournalGivesOneStateWhereverItRuns) {
  TempDirectory directory;
  RunningGateway gateway(small_settings(directory.path()));
  ASSERT_EQ(gateway.error(), "");
  ASSERT_NO_FATAL_FAILURE(do_a_bit_of_everything(gateway.port()));
  gateway.stop();

  const Replayed once = replay_digests(directory.path());
  const Replayed twice = replay_digests(directory.path());
  EXPECT_EQ(once.digests, twice.digests);
  EXPECT_EQ(once.settlement, twice.settlement);
  EXPECT_EQ(once.digests.size(), gateway.batch_number() + 1);
  EXPECT_EQ(once.messages, gateway.counters().messages);
  EXPECT_EQ(once.digests.back(), gateway.digest());
  EXPECT_EQ(once.settlement, gateway.settlement_digest());

  std::vector<std::string> expected;
  for (const Bytes32& digest : once.digests) expected.push_back(to_hex(digest));
  expected.push_back(to_hex(once.settlement));
  EXPECT_EQ(lines_of(std::string(ELECTRA_PRINT_DIGESTS) + " " + directory.path().string()), expected);

  // Each record changed the state: a digest that stood still would prove nothing.
  for (std::size_t i = 1; i < once.digests.size(); ++i) EXPECT_NE(once.digests[i], once.digests[i - 1]) << i;
}

TEST(Replay, ARunningGatewayTellsTheDigestOfItsJournal) {
  TempDirectory directory;
  RunningGateway gateway(small_settings(directory.path()));
  ASSERT_NO_FATAL_FAILURE(do_a_bit_of_everything(gateway.port()));
  std::this_thread::sleep_for(50ms);  // the watermark's record is out
  wire::Query query;
  query.mutable_digest();
  const wire::QueryAnswer answer = Client(gateway.port(), kAuditor).query(query);
  const Replayed replayed = replay_digests(directory.path());
  EXPECT_EQ(to_hex(bytes_of(answer.digest().state())), to_hex(replayed.digests.back()));
  EXPECT_EQ(to_hex(bytes_of(answer.digest().settlement())), to_hex(replayed.settlement));
}

TEST(Replay, LearnsTheKeysThatMaySignAndForgetsThoseThatNeverWillAgain) {
  TempDirectory directory;
  const Person person("NEW1");
  {
    RunningGateway gateway(small_settings(directory.path()));
    ASSERT_EQ(gateway.error(), "");
    Client boss(gateway.port(), kOperator);
    std::uint64_t sequence = 0;
    const auto set = [&](state::Slot slot, state::HolderStatus status) {
      return boss.ask(++sequence, set_status(slot, status)).result;
    };
    const strict::RegisterKey registration{
        .public_key = person.public_key(), .serial = "NEW1", .roles = state::kRoleMeter, .phases = 1};
    ASSERT_EQ(boss.ask(++sequence, {.not_after = 0, .operation = registration}).result, Result::ok);
    Client fresh(gateway.port(), person, {.slot = 0, .address = proto::address_of(person.public_key())});
    const strict::ProvePossession proof{.registration_id = *fresh.hello().registration_id};
    ASSERT_EQ(fresh.ask(1, {.not_after = 0, .operation = proof}).result, Result::ok);
    ASSERT_EQ(set(kBob, state::HolderStatus::suspended), Result::ok);
    ASSERT_EQ(set(kBob, state::HolderStatus::active), Result::ok);
    ASSERT_EQ(set(kBob, state::HolderStatus::retired), Result::ok);
    ASSERT_EQ(set(kFirstExtra, state::HolderStatus::suspended), Result::ok);
    ASSERT_EQ(set(kFirstExtra, state::HolderStatus::retired), Result::ok);
  }
  const state::Genesis genesis = small_genesis();
  const auto machine = state::Machine::create(genesis);
  ASSERT_TRUE(machine) << machine.error();
  crypto::KeyStore keys(genesis.limits.holders_max, 0);
  NotingVerifier verifier;
  const auto learn = [](std::uint32_t number, const Bytes32& key) {
    return "learn " + std::to_string(number) + " " + to_hex(key);
  };
  // Keys have numbers in the order in which they came: those of the genesis are its slots.
  follow_key_changes(**machine, keys, verifier);
  std::vector<std::string> of_genesis;
  for (const auto& holder : genesis.holders) {
    of_genesis.push_back(learn(static_cast<std::uint32_t>(of_genesis.size()) + 1, holder.public_key));
  }
  EXPECT_EQ(verifier.notes(), of_genesis);

  RecordReplayer replayer(**machine, keys, verifier);
  ASSERT_TRUE(io::recover_journal(directory.path(), genesis.hash, &replayer)) << replayer.problem();
  // A suspended key may come back, and keeps its table.
  EXPECT_EQ(verifier.notes(),
            (std::vector<std::string>{
                learn(kFirstExtra, person.public_key()),  // registered: it signs the proof of its possession
                learn(kFirstExtra, person.public_key()),  // active
                learn(kBob, Person(holder_name(kBob)).public_key()),  // active again
                "forget " + std::to_string(kBob),                     // retired
                "forget " + std::to_string(kFirstExtra)}));           // the same, from suspended
}

// Refuses the keys that begin with a zero byte, and counts how often it is asked.
class CountingVerifier final : public crypto::Verifier {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "counts"; }
  [[nodiscard]] bool check_key(const Bytes32& key) const override {
    ++asked_alone;
    return key[0] != 0;
  }
  void check_keys(std::span<const std::uint8_t* const> keys, std::span<std::uint8_t> passes) const override {
    asked_together.push_back(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) passes[i] = keys[i][0] != 0;
  }
  void verify(std::span<const crypto::VerifyItem>, std::span<crypto::VerifyOutcome>) const override {}
  void verify_raw(std::span<const crypto::RawVerifyItem>, std::span<crypto::VerifyOutcome>) const override {}

  mutable std::uint64_t asked_alone = 0;
  mutable std::vector<std::size_t> asked_together;
};

TEST(Replay, ChecksTheKeysThatARecordRegistersSideBySide) {
  const state::Genesis genesis = small_genesis();
  const auto machine = std::move(state::Machine::create(genesis).value());
  crypto::KeyStore keys(genesis.limits.holders_max, 0);
  CountingVerifier verifier;
  follow_key_changes(*machine, keys, verifier);
  RecordReplayer replayer(*machine, keys, verifier);

  // First bytes of the keys that the messages of a record register; those with 0 are none.
  constexpr std::uint8_t kTransfer = 0xff;  // registers nothing
  const std::vector<std::vector<std::uint8_t>> records = {{1, 0, kTransfer, 2}, {kTransfer}, {0}, {3, 4}};
  const auto pool = std::move(io::RecordBufferPool::create(1).value());
  io::RecordBuffer& buffer = *pool->acquire();
  std::uint64_t sequence = 0;
  std::uint64_t registered = machine->holder_count();
  for (const std::vector<std::uint8_t>& record : records) {
    buffer.clear();
    for (const std::uint8_t first_byte : record) {
      Bytes32 key{};
      key.fill(first_byte);
      const std::string serial = "NEW" + std::to_string(++sequence);
      strict::PayloadView payload = transfer(machine->holder(kOperator)->wallet_account, 1, 0);
      if (first_byte != kTransfer) {
        payload.operation =
            strict::RegisterKey{.public_key = key, .serial = serial, .roles = state::kRoleMeter, .phases = 1};
      }
      const Bytes frame = message_frame(Person(holder_name(kOperator)), {.slot = kOperator}, sequence, payload);
      strict::FrameView view;
      ASSERT_EQ(strict::decode_frame(ByteSpan(frame).subspan(strict::kFrameHeaderBytes), view), Result::ok);
      ASSERT_TRUE(buffer.append(view.message));
      registered += first_byte != kTransfer && first_byte != 0 ? 1 : 0;
    }
    io::RecordHeader header{};
    header.batch = machine->batch_number() + 1;
    header.time_ns = machine->time_ns() + 1;
    header.rules_version = machine->rules_version();
    header.count = buffer.count();
    ASSERT_TRUE(replayer.on_record({.header = header, .body = buffer.body(), .file_offset = 0, .segment = 1}))
        << replayer.problem();
    EXPECT_EQ(machine->holder_count(), registered);
  }
  EXPECT_EQ(verifier.asked_together, (std::vector<std::size_t>{3, 1, 2}));
  EXPECT_EQ(verifier.asked_alone, 0U);
}

}  // namespace
}  // namespace electra::pipeline
