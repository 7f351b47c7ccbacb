// The journal's bytes on disk: one record per batch = 256-byte header, body, zero padding to a multiple of 4096.
//
// The prose is docs/journal-format.md. All integers are little endian. A header is believed only after record_hash was
// checked; the body only after body_hash. Chain: previous_hash is the record_hash before it, of batch 1 the genesis hash.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "meter-proto/base/bytes.h"

namespace electra::io {

inline constexpr std::size_t kRecordAlignment = 4096;  // of a record's place, length and memory
inline constexpr std::size_t kRecordHeaderBytes = 256;
inline constexpr std::size_t kRecordBodyBytesMax = std::size_t{2} << 20;
inline constexpr std::uint32_t kRecordMessagesMax = 8192;
inline constexpr std::size_t kEntryLengthBytes = 2;  // u16 before each envelope in the body
inline constexpr std::size_t kEntryBytesMax = 65535;
inline constexpr std::uint32_t kJournalFormatVersion = 1;
inline constexpr std::array<std::uint8_t, 8> kRecordMagic = {'E', 'L', 'E', 'C', 'T', 'R', 'A', 'J'};

// Bits of RecordHeader::flags; others are zero.
inline constexpr std::uint32_t kRecordBlockClose = 1;  // the last batch of a block
inline constexpr std::uint32_t kRecordWatermark = 2;   // empty; written only to carry the watermark
inline constexpr std::uint32_t kRecordFlagsKnown = kRecordBlockClose | kRecordWatermark;

static_assert(std::endian::native == std::endian::little, "headers are copied as they lie in memory");

struct RecordHeader {
  std::array<std::uint8_t, 8> magic;  // kRecordMagic
  std::uint32_t format_version;       // kJournalFormatVersion
  std::uint32_t rules_version;        // of the state machine
  std::uint32_t flags;
  std::uint32_t header_bytes;  // 256
  std::uint64_t segment;       // number in the file's name, from 1
  std::uint64_t batch;         // from 1, no gaps over the whole journal
  Bytes32 previous_hash;
  std::uint64_t time_ns;     // unix time of the batch, strictly increasing
  std::uint32_t count;       // messages in the body, 0..8192
  std::uint32_t body_bytes;  // 0..2 MiB, without padding
  std::uint64_t watermark;   // every batch up to this one was durable when the record was sent to the disk; < batch
  Bytes32 body_hash;         // SHA-256 of the body
  Bytes32 genesis_hash;      // of the chain the record belongs to
  Bytes16 journal_id;        // random, made with the journal: nobody outside can forge a header inside a message
  std::array<std::uint8_t, 48> reserved;  // zero
  Bytes32 record_hash;                    // SHA-256 of the 224 bytes before
};
static_assert(sizeof(RecordHeader) == kRecordHeaderBytes);
static_assert(offsetof(RecordHeader, segment) == 24);
static_assert(offsetof(RecordHeader, previous_hash) == 40);
static_assert(offsetof(RecordHeader, time_ns) == 72);
static_assert(offsetof(RecordHeader, watermark) == 88);
static_assert(offsetof(RecordHeader, body_hash) == 96);
static_assert(offsetof(RecordHeader, genesis_hash) == 128);
static_assert(offsetof(RecordHeader, journal_id) == 160);
static_assert(offsetof(RecordHeader, record_hash) == 224);

// Bytes on disk of a record with this body, header and padding included.
[[nodiscard]] constexpr std::uint64_t record_bytes(std::uint64_t body_bytes) noexcept {
  return (kRecordHeaderBytes + body_bytes + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}
inline constexpr std::uint64_t kRecordBytesMax = record_bytes(kRecordBodyBytesMax);

// SHA-256 over the header's first 224 bytes.
[[nodiscard]] Bytes32 compute_record_hash(const RecordHeader& header) noexcept;

// "000000000001.seg" for 1; and back, nothing if the name is not exactly of this form.
[[nodiscard]] std::filesystem::path segment_name(std::uint64_t segment);
[[nodiscard]] std::optional<std::uint64_t> parse_segment_name(std::string_view name) noexcept;

// True when the body is exactly `count` entries, each u16 length (1..65535) and so many bytes.
[[nodiscard]] bool body_is_well_formed(ByteSpan body, std::uint32_t count) noexcept;

// Walks the entries of a well-formed body: for (EntryCursor c(body); c.next(envelope);) …
class EntryCursor {
 public:
  explicit EntryCursor(ByteSpan body) noexcept : rest_(body) {}
  [[nodiscard]] bool next(ByteSpan& envelope) noexcept;

 private:
  ByteSpan rest_;
};

// A record as recovery and the reader hand it out. Valid during the call.
struct RecordView {
  const RecordHeader& header;
  ByteSpan body;
  std::uint64_t file_offset;
  std::uint64_t segment;  // the file's number; header.segment but in a walk over damage
};

}  // namespace electra::io
