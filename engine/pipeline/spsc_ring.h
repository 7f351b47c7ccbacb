// A bounded ring between exactly one producer thread and one consumer thread.
//
// Holds handles of batches between the io thread and the verification graph. Never allocates, never blocks: a full ring
// is the caller's back-pressure signal. While it is neither full nor empty a push and a pop cost one uncontended cache
// line each, because each side keeps its last view of the other side's index.
//
// Memory order. `tail_` is written only by the producer, `head_` only by the consumer. The producer writes the slot, then
// stores `tail_` with release; the consumer loads `tail_` with acquire before it reads the slot: so the value, and all
// that the producer wrote before it (the batch behind the handle), happens before the consumer's use. The other way the
// consumer reads the slot, then stores `head_` with release; the producer loads `head_` with acquire before it
// overwrites the slot: so no slot is overwritten before it was read. A side may load its own index relaxed: nobody else
// writes it. The cached views are only ever behind, which makes a ring look fuller or emptier than it is, never wrong.
//
// tests/pipeline/spsc_ring_orders_test.cc runs this very code through every interleaving and every value that these orders
// let a load see, and shows that none of the four may be weaker.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <optional>
#include <type_traits>

namespace electra::pipeline {

// Where the ring keeps what two threads share; the test of its memory orders puts a model here.
struct RealMemory {
  template <typename T>
  using Atomic = std::atomic<T>;
  template <typename T>
  using Plain = T;
};

template <typename T, std::size_t kCapacity, typename Memory = RealMemory>
class SpscRing {
  static_assert(std::has_single_bit(kCapacity), "index wraps by masking");
  static_assert(std::is_trivially_copyable_v<T>, "slots are overwritten without destruction");

 public:
  // Producer only. False when full; nothing has changed then.
  [[nodiscard]] bool try_push(const T& value) noexcept {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_seen_ == kCapacity) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (tail - head_seen_ == kCapacity) return false;
    }
    slots_[tail & (kCapacity - 1)] = value;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  // Consumer only. Empty when nothing has been published.
  [[nodiscard]] std::optional<T> try_pop() noexcept {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_seen_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (head == tail_seen_) return std::nullopt;
    }
    const T value = slots_[head & (kCapacity - 1)];
    head_.store(head + 1, std::memory_order_release);
    return value;
  }

 private:
  // 128 bytes apart: adjacent-line prefetch would otherwise bounce the lines of the two sides.
  alignas(128) typename Memory::template Atomic<std::size_t> tail_{0};  // producer's line
  std::size_t head_seen_ = 0;
  alignas(128) typename Memory::template Atomic<std::size_t> head_{0};  // consumer's line
  std::size_t tail_seen_ = 0;
  alignas(128) std::array<typename Memory::template Plain<T>, kCapacity> slots_{};
};

}  // namespace electra::pipeline
