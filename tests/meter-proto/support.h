// What the tests of meter-proto share: hex literals, a key that signs, random wire messages, and conversions between the
// strict decoder's structs and libprotobuf's classes.
#pragma once

#include <gtest/gtest.h>
#include <sodium.h>

#include <random>

#include "electra/wire.pb.h"
#include "meter-proto/client/message.h"
#include "meter-proto/strict/payload.h"

namespace electra::test {

using Bytes = std::vector<std::uint8_t>;

// Hex with spaces between groups allowed; a mistake in the test's literal throws.
inline Bytes hex(std::string_view text) {
  std::string digits;
  for (const char letter : text) {
    if (letter != ' ') digits.push_back(letter);
  }
  return from_hex(digits).value();
}

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}
inline Bytes repeated(std::size_t count, std::uint8_t value) { return Bytes(count, value); }

inline Bytes serialized(const google::protobuf::MessageLite& message) {
  const std::string text = message.SerializeAsString();
  return {text.begin(), text.end()};
}

// "a duplicate field" becomes a test's name.
template <typename Case>
std::string case_name(const testing::TestParamInfo<Case>& info) {
  std::string name;
  for (const char letter : std::string_view(info.param.name)) {
    name.push_back(std::isalnum(static_cast<unsigned char>(letter)) ? letter : '_');
  }
  return name;
}

// An Ed25519 key from a 32-byte seed.
class Key {
 public:
  explicit Key(const Bytes32& seed) { crypto_sign_seed_keypair(public_key.data(), secret_.data(), seed.data()); }

  [[nodiscard]] Bytes64 sign(ByteSpan bytes) const {
    Bytes64 signature;
    crypto_sign_detached(signature.data(), nullptr, bytes.data(), bytes.size(), secret_.data());
    return signature;
  }
  [[nodiscard]] client::SignFunction signer() const {
    return [this](proto::SignatureKind kind, const Bytes32& genesis_hash, std::uint64_t sequence, ByteSpan payload) {
      Bytes buffer(proto::kSigningPrefixBytes + payload.size());
      return std::optional(
          sign(proto::signing_bytes(proto::signing_tag(kind, genesis_hash), sequence, payload, buffer)));
    };
  }

  Bytes32 public_key{};

 private:
  std::array<std::uint8_t, 64> secret_{};
};

// The bytes first, first + 1, …
inline Bytes32 counting_bytes(std::uint8_t first) {
  Bytes32 bytes;
  for (std::size_t index = 0; index < bytes.size(); ++index) {
    bytes[index] = static_cast<std::uint8_t>(first + index);
  }
  return bytes;
}

// Random numbers that like the edges, and messages made of them. The same seed gives the same messages.
class Randomness {
 public:
  explicit Randomness(std::uint64_t seed) : generator_(seed) {}

  std::uint64_t below(std::uint64_t bound) { return generator_() % bound; }
  std::uint64_t uint64() {
    switch (below(6)) {
      case 0:  return 0;
      case 1:  return below(300);
      case 2:  return UINT64_MAX - below(3);
      default: return generator_() >> below(64);
    }
  }
  std::uint32_t uint32() {
    return below(8) == 0 ? UINT32_MAX - static_cast<std::uint32_t>(below(3)) : static_cast<std::uint32_t>(uint64());
  }
  std::uint32_t positive32() { return std::max(uint32(), 1u); }
  std::uint64_t positive64() { return std::max<std::uint64_t>(uint64(), 1); }
  std::string bytes(std::size_t count) {
    std::string text(count, '\0');
    for (char& letter : text) letter = static_cast<char>(generator_());
    return text;
  }
  std::string ascii(std::size_t count) {
    std::string text(count, '\0');
    for (char& letter : text) letter = static_cast<char>(below(128));
    return text;
  }

  wire::Payload payload();
  wire::Envelope envelope();

 private:
  std::mt19937_64 generator_;
};

inline wire::Payload Randomness::payload() {
  wire::Payload payload;
  payload.set_not_after(uint64());
  switch (below(8)) {
    case 0: {
      auto& operation = *payload.mutable_register_key();
      operation.set_public_key(bytes(32));
      operation.set_serial(ascii(below(33)));
      operation.set_roles(uint32());
      operation.set_phases(uint32());
      operation.set_register_modulus(uint64());
      operation.set_max_wh_per_interval(uint64());
      operation.set_owner_slot(uint32());
      break;
    }
    case 1: payload.mutable_prove_possession()->set_registration_id(bytes(32)); break;
    case 2:
      payload.mutable_set_status()->set_slot(uint32());
      payload.mutable_set_status()->set_status(uint32());
      break;
    case 3: {
      auto& operation = *payload.mutable_open_accounts();
      operation.set_owner_slot(uint32());
      operation.set_asset(uint32());
      operation.set_flags(uint32());
      operation.set_count(uint32());
      break;
    }
    case 4: {
      auto& operation = *payload.mutable_transfers();
      for (std::uint64_t count = below(17); count > 0; --count) {
        auto& transfer = *operation.add_transfers();
        transfer.set_kind(uint32());
        transfer.set_debit_account(uint32());
        transfer.set_credit_account(uint32());
        transfer.set_amount(uint64());
        transfer.set_timeout(uint32());
        transfer.set_pending_slot(uint32());
        transfer.set_pending_sequence(uint64());
        transfer.set_pending_index(uint32());
        transfer.set_reference(uint64());
      }
      break;
    }
    case 5:
      payload.mutable_begin_epoch()->set_epoch(uint32());
      payload.mutable_begin_epoch()->set_height(uint64());
      break;
    case 6:
      payload.mutable_schedule_rules()->set_version(uint32());
      payload.mutable_schedule_rules()->set_height(uint64());
      break;
    default: {
      auto& operation = *payload.mutable_reading();
      operation.set_time(uint64());
      for (std::uint64_t count = below(4); count > 0; --count) {
        auto& phase = *operation.add_phases();
        phase.set_phase(uint32());
        phase.set_whin(uint64());
        phase.set_whout(uint64());
        phase.set_mvolt(uint32());
        phase.set_mhertz(uint32());
        phase.set_mpf(uint32());
        phase.set_maxmi(uint32());
      }
    }
  }
  return payload;
}

inline wire::Envelope Randomness::envelope() {
  wire::Envelope envelope;
  if (below(2) == 0) {
    envelope.set_slot(positive32());
  } else {
    envelope.set_address(bytes(20));
  }
  envelope.set_key_generation(positive32());
  envelope.set_sequence(positive64());
  envelope.set_payload(payload().SerializeAsString());
  envelope.set_signature(bytes(64));
  return envelope;
}

inline std::string string_of(ByteSpan bytes) { return std::string(text_of(bytes)); }

// The strict decoder's view as libprotobuf's message, field by field.
inline wire::Envelope protobuf_of(const strict::EnvelopeView& view) {
  wire::Envelope message;
  if (view.slot != 0) message.set_slot(view.slot);
  if (!view.address.empty()) message.set_address(string_of(view.address));
  message.set_key_generation(view.key_generation);
  message.set_sequence(view.sequence);
  message.set_payload(string_of(view.payload));
  message.set_signature(string_of(view.signature));
  return message;
}

struct OperationToProtobuf {
  wire::Payload& out;

  void operator()(std::monostate) const {}
  void operator()(const strict::RegisterKey& operation) const {
    auto& message = *out.mutable_register_key();
    message.set_public_key(string_of(operation.public_key));
    message.set_serial(std::string(operation.serial));
    message.set_roles(operation.roles);
    message.set_phases(operation.phases);
    message.set_register_modulus(operation.register_modulus);
    message.set_max_wh_per_interval(operation.max_wh_per_interval);
    message.set_owner_slot(operation.owner_slot);
  }
  void operator()(const strict::ProvePossession& operation) const {
    out.mutable_prove_possession()->set_registration_id(string_of(operation.registration_id));
  }
  void operator()(const strict::SetStatus& operation) const {
    auto& message = *out.mutable_set_status();
    message.set_slot(operation.slot);
    message.set_status(operation.status);
  }
  void operator()(const strict::OpenAccounts& operation) const {
    auto& message = *out.mutable_open_accounts();
    message.set_owner_slot(operation.owner_slot);
    message.set_asset(operation.asset);
    message.set_flags(operation.flags);
    message.set_count(operation.count);
  }
  void operator()(const strict::Transfers& operation) const {
    auto& group = *out.mutable_transfers();
    for (const strict::Transfer& transfer : operation.all()) {
      auto& message = *group.add_transfers();
      message.set_kind(transfer.kind);
      message.set_debit_account(transfer.debit_account);
      message.set_credit_account(transfer.credit_account);
      message.set_amount(transfer.amount);
      message.set_timeout(transfer.timeout);
      message.set_pending_slot(transfer.pending_slot);
      message.set_pending_sequence(transfer.pending_sequence);
      message.set_pending_index(transfer.pending_index);
      message.set_reference(transfer.reference);
    }
  }
  void operator()(const strict::Reading& operation) const {
    auto& message = *out.mutable_reading();
    message.set_time(operation.time);
    for (const strict::PhaseReading& phase : operation.phases()) {
      auto& part = *message.add_phases();
      part.set_phase(phase.phase);
      part.set_whin(phase.whin);
      part.set_whout(phase.whout);
      part.set_mvolt(phase.mvolt);
      part.set_mhertz(phase.mhertz);
      part.set_mpf(phase.mpf);
      part.set_maxmi(phase.maxmi);
    }
  }
  void operator()(const strict::BeginEpoch& operation) const {
    auto& message = *out.mutable_begin_epoch();
    message.set_epoch(operation.epoch);
    message.set_height(operation.height);
  }
  void operator()(const strict::ScheduleRules& operation) const {
    auto& message = *out.mutable_schedule_rules();
    message.set_version(operation.version);
    message.set_height(operation.height);
  }
};

inline wire::Payload protobuf_of(const strict::PayloadView& view) {
  wire::Payload message;
  message.set_not_after(view.not_after);
  std::visit(OperationToProtobuf{message}, view.operation);
  return message;
}

}  // namespace electra::test
