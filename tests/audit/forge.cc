#include "tests/audit/forge.h"

#include <gtest/gtest.h>
#include <sodium/crypto_core_ed25519.h>
#include <sodium/crypto_hash_sha512.h>
#include <sodium/crypto_scalarmult_ed25519.h>

#include <fstream>

#include "io/journal/journal_reader.h"
#include "meter-proto/base/assert.h"
#include "meter-proto/base/sha256.h"
#include "meter-proto/encode.h"

namespace electra::test {
namespace {

Bytes body_of(const Record& record) {
  Bytes body;
  for (const Bytes& envelope : record.envelopes) {
    std::array<std::uint8_t, 2> length;
    store_le16(length.data(), static_cast<std::uint16_t>(envelope.size()));
    body.insert(body.end(), length.begin(), length.end());
    body.insert(body.end(), envelope.begin(), envelope.end());
  }
  return body;
}

Bytes encoded(const strict::EnvelopeView& envelope) {
  Bytes out(2048);
  out.resize(proto::encode_envelope(envelope, out));
  return out;
}

}  // namespace

std::vector<Record> load_records(const std::filesystem::path& journal) {
  class Collector final : public io::RecordSink {
   public:
    bool on_record(const io::RecordView& view) override {
      Record record{.header = view.header, .envelopes = {}};
      ByteSpan envelope;
      for (io::EntryCursor cursor(view.body); cursor.next(envelope);) {
        record.envelopes.emplace_back(envelope.begin(), envelope.end());
      }
      records.push_back(std::move(record));
      return true;
    }
    std::vector<Record> records;
  };
  Collector collector;
  const auto read = io::read_journal(journal, collector);
  EXPECT_TRUE(read) << read.error().text();
  return std::move(collector.records);
}

void store_records(const std::filesystem::path& journal, const std::vector<Record>& records) {
  std::filesystem::create_directories(journal);
  for (const auto& entry : std::filesystem::directory_iterator(journal)) {
    if (entry.path().extension() == ".seg") std::filesystem::remove(entry.path());
  }
  std::ofstream file(journal / io::segment_name(1), std::ios::binary);
  for (const Record& record : records) {
    const Bytes body = body_of(record);
    Bytes bytes(io::record_bytes(body.size()));
    std::memcpy(bytes.data(), &record.header, sizeof record.header);
    std::ranges::copy(body, bytes.begin() + io::kRecordHeaderBytes);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  file.close();
  ASSERT_TRUE(file.good());
}

void mend(std::vector<Record>& records) {
  ELECTRA_ASSERT(!records.empty());
  Bytes32 previous = records.front().header.genesis_hash;
  std::uint64_t batch = 0;
  for (Record& record : records) {
    const Bytes body = body_of(record);
    io::RecordHeader& header = record.header;
    header.segment = 1;
    header.batch = ++batch;
    header.watermark = batch - 1;
    header.count = static_cast<std::uint32_t>(record.envelopes.size());
    header.body_bytes = static_cast<std::uint32_t>(body.size());
    header.body_hash = sha256(ByteSpan(body));
    header.previous_hash = previous;
    header.record_hash = io::compute_record_hash(header);
    previous = header.record_hash;
  }
}

std::vector<proto::SignedHeader> load_headers(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<proto::SignedHeader> headers;
  std::array<std::uint8_t, proto::kSignedHeaderBytes> bytes;
  while (file.read(reinterpret_cast<char*>(bytes.data()), bytes.size())) {
    headers.push_back(proto::decode_signed_header(bytes).value());
  }
  return headers;
}

void store_headers(const std::filesystem::path& path, const std::vector<proto::SignedHeader>& headers) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  for (const proto::SignedHeader& header : headers) {
    const auto bytes = proto::encode_signed_header(header);
    file.write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  file.close();
  ASSERT_TRUE(file.good());
}

Bytes64 sign_header(const proto::BlockHeader& header, const Bytes32& genesis_hash, const Person& person) {
  return person.signer()
      ->sign(proto::SignatureKind::header, genesis_hash, header.height, proto::encode_header(header))
      .value();
}

Bytes envelope_of(const Person& person, const client::Sender& sender, std::uint64_t sequence,
                  const strict::PayloadView& payload) {
  const Bytes frame = message_frame(person, sender, sequence, payload);
  strict::FrameView view;
  EXPECT_EQ(strict::decode_frame(ByteSpan(frame).subspan(strict::kFrameHeaderBytes), view), Result::ok);
  return {view.message.begin(), view.message.end()};
}

Bytes with_another_valid_signature(const Bytes& envelope, const std::string& key_name) {
  strict::EnvelopeView view;
  EXPECT_EQ(strict::decode_envelope(envelope, view), Result::ok);
  const Person person(key_name);
  // RFC 8032 section 5.1.6, but r is not derived from the message.
  Bytes64 expanded;
  const Bytes32 seed = seed_of(key_name);
  crypto_hash_sha512(expanded.data(), seed.data(), seed.size());
  expanded[0] &= 248;
  expanded[31] = static_cast<std::uint8_t>((expanded[31] & 127) | 64);
  Bytes64 nonce;
  crypto_hash_sha512(nonce.data(), reinterpret_cast<const unsigned char*>("another nonce"), 13);
  Bytes32 r;
  crypto_core_ed25519_scalar_reduce(r.data(), nonce.data());
  Bytes64 signature;
  ELECTRA_ASSERT(crypto_scalarmult_ed25519_base_noclamp(signature.data(), r.data()) == 0);

  Bytes message(proto::kSigningPrefixBytes + view.payload.size());
  const Bytes16 tag = proto::signing_tag(proto::SignatureKind::message, small_genesis().hash);
  const ByteSpan signed_bytes = proto::signing_bytes(tag, view.sequence, view.payload, message);
  Bytes hashed(signature.begin(), signature.begin() + 32);
  hashed.insert(hashed.end(), person.public_key().begin(), person.public_key().end());
  hashed.insert(hashed.end(), signed_bytes.begin(), signed_bytes.end());
  Bytes64 digest;
  crypto_hash_sha512(digest.data(), hashed.data(), hashed.size());
  Bytes32 h;
  crypto_core_ed25519_scalar_reduce(h.data(), digest.data());
  Bytes64 wide{};
  std::copy_n(expanded.begin(), 32, wide.begin());
  Bytes32 a;
  crypto_core_ed25519_scalar_reduce(a.data(), wide.data());
  Bytes32 product;
  crypto_core_ed25519_scalar_mul(product.data(), h.data(), a.data());
  crypto_core_ed25519_scalar_add(signature.data() + 32, product.data(), r.data());
  view.signature = signature;
  return encoded(view);
}

Bytes with_signature_of(const Bytes& envelope, const Bytes& other) {
  strict::EnvelopeView view;
  strict::EnvelopeView from;
  EXPECT_EQ(strict::decode_envelope(envelope, view), Result::ok);
  EXPECT_EQ(strict::decode_envelope(other, from), Result::ok);
  view.signature = from.signature;
  return encoded(view);
}

void turn_bits(const std::filesystem::path& path, std::uint64_t offset, std::uint8_t mask) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const int byte = file.get();
  ASSERT_NE(byte, EOF) << path << " at " << offset;
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(static_cast<char>(byte ^ mask));
  file.flush();
  ASSERT_TRUE(file.good());
}

}  // namespace electra::test
