// What became of the datagrams since the start. Nothing here leads to an answer but what `receipts` and `refusals` count.
#pragma once

#include <cstdint>

#include "io/datagram_port.h"

namespace electra::pipeline {

struct DatagramCounters {
  io::DatagramPortCounters port;  // datagrams, in and out

  // Messages in them that were given to a batch.
  std::uint64_t messages = 0;

  // Dropped without an answer. The first two end their datagram.
  std::uint64_t malformed = 0;       // not a frame, or not strictly encoded
  std::uint64_t not_a_message = 0;   // a frame that has no place in a datagram: hello, query, tick, the gateway's own
  std::uint64_t unknown_sender = 0;  // no such key, or not any more
  std::uint64_t malformed_payload = 0;  // or an operation that this program does not know
  std::uint64_t overloaded = 0;         // while no headers are signed
  std::uint64_t bad_signature = 0;
  std::uint64_t early = 0;  // sent again before the first one was durable: the first one is answered

  std::uint64_t receipts = 0;  // given to the port; `repeated` of them for messages that were not executed again
  std::uint64_t repeated = 0;
  std::uint64_t refusals = 0;  // of signed messages whose sequence cannot be used

  // All that got no answer, messages and whole datagrams, for whatever reason that we know.
  [[nodiscard]] std::uint64_t dropped() const noexcept {
    return port.oversize + malformed + not_a_message + unknown_sender + malformed_payload + overloaded + bad_signature +
           early;
  }
};

}  // namespace electra::pipeline
