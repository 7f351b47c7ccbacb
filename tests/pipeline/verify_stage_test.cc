// The executor beside the io thread, whichever this build has: order, completeness, and an end with work still inside.
#include "engine/pipeline/verify_stage.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/pipeline/support.h"

namespace electra::pipeline {
namespace {

using namespace test;

// Takes its time, so that batches pile up inside the stage.
class SlowVerifier final : public crypto::Verifier {
 public:
  std::string_view name() const noexcept override { return "slow"; }
  bool check_key(const Bytes32&) const override { return true; }
  void verify(std::span<const crypto::VerifyItem> items, std::span<crypto::VerifyOutcome> outcomes) const override {
    running.fetch_add(1);
    for (std::size_t i = 0; i < items.size(); ++i) {
      // Earlier batches take longer: without the sequencer later ones would come out first.
      if (items[i].sequence % 64 == 0) std::this_thread::sleep_for(std::chrono::microseconds(20 * delay.load()));
      outcomes[i].valid = items[i].sequence % 7 != 0;
    }
    verified.fetch_add(items.size());
    running.fetch_sub(1);
  }
  void verify_raw(std::span<const crypto::RawVerifyItem>, std::span<crypto::VerifyOutcome>) const override {}

  mutable std::atomic<int> running{0};
  mutable std::atomic<std::size_t> verified{0};
  std::atomic<int> delay{50};
};

TEST(MessagesPerTask, AreAThreadsShareInWholeGroups) {
  struct Case {
    std::uint32_t messages, threads, part_max, expected;
  };
  for (const Case& c : {
           Case{0, 2, 256, 0},
           Case{1, 2, 256, 8},
           Case{64, 1, 256, 64},
           Case{64, 2, 256, 32},
           Case{64, 16, 256, 8},
           Case{64, 1024, 256, 8},
           Case{65, 2, 256, 40},
           Case{256, 2, 256, 128},
           Case{512, 2, 256, 256},
           Case{513, 2, 256, 256},
           Case{8192, 2, 256, 256},
           Case{8192, 64, 256, 128},
           Case{64, 2, 32, 32},
           Case{8192, 2, 32, 32},
       }) {
    EXPECT_EQ(messages_per_task(c.messages, c.threads, c.part_max), c.expected) << c.messages << " / " << c.threads;
  }
}

// The parameter: the thread for small batches, instead of the stage for large ones.
class Stage : public testing::TestWithParam<bool> {
 protected:
  static constexpr std::uint32_t kMessages = 200;

  void SetUp() override {
    pool_ = *io::RecordBufferPool::create(kVerifyBatchesMax);
    for (std::uint32_t i = 0; i < kVerifyBatchesMax; ++i) {
      batches_.push_back(std::make_unique<Batch>(kMessages));
      batches_.back()->reset(pool_->acquire());
      fill(*batches_.back());
    }
  }

  void fill(Batch& batch) {
    static const Bytes frame = message_frame(Person("alice"), {.slot = kAlice}, 5, reading(0, 1));
    strict::FrameView view;
    ASSERT_EQ(strict::decode_frame(ByteSpan(frame).subspan(strict::kFrameHeaderBytes), view), Result::ok);
    strict::EnvelopeView envelope;
    ASSERT_EQ(strict::decode_envelope(view.message, envelope), Result::ok);
    for (std::uint32_t i = 0; i < kMessages; ++i) {
      envelope.sequence = i;
      const Origin origin{.connection = {0, 1}, .slot = kAlice, .sequence = i};
      ASSERT_TRUE(batch.add(origin, view.message, envelope, key_, tag_, {}));
    }
  }

  static std::unique_ptr<VerifyStage> make(const crypto::Verifier& verifier, std::uint32_t threads,
                                           std::function<void()> wake) {
    if (GetParam()) return make_verify_worker(verifier, std::move(wake));
    return make_verify_stage(verifier, threads, std::move(wake));
  }

  SlowVerifier verifier_;
  crypto::StoredKey key_;
  Bytes16 tag_{};
  std::unique_ptr<io::RecordBufferPool> pool_;
  std::vector<std::unique_ptr<Batch>> batches_;
};

TEST_P(Stage, BatchesComeOutSealedInTheOrderOfSubmission) {
  std::atomic<std::uint32_t> wakes{0};
  const auto stage = make(verifier_, 4, [&] { wakes.fetch_add(1); });
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t i = 0; i < kVerifyBatchesMax; ++i) {
      verifier_.delay = static_cast<int>(kVerifyBatchesMax - i) * 5;
      stage->submit(*batches_[i]);
    }
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (std::uint32_t i = 0; i < kVerifyBatchesMax;) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      Batch* batch = stage->try_take();
      if (batch == nullptr) {
        std::this_thread::yield();
        continue;
      }
      ASSERT_EQ(batch, batches_[i++].get());
      EXPECT_EQ(batch->messages().size(), kMessages - (kMessages + 6) / 7);
      EXPECT_EQ(batch->rejected().size(), (kMessages + 6) / 7);
      batch->buffer().clear();
      batch->reset(&batch->buffer());
      fill(*batch);
    }
    EXPECT_EQ(stage->try_take(), nullptr);
  }
  const auto deadline = std::chrono::steady_clock::now() + kPatience;  // a wake follows its batch
  while (wakes < 3 * kVerifyBatchesMax && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(wakes, 3 * kVerifyBatchesMax);
}

// As after a failed journal: nobody takes the results, and batches and verifier go away right after the stage.
TEST_P(Stage, EndsCleanlyWithBatchesInside) {
  for (int round = 0; round < 20; ++round) {
    SlowVerifier verifier;
    auto stage = make(verifier, 2, [] {});
    const std::uint32_t count = static_cast<std::uint32_t>(round) % kVerifyBatchesMax + 1;
    for (std::uint32_t i = 0; i < count; ++i) stage->submit(*batches_[i]);
    if (round % 3 == 1) std::this_thread::sleep_for(1ms);
    stage.reset();
    EXPECT_EQ(verifier.running, 0);
    const std::size_t verified = verifier.verified;
    std::this_thread::sleep_for(2ms);
    EXPECT_EQ(verifier.verified, verified);
    for (std::uint32_t i = 0; i < count; ++i) {
      batches_[i]->buffer().clear();
      batches_[i]->reset(&batches_[i]->buffer());
      fill(*batches_[i]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Executors, Stage, testing::Bool(),
                         [](const auto& test) { return test.param ? "aside" : verify_stage_name(); });

}  // namespace
}  // namespace electra::pipeline
