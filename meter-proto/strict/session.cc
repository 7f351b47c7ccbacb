#include "meter-proto/strict/session.h"

#include "meter-proto/strict/envelope.h"
#include "meter-proto/strict/reader.h"

namespace electra::strict {
namespace {

Result verdict(bool accepted) noexcept { return accepted ? Result::ok : Result::malformed_frame; }

bool is_ascii(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char letter) { return static_cast<unsigned char>(letter) < 0x80; });
}

// A result code of 16 bits; a number that is not in this version's table is kept, so that an old client can show it.
template <std::uint32_t kField>
Result read_result(Reader& reader, bool& in_range) noexcept {
  const std::uint32_t number = reader.uint32<kField>();
  in_range = number <= UINT16_MAX;
  return static_cast<Result>(number);
}

}  // namespace

Result decode_welcome(ByteSpan bytes, Welcome& out) noexcept {
  Reader reader(bytes);
  out.version = reader.uint32<1>();
  out.genesis_hash = reader.bytes<2>();
  out.nonce = reader.bytes<3>();
  out.chain_id = text_of(reader.bytes<4>());
  out.time = reader.uint64<5>();
  out.replay_clock = reader.boolean<6>();
  return verdict(reader.done() && out.version != 0 && out.genesis_hash.size() == 32 && out.nonce.size() == 32 &&
                 out.chain_id.size() <= kChainIdBytesMax && is_ascii(out.chain_id));
}

Result decode_hello(ByteSpan bytes, Hello& out) noexcept {
  Reader reader(bytes);
  out.version = reader.uint32<1>();
  out.slot = reader.uint32<2>();
  out.address = reader.bytes<3>();
  out.key_generation = reader.uint32<4>();
  out.signature = reader.bytes<5>();
  const bool by_slot = out.slot != 0 && out.address.empty();
  const bool by_address = out.slot == 0 && out.address.size() == kAddressBytes;
  return verdict(reader.done() && out.version != 0 && (by_slot || by_address) && out.key_generation != 0 &&
                 out.signature.size() == kSignatureBytes);
}

Result decode_hello_answer(ByteSpan bytes, HelloAnswer& out) noexcept {
  Reader reader(bytes);
  bool in_range = false;
  out.result = read_result<1>(reader, in_range);
  out.slot = reader.uint32<2>();
  out.status = reader.uint32<3>();
  out.roles = reader.uint32<4>();
  out.key_generation = reader.uint32<5>();
  out.highest_sequence = reader.uint64<6>();
  out.registration_id = reader.bytes<7>();
  return verdict(reader.done() && in_range && (out.registration_id.empty() || out.registration_id.size() == 32));
}

Result decode_receipt(ByteSpan bytes, Receipt& out) noexcept {
  Reader reader(bytes);
  bool in_range = false;
  out.slot = reader.uint32<1>();
  out.sequence = reader.fixed64<2>();
  out.result = read_result<3>(reader, in_range);
  out.batch = reader.uint64<4>();
  out.detail = reader.uint64<5>();
  out.repeated = reader.boolean<6>();
  return verdict(reader.done() && in_range);
}

Result decode_refusal(ByteSpan bytes, Refusal& out) noexcept {
  Reader reader(bytes);
  bool in_range = false;
  out.result = read_result<1>(reader, in_range);
  out.slot = reader.uint32<2>();
  out.sequence = reader.fixed64<3>();
  out.text = text_of(reader.bytes<4>());
  return verdict(reader.done() && in_range && out.text.size() <= kRefusalTextBytesMax && is_ascii(out.text));
}

Result decode_tick(ByteSpan bytes, Tick& out) noexcept {
  Reader reader(bytes);
  out.time = reader.uint64<1>();
  return verdict(reader.done());
}

Result decode_tick_answer(ByteSpan bytes, TickAnswer& out) noexcept {
  Reader reader(bytes);
  bool in_range = false;
  out.result = read_result<1>(reader, in_range);
  out.time = reader.uint64<2>();
  out.batch = reader.uint64<3>();
  return verdict(reader.done() && in_range);
}

}  // namespace electra::strict
