// A snapshot's bytes on disk: a header block of 4096 bytes, then chunks of up to 256 KiB that hold the leaves of all tables.
//
// The prose is docs/snapshot-format.md. All integers are little endian. The header is written last and seals the whole: it
// is believed only after header_hash was checked, a chunk only after its own hash, and the file only when content_hash is
// that of all chunks. To this room a block's header is 224 opaque bytes, and a leaf is bytes with a table and an index.
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

inline constexpr std::size_t kSnapshotAlignment = 4096;
inline constexpr std::size_t kSnapshotHeaderBytes = 1024;
inline constexpr std::size_t kSnapshotHeaderBlockBytes = 4096;  // the header, then zeros
inline constexpr std::size_t kChunkBytesMax = std::size_t{256} << 10;
inline constexpr std::size_t kChunkHeaderBytes = 64;
inline constexpr std::size_t kChunkPayloadBytes = kChunkBytesMax - kChunkHeaderBytes;  // of every chunk but the last
inline constexpr std::uint32_t kSnapshotTablesMax = 16;
inline constexpr std::size_t kLeafPrefixBytes = 9;  // table u8, index u32, length u32
inline constexpr std::size_t kSnapshotBlockHeaderBytes = 224;
inline constexpr std::uint32_t kSnapshotFormatVersion = 1;
inline constexpr std::array<std::uint8_t, 8> kSnapshotMagic = {'E', 'L', 'E', 'C', 'T', 'R', 'A', 'S'};
inline constexpr std::array<std::uint8_t, 8> kChunkMagic = {'E', 'L', 'E', 'C', 'T', 'R', 'A', 'C'};

static_assert(std::endian::native == std::endian::little, "headers are copied as they lie in memory");

struct SnapshotHeader {
  std::array<std::uint8_t, 8> magic;  // kSnapshotMagic
  std::uint32_t format_version;       // kSnapshotFormatVersion
  std::uint32_t header_bytes;         // 1024
  std::uint64_t batch;                // the state is that right after it; it closed a block
  std::uint64_t time_ns;              // of the batch
  Bytes32 genesis_hash;
  Bytes16 journal_id;
  std::uint64_t segment;        // where the batch's record stands …
  std::uint64_t record_offset;  // … begins …
  std::uint64_t record_end;     // … and ends: the next one begins here if it fits into the segment
  std::uint64_t watermark;      // of the record
  Bytes32 record_hash;          // of the record: what the journal continues
  std::uint64_t entries;        // leaves, the sum of leaf_counts
  std::uint64_t payload_bytes;  // of all chunks together
  std::uint64_t file_bytes;
  std::uint32_t chunks;
  std::uint32_t tables;  // 1..16
  std::array<std::uint32_t, kSnapshotTablesMax> leaf_counts;
  Bytes32 content_hash;                                              // SHA-256 over the hashes of all chunks, in order
  std::array<std::uint8_t, kSnapshotBlockHeaderBytes> block_header;  // of the block that the batch closed
  std::array<std::uint8_t, 496> reserved;                            // zero
  Bytes32 header_hash;                                               // SHA-256 of the 992 bytes before
};
static_assert(sizeof(SnapshotHeader) == kSnapshotHeaderBytes);
static_assert(offsetof(SnapshotHeader, genesis_hash) == 32);
static_assert(offsetof(SnapshotHeader, segment) == 80);
static_assert(offsetof(SnapshotHeader, record_hash) == 112);
static_assert(offsetof(SnapshotHeader, entries) == 144);
static_assert(offsetof(SnapshotHeader, leaf_counts) == 176);
static_assert(offsetof(SnapshotHeader, content_hash) == 240);
static_assert(offsetof(SnapshotHeader, block_header) == 272);
static_assert(offsetof(SnapshotHeader, header_hash) == 992);

struct ChunkHeader {
  std::array<std::uint8_t, 8> magic;  // kChunkMagic
  std::uint64_t batch;                // of the snapshot
  std::uint32_t index;                // 0, 1, …
  std::uint32_t payload_bytes;        // kChunkPayloadBytes; of the last chunk 1..kChunkPayloadBytes
  std::array<std::uint8_t, 8> reserved;
  Bytes32 hash;  // SHA-256 of the payload, then of the 32 bytes before this
};
static_assert(sizeof(ChunkHeader) == kChunkHeaderBytes);
static_assert(offsetof(ChunkHeader, hash) == 32);

// SHA-256 over the header's first 992 bytes.
[[nodiscard]] Bytes32 compute_header_hash(const SnapshotHeader& header) noexcept;

// Bytes on disk of a chunk with this payload, header and padding included.
[[nodiscard]] constexpr std::uint64_t chunk_bytes(std::uint64_t payload_bytes) noexcept {
  return (kChunkHeaderBytes + payload_bytes + kSnapshotAlignment - 1) / kSnapshotAlignment * kSnapshotAlignment;
}
[[nodiscard]] constexpr std::uint64_t chunk_count(std::uint64_t payload_bytes) noexcept {
  return (payload_bytes + kChunkPayloadBytes - 1) / kChunkPayloadBytes;
}
// Of a whole snapshot with so many bytes in all its chunks together.
[[nodiscard]] constexpr std::uint64_t snapshot_file_bytes(std::uint64_t payload_bytes) noexcept {
  const std::uint64_t last = payload_bytes % kChunkPayloadBytes;
  return kSnapshotHeaderBlockBytes + payload_bytes / kChunkPayloadBytes * kChunkBytesMax +
         (last == 0 ? 0 : chunk_bytes(last));
}

// "000000001234.snap" for 1234; and back, nothing if the name is not exactly of this form.
[[nodiscard]] std::filesystem::path snapshot_name(std::uint64_t batch);
[[nodiscard]] std::optional<std::uint64_t> parse_snapshot_name(std::string_view name) noexcept;
// Of a snapshot that is being written: the same with ".new" behind it.
inline constexpr std::string_view kSnapshotDraftSuffix = ".new";

}  // namespace electra::io
