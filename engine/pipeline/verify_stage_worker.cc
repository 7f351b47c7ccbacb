// A verify stage without TBB: one worker thread between two rings. Plain, and visible to TSan.
#include <atomic>
#include <semaphore>
#include <thread>

#include "engine/pipeline/cpu_time.h"
#include "engine/pipeline/spsc_ring.h"
#include "engine/pipeline/verify_stage.h"
#include "io/thread_slice.h"
#include "meter-proto/base/assert.h"

namespace electra::pipeline {
namespace {

// Above the io thread's, which decides when its work leaves.
constexpr std::uint64_t kSliceNs = 10'000'000;

class WorkerVerifyStage final : public VerifyStage {
 public:
  WorkerVerifyStage(const crypto::Verifier& verifier, std::function<void()> wake)
      : verifier_(verifier), wake_(std::move(wake)), thread_([this] { work(); }) {}

  ~WorkerVerifyStage() override {
    stop_.store(true, std::memory_order_relaxed);  // the semaphore orders it
    submitted_count_.release();
    thread_.join();
  }

  void submit(Batch& batch) override {
    const bool pushed = submitted_.try_push(&batch);
    ELECTRA_ASSERT(pushed);  // the ring holds as many as may be inside
    submitted_count_.release();
  }

  Batch* try_take() override { return done_.try_pop().value_or(nullptr); }

 private:
  void work() {
    io::ask_for_long_slices(kSliceNs);
    while (true) {
      submitted_count_.acquire();
      if (stop_.load(std::memory_order_relaxed)) return;
      Batch* batch = submitted_.try_pop().value_or(nullptr);
      ELECTRA_ASSERT(batch != nullptr);
      const std::uint64_t begin = thread_cpu_ns();
      batch->verify(verifier_, 0, batch->size());
      batch->seal();
      batch->verify_ns = thread_cpu_ns() - begin;
      const bool pushed = done_.try_push(batch);
      ELECTRA_ASSERT(pushed);
      wake_();
    }
  }

  const crypto::Verifier& verifier_;
  std::function<void()> wake_;
  SpscRing<Batch*, kVerifyBatchesMax> submitted_;
  SpscRing<Batch*, kVerifyBatchesMax> done_;
  std::counting_semaphore<> submitted_count_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;  // last: it uses everything above
};

}  // namespace

std::unique_ptr<VerifyStage> make_verify_worker(const crypto::Verifier& verifier, std::function<void()> wake) {
  return std::make_unique<WorkerVerifyStage>(verifier, std::move(wake));
}

#if !ELECTRA_TBB
std::unique_ptr<VerifyStage> make_verify_stage(const crypto::Verifier& verifier, std::uint32_t,
                                               std::function<void()> wake) {
  return make_verify_worker(verifier, std::move(wake));
}

const char* verify_stage_name() noexcept { return "worker"; }
#endif

}  // namespace electra::pipeline
