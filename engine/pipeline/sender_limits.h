// Whether a sender may write one more message now: the disk's reserve is there and its own bucket is not empty. What every
// transport asks behind admit(). Who runs the grid is never held up by limits that are for meters. io thread only.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "engine/pipeline/disk_reserve.h"
#include "engine/pipeline/sender_buckets.h"
#include "engine/state/machine.h"

namespace electra::pipeline {

class SenderLimits {
 public:
  // The machine outlives this.
  SenderLimits(SenderBuckets buckets, DiskReserve reserve, const state::Machine& machine)
      : buckets_(std::move(buckets)), reserve_(std::move(reserve)), machine_(machine) {}

  // Before bytes are looked at: the (monotonic) instant, and how many there are.
  void look(std::uint64_t now_ns, std::uint64_t new_bytes) {
    now_ns_ = now_ns;
    reserve_.look(now_ns, new_bytes);
  }

  // One message of this sender. False: it has to wait, which is counted, and nothing was taken.
  [[nodiscard]] bool take(state::Slot slot) {
    if (reserve_.is_short() && !runs_the_grid(slot)) {
      ++refused_by_disk_;
      return false;
    }
    if (!buckets_.take(slot, now_ns_) && !runs_the_grid(slot)) {
      ++refused_by_rate_;
      return false;
    }
    return true;
  }
  // A message that take() let in and whose signature is bad.
  void give_back(state::Slot slot) noexcept { buckets_.give_back(slot); }

  [[nodiscard]] std::uint64_t refused_by_rate() const noexcept { return refused_by_rate_; }
  [[nodiscard]] std::uint64_t refused_by_disk() const noexcept { return refused_by_disk_; }
  // Why meters have to wait; empty while they need not.
  [[nodiscard]] const std::string& disk_problem() const noexcept { return reserve_.problem(); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return buckets_.memory_bytes(); }

 private:
  [[nodiscard]] bool runs_the_grid(state::Slot slot) const {
    const auto holder = machine_.holder(slot);
    return holder && (holder->roles & (state::kRoleOperator | state::kRoleGateway)) != 0;
  }

  SenderBuckets buckets_;
  DiskReserve reserve_;
  const state::Machine& machine_;
  std::uint64_t now_ns_ = 0;
  std::uint64_t refused_by_rate_ = 0;
  std::uint64_t refused_by_disk_ = 0;
};

}  // namespace electra::pipeline
