#include "engine/pipeline/datagram_desk.h"

#include "engine/pipeline/admission.h"
#include "engine/pipeline/cpu_time.h"
#include "io/journal/record_format.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/encode.h"
#include "meter-proto/signing.h"
#include "meter-proto/strict/frame.h"

namespace electra::pipeline {
namespace {

constexpr std::uint16_t kEnd = UINT16_MAX;
static_assert(io::kRecordMessagesMax < kEnd);

// No answer is larger than its question.
static_assert(proto::kReceiptFrameBytesMax <= proto::kEnvelopeFrameBytesMin);
static_assert(proto::kBareRefusalFrameBytesMax <= proto::kReceiptFrameBytesMax);

// Lays the answers of one peer side by side in as few datagrams as they fit in.
class Packer {
 public:
  Packer(io::DatagramPort& port, const io::PeerAddress& peer) : port_(port), peer_(peer) {}
  ~Packer() { flush(); }
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  // Room for one answer; empty: the port has none. The peer sends again what it gets no answer to.
  [[nodiscard]] MutableByteSpan room() {
    if (out_.size() - used_ < proto::kReceiptFrameBytesMax) {
      flush();
      out_ = port_.output();
      used_ = 0;
    }
    return out_.subspan(used_);
  }
  void add(std::size_t bytes) noexcept {
    ELECTRA_ASSERT_LT(0u, bytes);  // it fitted
    used_ += bytes;
  }

 private:
  void flush() {
    if (used_ > 0) port_.send(peer_, used_);
  }

  io::DatagramPort& port_;
  const io::PeerAddress& peer_;
  MutableByteSpan out_;
  std::size_t used_ = 0;
};

}  // namespace

DatagramDesk::DatagramDesk(SenderLimits& limits, const state::Machine& machine, const crypto::KeyStore& keys,
                           FrontDeskHost& host, std::uint32_t messages_max)
    : limits_(limits),
      machine_(machine),
      keys_(keys),
      host_(host),
      message_tag_(proto::signing_tag(proto::SignatureKind::message, machine.genesis_hash())),
      peer_index_(messages_max),
      first_(messages_max, kEnd),
      last_(messages_max),
      next_(messages_max),
      durable_batch_(machine.batch_number()) {}

std::size_t DatagramDesk::memory_bytes() const noexcept {
  return peer_index_.memory_bytes() + (first_.size() + last_.size() + next_.size()) * sizeof(std::uint16_t);
}

DatagramCounters DatagramDesk::counters() const noexcept {
  DatagramCounters out = counters_;
  if (port_ != nullptr) out.port = port_->counters();
  return out;
}

void DatagramDesk::leave_port() noexcept {
  counters_ = counters();
  port_ = nullptr;
}

// --- in --------------------------------------------------------------------------------------------------------------

std::size_t DatagramDesk::on_datagrams(std::span<io::Datagram> datagrams) {
  const std::uint64_t begin = thread_cpu_ns();
  batch_ = nullptr;
  room_ = 0;
  refusing_ = host_.keeper().refusing();
  std::uint64_t bytes = 0;
  for (const io::Datagram& datagram : datagrams) bytes += datagram.bytes.size();
  limits_.look(io::monotonic_ns(), bytes);
  std::size_t used = 0;
  while (used < datagrams.size() && take(datagrams[used])) ++used;
  decode_ns_ += thread_cpu_ns() - begin;
  host_.nudge();
  return used;
}

bool DatagramDesk::take(io::Datagram& datagram) {
  peer_ = Origin::kNoPeer;
  if (datagram.bytes.empty()) ++counters_.malformed;
  while (!datagram.bytes.empty()) {
    if (room_ == 0) {
      batch_ = host_.forming();
      if (batch_ == nullptr) return false;
      room_ = batch_->room();
      peer_ = Origin::kNoPeer;
    }
    const std::size_t whole = datagram.bytes.size();
    const std::size_t length = whole < strict::kFrameHeaderBytes ? whole : load_le32(datagram.bytes.data());
    if (length > whole - std::min(whole, strict::kFrameHeaderBytes)) {
      ++counters_.malformed;
      datagram.bytes = {};
      return true;
    }
    const ByteSpan body = datagram.bytes.subspan(strict::kFrameHeaderBytes, length);
    datagram.bytes = datagram.bytes.subspan(strict::kFrameHeaderBytes + length);
    take_frame(datagram, body);
  }
  return true;
}

void DatagramDesk::take_frame(io::Datagram& datagram, ByteSpan body) {
  strict::FrameView frame;
  if (strict::decode_frame(body, frame) != Result::ok) {
    ++counters_.malformed;
    datagram.bytes = {};
  } else if (frame.kind != strict::FrameKind::envelope) {
    ++counters_.not_a_message;
    datagram.bytes = {};
  } else {
    take_envelope(datagram, frame.message);
  }
}

void DatagramDesk::take_envelope(io::Datagram& datagram, ByteSpan bytes) {
  strict::EnvelopeView envelope;
  if (strict::decode_envelope(bytes, envelope) != Result::ok) {
    ++counters_.malformed;
    datagram.bytes = {};
    return;
  }
  const Admission admission = admit(envelope, keys_, machine_, payload_);
  switch (admission.result) {
    case Result::ok:             break;
    case Result::unknown_sender:
    case Result::key_superseded: ++counters_.unknown_sender; return;
    default:                     ++counters_.malformed_payload; return;
  }
  if (refusing_) {
    ++counters_.overloaded;
    return;
  }
  const bool stale = !machine_.sequence_free(admission.slot, envelope.sequence);
  // One that is answered out of the window writes nothing.
  if (!stale && !limits_.take(admission.slot)) {
    ++counters_.overloaded;
    return;
  }
  if (peer_ == Origin::kNoPeer) peer_ = peer_index_.find_or_add(*batch_, datagram.peer);
  const Origin origin{
      .connection = {}, .peer = peer_, .stale = stale, .slot = admission.slot, .sequence = envelope.sequence};
  const bool added = batch_->add(origin, bytes, envelope, *admission.key, message_tag_, admission.embedded_key);
  ELECTRA_ASSERT(added);  // room_ says so
  --room_;
  ++counters_.messages;
}

// --- out -------------------------------------------------------------------------------------------------------------

void DatagramDesk::link(std::uint16_t peer, std::size_t message) {
  const auto number = static_cast<std::uint16_t>(message);
  (first_[peer] == kEnd ? first_[peer] : next_[last_[peer]]) = number;
  last_[peer] = number;
  next_[number] = kEnd;
}

void DatagramDesk::answer_stale(const Batch& batch) {
  for (const Origin& origin : batch.rejected()) counters_.bad_signature += origin.by_datagram() ? 1 : 0;
  const std::span<const Stale> stale = batch.stale();
  if (stale.empty() || port_ == nullptr) return;
  for (std::size_t i = 0; i < stale.size(); ++i) link(stale[i].origin.peer, i);
  for (std::size_t peer = 0; peer < batch.peers().size(); ++peer) {
    Packer packer(*port_, batch.peers()[peer]);
    for (std::uint16_t i = std::exchange(first_[peer], kEnd); i != kEnd; i = next_[i]) {
      const Origin& origin = stale[i].origin;
      const state::Outcome outcome = machine_.answer_of_window(origin.slot, origin.sequence, stale[i].id);
      // What is not durable yet must not show.
      if (outcome.batch > durable_batch_ || (!outcome.repeated && outcome.result == Result::ok)) {
        ++counters_.early;
        continue;
      }
      const MutableByteSpan room = packer.room();
      if (room.empty()) break;
      if (outcome.repeated) {
        packer.add(proto::encode_receipt_frame({.slot = origin.slot,
                                                .sequence = origin.sequence,
                                                .result = outcome.result,
                                                .batch = outcome.batch,
                                                .detail = outcome.detail,
                                                .repeated = true},
                                               room));
        ++counters_.receipts;
        ++counters_.repeated;
      } else {
        packer.add(proto::encode_refusal_frame(
            {.result = outcome.result, .slot = origin.slot, .sequence = origin.sequence, .text = {}}, room));
        ++counters_.refusals;
      }
    }
  }
}

void DatagramDesk::send_receipts(Batch& batch, std::uint64_t batch_number) {
  durable_batch_ = batch_number;
  if (batch.peers().empty() || port_ == nullptr) return;
  const std::span<const Origin> origins = batch.origins();
  const std::span<const state::Outcome> outcomes = batch.outcomes();
  for (std::size_t i = 0; i < origins.size(); ++i) {
    if (origins[i].by_datagram()) link(origins[i].peer, i);
  }
  for (std::size_t peer = 0; peer < batch.peers().size(); ++peer) {
    Packer packer(*port_, batch.peers()[peer]);
    for (std::uint16_t i = std::exchange(first_[peer], kEnd); i != kEnd; i = next_[i]) {
      const MutableByteSpan room = packer.room();
      if (room.empty()) break;
      const state::Outcome& outcome = outcomes[i];
      packer.add(proto::encode_receipt_frame({.slot = origins[i].slot,
                                              .sequence = origins[i].sequence,
                                              .result = outcome.result,
                                              .batch = outcome.repeated ? outcome.batch : batch_number,
                                              .detail = outcome.detail,
                                              .repeated = outcome.repeated},
                                             room));
      ++counters_.receipts;
    }
  }
}

}  // namespace electra::pipeline
