// The front desk for datagrams: their messages into the forming batch, receipts back to where they came from.
//
// There is no session. Authority lies in each message's signature, and so does the right to an answer: it goes to the
// source of a datagram whose message verified, and to nobody else. Everything else is dropped in silence and counted. A
// receipt's frame is shorter than the shortest frame with a message, so a forged source address gains nothing. A message
// whose sequence is not free any more is verified with its batch, but leaves no trace in the journal: it is answered out of
// the sender's window, so that a captured datagram can be sent again for ever and moves nothing.
// Knows no sockets: any DatagramPort will do. io thread only. Nothing is allocated per datagram.
#pragma once

#include <vector>

#include "crypto-offload/key_store.h"
#include "engine/pipeline/batch.h"
#include "engine/pipeline/datagram_counters.h"
#include "engine/pipeline/front_desk.h"
#include "engine/pipeline/peer_index.h"
#include "engine/state/machine.h"
#include "io/datagram_port.h"

namespace electra::pipeline {

class DatagramDesk final : public io::DatagramHandler {
 public:
  // All outlive the desk (`limits` too, which FrontDesk shares); the port is set before the loop's first turn. messages_max: of a batch. What the machine holds is
  // durable now.
  DatagramDesk(SenderLimits& limits, const state::Machine& machine, const crypto::KeyStore& keys, FrontDeskHost& host,
               std::uint32_t messages_max);
  void set_port(io::DatagramPort& port) noexcept { port_ = &port; }
  // Before the port goes away; its counters stay.
  void leave_port() noexcept;

  [[nodiscard]] std::size_t on_datagrams(std::span<io::Datagram> datagrams) override;

  // For every batch, when it is verified and none before it is still to be executed: counts bad signatures, answers stale
  // messages.
  void answer_stale(const Batch& batch);
  // For every batch, when it is durable and executed.
  void send_receipts(Batch& batch, std::uint64_t batch_number);

  [[nodiscard]] DatagramCounters counters() const noexcept;
  [[nodiscard]] std::uint64_t decode_ns() const noexcept { return decode_ns_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  // False: no room now, what was not taken is still in the datagram.
  [[nodiscard]] bool take(io::Datagram& datagram);
  void take_frame(io::Datagram& datagram, ByteSpan body);
  void take_envelope(io::Datagram& datagram, ByteSpan bytes);
  void link(std::uint16_t peer, std::size_t message);

  SenderLimits& limits_;
  const state::Machine& machine_;
  const crypto::KeyStore& keys_;
  FrontDeskHost& host_;
  io::DatagramPort* port_ = nullptr;
  const Bytes16 message_tag_;
  PeerIndex peer_index_;
  // During on_datagrams.
  Batch* batch_ = nullptr;
  std::uint32_t room_ = 0;                // messages that the batch takes for sure
  std::uint16_t peer_ = Origin::kNoPeer;  // of the datagram at hand in that batch, once it has a message there
  bool refusing_ = false;
  strict::PayloadView payload_;  // of the message at hand
  // While answers are made: each peer's messages, as chains through the batch.
  std::vector<std::uint16_t> first_;  // by peer
  std::vector<std::uint16_t> last_;
  std::vector<std::uint16_t> next_;  // by message

  std::uint64_t durable_batch_;
  std::uint64_t decode_ns_ = 0;
  DatagramCounters counters_;
};

}  // namespace electra::pipeline
