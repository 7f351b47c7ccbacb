// Verification of batches beside the io thread: handles go in, the same handles come out in the same order.
//
// Two executors of one shape. The TBB flow graph verifies a batch's chunks on several cores and several batches at once;
// the TBB-free one is a single worker thread (for TSan, which cannot see into an uninstrumented TBB, and for machines
// without it). Ownership: a batch belongs to the executor from submit() until try_take() returned it. Both calls are the
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

// The name of the executor that make_verify_stage gives in this build: "tbb" or "worker".
[[nodiscard]] const char* verify_stage_name() noexcept;

}  // namespace electra::pipeline
