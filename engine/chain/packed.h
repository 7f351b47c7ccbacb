// Packed blocks: the bytes in which blocks travel and are archived. No disk's padding, and no secret of a gateway.
//
// A file is a header (whose SHA-256 follows it) with the whole genesis, then blocks, then nothing. Encoding and decoding are
// plain functions over bytes; who reads files is engine/pipeline/packed_source.h. What is decoded here is in form, not true:
// the file's header is protected by its checksum, all else by the gateway's signature over each block's header, whose
// batch hash covers the batches. The page of prose is docs/block-format.md. All integers are little endian.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meter-proto/chain/block_header.h"

namespace electra::chain {

inline constexpr std::array<std::uint8_t, 8> kPackedMagic = {'E', 'L', 'E', 'C', 'T', 'R', 'A', 'B'};
inline constexpr std::uint32_t kPackedFormatVersion = 1;
inline constexpr std::uint32_t kPackedGenesisBytesMax = 64U << 20;

// --- the file's header: prefix ‖ genesis.json ‖ SHA-256 of both ---
inline constexpr std::size_t kPackedPrefixBytes = 32;    // magic, version u32, genesis bytes u32, first height, blocks
inline constexpr std::size_t kPackedChecksumBytes = 32;  // behind the genesis

struct PackedPrefix {
  std::uint32_t genesis_bytes = 0;  // 1..kPackedGenesisBytesMax
  std::uint64_t first_height = 0;   // >= 1
  std::uint64_t block_count = 0;    // >= 1

  [[nodiscard]] std::uint64_t last_height() const noexcept { return first_height + (block_count - 1); }
  // Of prefix, genesis and checksum: where the first block begins.
  [[nodiscard]] std::size_t header_bytes() const noexcept {
    return kPackedPrefixBytes + genesis_bytes + kPackedChecksumBytes;
  }
  bool operator==(const PackedPrefix&) const = default;
};

// The whole header of a file. The genesis has 1..kPackedGenesisBytesMax bytes.
[[nodiscard]] std::vector<std::uint8_t> encode_packed_header(std::uint64_t first_height, std::uint64_t block_count,
                                                             std::string_view genesis);
// Of the first kPackedPrefixBytes of a file; the limits hold. The error says what is wrong with it.
[[nodiscard]] std::expected<PackedPrefix, std::string> decode_packed_prefix(
    std::span<const std::uint8_t, kPackedPrefixBytes> bytes);
// `header`: all PackedPrefix::header_bytes().
[[nodiscard]] bool packed_checksum_valid(ByteSpan header) noexcept;

// --- a block: its length u32 (of what follows), signed header (288), then header.batches batches ---
inline constexpr std::size_t kPackedLengthBytes = 4;

// What cannot be, or is beyond the limits, before the batches are looked at; empty: nothing.
[[nodiscard]] std::string packed_block_fault(const proto::BlockHeader& header);

[[nodiscard]] constexpr std::uint64_t first_batch(const proto::BlockHeader& header) noexcept {
  return header.last_batch - header.batches + 1;
}

// --- a batch: 20 bytes, then its body: the entries as in the journal (u16 length ‖ envelope) ---
inline constexpr std::size_t kPackedBatchBytes = 20;
inline constexpr std::uint32_t kPackedBatchMessagesMax = 8192;
inline constexpr std::uint32_t kPackedBodyBytesMax = 2U << 20;
inline constexpr std::uint32_t kPackedBlockClose = 1;  // flag of a block's last batch, and of no other
inline constexpr std::uint32_t kPackedWatermark =
    2;  // flag of an empty batch that only carried the journal's watermark

// The least length of a block with this header.
[[nodiscard]] constexpr std::uint64_t packed_block_bytes_min(const proto::BlockHeader& header) noexcept {
  return proto::kSignedHeaderBytes + std::uint64_t{header.batches} * kPackedBatchBytes;
}

struct PackedBatch {
  std::uint64_t time_ns = 0;
  std::uint32_t flags = 0;
  std::uint32_t count = 0;
  std::uint32_t body_bytes = 0;
  bool operator==(const PackedBatch&) const = default;
};

[[nodiscard]] std::array<std::uint8_t, kPackedBatchBytes> encode_packed_batch(const PackedBatch& batch) noexcept;
[[nodiscard]] PackedBatch decode_packed_batch(std::span<const std::uint8_t, kPackedBatchBytes> bytes) noexcept;

// What cannot be, before the body is looked at; empty: nothing. `last`: of its block.
[[nodiscard]] std::string packed_batch_fault(const PackedBatch& batch, bool last);

}  // namespace electra::chain
