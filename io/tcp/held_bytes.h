// Received bytes that the handler has no room for now: a queue of receive buffers for each connection, and the connections
// in turn.
//
// A turn is one buffer, so what a connection waits for depends on how many others wait and not on how much they sent: who
// fills the receive buffers delays itself. Buffers of one connection keep their order. Nothing is allocated after the start;
// every step costs the same, however much is held.
#pragma once

#include <cstdint>
#include <vector>

#include "meter-proto/base/assert.h"

namespace electra::io {

class HeldBytes {
 public:
  struct Piece {
    std::uint32_t buffer = 0;
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
  };

  // A buffer is held at most once.
  HeldBytes(std::uint32_t connections, std::uint32_t buffers)
      : queues_(connections), pieces_(buffers), next_(buffers, kNone), line_(connections) {}

  [[nodiscard]] bool empty(std::uint32_t connection) const noexcept { return queues_[connection].first == kNone; }

  // Behind what the connection holds already.
  void push_back(std::uint32_t connection, const Piece& piece) noexcept {
    Queue& queue = queues_[connection];
    pieces_[piece.buffer] = piece;
    next_[piece.buffer] = kNone;
    (queue.first == kNone ? queue.first : next_[queue.last]) = piece.buffer;
    queue.last = piece.buffer;
    stand_in_line(connection);
  }

  // Before it: what is left of the piece that was taken out last.
  void push_front(std::uint32_t connection, const Piece& piece) noexcept {
    Queue& queue = queues_[connection];
    pieces_[piece.buffer] = piece;
    next_[piece.buffer] = queue.first;
    if (queue.first == kNone) queue.last = piece.buffer;
    queue.first = piece.buffer;
    stand_in_line(connection);
  }

  // The connection holds something.
  [[nodiscard]] Piece pop(std::uint32_t connection) noexcept {
    Queue& queue = queues_[connection];
    ELECTRA_ASSERT_NE(queue.first, kNone);
    const std::uint32_t buffer = queue.first;
    queue.first = next_[buffer];
    return pieces_[buffer];
  }

  // Connections that stand in line; some may have lost what they held.
  [[nodiscard]] std::uint32_t waiting() const noexcept { return waiting_; }
  // The one whose turn it is leaves the line. waiting() > 0. Who still holds something afterwards stands in line again.
  [[nodiscard]] std::uint32_t take_turn() noexcept {
    ELECTRA_ASSERT_LT(0u, waiting_);
    const std::uint32_t connection = line_[first_];
    first_ = (first_ + 1) % static_cast<std::uint32_t>(line_.size());
    --waiting_;
    queues_[connection].in_line = false;
    return connection;
  }
  void stand_in_line(std::uint32_t connection) noexcept {
    Queue& queue = queues_[connection];
    if (queue.in_line || queue.first == kNone) return;
    queue.in_line = true;
    line_[(first_ + waiting_++) % static_cast<std::uint32_t>(line_.size())] = connection;
  }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  struct Queue {
    std::uint32_t first = kNone;  // buffers, linked by next_
    std::uint32_t last = kNone;
    bool in_line = false;
  };

  std::vector<Queue> queues_;
  std::vector<Piece> pieces_;  // by buffer
  std::vector<std::uint32_t> next_;
  std::vector<std::uint32_t> line_;  // a ring; each connection at most once
  std::uint32_t first_ = 0;
  std::uint32_t waiting_ = 0;
};

}  // namespace electra::io
