#include "meter-proto/encode.h"

#include <bit>

#include "meter-proto/base/assert.h"
#include "meter-proto/strict/reader.h"

namespace electra::proto {
namespace {

using strict::field_tag;
using strict::WireType;

constexpr std::size_t varint_bytes(std::uint64_t value) noexcept {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

// Two sinks of equal shape: one counts, one writes. A message is described once, as a template over the sink, so that the
// length in front of a sub-message cannot disagree with what follows. Zero scalars and empty bytes write nothing.
class Counter {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  void tag(std::uint8_t) noexcept { ++size_; }
  void varint(std::uint64_t value) noexcept { size_ += varint_bytes(value); }
  void fixed64(std::uint64_t) noexcept { size_ += 8; }
  void raw(ByteSpan bytes) noexcept { size_ += bytes.size(); }

 private:
  std::size_t size_ = 0;
};

class Writer {
 public:
  explicit Writer(std::uint8_t* out) noexcept : at_(out) {}
  void tag(std::uint8_t tag) noexcept { *at_++ = tag; }
  void varint(std::uint64_t value) noexcept {
    while (value >= 0x80) {
      *at_++ = static_cast<std::uint8_t>(value | 0x80);
      value >>= 7;
    }
    *at_++ = static_cast<std::uint8_t>(value);
  }
  void fixed64(std::uint64_t value) noexcept {
    store_le64(at_, value);
    at_ += 8;
  }
  void raw(ByteSpan bytes) noexcept { at_ = std::copy(bytes.begin(), bytes.end(), at_); }

 private:
  std::uint8_t* at_;
};

template <typename Sink>
void put_uint(Sink& sink, std::uint32_t field, std::uint64_t value) noexcept {
  if (value == 0) return;
  sink.tag(field_tag(field, WireType::varint));
  sink.varint(value);
}
template <typename Sink>
void put_fixed64(Sink& sink, std::uint32_t field, std::uint64_t value) noexcept {
  if (value == 0) return;
  sink.tag(field_tag(field, WireType::fixed64));
  sink.fixed64(value);
}
template <typename Sink>
void put_bytes(Sink& sink, std::uint32_t field, ByteSpan value) noexcept {
  if (value.empty()) return;
  sink.tag(field_tag(field, WireType::bytes));
  sink.varint(value.size());
  sink.raw(value);
}
template <typename Sink>
void put_result(Sink& sink, std::uint32_t field, Result result) noexcept {
  put_uint(sink, field, static_cast<std::uint16_t>(result));
}

template <typename Message>
std::size_t encoded_size(const Message& message) noexcept {
  Counter counter;
  put(counter, message);
  return counter.size();
}

// A sub-message is written even when it is empty.
template <typename Sink, typename Message>
void put_message(Sink& sink, std::uint32_t field, const Message& message) noexcept {
  sink.tag(field_tag(field, WireType::bytes));
  sink.varint(encoded_size(message));
  put(sink, message);
}

template <typename Sink>
void put(Sink& sink, const strict::RegisterKey& message) noexcept {
  put_bytes(sink, 1, message.public_key);
  put_bytes(sink, 2, bytes_of(message.serial));
  put_uint(sink, 3, message.roles);
  put_uint(sink, 4, message.phases);
  put_uint(sink, 5, message.register_modulus);
  put_uint(sink, 6, message.max_wh_per_interval);
  put_uint(sink, 7, message.owner_slot);
}
template <typename Sink>
void put(Sink& sink, const strict::ProvePossession& message) noexcept {
  put_bytes(sink, 1, message.registration_id);
}
template <typename Sink>
void put(Sink& sink, const strict::SetStatus& message) noexcept {
  put_uint(sink, 1, message.slot);
  put_uint(sink, 2, message.status);
}
template <typename Sink>
void put(Sink& sink, const strict::OpenAccounts& message) noexcept {
  put_uint(sink, 1, message.owner_slot);
  put_uint(sink, 2, message.asset);
  put_uint(sink, 3, message.flags);
  put_uint(sink, 4, message.count);
}
template <typename Sink>
void put(Sink& sink, const strict::Transfer& message) noexcept {
  put_uint(sink, 1, message.kind);
  put_uint(sink, 2, message.debit_account);
  put_uint(sink, 3, message.credit_account);
  put_uint(sink, 4, message.amount);
  put_uint(sink, 5, message.timeout);
  put_uint(sink, 6, message.pending_slot);
  put_fixed64(sink, 7, message.pending_sequence);
  put_uint(sink, 8, message.pending_index);
  put_uint(sink, 9, message.reference);
}
template <typename Sink>
void put(Sink& sink, const strict::Transfers& message) noexcept {
  for (const strict::Transfer& transfer : message.all()) put_message(sink, 1, transfer);
}
template <typename Sink>
void put(Sink& sink, const strict::PhaseReading& message) noexcept {
  put_uint(sink, 1, message.phase);
  put_uint(sink, 2, message.whin);
  put_uint(sink, 3, message.whout);
  put_uint(sink, 4, message.mvolt);
  put_uint(sink, 5, message.mhertz);
  put_uint(sink, 6, message.mpf);
  put_uint(sink, 7, message.maxmi);
}
template <typename Sink>
void put(Sink& sink, const strict::Reading& message) noexcept {
  put_uint(sink, 1, message.time);
  for (const strict::PhaseReading& phase : message.phases()) put_message(sink, 2, phase);
}
template <typename Sink>
void put(Sink& sink, const strict::BeginEpoch& message) noexcept {
  put_uint(sink, 1, message.epoch);
  put_fixed64(sink, 2, message.height);
}
template <typename Sink>
void put(Sink& sink, const strict::ScheduleRules& message) noexcept {
  put_uint(sink, 1, message.version);
  put_fixed64(sink, 2, message.height);
}
template <typename Sink>
void put(Sink& sink, const strict::PayloadView& message) noexcept {
  put_uint(sink, 1, message.not_after);
  // The variant's alternatives stand in the order of the oneof's numbers, which begin at 2.
  const std::uint32_t field = static_cast<std::uint32_t>(message.operation.index()) + 1;
  std::visit(
      [&]<typename T>(const T& operation) {
        if constexpr (!std::is_same_v<T, std::monostate>) put_message(sink, field, operation);
      },
      message.operation);
}
template <typename Sink>
void put(Sink& sink, const strict::EnvelopeView& message) noexcept {
  put_uint(sink, 1, message.slot);
  put_bytes(sink, 2, message.address);
  put_uint(sink, 3, message.key_generation);
  put_fixed64(sink, 4, message.sequence);
  put_bytes(sink, 5, message.payload);
  put_bytes(sink, 6, message.signature);
}
template <typename Sink>
void put(Sink& sink, const strict::Welcome& message) noexcept {
  put_uint(sink, 1, message.version);
  put_bytes(sink, 2, message.genesis_hash);
  put_bytes(sink, 3, message.nonce);
  put_bytes(sink, 4, bytes_of(message.chain_id));
  put_uint(sink, 5, message.time);
  put_uint(sink, 6, message.replay_clock ? 1 : 0);
}
template <typename Sink>
void put(Sink& sink, const strict::Hello& message) noexcept {
  put_uint(sink, 1, message.version);
  put_uint(sink, 2, message.slot);
  put_bytes(sink, 3, message.address);
  put_uint(sink, 4, message.key_generation);
  put_bytes(sink, 5, message.signature);
}
template <typename Sink>
void put(Sink& sink, const strict::HelloAnswer& message) noexcept {
  put_result(sink, 1, message.result);
  put_uint(sink, 2, message.slot);
  put_uint(sink, 3, message.status);
  put_uint(sink, 4, message.roles);
  put_uint(sink, 5, message.key_generation);
  put_uint(sink, 6, message.highest_sequence);
  put_bytes(sink, 7, message.registration_id);
}
template <typename Sink>
void put(Sink& sink, const strict::Receipt& message) noexcept {
  put_uint(sink, 1, message.slot);
  put_fixed64(sink, 2, message.sequence);
  put_result(sink, 3, message.result);
  put_uint(sink, 4, message.batch);
  put_uint(sink, 5, message.detail);
  put_uint(sink, 6, message.repeated ? 1 : 0);
}
template <typename Sink>
void put(Sink& sink, const strict::Refusal& message) noexcept {
  put_result(sink, 1, message.result);
  put_uint(sink, 2, message.slot);
  put_fixed64(sink, 3, message.sequence);
  put_bytes(sink, 4, bytes_of(message.text));
}
template <typename Sink>
void put(Sink& sink, const strict::Tick& message) noexcept {
  put_uint(sink, 1, message.time);
}
template <typename Sink>
void put(Sink& sink, const strict::TickAnswer& message) noexcept {
  put_result(sink, 1, message.result);
  put_uint(sink, 2, message.time);
  put_uint(sink, 3, message.batch);
}

template <typename Message>
std::size_t encode(const Message& message, MutableByteSpan out) noexcept {
  const std::size_t size = encoded_size(message);
  if (size > out.size()) return 0;
  Writer writer(out.data());
  put(writer, message);
  return size;
}

std::size_t body_bytes(std::size_t message_bytes) noexcept { return 1 + varint_bytes(message_bytes) + message_bytes; }

void put_frame_front(strict::FrameKind kind, std::size_t message_bytes, std::uint8_t* out, Writer& writer) noexcept {
  store_le32(out, static_cast<std::uint32_t>(body_bytes(message_bytes)));
  writer.tag(field_tag(static_cast<std::uint32_t>(kind), WireType::bytes));
  writer.varint(message_bytes);
}

template <typename Message>
std::size_t encode_framed(strict::FrameKind kind, const Message& message, MutableByteSpan out) noexcept {
  const std::size_t message_bytes = encoded_size(message);
  const std::size_t frame_bytes = strict::kFrameHeaderBytes + body_bytes(message_bytes);
  if (frame_bytes > out.size()) return 0;
  Writer writer(out.data() + strict::kFrameHeaderBytes);
  put_frame_front(kind, message_bytes, out.data(), writer);
  put(writer, message);
  return frame_bytes;
}

}  // namespace

std::size_t encode_payload(const strict::PayloadView& payload, MutableByteSpan out) {
  ELECTRA_ASSERT(!std::holds_alternative<std::monostate>(payload.operation));
  return encode(payload, out);
}

std::size_t encode_envelope(const strict::EnvelopeView& envelope, MutableByteSpan out) { return encode(envelope, out); }

std::size_t encode_frame(strict::FrameKind kind, ByteSpan message, MutableByteSpan out) {
  const std::size_t frame_bytes = strict::kFrameHeaderBytes + body_bytes(message.size());
  if (frame_bytes > out.size()) return 0;
  Writer writer(out.data() + strict::kFrameHeaderBytes);
  put_frame_front(kind, message.size(), out.data(), writer);
  writer.raw(message);
  return frame_bytes;
}

std::size_t encode_envelope_frame(const strict::EnvelopeView& envelope, MutableByteSpan out) {
  return encode_framed(strict::FrameKind::envelope, envelope, out);
}
std::size_t encode_welcome_frame(const strict::Welcome& welcome, MutableByteSpan out) {
  return encode_framed(strict::FrameKind::welcome, welcome, out);
}
std::size_t encode_hello_frame(const strict::Hello& hello, MutableByteSpan out) {
  return encode_framed(strict::FrameKind::hello, hello, out);
}
std::size_t encode_hello_answer_frame(const strict::HelloAnswer& answer, MutableByteSpan out) {
  return encode_framed(strict::FrameKind::hello_answer, answer, out);
}
std::size_t encode_receipt_frame(const strict::Receipt& receipt, MutableByteSpan out) {
  return encode_framed(strict::FrameKind::receipt, receipt, out);
}
std::size_t encode_refusal_frame(const strict::Refusal& refusal, MutableByteSpan out) {
  std::array<char, strict::kRefusalTextBytesMax> text;
  const std::size_t text_bytes = std::min(refusal.text.size(), text.size());
  std::transform(refusal.text.begin(), refusal.text.begin() + static_cast<std::ptrdiff_t>(text_bytes), text.begin(),
                 [](char letter) { return static_cast<unsigned char>(letter) < 0x80 ? letter : '?'; });
  strict::Refusal cleaned = refusal;
  cleaned.text = {text.data(), text_bytes};
  return encode_framed(strict::FrameKind::refusal, cleaned, out);
}
std::size_t encode_tick_frame(const strict::Tick& tick, MutableByteSpan out) {
  return encode_framed(strict::FrameKind::tick, tick, out);
}
std::size_t encode_tick_answer_frame(const strict::TickAnswer& answer, MutableByteSpan out) {
  return encode_framed(strict::FrameKind::tick_answer, answer, out);
}

}  // namespace electra::proto
