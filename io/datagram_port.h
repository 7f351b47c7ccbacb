// What the gateway asks of anything that brings datagrams: sockets today (udp_server.h), a network card's queues elsewhere.
//
// Datagrams come in bursts, because their handler's work has a price per call; answers are written straight into the
// port's memory, one datagram at a time. Both bounds are the port's: when its output is full an answer is dropped and
// counted, and when reading is paused datagrams wait in its buffers until these are full, too. A sender that hears nothing
// sends again. All calls on one thread. Nothing is allocated per datagram.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "io/peer_address.h"
#include "meter-proto/base/bytes.h"

namespace electra::io {

// Payload in either direction: with IPv4's or IPv6's header and UDP's it passes every Ethernet unfragmented.
inline constexpr std::size_t kDatagramBytesMax = 1472;

struct Datagram {
  PeerAddress peer;
  ByteSpan bytes;  // 0 … kDatagramBytesMax
};

class DatagramHandler {
 public:
  // Datagrams in the order in which they came; their bytes are valid during the call. Returns how many were used up. Fewer
  // than given means "no room now": the first of the others may have lost a part at its front, that was taken (the handler
  // moves its `bytes`), and all of them come again after resume_reading().
  [[nodiscard]] virtual std::size_t on_datagrams(std::span<Datagram> datagrams) = 0;

 protected:
  ~DatagramHandler() = default;
};

struct DatagramPortCounters {
  std::uint64_t received = 0;  // handed to the handler
  std::uint64_t received_bytes = 0;
  std::uint64_t oversize = 0;       // longer than kDatagramBytesMax: dropped here
  std::uint64_t lost = 0;           // dropped before us, because nobody read fast enough
  std::uint64_t sent = 0;           // taken by the network
  std::uint64_t output_full = 0;    // answers for which there was no room
  std::uint64_t output_failed = 0;  // answers that the network refused
};

class DatagramPort {
 public:
  virtual ~DatagramPort() = default;

  // Room for one datagram of kDatagramBytesMax bytes; empty when the output is full, which is counted as one datagram
  // that was not sent. The next send() fills in who gets its first bytes; without one the room is given out again.
  [[nodiscard]] virtual MutableByteSpan output() = 0;
  virtual void send(const PeerAddress& peer, std::size_t bytes) = 0;

  // Back-pressure. resume delivers what was held, at the end of the turn.
  virtual void pause_reading() noexcept = 0;
  virtual void resume_reading() noexcept = 0;
  [[nodiscard]] virtual bool paused() const noexcept = 0;

  [[nodiscard]] virtual DatagramPortCounters counters() const noexcept = 0;
  [[nodiscard]] virtual std::size_t memory_bytes() const noexcept = 0;  // bound of what it may touch
};

}  // namespace electra::io
