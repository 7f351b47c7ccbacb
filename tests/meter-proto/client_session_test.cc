#include <gmock/gmock.h>

#include "tests/meter-proto/fake_gateway.h"

namespace electra {
namespace {

using client::ClientSession;
using test::FakeGateway;
using testing::HasSubstr;

class Session : public testing::Test {
 protected:
  // Moves bytes between both ends until nothing is left, in pieces of at most `piece` bytes.
  void exchange(std::size_t piece = SIZE_MAX) {
    while (!gateway_.output.empty() || !session_.output().empty()) {
      const std::size_t out = std::min(piece, session_.output().size());
      const ByteSpan view = session_.output().first(out);
      gateway_.receive(test::Bytes(view.begin(), view.end()));
      session_.sent(out);
      const std::size_t in = std::min(piece, gateway_.output.size());
      session_.receive(test::Bytes(gateway_.output.begin(), gateway_.output.begin() + static_cast<std::ptrdiff_t>(in)));
      gateway_.output.erase(gateway_.output.begin(), gateway_.output.begin() + static_cast<std::ptrdiff_t>(in));
      if (session_.state() == ClientSession::State::closed) return;
    }
  }
  std::vector<client::Event> events() {
    std::vector<client::Event> all;
    while (auto event = session_.next_event()) all.push_back(std::move(*event));
    return all;
  }
  std::string closing_reason() {
    const auto all = events();
    const auto* closed = all.empty() ? nullptr : std::get_if<client::Closed>(&all.back());
    return closed != nullptr ? closed->reason : "(not closed)";
  }
  void put_raw(std::string_view hex_text) {
    const test::Bytes bytes = test::hex(hex_text);
    gateway_.output.insert(gateway_.output.end(), bytes.begin(), bytes.end());
  }
  // A gateway that begins differently.
  void restart_gateway(auto&& change) {
    gateway_.output.clear();
    change();
    gateway_.put_welcome();
  }

  test::Key key_{test::counting_bytes(0)};
  FakeGateway gateway_{key_};
  ClientSession session_{client::Sender{.slot = 5}, key_.signer()};
};

TEST_F(Session, OpensWithASignedHello) {
  exchange();
  EXPECT_TRUE(gateway_.hello_verified);
  EXPECT_EQ(session_.state(), ClientSession::State::open);
  EXPECT_EQ(session_.chain().chain_id, "electra-test-1");
  EXPECT_EQ(session_.chain().genesis_hash, gateway_.genesis_hash);
  EXPECT_TRUE(session_.chain().replay_clock);
  const auto all = events();
  ASSERT_EQ(all.size(), 1u);
  const auto& answer = std::get<client::HelloAnswer>(all[0]);
  EXPECT_EQ(answer.slot, 5u);
  EXPECT_EQ(answer.highest_sequence, 41u);
  EXPECT_EQ(answer.registration_id, test::counting_bytes(3));
}

TEST_F(Session, CarriesManyMessagesOfManySendersWithoutWaiting) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1000}, std::size_t{SIZE_MAX}}) {
    gateway_ = FakeGateway(key_);
    session_ = ClientSession(client::Sender{.slot = 5}, key_.signer());
    exchange(piece);
    (void)events();
    for (std::uint32_t sequence = 1; sequence <= 100; ++sequence) {
      const client::Sender sender{.slot = 1 + sequence % 3};
      ASSERT_TRUE(session_.send_message(sender, sequence, test::reading_payload(900), key_.signer()).has_value());
    }
    exchange(piece);
    const auto all = events();
    ASSERT_EQ(all.size(), 100u);
    for (std::uint32_t index = 0; index < 100; ++index) {
      const auto& receipt = std::get<strict::Receipt>(all[index]);
      EXPECT_EQ(receipt.sequence, index + 1);
      EXPECT_EQ(receipt.slot, 1 + (index + 1) % 3);
      EXPECT_EQ(receipt.batch, 9u);
    }
  }
}

TEST_F(Session, AsksAndTicks) {
  exchange();
  (void)events();
  wire::Query query;
  query.set_id(77);
  query.mutable_status();
  session_.send_query(query);
  session_.send_tick(123);
  exchange(1500);
  const auto all = events();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(std::get<wire::QueryAnswer>(all[0]).id(), 77u);
  EXPECT_EQ(std::get<wire::QueryAnswer>(all[0]).status().chain_id().size(), 100'000u);
  EXPECT_EQ(std::get<strict::TickAnswer>(all[1]).time, 123u);
}

TEST_F(Session, WithoutASignerSaysNoHelloAndAsks) {
  session_ = ClientSession(client::Sender{}, client::SignFunction{});
  exchange();
  EXPECT_EQ(session_.state(), ClientSession::State::open);
  EXPECT_FALSE(gateway_.hello_verified);
  const auto opened = events();
  ASSERT_EQ(opened.size(), 1u);
  EXPECT_EQ(std::get<client::HelloAnswer>(opened[0]).slot, 0u);
  wire::Query query;
  query.set_id(7);
  query.mutable_status();
  session_.send_query(query);
  exchange();
  const auto answers = events();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(std::get<wire::QueryAnswer>(answers[0]).id(), 7u);
}

TEST_F(Session, ResendsTheSameBytes) {
  exchange();
  const auto frame = client::make_message_frame({.slot = 5}, session_.chain().genesis_hash, 42,
                                                test::reading_payload(900), key_.signer());
  ASSERT_TRUE(frame.has_value());
  session_.send_frame(*frame);
  session_.send_frame(*frame);
  exchange();
  EXPECT_THAT(gateway_.sequences, testing::ElementsAre(42, 42));
}

TEST_F(Session, ClosesWhenTheHelloIsAnsweredWithACode) {
  gateway_.hello_result = Result::unknown_sender;
  exchange();
  EXPECT_EQ(session_.state(), ClientSession::State::closed);
  const auto all = events();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(std::get<client::HelloAnswer>(all[0]).result, Result::unknown_sender);
  EXPECT_THAT(std::get<client::Closed>(all[1]).reason, HasSubstr("unknown_sender"));
}

TEST_F(Session, GivesNoHelloToAnotherChain) {
  session_ = ClientSession(client::Sender{.slot = 5}, key_.signer(), test::counting_bytes(99));
  exchange();
  EXPECT_TRUE(session_.output().empty());
  EXPECT_THAT(closing_reason(), HasSubstr("another chain: electra-test-1"));
}

TEST_F(Session, GivesNoHelloToAnotherVersion) {
  restart_gateway([&] { gateway_.version = 2; });
  exchange();
  EXPECT_THAT(closing_reason(), HasSubstr("protocol version 2"));
}

TEST_F(Session, ClosesWhenTheSignerFails) {
  session_ = ClientSession(client::Sender{.slot = 5}, [](auto&&...) { return std::optional<Bytes64>(); });
  exchange();
  EXPECT_THAT(closing_reason(), HasSubstr("signer did not sign"));
}

TEST_F(Session, PassesARefusalOnAndStaysOpen) {
  exchange();
  (void)events();
  gateway_.put([](MutableByteSpan out) {
    return proto::encode_refusal_frame(
        {.result = Result::bad_signature, .slot = 5, .sequence = 9, .text = "does not verify"}, out);
  });
  exchange();
  const auto all = events();
  ASSERT_EQ(all.size(), 1u);
  const auto& refusal = std::get<client::Refusal>(all[0]);
  EXPECT_EQ(std::tie(refusal.result, refusal.slot, refusal.sequence, refusal.text),
            std::make_tuple(Result::bad_signature, 5u, 9u, "does not verify"));
  EXPECT_EQ(session_.state(), ClientSession::State::open);
}

TEST_F(Session, ClosesWhenItIsRefusedBeforeItIsOpen) {
  gateway_.output.clear();
  gateway_.put([](MutableByteSpan out) {
    return proto::encode_refusal_frame({.result = Result::overloaded, .text = "too many sessions"}, out);
  });
  exchange();
  const auto all = events();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(std::get<client::Refusal>(all[0]).result, Result::overloaded);
  EXPECT_THAT(std::get<client::Closed>(all[1]).reason, HasSubstr("overloaded"));
}

struct Nonsense {
  const char* name;
  bool after_opening;
  const char* bytes;
  const char* reason;
};
TEST_F(Session, ClosesOnNonsenseFromTheGateway) {
  const Nonsense cases[] = {
      {"a receipt first", false, "02000000 2a00", "did not begin with a welcome"},
      {"a malformed welcome", false, "02000000 0a00", "malformed welcome"},
      {"garbage", false, "04000000 ffffffff", "malformed frame"},
      {"a huge length", false, "ffffffff", "above the limit"},
      {"a second welcome", true, "02000000 0a00", "only a client sends"},
      {"an envelope", true, "02000000 2200", "only a client sends"},
      {"a malformed receipt", true, "04000000 2a023001 02000000 2a027801", "malformed frame"},
      {"a receipt with an unknown field", true, "04000000 2a027801", "malformed answer"},
      {"a malformed query answer", true, "03000000 420108", "malformed answer"},
  };
  for (const Nonsense& row : cases) {
    SCOPED_TRACE(row.name);
    gateway_ = FakeGateway(key_);
    session_ = ClientSession(client::Sender{.slot = 5}, key_.signer());
    if (row.after_opening) {
      exchange();
    } else {
      gateway_.output.clear();
    }
    put_raw(row.bytes);
    exchange();
    EXPECT_EQ(session_.state(), ClientSession::State::closed);
    EXPECT_THAT(closing_reason(), HasSubstr(row.reason));
    session_.receive(test::hex("00"));  // what follows is not looked at
    EXPECT_TRUE(events().empty());
  }
}

TEST_F(Session, SaysOnceThatTheConnectionEnded) {
  exchange();
  (void)events();
  session_.connection_ended("gone");
  session_.connection_ended("gone again");
  const auto all = events();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(std::get<client::Closed>(all[0]).reason, "gone");
}

TEST(Message, ThatIsTooLongIsAnErrorAndNotSent) {
  const test::Key key(test::counting_bytes(0));
  strict::Transfers group;
  group.count = strict::kTransfersMax;
  group.items.fill(
      {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT64_MAX, UINT32_MAX, UINT64_MAX});
  const auto largest = client::make_message_frame({.slot = UINT32_MAX, .key_generation = UINT32_MAX}, Bytes32{},
                                                  UINT64_MAX, {UINT64_MAX, group}, key.signer());
  ASSERT_TRUE(largest.has_value()) << "every group fits into a frame";
  EXPECT_LE(largest->size(), proto::kClientBufferBytes);
  std::array<std::uint8_t, 100> small;
  EXPECT_FALSE(client::write_message_frame({.slot = 5}, Bytes32{}, 1, {0, group}, key.signer(), small).has_value());
}

}  // namespace
}  // namespace electra
