#include "tests/sim/late_operations.h"

#include <utility>

namespace electra::sim {

LateOperations::LateOperations(io::Loop& loop, std::uint64_t seed, std::uint32_t delay_us)
    : loop_(loop), random_(seed), delay_us_(delay_us) {
  timer_ = {.fire = [](void* context, std::uint64_t) { static_cast<LateOperations*>(context)->fire(); },
            .context = this};
}

LateOperations::~LateOperations() { loop_.disarm(timer_); }

void LateOperations::add(io::Operation& operation, std::int32_t result, std::function<void()> done, bool late) {
  operation.pending = true;
  waiting_.push_back({.operation = &operation, .result = result, .done = std::move(done), .late = late});
  arm();
}

void LateOperations::arm() {
  if (timer_.armed || waiting_.empty()) return;
  const std::uint64_t pause_us = delay_us_ == 0 ? 0 : random_() % delay_us_;
  loop_.arm(timer_, io::monotonic_ns() + pause_us * 1000);
}

void LateOperations::fire() {
  if (delay_us_ != 0) {
    complete_one();
  } else {
    for (std::size_t left = waiting_.size(); left > 0; --left) complete_one();
  }
  arm();
}

void LateOperations::complete_one() {
  const std::size_t chosen = delay_us_ == 0 ? 0 : random_() % waiting_.size();
  Waiting done = std::move(waiting_[chosen]);
  waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(chosen));
  if (done.late) {
    waiting_.push_back({.operation = nullptr, .result = 0, .done = std::move(done.done)});
  } else {
    done.done();
  }
  if (done.operation == nullptr) return;
  done.operation->pending = false;
  done.operation->complete(done.operation->context, done.result, 0);
}

}  // namespace electra::sim
