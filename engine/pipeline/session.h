// What the gateway knows about one connection: how far the hello got, and how much patience is left.
#pragma once

#include <cstdint>

#include "engine/state/types.h"
#include "io/tcp_server.h"
#include "meter-proto/strict/frame.h"
#include "meter-proto/strict/session.h"

namespace electra::pipeline {

struct Session {
  static constexpr std::uint32_t kGoodMessagesPerRefusal = 16;
  static constexpr std::uint32_t kHelloAttemptsMax = 3;

  io::ConnectionId connection;
  strict::FrameSplitter splitter;
  Bytes32 nonce{};
  state::Slot slot = 0;  // of the hello; 0: not opened
  std::uint32_t hello_attempts = 0;
  std::uint32_t refusals_left = 0;  // before it is closed; good messages earn them back
  std::uint32_t refusals_max = 0;
  std::uint32_t good_messages = 0;
  std::uint32_t questions = 0;  // waiting for their answer
  bool open = false;            // the connection exists and is not being closed

  void begin(io::ConnectionId id, std::uint32_t refusals) {
    connection = id;
    splitter.reset();
    slot = 0;
    hello_attempts = 0;
    refusals_left = refusals_max = refusals;
    good_messages = 0;
    questions = 0;
    open = true;
  }

  void count_good() noexcept {
    if (++good_messages < kGoodMessagesPerRefusal) return;
    good_messages = 0;
    if (refusals_left < refusals_max) ++refusals_left;
  }

  // False: the budget is used up.
  [[nodiscard]] bool spend_refusal() noexcept {
    if (refusals_left == 0) return false;
    --refusals_left;
    return true;
  }
};

}  // namespace electra::pipeline
