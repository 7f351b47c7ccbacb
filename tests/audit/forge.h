// A forger's workbench: takes the data of a gateway apart, and puts something else together that looks like it.
//
// It knows everything that stands in the files and, where a test gives it one, a key: it makes hashes and chains right again
// after a change, so that only what cannot be forged gives it away.
#pragma once

#include <functional>
#include <vector>

#include "io/journal/record_format.h"
#include "meter-proto/chain/block_header.h"
#include "tests/pipeline/support.h"

namespace electra::test {

// Where one chain's data lies, as small_settings() lays it out.
struct ChainFiles {
  std::filesystem::path journal;
  [[nodiscard]] std::filesystem::path headers() const { return journal / "blocks" / "headers.bin"; }
};

struct Record {
  io::RecordHeader header;
  std::vector<Bytes> envelopes;
};

[[nodiscard]] std::vector<Record> load_records(const std::filesystem::path& journal);

// Writes them as the only segment, one after the other, as they are.
void store_records(const std::filesystem::path& journal, const std::vector<Record>& records);

// Makes numbers, counts, lengths and hashes right again, from the genesis on.
void mend(std::vector<Record>& records);

[[nodiscard]] std::vector<proto::SignedHeader> load_headers(const std::filesystem::path& file);
void store_headers(const std::filesystem::path& file, const std::vector<proto::SignedHeader>& headers);

[[nodiscard]] Bytes64 sign_header(const proto::BlockHeader& header, const Bytes32& genesis_hash, const Person& person);

// The envelope of a message by this person.
[[nodiscard]] Bytes envelope_of(const Person& person, const client::Sender& sender, std::uint64_t sequence,
                                const strict::PayloadView& payload);

// The same message with another signature that is just as valid: made with a nonce of the forger's choice, which only the
// holder of the key can do.
[[nodiscard]] Bytes with_another_valid_signature(const Bytes& envelope, const std::string& key_name);

// The message with the signature of another message.
[[nodiscard]] Bytes with_signature_of(const Bytes& envelope, const Bytes& other);

// Turns bits of a file in place.
void turn_bits(const std::filesystem::path& file, std::uint64_t offset, std::uint8_t mask);

}  // namespace electra::test
