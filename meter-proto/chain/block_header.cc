#include "meter-proto/chain/block_header.h"

#include <sodium/crypto_sign.h>

#include "meter-proto/base/assert.h"
#include "meter-proto/chain/tagged_hash.h"
#include "meter-proto/signing.h"

namespace electra::proto {
namespace {

// The one list of fields in the order of their bytes; writing and reading both walk it.
template <typename Header, typename Visit>
void for_each_field(Header& header, Visit visit) {
  visit(header.rules_version);
  visit(header.height);
  visit(header.epoch);
  visit(header.batches);
  visit(header.last_batch);
  visit(header.time_ns);
  visit(header.cycle);
  visit(header.messages);
}

void write(std::uint8_t*& to, const void* from, std::size_t bytes) noexcept {
  std::memcpy(to, from, bytes);
  to += bytes;
}
void read(const std::uint8_t*& from, void* to, std::size_t bytes) noexcept {
  std::memcpy(to, from, bytes);
  from += bytes;
}

constexpr std::uint32_t kReserved = 0;

}  // namespace

std::array<std::uint8_t, kHeaderBytes> encode_header(const BlockHeader& header) noexcept {
  std::array<std::uint8_t, kHeaderBytes> bytes;
  std::uint8_t* to = bytes.data();
  write(to, &kHeaderFormatVersion, sizeof kHeaderFormatVersion);
  for_each_field(header, [&to](const auto& field) { write(to, &field, sizeof field); });
  write(to, &kReserved, sizeof kReserved);
  write(to, &header.total_messages, sizeof header.total_messages);
  for (const Bytes32* hash : {&header.previous_hash, &header.batch_hash, &header.transaction_root, &header.state_root,
                              &header.validator_set_hash}) {
    write(to, hash->data(), hash->size());
  }
  ELECTRA_ASSERT(to == bytes.data() + bytes.size());
  return bytes;
}

std::optional<BlockHeader> decode_header(ByteSpan bytes) noexcept {
  if (bytes.size() != kHeaderBytes) return std::nullopt;
  BlockHeader header;
  const std::uint8_t* from = bytes.data();
  std::uint32_t version = 0;
  std::uint32_t reserved = 0;
  read(from, &version, sizeof version);
  for_each_field(header, [&from](auto& field) { read(from, &field, sizeof field); });
  read(from, &reserved, sizeof reserved);
  if (version != kHeaderFormatVersion || reserved != kReserved) return std::nullopt;
  read(from, &header.total_messages, sizeof header.total_messages);
  for (Bytes32* hash : {&header.previous_hash, &header.batch_hash, &header.transaction_root, &header.state_root,
                        &header.validator_set_hash}) {
    read(from, hash->data(), hash->size());
  }
  return header;
}

std::array<std::uint8_t, kSignedHeaderBytes> encode_signed_header(const SignedHeader& header) noexcept {
  std::array<std::uint8_t, kSignedHeaderBytes> bytes;
  std::ranges::copy(encode_header(header.header), bytes.begin());
  std::ranges::copy(header.signature, bytes.begin() + kHeaderBytes);
  return bytes;
}

std::optional<SignedHeader> decode_signed_header(ByteSpan bytes) noexcept {
  if (bytes.size() != kSignedHeaderBytes) return std::nullopt;
  const auto header = decode_header(bytes.first(kHeaderBytes));
  if (!header) return std::nullopt;
  SignedHeader out{.header = *header, .signature = {}};
  std::ranges::copy(bytes.subspan(kHeaderBytes), out.signature.begin());
  return out;
}

Bytes32 header_hash(const BlockHeader& header) noexcept { return tagged_hash(kHeaderTag, encode_header(header)); }

bool header_signature_valid(const SignedHeader& header, const Bytes32& genesis_hash,
                            const Bytes32& gateway_key) noexcept {
  std::array<std::uint8_t, kSigningPrefixBytes + kHeaderBytes> buffer;
  const ByteSpan signed_bytes = signing_bytes(signing_tag(SignatureKind::header, genesis_hash), header.header.height,
                                              encode_header(header.header), buffer);
  return crypto_sign_ed25519_verify_detached(header.signature.data(), signed_bytes.data(), signed_bytes.size(),
                                             gateway_key.data()) == 0;
}

Bytes32 batch_hash(const Bytes32& previous, const BatchLink& link) noexcept {
  std::array<std::uint8_t, 96> bytes;
  std::uint8_t* to = bytes.data();
  write(to, previous.data(), previous.size());
  write(to, &link.number, sizeof link.number);
  write(to, &link.time_ns, sizeof link.time_ns);
  write(to, &link.rules_version, sizeof link.rules_version);
  write(to, &link.flags, sizeof link.flags);
  write(to, &link.count, sizeof link.count);
  write(to, &link.body_bytes, sizeof link.body_bytes);
  write(to, link.body_hash.data(), link.body_hash.size());
  ELECTRA_ASSERT(to == bytes.data() + bytes.size());
  return tagged_hash(kBatchTag, bytes);
}

}  // namespace electra::proto
