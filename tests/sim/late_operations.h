// Operations of a loop that were done when they were begun, and whose completion comes later: in an order and after pauses
// that a seed decides, or all at the next turn.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "io/loop.h"

namespace electra::sim {

class LateOperations {
 public:
  // delay_us 0: no pauses, and first come, first done.
  LateOperations(io::Loop& loop, std::uint64_t seed, std::uint32_t delay_us);
  ~LateOperations();
  LateOperations(const LateOperations&) = delete;
  LateOperations& operator=(const LateOperations&) = delete;

  // done() is called right before the owner hears of the result; `late` after some more pauses instead.
  void add(io::Operation& operation, std::int32_t result, std::function<void()> done, bool late = false);

 private:
  struct Waiting {
    io::Operation* operation = nullptr;  // null: the owner has heard of it
    std::int32_t result = 0;
    std::function<void()> done;
    bool late = false;
  };
  void arm();
  void complete_one();
  void fire();

  io::Loop& loop_;
  std::mt19937_64 random_;
  const std::uint32_t delay_us_;
  std::vector<Waiting> waiting_;
  io::Timer timer_;
};

}  // namespace electra::sim
