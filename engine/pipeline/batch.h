// One batch on its way: the bytes that will be the record, and what is known about each message in them.
//
// Life: free → forming (io thread adds) → verifying (the verify stage owns it) → ready → in flight (the journal writes the
// buffer while the state machine executes) → receipts → free. All arrays are allocated once, for `messages_max`
// messages; a batch is a handle that moves by pointer. Exactly one thread owns it at any time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "crypto-offload/key_store.h"
#include "crypto-offload/verifier.h"
#include "engine/state/types.h"
#include "io/journal/record_buffer.h"
#include "io/peer_address.h"
#include "io/tcp_server.h"
#include "meter-proto/strict/envelope.h"
#include "meter-proto/strict/frame.h"

namespace electra::pipeline {

// Who asked: where a receipt or refusal goes, and which message it is about.
struct Origin {
  static constexpr std::uint16_t kNoPeer = UINT16_MAX;

  io::ConnectionId connection;   // it came in this session, or
  std::uint16_t peer = kNoPeer;  // by datagram, from this one of the batch's peers
  bool stale = false;            // its sequence was not free when it came by datagram: it is answered, not executed
  state::Slot slot = 0;
  std::uint64_t sequence = 0;

  [[nodiscard]] bool by_datagram() const noexcept { return peer != kNoPeer; }
};
static_assert(sizeof(Origin) == 24);

// A message whose signature is good and whose sequence was not free.
struct Stale {
  Origin origin;
  Bytes32 id{};
};

class Batch {
 public:
  explicit Batch(std::uint32_t messages_max);

  // Forming. `envelope` views into `bytes`, the whole encoded envelope, which is copied. `key` is the sender's and stays
  // valid (KeyStore). `embedded_key` is set for a RegisterKey: 32 bytes inside the payload. False: no room.
  [[nodiscard]] bool add(const Origin& origin, ByteSpan bytes, const strict::EnvelopeView& envelope,
                         const crypto::StoredKey& key, const Bytes16& tag, ByteSpan embedded_key);

  // Where datagrams came from; messages_max of them have room. An Origin's `peer` is the index here.
  [[nodiscard]] std::uint16_t add_peer(const io::PeerAddress& peer);
  [[nodiscard]] std::span<const io::PeerAddress> peers() const noexcept { return peers_; }

  // Messages that were added; until seal().
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::uint32_t room() const noexcept;

  // Verification of the messages [begin, end). Disjoint ranges may run at once on several threads.
  void verify(const crypto::Verifier& verifier, std::uint32_t begin, std::uint32_t end);

  // After every message was verified: drops those with a bad signature and the stale ones from the record and fills the
  // lists below.
  void seal();

  // After seal(). One entry a message of the record, in its order.
  [[nodiscard]] std::span<const state::VerifiedMessage> messages() const noexcept { return {messages_.data(), good_}; }
  [[nodiscard]] std::span<const Origin> origins() const noexcept { return {origins_.data(), good_}; }
  [[nodiscard]] std::span<state::Outcome> outcomes() noexcept { return {outcomes_.data(), good_}; }
  // One entry a message that was added, in that order: 1 = it is in the record, 0 = it was dropped.
  [[nodiscard]] std::span<const std::uint8_t> kept() const noexcept { return {keep_.data(), size_}; }
  // Those whose signature was bad.
  [[nodiscard]] std::span<const Origin> rejected() const noexcept { return {rejected_.data(), rejected_.size()}; }
  // Those whose signature was good and that are stale.
  [[nodiscard]] std::span<const Stale> stale() const noexcept { return stale_; }

  // Back to forming, empty, with this buffer.
  void reset(io::RecordBuffer* buffer);
  [[nodiscard]] io::RecordBuffer& buffer() noexcept { return *buffer_; }

  // Bytes that the arrays of one batch take, its record buffer apart.
  [[nodiscard]] static std::size_t memory_bytes(std::uint32_t messages_max) noexcept;

  std::uint64_t verify_ticket = 0;  // order of submission, for the verify stage
  std::uint64_t verify_ns = 0;      // CPU time of verification, summed over threads; written by the verify stage

 private:
  io::RecordBuffer* buffer_ = nullptr;
  std::uint32_t messages_max_;
  std::uint32_t size_ = 0;
  std::uint32_t good_ = 0;
  std::vector<Origin> origins_;
  std::vector<const std::uint8_t*> entries_;  // where entry i began before seal() moved it
  std::vector<crypto::VerifyItem> items_;
  std::vector<crypto::VerifyOutcome> verdicts_;
  std::vector<std::uint8_t> keep_;
  std::vector<ByteSpan> embedded_keys_;
  std::vector<state::VerifiedMessage> messages_;
  std::vector<state::Outcome> outcomes_;
  std::vector<Origin> rejected_;
  std::vector<Stale> stale_;
  std::vector<io::PeerAddress> peers_;
};

}  // namespace electra::pipeline
