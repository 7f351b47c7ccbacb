// The batches that wait for one thing, first come, first served. Handles only; never more than the pool has, so a queue's
// memory is there from the start and waiting allocates nothing. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/pipeline/batch.h"
#include "meter-proto/base/assert.h"

namespace electra::pipeline {

inline constexpr std::uint32_t kBatchesMax = 64;  // of a gateway's pool

class BatchQueue {
 public:
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] Batch& front() const noexcept {
    ELECTRA_ASSERT_LT(0u, size_);
    return *batches_[first_];
  }

  void push(Batch& batch) noexcept {
    ELECTRA_ASSERT_LT(size_, kBatchesMax);
    batches_[(first_ + size_++) % kBatchesMax] = &batch;
  }

  Batch& pop() noexcept {
    Batch& batch = front();
    first_ = (first_ + 1) % kBatchesMax;
    --size_;
    return batch;
  }

 private:
  std::array<Batch*, kBatchesMax> batches_{};
  std::uint32_t first_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace electra::pipeline
