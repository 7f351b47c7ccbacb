// Verification of batches beside the io thread: handles go in, the same handles come out in the same order.
//
// Two executors of one shape. The TBB flow graph verifies a batch's chunks on several cores and several batches at once;
// the other one is a single worker thread, for small batches, and for all in builds without TBB (TSan cannot see into an
// uninstrumented one). Ownership: a batch belongs to the executor from submit() until try_take() returned it. Both calls are the
// io thread's; `wake` is called from a worker each time a batch has become ready.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "crypto-offload/verifier.h"
#include "engine/pipeline/batch.h"

namespace electra::pipeline {

// Batches inside the executor at most; submit() beyond that is a bug. Also the capacity of its rings.
inline constexpr std::uint32_t kVerifyBatchesMax = 16;

// How many messages of a batch one task verifies: a thread's equal share in whole groups of 8, which a vector backend takes
// together, and at most `part_max` (Verifier::part_size), so that threads that are held up leave some to the others.
[[nodiscard]] constexpr std::uint32_t messages_per_task(std::uint32_t messages, std::uint32_t threads,
                                                        std::uint32_t part_max) noexcept {
  constexpr std::uint32_t kGroup = 8;
  const std::uint32_t share = (messages + threads - 1) / threads;
  const std::uint32_t whole = (share + kGroup - 1) / kGroup * kGroup;
  return whole < part_max ? whole : part_max;
}

class VerifyStage {
 public:
  virtual ~VerifyStage() = default;

  // verify_batch() will be called on it.
  virtual void submit(Batch& batch) = 0;

  // The oldest submitted batch when it is ready, else null.
  [[nodiscard]] virtual Batch* try_take() = 0;
};

// `threads` >= 1. `wake` may be called from any thread.
[[nodiscard]] std::unique_ptr<VerifyStage> make_verify_stage(const crypto::Verifier& verifier, std::uint32_t threads,
                                                             std::function<void()> wake);

// One thread of its own, in builds with TBB too: waking it costs a system call, waking TBB's costs their looking for work
// as well, which is more than a small batch.
[[nodiscard]] std::unique_ptr<VerifyStage> make_verify_worker(const crypto::Verifier& verifier,
                                                              std::function<void()> wake);

// The name of the executor that make_verify_stage gives in this build: "tbb" or "worker".
[[nodiscard]] const char* verify_stage_name() noexcept;

}  // namespace electra::pipeline
