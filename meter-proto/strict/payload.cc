#include "meter-proto/strict/payload.h"

#include "meter-proto/strict/reader.h"

namespace electra::strict {
namespace {

bool decode(ByteSpan bytes, RegisterKey& out) noexcept {
  Reader reader(bytes);
  out.public_key = reader.bytes<1>();
  out.serial = text_of(reader.bytes<2>());
  out.roles = reader.uint32<3>();
  out.phases = reader.uint32<4>();
  out.register_modulus = reader.uint64<5>();
  out.max_wh_per_interval = reader.uint64<6>();
  out.owner_slot = reader.uint32<7>();
  // A proto3 string is UTF-8; ASCII is the part of it that a serial number may use.
  const auto is_ascii = [](char letter) { return static_cast<unsigned char>(letter) < 0x80; };
  return reader.done() && out.public_key.size() == 32 && out.serial.size() <= kSerialBytesMax &&
         std::all_of(out.serial.begin(), out.serial.end(), is_ascii);
}

bool decode(ByteSpan bytes, ProvePossession& out) noexcept {
  Reader reader(bytes);
  out.registration_id = reader.bytes<1>();
  return reader.done() && out.registration_id.size() == 32;
}

bool decode(ByteSpan bytes, SetStatus& out) noexcept {
  Reader reader(bytes);
  out.slot = reader.uint32<1>();
  out.status = reader.uint32<2>();
  return reader.done();
}

bool decode(ByteSpan bytes, OpenAccounts& out) noexcept {
  Reader reader(bytes);
  out.owner_slot = reader.uint32<1>();
  out.asset = reader.uint32<2>();
  out.flags = reader.uint32<3>();
  out.count = reader.uint32<4>();
  return reader.done();
}

bool decode(ByteSpan bytes, Transfer& out) noexcept {
  Reader reader(bytes);
  out.kind = reader.uint32<1>();
  out.debit_account = reader.uint32<2>();
  out.credit_account = reader.uint32<3>();
  out.amount = reader.uint64<4>();
  out.timeout = reader.uint32<5>();
  out.pending_slot = reader.uint32<6>();
  out.pending_sequence = reader.fixed64<7>();
  out.pending_index = reader.uint32<8>();
  out.reference = reader.uint64<9>();
  return reader.done();
}

bool decode(ByteSpan bytes, PhaseReading& out) noexcept {
  Reader reader(bytes);
  out.phase = reader.uint32<1>();
  out.whin = reader.uint64<2>();
  out.whout = reader.uint64<3>();
  out.mvolt = reader.uint32<4>();
  out.mhertz = reader.uint32<5>();
  out.mpf = reader.uint32<6>();
  out.maxmi = reader.uint32<7>();
  return reader.done();
}

bool decode(ByteSpan bytes, Transfers& out) noexcept {
  Reader reader(bytes);
  out.count = 0;
  while (reader.take(field_tag(1, WireType::bytes))) {
    if (out.count == kTransfersMax || !decode(reader.counted(), out.items[out.count])) return false;
    ++out.count;
  }
  return reader.done();
}

bool decode(ByteSpan bytes, Reading& out) noexcept {
  Reader reader(bytes);
  out.time = reader.uint64<1>();
  out.count = 0;
  while (reader.take(field_tag(2, WireType::bytes))) {
    if (out.count == kPhasesMax || !decode(reader.counted(), out.items[out.count])) return false;
    ++out.count;
  }
  return reader.done();
}

bool decode(ByteSpan bytes, BeginEpoch& out) noexcept {
  Reader reader(bytes);
  out.epoch = reader.uint32<1>();
  out.height = reader.fixed64<2>();
  return reader.done();
}

bool decode(ByteSpan bytes, ScheduleRules& out) noexcept {
  Reader reader(bytes);
  out.version = reader.uint32<1>();
  out.height = reader.fixed64<2>();
  return reader.done();
}

// A place that holds this kind of operation already is filled again: making a new one would zero room for 16 transfers.
template <typename T>
bool decode_operation(Reader& reader, Operation& operation) noexcept {
  T* held = std::get_if<T>(&operation);
  if (held == nullptr) held = &operation.emplace<T>();
  return decode(reader.counted(), *held) && reader.done();
}

bool decode_operation(std::uint8_t tag, Reader& reader, Operation& operation) noexcept {
  switch (tag) {
    case field_tag(2, WireType::bytes): return decode_operation<RegisterKey>(reader, operation);
    case field_tag(3, WireType::bytes): return decode_operation<ProvePossession>(reader, operation);
    case field_tag(4, WireType::bytes): return decode_operation<SetStatus>(reader, operation);
    case field_tag(5, WireType::bytes): return decode_operation<OpenAccounts>(reader, operation);
    case field_tag(6, WireType::bytes): return decode_operation<Transfers>(reader, operation);
    case field_tag(7, WireType::bytes): return decode_operation<Reading>(reader, operation);
    case field_tag(8, WireType::bytes): return decode_operation<BeginEpoch>(reader, operation);
    case field_tag(9, WireType::bytes): return decode_operation<ScheduleRules>(reader, operation);
    default:                            return false;
  }
}

}  // namespace

Result decode_payload(ByteSpan bytes, PayloadView& payload) noexcept {
  Reader reader(bytes);
  payload.not_after = reader.uint64<1>();
  return decode_operation(reader.next_tag(), reader, payload.operation) ? Result::ok : Result::malformed_payload;
}

}  // namespace electra::strict
