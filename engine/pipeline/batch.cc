#include "engine/pipeline/batch.h"

#include <array>

#include "meter-proto/base/assert.h"

namespace electra::pipeline {
namespace {

// The same view after the memory that holds it moved from `from` to `to`.
ByteSpan rebased(ByteSpan view, const std::uint8_t* from, const std::uint8_t* to) noexcept {
  return view.empty() ? view : ByteSpan{to + (view.data() - from), view.size()};
}

// A batch is larger than the second-level cache, and was last written a few batches ago: its lines are asked for this many
// messages before they are written.
constexpr std::uint32_t kFetchAhead = 8;

template <typename T>
void fetch_for_writing(std::vector<T>& values, std::size_t index) noexcept {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data() + index);
  for (std::size_t at = 0; at < sizeof(T); at += 64) __builtin_prefetch(bytes + at, 1);
}

}  // namespace

Batch::Batch(std::uint32_t messages_max)
    : messages_max_(messages_max),
      origins_(messages_max),
      entries_(messages_max),
      items_(messages_max),
      verdicts_(messages_max),
      keep_(messages_max),
      embedded_keys_(messages_max),
      messages_(messages_max),
      outcomes_(messages_max) {
  rejected_.reserve(messages_max);
  stale_.reserve(messages_max);
  peers_.reserve(messages_max);
}

std::size_t Batch::memory_bytes(std::uint32_t messages_max) noexcept {
  return std::size_t{messages_max} *
         (sizeof(Origin) * 2 + sizeof(const std::uint8_t*) + sizeof(crypto::VerifyItem) +
          sizeof(crypto::VerifyOutcome) + 1 + sizeof(ByteSpan) + sizeof(state::VerifiedMessage) +
          sizeof(state::Outcome) + sizeof(Stale) + sizeof(io::PeerAddress));
}

void Batch::reset(io::RecordBuffer* buffer) {
  buffer_ = buffer;
  size_ = 0;
  good_ = 0;
  verify_ns = 0;
  rejected_.clear();
  stale_.clear();
  peers_.clear();
}

std::uint16_t Batch::add_peer(const io::PeerAddress& peer) {
  ELECTRA_ASSERT_LT(peers_.size(), std::size_t{messages_max_});
  peers_.push_back(peer);
  return static_cast<std::uint16_t>(peers_.size() - 1);
}

std::uint32_t Batch::room() const noexcept {
  const std::size_t body_room = io::kRecordBodyBytesMax - buffer_->body().size();
  // An envelope is at most as long as the body of the frame that carried it.
  const std::size_t by_bytes = body_room / (io::kEntryLengthBytes + strict::kFrameBytesMax);
  return std::min(messages_max_ - size_, static_cast<std::uint32_t>(by_bytes));
}

bool Batch::add(const Origin& origin, ByteSpan bytes, const strict::EnvelopeView& envelope,
                const crypto::StoredKey& key, const Bytes16& tag, ByteSpan embedded_key) {
  if (size_ == messages_max_ || !buffer_->append(bytes)) return false;
  const std::uint32_t index = size_++;
  if (index + kFetchAhead < messages_max_) {
    fetch_for_writing(origins_, index + kFetchAhead);
    fetch_for_writing(items_, index + kFetchAhead);
    fetch_for_writing(messages_, index + kFetchAhead);
  }
  const std::uint8_t* entry = buffer_->entry(index).data();
  const ByteSpan payload = rebased(envelope.payload, bytes.data(), entry);
  const ByteSpan signature = rebased(envelope.signature, bytes.data(), entry);
  entries_[index] = entry;
  origins_[index] = origin;
  items_[index] = {.public_key = key.public_key.data(),
                   .key_number = key.number,
                   .signature = signature,
                   .tag = &tag,
                   .sequence = envelope.sequence,
                   .payload = payload};
  embedded_keys_[index] = rebased(embedded_key, bytes.data(), entry);
  state::VerifiedMessage& message = messages_[index];  // its id comes with the verdict
  message.envelope = {.slot = envelope.slot,
                      .address = rebased(envelope.address, bytes.data(), entry),
                      .key_generation = envelope.key_generation,
                      .sequence = envelope.sequence,
                      .payload = payload,
                      .signature = signature};
  message.slot = origin.slot;
  message.embedded_key_valid = false;
  return true;
}

void Batch::verify(const crypto::Verifier& verifier, std::uint32_t begin, std::uint32_t end) {
  const std::size_t count = end - begin;
  verifier.verify({items_.data() + begin, count}, {verdicts_.data() + begin, count});
  std::array<const std::uint8_t*, 64> keys;
  std::array<std::uint32_t, 64> of;
  std::array<std::uint8_t, 64> passes;
  std::size_t gathered = 0;
  const auto check = [&] {
    verifier.check_keys({keys.data(), gathered}, {passes.data(), gathered});
    for (std::size_t i = 0; i < gathered; ++i) messages_[of[i]].embedded_key_valid = passes[i] == 1;
    gathered = 0;
  };
  for (std::uint32_t i = begin; i < end; ++i) {
    if (!verdicts_[i].valid || embedded_keys_[i].empty()) continue;
    ELECTRA_ASSERT_EQ(embedded_keys_[i].size(), sizeof(Bytes32));
    keys[gathered] = embedded_keys_[i].data();
    of[gathered++] = i;
    if (gathered == keys.size()) check();
  }
  check();
}

void Batch::seal() {
  std::uint32_t good = 0;
  for (std::uint32_t i = 0; i < size_; ++i) {
    keep_[i] = verdicts_[i].valid && !origins_[i].stale ? 1 : 0;
    good += keep_[i];
  }
  if (good != size_) buffer_->retain({keep_.data(), size_});
  for (std::uint32_t i = 0; i < size_; ++i) {
    if (keep_[i] == 0) {
      if (verdicts_[i].valid) {
        stale_.push_back({.origin = origins_[i], .id = verdicts_[i].message_id});
      } else {
        rejected_.push_back(origins_[i]);
      }
      continue;
    }
    const std::uint8_t* from = entries_[i];
    const std::uint8_t* to = buffer_->entry(good_).data();
    state::VerifiedMessage& message = messages_[good_];
    if (good_ != i) {
      message = messages_[i];
      origins_[good_] = origins_[i];
    }
    message.id = verdicts_[i].message_id;
    message.envelope.address = rebased(message.envelope.address, from, to);
    message.envelope.payload = rebased(message.envelope.payload, from, to);
    message.envelope.signature = rebased(message.envelope.signature, from, to);
    ++good_;
  }
  ELECTRA_ASSERT_EQ(good_, buffer_->count());
  [[maybe_unused]] const Bytes32& hashed =
      buffer_->body_hash();  // here, on the worker, and not when the record is written
}

}  // namespace electra::pipeline
