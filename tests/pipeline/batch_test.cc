#include "engine/pipeline/batch.h"

#include <gtest/gtest.h>

#include "tests/pipeline/support.h"

namespace electra::pipeline {
namespace {

using test::Bytes;

constexpr std::uint32_t kMessages = 6;

// Six messages of different length and kind, two of them by address and one with an embedded key.
class BatchOfSix : public testing::Test {
 protected:
  void SetUp() override {
    verifier_ = *crypto::make_verifier("sodium");
    pool_ = *io::RecordBufferPool::create(1);
    buffer_ = pool_->acquire();
    tag_ = proto::signing_tag(proto::SignatureKind::message, test::small_genesis().hash);
    for (std::uint32_t i = 0; i < kMessages; ++i) {
      people_.emplace_back("person " + std::to_string(i));
      keys_.push_back({.public_key = people_.back().public_key(), .generation = 1});
    }
    for (std::uint32_t i = 0; i < kMessages; ++i) envelopes_.push_back(make_envelope(i));
  }

  [[nodiscard]] Bytes make_envelope(std::uint32_t i) const {
    strict::PayloadView payload = test::reading(i, 1'000'000ULL << (3 * i));
    if (i == 3) {
      payload.operation =
          strict::RegisterKey{.public_key = keys_[i].public_key, .serial = "NEW", .roles = 1, .phases = 1};
    }
    client::Sender sender{.slot = 10 + i};
    if (i == 1 || i == 4) sender = {.slot = 0, .address = {static_cast<std::uint8_t>(i)}};
    const Bytes frame = test::message_frame(people_[i], sender, 100 + i, payload);
    strict::FrameView view;
    EXPECT_EQ(strict::decode_frame(ByteSpan(frame).subspan(strict::kFrameHeaderBytes), view), Result::ok);
    return {view.message.begin(), view.message.end()};
  }

  std::unique_ptr<crypto::Verifier> verifier_;
  std::unique_ptr<io::RecordBufferPool> pool_;
  io::RecordBuffer* buffer_ = nullptr;
  Bytes16 tag_{};
  std::vector<test::Person> people_;
  std::vector<crypto::StoredKey> keys_;
  std::vector<Bytes> envelopes_;
};

TEST_F(BatchOfSix, SealKeepsEveryViewRightForEverySubsetOfBadSignatures) {
  Batch batch(kMessages);
  for (std::uint32_t bad = 0; bad < (1U << kMessages); ++bad) {
    SCOPED_TRACE("bad signatures: " + std::to_string(bad));
    buffer_->clear();
    batch.reset(buffer_);
    std::vector<Bytes> sent = envelopes_;
    for (std::uint32_t i = 0; i < kMessages; ++i) {
      if ((bad >> i & 1U) != 0) sent[i].back() ^= 0x40;  // the last byte of S
      Bytes received = sent[i];                          // gone after add(): the batch must not look at it
      strict::EnvelopeView envelope;
      ASSERT_EQ(strict::decode_envelope(received, envelope), Result::ok);
      strict::PayloadView payload;
      ASSERT_EQ(strict::decode_payload(envelope.payload, payload), Result::ok);
      const auto* registration = std::get_if<strict::RegisterKey>(&payload.operation);
      const Origin origin{.connection = {i, 1}, .slot = 10 + i, .sequence = envelope.sequence};
      ASSERT_TRUE(batch.add(origin, received, envelope, keys_[i], tag_,
                            registration != nullptr ? registration->public_key : ByteSpan{}));
      std::fill(received.begin(), received.end(), std::uint8_t{0xee});
    }
    EXPECT_FALSE(batch.add({}, sent[0], {}, keys_[0], tag_, {}));  // messages_max
    EXPECT_EQ(batch.room(), 0U);
    batch.verify(*verifier_, 0, 2);
    batch.verify(*verifier_, 2, kMessages);
    batch.seal();

    std::uint32_t good = 0;
    std::uint32_t rejected = 0;
    for (std::uint32_t i = 0; i < kMessages; ++i) {
      if ((bad >> i & 1U) != 0) {
        ASSERT_LT(rejected, batch.rejected().size());
        EXPECT_EQ(batch.rejected()[rejected].slot, 10 + i);
        EXPECT_EQ(batch.rejected()[rejected++].sequence, 100 + i);
        continue;
      }
      ASSERT_LT(good, batch.messages().size());
      const state::VerifiedMessage& message = batch.messages()[good];
      const ByteSpan entry = buffer_->entry(good);
      EXPECT_EQ(Bytes(entry.begin(), entry.end()), sent[i]);
      strict::EnvelopeView expected;
      ASSERT_EQ(strict::decode_envelope(entry, expected), Result::ok);
      const auto same_memory = [](ByteSpan a, ByteSpan b) {
        return a.size() == b.size() && (a.empty() || a.data() == b.data());
      };
      EXPECT_TRUE(same_memory(message.envelope.payload, expected.payload));
      EXPECT_TRUE(same_memory(message.envelope.signature, expected.signature));
      EXPECT_TRUE(same_memory(message.envelope.address, expected.address));
      EXPECT_EQ(message.envelope.slot, expected.slot);
      EXPECT_EQ(message.envelope.sequence, 100 + i);
      EXPECT_EQ(message.slot, 10 + i);
      EXPECT_EQ(message.embedded_key_valid, i == 3);
      EXPECT_EQ(batch.origins()[good].connection.index, i);
      EXPECT_EQ(batch.origins()[good].sequence, 100 + i);
      Bytes scratch(proto::kSigningPrefixBytes + expected.payload.size());
      EXPECT_EQ(message.id, proto::message_id(keys_[i].public_key, *array_of<64>(expected.signature),
                                              proto::signing_bytes(tag_, 100 + i, expected.payload, scratch)));
      ++good;
    }
    EXPECT_EQ(batch.messages().size(), good);
    EXPECT_EQ(batch.origins().size(), good);
    EXPECT_EQ(batch.outcomes().size(), good);
    EXPECT_EQ(batch.rejected().size(), rejected);
    EXPECT_EQ(buffer_->count(), good);
    EXPECT_TRUE(io::body_is_well_formed(buffer_->body(), good));
  }
}

// One with a bad signature is rejected, whether its sequence was free or not.
TEST_F(BatchOfSix, StaleMessagesLeaveTheRecordAndAreListedWithTheirIds) {
  Batch batch(kMessages);
  batch.reset(buffer_);
  io::PeerAddress peer;
  peer.port = 7;
  ASSERT_EQ(batch.add_peer(peer), 0);
  constexpr std::uint32_t kStale = 0b011010;
  constexpr std::uint32_t kBad = 0b010100;
  std::vector<Bytes> sent = envelopes_;
  for (std::uint32_t i = 0; i < kMessages; ++i) {
    if ((kBad >> i & 1U) != 0) sent[i].back() ^= 0x40;
    strict::EnvelopeView envelope;
    ASSERT_EQ(strict::decode_envelope(sent[i], envelope), Result::ok);
    const Origin origin{
        .connection = {}, .peer = 0, .stale = (kStale >> i & 1U) != 0, .slot = 10 + i, .sequence = envelope.sequence};
    ASSERT_TRUE(batch.add(origin, sent[i], envelope, keys_[i], tag_, {}));
  }
  batch.verify(*verifier_, 0, kMessages);
  batch.seal();
  const auto slots = [](const auto& list, auto&& slot_of) {
    std::vector<state::Slot> out;
    for (const auto& entry : list) out.push_back(slot_of(entry));
    return out;
  };
  using Slots = std::vector<state::Slot>;
  EXPECT_EQ(slots(batch.origins(), [](const Origin& origin) { return origin.slot; }), (Slots{10, 15}));
  EXPECT_EQ(slots(batch.stale(), [](const Stale& stale) { return stale.origin.slot; }), (Slots{11, 13}));
  EXPECT_EQ(slots(batch.rejected(), [](const Origin& origin) { return origin.slot; }), (Slots{12, 14}));
  EXPECT_EQ(buffer_->count(), 2U);
  for (const Stale& stale : batch.stale()) {
    const std::uint32_t i = stale.origin.slot - 10;
    strict::EnvelopeView envelope;
    ASSERT_EQ(strict::decode_envelope(sent[i], envelope), Result::ok);
    Bytes scratch(proto::kSigningPrefixBytes + envelope.payload.size());
    EXPECT_EQ(stale.id, proto::message_id(keys_[i].public_key, *array_of<64>(envelope.signature),
                                          proto::signing_bytes(tag_, envelope.sequence, envelope.payload, scratch)));
  }
  ASSERT_EQ(batch.peers().size(), 1U);
  EXPECT_EQ(batch.peers()[0], peer);
  buffer_->clear();
  batch.reset(buffer_);
  EXPECT_TRUE(batch.peers().empty());
  EXPECT_TRUE(batch.stale().empty());
}

TEST_F(BatchOfSix, RoomIsNeverMoreThanWhatFits) {
  Batch batch(io::kRecordMessagesMax);
  batch.reset(buffer_);
  strict::EnvelopeView envelope;
  ASSERT_EQ(strict::decode_envelope(envelopes_[0], envelope), Result::ok);
  Bytes longest(strict::kFrameBytesMax, 0x55);
  const std::uint32_t room = batch.room();
  for (std::uint32_t i = 0; i < room; ++i) {
    ASSERT_LE(1U, batch.room());
    ASSERT_TRUE(batch.add({}, longest, strict::EnvelopeView{}, keys_[0], tag_, {})) << i;
  }
  EXPECT_EQ(batch.room(), 0U);
}

}  // namespace
}  // namespace electra::pipeline
