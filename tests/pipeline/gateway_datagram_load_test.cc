// Datagrams under bad conditions: a network that loses, doubles and reorders them, and a gateway that has no room.
#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "meter-proto/client/udp_client.h"
#include "tests/pipeline/datagram_relay.h"
#include "tests/pipeline/raw_datagrams.h"
#include "tests/pipeline/support.h"

namespace electra::pipeline {
namespace {

using namespace test;

GatewaySettings settings(const std::filesystem::path& directory, std::uint32_t extra = 0) {
  GatewaySettings settings = small_settings(directory, extra);
  settings.listen_udp = true;
  return settings;
}

// Sends `count` transfers of one unit, as many at once as the window takes, until all have their receipts.
class Meter {
 public:
  Meter(std::uint16_t port, state::Slot slot, std::uint32_t from, std::uint32_t to, std::uint64_t count)
      : person_(holder_name(slot)), slot_(slot), from_(from), to_(to), count_(count) {
    auto opened = client::UdpClient::open(
        {.port = port, .queue = {.slot = slot, .first_wait_ns = 30'000'000, .wait_ns_max = 200'000'000, .seed = slot}});
    EXPECT_TRUE(opened) << opened.error();
    if (opened) client_.emplace(std::move(*opened));
  }

  // False: there is more to do.
  bool turn() {
    if (!client_) return true;
    while (next_ <= count_ &&
           client_->add(next_, message_frame(person_, {.slot = slot_}, next_, transfer(from_, to_, 1, next_)))) {
      ++next_;
    }
    while (const auto answer = client_->wait_answer(std::chrono::milliseconds(1))) {
      const auto* receipt = std::get_if<strict::Receipt>(&*answer);
      if (receipt == nullptr) {
        ADD_FAILURE() << "refused: " << result_name(std::get<client::Refusal>(*answer).result);
        return true;
      }
      EXPECT_EQ(receipt->result, Result::ok);
      EXPECT_TRUE(answered_.insert(receipt->sequence).second);
    }
    return answered_.size() == count_;
  }

  [[nodiscard]] std::uint64_t sent_again() const { return client_->queue().sent_again(); }

 private:
  Person person_;
  state::Slot slot_;
  std::uint32_t from_;
  std::uint32_t to_;
  std::uint64_t count_;
  std::optional<client::UdpClient> client_;
  std::uint64_t next_ = 1;
  std::set<std::uint64_t> answered_;
};

class BadNetwork : public testing::TestWithParam<std::pair<Weather, std::uint32_t>> {};

TEST_P(BadNetwork, EachMessageHasOneEffectAndGetsItsReceipt) {
  const auto& [weather, seed] = GetParam();
#ifdef ELECTRA_SANITIZED
  constexpr std::uint64_t kMessages = 150;
#else
  constexpr std::uint64_t kMessages = 400;
#endif
  TempDirectory directory;
  RunningGateway gateway(settings(directory.path()));
  ASSERT_EQ(gateway.error(), "");
  Client boss(gateway.port(), kOperator);
  const auto wallet = [&boss](state::Slot slot) { return boss.holder(slot).wallet_account(); };
  const auto balance = [&boss](state::Slot slot) { return boss.holder(slot).wallet_balance(); };
  const std::uint32_t sink = wallet(kP1);
  const std::int64_t before = balance(kP1);
  const std::int64_t alice_before = balance(kAlice);
  {
    DatagramRelay relay(gateway.port(), weather, seed);
    std::vector<std::unique_ptr<Meter>> meters;
    for (const state::Slot slot : {kAlice, kBob, kM2}) {
      meters.push_back(std::make_unique<Meter>(relay.port(), slot, wallet(slot), sink, kMessages));
    }
    const auto deadline = std::chrono::steady_clock::now() + 3 * kPatience;
    for (bool all = false; !all;) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      all = true;
      for (const auto& meter : meters) all = meter->turn() && all;
    }
    std::uint64_t sent_again = 0;
    for (const auto& meter : meters) sent_again += meter->sent_again();
    EXPECT_EQ(relay.lost() > 0, weather.lost_percent > 0);
    EXPECT_EQ(relay.doubled() > 0, weather.doubled_percent > 0);
    EXPECT_EQ(relay.late() > 0, weather.late_percent > 0);
    EXPECT_TRUE(sent_again > 0 || weather.lost_percent == 0);
  }
  EXPECT_EQ(balance(kP1) - before, static_cast<std::int64_t>(3 * kMessages));
  EXPECT_EQ(alice_before - balance(kAlice), static_cast<std::int64_t>(kMessages));
  gateway.stop();
  // A copy that came while the first one was on its way to the disk is in the journal too, without effect.
  const auto journal = journal_messages(directory.path());
  EXPECT_EQ(journal.size(), 3 * kMessages);
  EXPECT_EQ(gateway.counters().datagrams.bad_signature, 0U);
  EXPECT_EQ(gateway.counters().datagrams.malformed, 0U);
}

INSTANTIATE_TEST_SUITE_P(Weathers, BadNetwork,
                         testing::Values(std::pair{Weather{}, 1U}, std::pair{Weather{.lost_percent = 30}, 2U},
                                         std::pair{Weather{.doubled_percent = 60}, 3U},
                                         std::pair{Weather{.late_percent = 50}, 4U},
                                         std::pair{Weather{25, 25, 30, 60}, 5U},
                                         std::pair{Weather{25, 25, 30, 60}, 6U}));

// Verification stands still while the gate is shut.
class Gate {
 public:
  void shut() { open_.store(false); }
  void open() {
    open_.store(true);
    open_.notify_all();
  }
  void pass() const { open_.wait(false); }

 private:
  std::atomic<bool> open_{true};
};

class GatedVerifier final : public crypto::Verifier {
 public:
  explicit GatedVerifier(const Gate& gate) : gate_(gate), sodium_(std::move(*crypto::make_verifier("sodium"))) {}
  [[nodiscard]] std::string_view name() const noexcept override { return "gated"; }
  [[nodiscard]] bool check_key(const Bytes32& key) const override { return sodium_->check_key(key); }
  void verify(std::span<const crypto::VerifyItem> items, std::span<crypto::VerifyOutcome> outcomes) const override {
    gate_.pass();
    sodium_->verify(items, outcomes);
  }
  void verify_raw(std::span<const crypto::RawVerifyItem> items,
                  std::span<crypto::VerifyOutcome> outcomes) const override {
    sodium_->verify_raw(items, outcomes);
  }

 private:
  const Gate& gate_;
  std::unique_ptr<crypto::Verifier> sodium_;
};

TEST(FullGateway, LeavesDatagramsToTheKernelWhichDropsAndCountsThem) {
  constexpr std::uint32_t kSenders = 50;
  constexpr std::uint64_t kEach = 60;
  TempDirectory directory;
  Gate gate;
  GatewaySettings small = settings(directory.path(), kSenders);
  small.batches_max = 2;
  small.batch_messages_max = 16;
  small.parallel_batch_min = 1;  // the io thread itself must not stand still
  small.udp_buffer_bytes = 64 << 10;
  small.other_verifier = [&gate](const crypto::VerifierOptions&) { return std::make_unique<GatedVerifier>(gate); };
  RunningGateway gateway(small);
  ASSERT_EQ(gateway.error(), "");
  const Bytes32 genesis_hash = small.genesis.hash;
  std::vector<Person> people;
  for (std::uint32_t i = 0; i < kSenders; ++i) people.emplace_back(holder_name(kFirstExtra + i));
  const auto message = [&](std::uint32_t sender, std::uint64_t sequence) {
    const state::Slot slot = kFirstExtra + sender;
    auto made = client::make_message_frame({.slot = slot}, genesis_hash, sequence, reading(0, 1),
                                           people[sender].sign_function());
    EXPECT_TRUE(made);
    return made.value_or(Bytes{});
  };
  std::vector<Bytes> unanswered;
  for (std::uint64_t sequence = 1; sequence <= kEach; ++sequence) {
    for (std::uint32_t sender = 0; sender < kSenders; ++sender) unanswered.push_back(message(sender, sequence));
  }
  RawDatagrams socket(gateway.port());
  Client boss(gateway.port(), kOperator);
  gate.shut();
  for (const Bytes& datagram : unanswered) socket.send(datagram);
  EXPECT_FALSE(socket.receive(100ms));
  gate.open();

  std::set<MessageName> answered;
  const std::uint64_t all = kSenders * kEach;
  const auto deadline = std::chrono::steady_clock::now() + 3 * kPatience;
  const auto take_answers = [&](std::chrono::milliseconds patience, std::size_t enough) {
    while (answered.size() < enough) {
      const auto datagram = socket.receive(patience);
      if (!datagram) return;
      const auto some = answers_in(*datagram);
      ASSERT_TRUE(some);
      for (const DatagramAnswer& answer : *some) {
        EXPECT_TRUE(answer.receipt);
        answered.insert({answer.slot, answer.sequence});
      }
    }
  };
  wire::Datagrams first = boss.status().datagrams();
  while (first.received() + first.lost() < all && std::chrono::steady_clock::now() < deadline) {
    first = boss.status().datagrams();  // some were not read yet
  }
  EXPECT_EQ(first.received() + first.lost(), all);
  EXPECT_GT(first.lost(), 0U);
  take_answers(kPatience, first.received());
  EXPECT_EQ(answered.size(), first.received()) << "what had room was kept until it was taken";
  while (answered.size() < all) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    take_answers(50ms, all);
    // Again, a little at a time, what has no answer.
    std::uint64_t again = 0;
    for (std::uint64_t i = 0; i < all && again < 200; ++i) {
      const MessageName name{kFirstExtra + static_cast<std::uint32_t>(i % kSenders), i / kSenders + 1};
      if (answered.contains(name)) continue;
      socket.send(unanswered[i]);
      ++again;
    }
  }
  gateway.stop();
  const DatagramCounters& counted = gateway.counters().datagrams;
  EXPECT_EQ(counted.dropped(), counted.early);
  const auto journal = journal_messages(directory.path());
  EXPECT_EQ(journal.size(), all);
}

}  // namespace
}  // namespace electra::pipeline
